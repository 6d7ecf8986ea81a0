"""A whole batchd without sockets, and inhabited: every service over a store in memory, with a little of everything."""

from __future__ import annotations

import asyncio
import itertools
import logging
import shutil
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import orjson

from batchd.clock import ManualClock
from batchd.controllers.demand import Demand
from batchd.controllers.launch import Launch, Surroundings
from batchd.controllers.schedule import Schedule
from batchd.engines.docker_config import create_body
from batchd.engines.engine import Abilities
from batchd.gateway.app import Gateway
from batchd.gateway.credentials import SessionIssuer
from batchd.gateway.inside import Inside
from batchd.gateway.operation import Deployment
from batchd.gateway.request import HttpRequest, HttpResponse
from batchd.gateway.sigv4 import OpenAuthenticator
from batchd.gateway.vault import Vault
from batchd.gateway.waiting import Topics
from batchd.invocation import Invocation, Outcome
from batchd.scheduler import invariants
from batchd.scheduler.events import Event, MachineSized, Resources, TaskExited, TaskStarted, TimePassed
from batchd.scheduler.scheduler import Scheduler
from batchd.server import SERVICES
from batchd.store.sqlite import DatabaseFile, SqliteStore
from batchd.store.store import StreamKey, Tx
from batchd.task import TaskSpec
from tests.contexts import ACCOUNT, MASTER_KEY, SIGNER
from tests.fuzz.gangs import gang
from tests.fuzz.inhabitants import FIRST, MORE, REMEMBER, THEN, Call
from tests.fuzz.trainers import service_job
from tests.fuzz.wire import CLIENTS, plain_request, read_answer

T = TypeVar("T")
MACHINE = MachineSized(Resources(64_000, 262_144))
ID = "6b5d7f6e-9a2f-4f5c-8f6b-1f3f5d0c2a11"


class Sink:
    """An engine that keeps what it was asked to start, and holds it against what real engines do with it."""

    name = "sink"
    abilities = Abilities(containers=True, limits_memory=False, limits_cpu=False)

    def __init__(self) -> None:
        self.started: dict[str, TaskSpec] = {}

    async def open(self, *_: object) -> None: ...
    async def close(self) -> None: ...

    def start(self, spec: TaskSpec) -> None:
        for container in spec.containers:
            orjson.dumps(create_body(spec, container, "fuzz", "host"))
        orjson.dumps(spec)
        self.started[spec.task_id] = spec

    def stop(self, task_id: str, grace_s: float) -> None: ...
    def forget(self, task_id: str) -> None: ...

    def log_path(self, task_id: str, container: str) -> Path:
        return Path(task_id)


class Town:
    """`ask` sends one request through the whole gateway; `problems` are what the gateway logged as our fault."""

    def __init__(self, file: DatabaseFile) -> None:
        self.clock = ManualClock()
        self.store = SqliteStore(file, self.clock)
        self.engine = Sink()
        launch = Launch(
            self.store, self.engine, Surroundings("http://127.0.0.1:1", ACCOUNT, lambda job, task, role: "token")
        )
        self.schedule = Schedule(self.store, self.clock, MACHINE, launch.perform)
        self.store.follow(self.schedule)
        launch.perform(self.schedule.scheduler.wanted())
        guard = OpenAuthenticator(ACCOUNT, "AKIA")
        topics = Topics(self.clock)
        topics.close()  # nobody waits here
        self.gateway = Gateway(SERVICES, guard, self.store, self, self.clock, self._deployment(), topics=topics)
        self.app = Inside(self.gateway, MASTER_KEY, self.store, self.clock, {})
        self.problems = _Problems()
        self._loop = asyncio.new_event_loop()
        logging.getLogger("batchd").addHandler(self.problems)

    async def write(self, work: Any) -> Any:  # as generic as the Writer's
        """A group of one, at once."""
        return self.store.transact(work)

    def ask(self, request: HttpRequest) -> HttpResponse:
        return self._finish(self.gateway.respond(request, ID))

    def ask_raw(self, scope: dict[str, Any], body: bytes) -> HttpResponse:
        """One request as an ASGI server hands it over, to the outermost app."""
        sent: list[Any] = []
        parts = [body[:1], body[1:]]

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

        async def send(message: Any) -> None:
            sent.append(message)

        self._finish(self.app({"type": "http", **scope}, receive, send))
        start, content = sent
        return HttpResponse(start["status"], tuple(start["headers"]), content["body"])

    def happen(self, *events: Event) -> None:
        def work(tx: Tx) -> None:
            for event in events:
                tx.journal.append(event)

        self.store.transact(work)

    def check(self) -> None:
        """The scheduler is sound, the tables say what it remembers, and a restarted server would agree."""
        live = self.schedule.scheduler
        assert invariants.check(live.state) == []
        with self.store.read() as tx:
            assert {job.job_id: job for job in tx.jobs.live()} == live.state.jobs
        restarted = Schedule(self.store, self.clock, MACHINE, lambda commands: None).scheduler
        step = restarted.step([TimePassed()], self.clock.now_ms())
        assert step.commands == []
        assert invariants.check(restarted.state) == []
        assert picture(restarted) == picture(live)
        assert self.problems.take() == []

    def close(self) -> None:
        logging.getLogger("batchd").removeHandler(self.problems)
        self.store.close()
        self._loop.close()

    def _finish(self, answer: Coroutine[Any, Any, T]) -> T:
        """Few answers ever wait, and those only for themselves."""
        return self._loop.run_until_complete(answer)

    def _deployment(self) -> Deployment:
        issuer, demand = SessionIssuer(MASTER_KEY), Demand(self.schedule, self.clock)
        return Deployment(
            account=ACCOUNT,
            endpoint="http://127.0.0.1:1",
            why=lambda job_id: self.schedule.scheduler.why(job_id),
            overview=lambda: dict(self.schedule.scheduler.overview()),
            issue_session=issuer.issue,
            user_secret=issuer.secret_of,
            vault=Vault(MASTER_KEY),
            signer=SIGNER,
            front=lambda queue, limit: self.schedule.scheduler.places(queue, limit),
            queue_vcpus=demand.queue_vcpus,
            queue_instances=demand.queue_instances,
            quota_fronts=lambda queue: self.schedule.scheduler.quota_fronts(queue),
            environment_vcpus=demand.vcpus,
            invoke=_echo,
            download=lambda name, expires_ms: f"http://127.0.0.1:1/{name}",
        )


async def _echo(invocation: Invocation) -> Outcome:
    """A function that answers at once with what it was given."""
    return Outcome(invocation.payload)


def picture(scheduler: Scheduler) -> dict[str, Any]:
    """All that a restart must bring back."""
    state = scheduler.state
    return {
        "jobs": state.jobs,
        "tasks": {task_id: job.job_id for task_id, job in state.tasks.items()},
        "unmet": state.unmet,
        "queues": {
            arn: (
                queue.known,
                queue.priority,
                queue.environments,
                queue.live,
                [j.job_id for j in _front(scheduler, arn)],
            )
            for arn, queue in state.queues.items()
        },
        "environments": {
            arn: (e.known, e.available, e.valid, e.max_vcpus_milli, e.used_vcpus_milli, e.running)
            for arn, e in state.environments.items()
        },
        "machine": (state.machine.used_vcpus_milli, state.machine.used_memory_mib, state.machine.taken),
    }


def _front(scheduler: Scheduler, arn: str) -> list[Any]:
    return scheduler.front(arn, 10_000)


class _Problems(logging.Handler):
    """What the gateway logs as an error is our mistake, whatever the client was told."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.setFormatter(logging.Formatter())
        self.texts: list[str] = []

    def take(self) -> list[str]:
        """What there was since the last time."""
        texts, self.texts = self.texts, []
        return texts

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


# -- the inhabitants


class Plan:
    """A town as a file to copy. `names` are of what is in it, by the member that carries them; `examples` are params
    with which an operation succeeds, by service and operation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._copies = itertools.count()
        self.names: dict[str, list[str]] = {}
        self.examples: dict[tuple[str, str], list[dict[str, Any]]] = {}
        town = Town(DatabaseFile(folder / "plan.db", "synchronous=OFF"))
        for call in FIRST:
            self._note(town, call)
        self._live(town)
        for call in THEN:
            self._note(town, call)
        town.check()
        town.close()
        for service, operation, params in MORE:
            self.examples.setdefault((service, operation), []).append(self.filled(params))

    def build(self) -> Town:
        """A town of one's own."""
        path = self._folder / f"town-{next(self._copies)}.db"
        shutil.copy(self._folder / "plan.db", path)
        return Town(DatabaseFile(path, "synchronous=OFF"))

    def _note(self, town: Town, call: Call) -> None:
        """Make the call, and remember it and every name in it."""
        service, operation, params = call
        params = self.filled(params)
        answer: dict[str, Any] = {}
        if service != REMEMBER:
            self.examples.setdefault((service, operation), []).append(params)
            answer = must(town, service, operation, params)
        for name, text in (*_texts("", params), *_texts("", answer)):
            known = self.names.setdefault(name.lower(), [])
            if text not in known and len(known) < 40:
                known.append(text)

    def filled(self, value: Any) -> Any:
        """With names for their placeholders."""
        if isinstance(value, str) and value.startswith("@"):
            return self.names[value[1:].lower()][-1]
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if isinstance(value, dict):
            return {name: self.filled(item) for name, item in value.items()}
        return value

    def _live(self, town: Town) -> None:
        """One job in every state."""
        submit = {"jobQueue": "night", "jobDefinition": "feed:1"}
        ids = [must(town, "batch", "SubmitJob", {**submit, "jobName": f"job-{number}"})["jobId"] for number in range(4)]
        states = town.schedule.scheduler.state
        tasks = [str(states.jobs[job_id].task_id) for job_id in ids]
        now = town.clock.now_ms()
        town.happen(*(TaskStarted(task_id, now) for task_id in tasks[:3]))
        town.happen(TaskExited(tasks[0], now, 0), TaskExited(tasks[1], now, 1))
        town.store.transact(
            lambda tx: tx.logs.append(
                StreamKey("us-east-1", "/aws/batch/job", f"feed/default/{tasks[0]}"),
                [(now, "a line"), (now, "an ERROR")],
                now,
            )
        )
        waiting = {"jobQueue": "night", "jobDefinition": "feed:1", "jobName": "pending"}
        must(town, "batch", "SubmitJob", {**waiting, "dependsOn": [{"jobId": ids[2]}]})
        array = {**submit, "jobName": "array", "arrayProperties": {"size": 3}, "dependsOn": [{"type": "SEQUENTIAL"}]}
        self.names["arrayid"] = [must(town, "batch", "SubmitJob", array)["jobId"]]
        trained = [must(town, "batch", "SubmitServiceJob", service_job("training"))["jobId"] for _ in range(3)]
        town.happen(TaskStarted(str(states.jobs[trained[0]].task_id), now))
        shared = {"quotaShareName": "desk", "schedulingPriority": 1}
        trained += [must(town, "batch", "SubmitServiceJob", service_job("teams", **shared))["jobId"] for _ in range(3)]
        self.names["servicejobid"] = trained
        crew = must(town, "batch", "SubmitJob", gang())["jobId"]
        town.happen(TaskStarted(str(states.jobs[crew].task_id), now))
        self.names["gangid"], self.names["nodeid"] = [crew], [f"{crew}#1"]
        must(town, "batch", "SubmitJob", {"jobQueue": "idle", "jobDefinition": "feed:1", "jobName": "runnable"})


def must(town: Town, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """The answer of a call that succeeds."""
    model = CLIENTS[service].operation_model(operation)
    answer = town.ask(plain_request(model, params))
    assert answer.status in (200, 201, 202, 204), (operation, answer, town.problems.texts)
    return read_answer(model, answer)


def _texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """(member, text) of every text within."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key != "ResponseMetadata":
                yield from _texts(key, item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(name, item)
    elif isinstance(value, str) and 0 < len(value) < 300 and not value.startswith("@"):
        yield name, value
