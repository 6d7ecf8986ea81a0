"""The composition root: every part is made here, once, and handed to those that need it."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import os
import socket
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Protocol

import orjson

from batchd import __version__
from batchd.arns import parse_arn
from batchd.clock import Clock, SystemClock
from batchd.config import Settings
from batchd.controllers.deadlines import Deadlines
from batchd.controllers.demand import Demand
from batchd.controllers.housekeeping import Housekeeping
from batchd.controllers.inputs import SecretMissing
from batchd.controllers.launch import Launch, Surroundings
from batchd.controllers.output import Output
from batchd.controllers.replacement import Replacement
from batchd.controllers.schedule import Schedule
from batchd.controllers.watch import Watch
from batchd.engines.engine import Engine, FailedToStart, Report
from batchd.engines.fake import FakeEngine
from batchd.engines.process import ProcessEngine
from batchd.errors import ApiError, BatchdError, ConfigError
from batchd.event_plane import EventPlane, forget_dead, make_event_plane
from batchd.function_plane import Events, credentials_of
from batchd.gateway.app import Gateway
from batchd.gateway.credentials import SessionIssuer, TaskClaims, issue_download, issue_task_token
from batchd.gateway.http.listener import HttpServer
from batchd.gateway.inside import DOWNLOADS, HEALTH, METRICS, Inside, Page
from batchd.gateway.keyring import load_or_create
from batchd.gateway.operation import Caller, Deployment, Service
from batchd.gateway.signer import Signer
from batchd.gateway.sigv4 import OpenAuthenticator, SigV4Authenticator
from batchd.gateway.throttle import Throttle
from batchd.gateway.vault import BrokenSeal, Vault
from batchd.gateway.waiting import Topics
from batchd.metrics import CONTENT_TYPE, Metrics, Picture
from batchd.queue_pollers import Pollers
from batchd.sandboxes import functions as sandboxes
from batchd.sandboxes.functions import Functions
from batchd.scheduler.commands import StartTask
from batchd.scheduler.events import MachineSized
from batchd.services import (
    batch,
    batchd_,
    ec2,
    ecr,
    events,
    iam,
    lambda_,
    logs,
    scheduler_,
    secretsmanager,
    sns,
    sqs,
    ssm,
    sts,
)
from batchd.services.batch.client_tokens import forget_old_tokens
from batchd.services.events.archives import expire_archives
from batchd.services.iam.keys import find_key_owner
from batchd.services.lambda_.events import EVENT as FUNCTION_EVENT
from batchd.services.logs.groups import new_group
from batchd.services.secretsmanager.containers import container_value as secret_value
from batchd.services.secretsmanager.deletion import purge_deleted
from batchd.services.sns.subscriptions import forget_unconfirmed
from batchd.services.sqs.upkeep import depths, expire_messages
from batchd.services.ssm.containers import container_value as parameter_value
from batchd.store.sqlite import open_sqlite
from batchd.store.store import Store, Tx
from batchd.store.writer import Writer

log = logging.getLogger(__name__)
SERVICES: tuple[Service, ...] = (
    batch.SERVICE,
    batchd_.SERVICE,
    ec2.SERVICE,
    ecr.SERVICE,
    events.SERVICE,
    iam.SERVICE,
    lambda_.SERVICE,
    logs.SERVICE,
    scheduler_.SERVICE,
    secretsmanager.SERVICE,
    sns.SERVICE,
    sqs.SERVICE,
    ssm.SERVICE,
    sts.SERVICE,
)
CHORES = (
    purge_deleted,
    forget_old_tokens,
    expire_messages,
    forget_unconfirmed,
    expire_archives,
    forget_dead,
)
KEYS = "keys.json"
_ELSEWHERE = ("192.0.2.1", 9)  # a network that is nowhere, reserved for documents
_GRACE_S = 5.0  # for requests under way when the server stops
SIGNING_KEY = "signing.pem"
CERTIFICATE = "/_batchd/SimpleNotificationService-{}.pem"  # verifiers know it by this name
_LOOPBACKS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # for addresses that mean every one
ADDRESS = "server.json"  # where the running server listens, for the command line


class Loop(Protocol):
    """A controller."""

    async def run(self) -> None:
        """For ever: cancelled when the server stops. What it raises is the end of the server."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a running server is made of."""

    store: Store
    writer: Writer
    engine: Engine
    schedule: Schedule
    launch: Launch
    output: Output
    watch: Watch
    demand: Demand
    metrics: Metrics
    topics: Topics
    plane: EventPlane
    functions: Functions
    pollers: Pollers
    loops: tuple[Loop, ...]


class Server:
    """One batchd. `start` returns when requests are served; `stop` leaves running tasks running.

    `quit` is set when it should be stopped: by its owner, or because a part of it broke down, and then `failure` says
    which. Half a server would be worse than none; the next one starts from what is stored.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.endpoint = ""
        self._node_address = _own_address()
        self._clock = clock or SystemClock()
        self._data = settings.data_dir
        _make_folder(self._data)
        self.keyring = load_or_create(self._data / KEYS)
        self._signer = Signer(self._data / SIGNING_KEY, CERTIFICATE.format(_instance(self.keyring.master_key)))
        self._parts: Parts | None = None
        self._http: HttpServer | None = None
        self._lives: list[asyncio.Task[None]] = []  # of the loops
        self.quit = asyncio.Event()
        self.failure = ""
        self._stopped = asyncio.Event()
        self._announced = False

    async def start(self) -> None:
        """Raises ConfigError when the address is taken, StoreError or EngineError when a part cannot be used."""
        listener = _listen(self.settings.host, self.settings.port)
        self.endpoint = endpoint_of(self.settings.host, listener.getsockname()[1])
        try:
            parts = self._parts = self._build()
            await self._open(parts)
            self._http = HttpServer(self._app(parts))
            await self._http.start(listener)
            if self.quit.is_set():
                raise BatchdError(self.failure or "the server was stopped before it had started")
        except BaseException:
            listener.close()
            await self.stop()
            raise
        _write_atomically(self._data / ADDRESS, {"endpoint": self.endpoint, "pid": os.getpid()})
        self._announced = True

    async def wait(self) -> None:
        """Until `stop` is done."""
        await self._stopped.wait()

    async def stop(self) -> None:
        """Answers requests under way, closes the store. What runs goes on and is adopted by the next server."""
        self.quit.set()
        if self._announced:  # else the file may be another server's, which keeps these data from us
            (self._data / ADDRESS).unlink(missing_ok=True)
        if self._parts is not None:
            self._parts.topics.close()
        if self._http is not None:
            await self._http.stop(_GRACE_S)
        for life in self._lives:  # so that nothing writes any more; what they had not recorded is reported again
            life.cancel()
        await asyncio.gather(*self._lives, return_exceptions=True)
        if self._parts is not None:
            parts, self._parts = self._parts, None
            await _close(parts)
        self._stopped.set()

    def _begin(self, life: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """A task that must not end before the server does."""
        task = asyncio.create_task(life, name=name)
        task.add_done_callback(self._on_end)
        return task

    def _on_end(self, life: asyncio.Task[None]) -> None:
        if not self.quit.is_set() and not life.cancelled():
            self.failure = f"{life.get_name()} broke down"
            log.critical("%s, the server stops", self.failure, exc_info=life.exception())
            self.quit.set()

    def _build(self) -> Parts:
        settings, clock = self.settings, self._clock
        engine = make_engine(settings, clock, _instance(self.keyring.master_key))
        database = self._data / "batchd.db"
        database.touch(mode=0o600)  # what SQLite adds beside it gets the same mode
        store = open_sqlite(database, clock)
        token = partial(_task_token, self.keyring.master_key, settings.account)
        read_secret = partial(_read_secret, Vault(self.keyring.master_key), clock)

        def refuse(task_id: str, reason: str) -> None:
            watch.report(FailedToStart(task_id, clock.now_ms(), reason))

        surroundings = Surroundings(self.endpoint, settings.account, token, read_secret, self._node_address)
        launch = Launch(store, engine, surroundings, refuse)
        metrics = Metrics(lambda: _picture(store, engine.name, schedule, clock))
        machine = MachineSized(settings.capacity(), engine.abilities.ahead)
        schedule = Schedule(store, clock, machine, launch.perform, metrics.on_step)
        store.follow(schedule)
        writer = Writer(store, observe=metrics.on_commit)
        output = Output(engine, launch.logs)
        watch = Watch(writer, launch, output, clock)
        demand = Demand(schedule, clock)
        plane = make_event_plane(store, writer, clock, settings, metrics.on_attempt)
        chores: tuple[Loop, ...] = (
            Deadlines(writer, schedule, clock),
            Housekeeping(writer, clock, settings.retention_days, CHORES),
            Replacement(store, writer, schedule, launch, clock),
            demand,
            *plane.loops,
        )
        topics = Topics(clock)
        functions = self._functions(store, writer, engine, metrics)
        pollers = Pollers(store, writer, functions, settings.account, clock)
        loops = (watch, *chores, functions, pollers)
        running = (schedule, launch, output, watch, demand, metrics, topics, plane, functions, pollers)
        return Parts(store, writer, engine, *running, loops)

    def _functions(self, store: Store, writer: Writer, engine: Engine, metrics: Metrics) -> Functions:
        lend = credentials_of(SessionIssuer(self.keyring.master_key), self._clock)
        folder, limit = self._data / "functions", self.settings.function_concurrency
        around = sandboxes.Surroundings(self.endpoint, folder, limit, lend, new_group, metrics.on_invocation)
        return Functions(store, writer, engine, self._clock, around)

    def _app(self, parts: Parts) -> Inside:
        return Inside(self._gateway(parts), self.keyring.master_key, parts.store, self._clock, self._pages(parts))

    def _pages(self, parts: Parts) -> dict[str, Page]:
        """What everybody may see."""
        return {
            HEALTH: lambda: ("application/json", orjson.dumps(_health(parts))),
            METRICS: lambda: (CONTENT_TYPE, parts.metrics.page()),
            self._signer.url_path: lambda: ("application/x-pem-file", self._signer.certificate()),
        }

    async def _open(self, parts: Parts) -> None:
        """Adopt what runs, start what a crash may have kept from starting, then let the loops go."""
        scheduler = parts.schedule.scheduler
        wanted = scheduler.wanted()
        running = scheduler.running()
        starts = [command for command in wanted if isinstance(command, StartTask)]
        parts.launch.expect([*running, *starts])
        live = [command.task_id for command in (*running, *starts)]
        with parts.store.read() as tx:
            parts.output.resume(tx, live)

        def take(report: Report) -> None:
            if not parts.functions.on_report(report):
                parts.watch.report(report)
            parts.metrics.on_report(report)

        await parts.engine.open(take, [task.task_id for task in running], [s.task_id for s in starts])
        parts.launch.perform(wanted)
        self._lives = [self._begin(loop.run(), type(loop).__name__) for loop in parts.loops]
        self._lives.append(self._begin(_until_broken(parts.writer), "Writer"))
        log.info("engine %s: %d tasks adopted, %d commands repeated", parts.engine.name, len(running), len(wanted))

    def _gateway(self, parts: Parts) -> Gateway:
        account = self.settings.account
        issuer = SessionIssuer(self.keyring.master_key)
        authenticator = (
            OpenAuthenticator(account, self.keyring.access_key)
            if self.settings.no_auth
            else SigV4Authenticator(self.keyring, self._clock, account, partial(_find_user, parts.store, account))
        )
        deployment = Deployment(
            account,
            self.endpoint,
            lambda job_id: parts.schedule.scheduler.why(job_id),
            partial(_overview, parts),
            issuer.issue,
            issuer.secret_of,
            Vault(self.keyring.master_key),
            signer=self._signer,
            front=lambda queue, limit: parts.schedule.scheduler.places(queue, limit),
            shares=lambda queue, limit: parts.schedule.scheduler.shares(queue, limit),
            queue_vcpus=parts.demand.queue_vcpus,
            queue_instances=parts.demand.queue_instances,
            quota_fronts=lambda queue: parts.schedule.scheduler.quota_fronts(queue),
            environment_vcpus=parts.demand.vcpus,
            quotas=self.settings.quotas,
            strict_roles=self.settings.strict_roles,
            node_address=self._node_address,
            invoke=parts.functions.invoke,
            download=self._download,
        )
        rate = self.settings.throttle
        throttle = Throttle(rate, self._clock) if rate else None
        gateway = Gateway(
            SERVICES,
            authenticator,
            parts.store,
            parts.writer,
            self._clock,
            deployment,
            throttle=throttle,
            observe=parts.metrics.on_request,
            topics=parts.topics,
        )
        parts.plane.connect(gateway.operations)
        events = Events(parts.store, parts.functions, gateway.operations, self.settings.account, self._clock)
        parts.plane.handlers[FUNCTION_EVENT] = events.handler()
        parts.pollers.operations = gateway.operations
        return gateway

    def _download(self, name: str, expires_ms: int) -> str:
        return f"{self.endpoint}{DOWNLOADS}{issue_download(self.keyring.master_key, name, expires_ms)}"


def make_engine(settings: Settings, clock: Clock, instance: str) -> Engine:
    """`auto` is docker where its socket answers, else process. Raises EngineError if a named engine cannot be used."""
    capacity = settings.capacity()
    room = (capacity.vcpus_milli, capacity.memory_mib)
    if settings.engine == "fake":
        return FakeEngine(clock, settings.data_dir / "fake")
    if settings.engine == "process":
        return ProcessEngine(settings.data_dir / "process", room=room)
    # Here, because it takes a sixth of the time to ready that servers without Docker need not spend.
    from batchd.engines.docker import DockerEngine, DockerSettings
    from batchd.engines.docker_api import docker_available, docker_url

    if settings.engine == "auto" and docker_available(settings.docker_host or None):
        return ProcessEngine(settings.data_dir / "process", room=room)
    url = docker_url(settings.docker_host or None)
    return DockerEngine(DockerSettings(instance, settings.data_dir / "docker", url, settings.docker_network), clock)


def _instance(master_key: bytes) -> str:
    """A name for this installation, the same for ever, that gives nothing away."""
    return hashlib.sha256(b"instance" + master_key).hexdigest()[:16]


def _task_token(master_key: bytes, account: str, job_id: str, task_id: str, role: str) -> str:
    """A job without a role of its own acts as the instance role, as on EC2."""
    role_arn = role or f"arn:aws:iam::{account}:role/ecsInstanceRole"
    return issue_task_token(master_key, TaskClaims(job_id, task_id, role_arn, _role_id(role_arn)))


@lru_cache(maxsize=1024)
def _role_id(role_arn: str) -> str:
    return "AROA" + hashlib.sha256(role_arn.encode()).hexdigest()[:17].upper()


def _read_secret(vault: Vault, clock: Clock, tx: Tx, value_from: str, region: str) -> str:
    """The value of a secret's ARN, else of a parameter's ARN or name."""
    arn = parse_arn(value_from)
    try:
        if arn is not None and arn.service == "secretsmanager":
            return secret_value(tx, vault, value_from, clock.now_ms())
        return parameter_value(tx, vault, value_from, region)
    except (ApiError, BrokenSeal) as error:
        raise SecretMissing(f"{error} ({value_from})") from None


def _find_user(store: Store, account: str, access_key: str) -> Caller | None:
    with store.read() as tx:
        return find_key_owner(tx, account, access_key)


def _overview(parts: Parts) -> dict[str, Any]:
    return {
        "version": __version__,
        "engine": parts.engine.name,
        "engineNotes": list(parts.engine.abilities.notes),
        **parts.schedule.scheduler.overview(),
    }


def _health(parts: Parts) -> dict[str, Any]:
    """One server is always the leader of its store."""
    return {
        "status": "ok",
        "version": __version__,
        "store": parts.store.name,
        "engine": parts.engine.name,
        "leader": True,
        "queueDepth": parts.schedule.scheduler.waiting(),
    }


def _picture(store: Store, engine: str, schedule: Schedule, clock: Clock) -> Picture:
    with store.read() as tx:
        jobs, messages, deliveries = tx.jobs.counts(), depths(tx, clock.now_ms()), tx.deliveries.counts()
    return Picture(__version__, engine, store.name, jobs, schedule.scheduler.overview(), messages, deliveries)


async def _until_broken(writer: Writer) -> None:
    await writer.broken.wait()


async def _close(parts: Parts) -> None:
    """In the order in which they need each other."""
    await parts.engine.close()
    await parts.plane.post.close()
    await parts.writer.close()
    parts.store.close()


def _make_folder(path: Path) -> None:
    """Others may pass through, for jobs that run as another user have their own place in it, and see nothing else.

    A folder that the operator made stays as it is.
    """
    try:
        if not path.is_dir():
            path.mkdir(parents=True)
            path.chmod(0o711)
    except OSError as error:
        raise ConfigError(f"cannot make the data directory {path}: {error.strerror}") from None


def _listen(host: str, port: int) -> socket.socket:
    """Bound before anything else is opened, so that a second server fails early and port 0 is known."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        hint = ", by another server? `--port 0` takes a free one" if error.errno == errno.EADDRINUSE else ""
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror or error}{hint}") from None
    listener.setblocking(False)
    return listener


def endpoint_of(host: str, port: int) -> str:
    """How jobs and commands on this machine reach a server that listens there."""
    host = _LOOPBACKS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _own_address() -> str:
    """This machine's address by which it would reach others: what a program on it finds that asks for the private IPv4
    address, and binds to. Loopback where there is no way out. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address


def _write_atomically(path: Path, content: dict[str, Any]) -> None:
    draft = path.with_suffix(".new")
    draft.write_bytes(orjson.dumps(content))
    draft.replace(path)
