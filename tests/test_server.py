"""The whole server: it comes up, goes down, comes back, and keeps its word meanwhile."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from batchd import __version__
from batchd.clock import SystemClock
from batchd.config import Settings
from batchd.controllers.schedule import Schedule
from batchd.errors import ConfigError, EngineError, StoreError
from batchd.scheduler.events import Event, JobSpec, JobStatus, JobSubmitted, MachineSized, Resources, TimePassed
from batchd.server import ADDRESS, Server
from batchd.store.sqlite import open_sqlite
from batchd.store.store import Tx
from tests.conftest import Running, serving
from tests.patience import LONG_S, Patience
from tests.ports import reserved_port


class Broken:
    """A reader of the journal that cannot stand a commit."""

    def on_events(self, tx: Tx, events: Sequence[Event]) -> None: ...

    def on_commit(self) -> None:
        raise RuntimeError("a mistake")

    def on_rollback(self) -> None: ...


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(port=0, engine="process", data_dir=tmp_path / "data", vcpus=4, memory_mib=8192).checked()


def furnish(server: Running) -> None:
    """A queue called `q`."""
    batch = server.client("batch")
    batch.create_compute_environment(computeEnvironmentName="ce", type="UNMANAGED")
    order = [{"order": 1, "computeEnvironment": "ce"}]
    batch.create_job_queue(jobQueueName="q", priority=1, computeEnvironmentOrder=order)


def submit(server: Running, script: str, **more: Any) -> str:
    """A job of this shell script."""
    batch = server.client("batch")
    container = {
        "image": "busybox",
        "command": ["sh", "-c", script],
        "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}],
    }
    batch.register_job_definition(jobDefinitionName="d", type="container", containerProperties=container)
    return str(batch.submit_job(jobName="job", jobQueue="q", jobDefinition="d", **more)["jobId"])


def job(server: Running, job_id: str) -> dict[str, Any]:
    (found,) = server.client("batch").describe_jobs(jobs=[job_id])["jobs"]
    return dict(found)


def becomes(server: Running, job_id: str, *statuses: str) -> dict[str, Any]:
    """The job, once it has one of these statuses."""
    found: dict[str, Any] = {}

    def has() -> bool:
        found.update(job(server, job_id))
        return found["status"] in statuses

    eventually(has)
    return found


def lines(server: Running, job_id: str) -> list[str]:
    stream = job(server, job_id)["container"].get("logStreamName")
    if stream is None:
        return []
    logs = server.client("logs")
    try:
        page = logs.get_log_events(logGroupName="/aws/batch/job", logStreamName=stream, startFromHead=True)
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for event in page["events"]]


def eventually(holds: Callable[[], object]) -> None:
    """As a client waits: by asking."""
    patience = Patience()
    while not holds():
        assert not patience.ran_out(), "that takes too long"
        time.sleep(0.02)


def waiting_for(file: Path) -> str:
    """A script that prints one, waits until the file is there, and prints two."""
    return f"echo one; until [ -e {file} ]; do sleep 0.05; done; echo two"


def on_loop(server: Running, work: Callable[[], Any]) -> Any:
    """On the server's own thread."""
    loop = server.server._lives[0].get_loop()

    async def call() -> Any:
        return work()

    return asyncio.run_coroutine_threadsafe(call(), loop).result(LONG_S)


def writer_of(server: Running) -> Any:
    """The connection that writes: how its disk is made full."""
    parts: Any = server.server._parts
    return parts.store._writer


# -- restarts


def test_a_job_goes_on_while_there_is_no_server_and_is_adopted_by_the_next(settings: Settings, tmp_path: Path) -> None:
    go = tmp_path / "go"
    with serving(settings) as server:
        furnish(server)
        job_id = submit(server, waiting_for(go))
        eventually(lambda: lines(server, job_id) == ["one"])
        becomes(server, job_id, "RUNNING")
    with serving(settings) as server:
        assert job(server, job_id)["status"] == "RUNNING"
        go.touch()
        ended = becomes(server, job_id, "SUCCEEDED", "FAILED")
        assert (ended["status"], len(ended["attempts"])) == ("SUCCEEDED", 1)
        assert lines(server, job_id) == ["one", "two"]


def test_what_happened_while_there_was_no_server_is_learnt_afterwards(settings: Settings, tmp_path: Path) -> None:
    go = tmp_path / "go"
    with serving(settings) as server:
        furnish(server)
        job_id = submit(server, f"{waiting_for(go)}; echo three > {go}.done; exit 3")
        eventually(lambda: lines(server, job_id) == ["one"])
    go.touch()
    eventually(lambda: Path(f"{go}.done").exists())
    with serving(settings) as server:
        ended = becomes(server, job_id, "SUCCEEDED", "FAILED")
        assert (ended["status"], ended["container"]["exitCode"], len(ended["attempts"])) == ("FAILED", 3, 1)
        assert lines(server, job_id) == ["one", "two"]


def test_a_start_that_was_never_performed_is_performed_by_the_next_server(settings: Settings) -> None:
    with serving(settings) as server:
        furnish(server)
        first = submit(server, "echo hello")
        becomes(server, first, "SUCCEEDED")
    _submit_and_die(settings, first)
    with serving(settings) as server:
        ended = becomes(server, "unstarted", "SUCCEEDED", "FAILED")
        assert (ended["status"], len(ended["attempts"])) == ("SUCCEEDED", 1)
        assert lines(server, "unstarted") == ["hello"]


def _submit_and_die(settings: Settings, like: str) -> None:
    """A server that commits a start and dies before it performs it."""
    clock = SystemClock()
    store = open_sqlite(settings.data_dir / "batchd.db", clock)
    store.follow(Schedule(store, clock, MachineSized(settings.capacity()), lambda commands: None))

    def work(tx: Tx) -> None:
        row = tx.jobs.get(like)
        template = tx.jobs.task_of(like)
        assert row is not None and template is not None
        spec = JobSpec("unstarted", row.queue, Resources(1000, 64))
        fresh = replace(row, job_id="unstarted", task=template[0], attempts=(), status=JobStatus.SUBMITTED)
        tx.jobs.insert(replace(fresh, started_at=None, stopped_at=None), spec)
        tx.journal.append(JobSubmitted(spec))

    store.transact(work)
    with store.read() as tx:
        assert tx.jobs.status_of("unstarted") is JobStatus.STARTING
    store.close()


def test_a_timeout_counts_while_there_is_no_server(settings: Settings) -> None:
    with serving(settings) as server:
        furnish(server)
        job_id = submit(server, "sleep 100", timeout={"attemptDurationSeconds": 60})
        becomes(server, job_id, "RUNNING")
    _let_time_pass(settings, 61_000)
    with serving(settings) as server:
        ended = becomes(server, job_id, "SUCCEEDED", "FAILED")
        assert (ended["status"], ended["statusReason"]) == ("FAILED", "Job attempt duration exceeded timeout")


def _let_time_pass(settings: Settings, ms: int) -> None:
    """As if all that runs had begun so much earlier."""
    store = open_sqlite(settings.data_dir / "batchd.db", SystemClock())

    def work(tx: Tx) -> None:
        tx.jobs.save([replace(job, started_at=job.started_at - ms) for job in tx.jobs.live() if job.started_at])

    store.transact(work)
    store.close()


def test_what_was_asked_to_stop_before_the_server_went_is_stopped(settings: Settings, tmp_path: Path) -> None:
    with serving(settings) as server:
        furnish(server)
        job_id = submit(server, "sleep 100")
        becomes(server, job_id, "RUNNING")
        server.client("batch").terminate_job(jobId=job_id, reason="enough")
    with serving(settings) as server:
        ended = becomes(server, job_id, "FAILED")
        assert (ended["statusReason"], len(ended["attempts"])) == ("enough", 1)


# -- a disk that is full


def test_a_full_disk_is_told_to_clients_and_nothing_acknowledged_is_lost(settings: Settings, tmp_path: Path) -> None:
    go = tmp_path / "go"
    with serving(settings) as server:
        furnish(server)
        running = submit(server, waiting_for(go))
        becomes(server, running, "RUNNING")
        (pages,) = on_loop(server, lambda: writer_of(server).execute("PRAGMA page_count").fetchone())
        on_loop(server, lambda: writer_of(server).execute(f"PRAGMA max_page_count={pages + 3}").fetchone())

        acknowledged, refusal = _submit_until_refused(server)

        assert refusal.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert refusal.response["Error"]["Code"] == "ServiceUnavailable"
        assert job(server, running)["status"] == "RUNNING"  # what only reads goes on
        go.touch()
        on_loop(server, lambda: writer_of(server).execute("PRAGMA max_page_count=1000000").fetchone())
        for job_id in (running, *acknowledged, submit(server, "echo again")):
            assert becomes(server, job_id, "SUCCEEDED", "FAILED")["status"] == "SUCCEEDED"
        assert lines(server, running) == ["one", "two"]
        assert server.server.failure == ""


def _submit_until_refused(server: Running) -> tuple[list[str], ClientError]:
    batch = server.client("batch")
    acknowledged: list[str] = []
    for number in range(1000):
        try:
            answer = batch.submit_job(
                jobName=f"job-{number}", jobQueue="q", jobDefinition="d", parameters={"x": "y" * 5000}
            )
        except ClientError as error:
            return acknowledged, error
        acknowledged.append(answer["jobId"])
    raise AssertionError("the disk is never full")


# -- coming up and going down


def test_health_is_told_to_everybody(settings: Settings) -> None:
    with serving(settings) as server, urllib.request.urlopen(f"{server.endpoint}/_batchd/health") as answer:
        found = json.load(answer)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    expected = {"status": "ok", "version": __version__, "store": "sqlite", "engine": "process", "leader": True}
    assert {name: found[name] for name in expected} == expected


def test_where_it_listens_is_written_down_while_it_does(settings: Settings) -> None:
    address = settings.data_dir / ADDRESS
    with serving(settings) as server:
        assert json.loads(address.read_text())["endpoint"] == server.endpoint
    assert not address.exists()


def test_an_unsigned_request_is_refused_unless_the_operator_allows_it(settings: Settings) -> None:
    keys = {"aws_access_key_id": "anything", "aws_secret_access_key": "at all"}
    with serving(settings) as server, pytest.raises(ClientError, match="UnrecognizedClientException"):
        server.client("batch", **keys).describe_job_queues()
    with serving(replace(settings, no_auth=True).checked()) as server:
        assert server.client("batch", **keys).describe_job_queues()["jobQueues"] == []
        assert server.client("sts", **keys).get_caller_identity()["Account"] == settings.account


async def test_a_port_that_is_taken_is_named_and_nothing_is_left_open(settings: Settings, tmp_path: Path) -> None:
    with reserved_port() as port:
        first = Server(replace(settings, port=port))
        await first.start()
        second = Server(replace(settings, port=port, data_dir=tmp_path / "other"))
        try:
            with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
                await second.start()
        finally:
            await first.stop()
        await second.start()
        await second.stop()


async def test_data_in_use_are_named_and_the_port_is_free_again(settings: Settings) -> None:
    first = Server(settings)
    await first.start()
    with reserved_port() as port:
        second = Server(replace(settings, port=port))
        try:
            with pytest.raises(StoreError, match="in use by another batchd"):
                await second.start()
            assert (settings.data_dir / ADDRESS).exists()  # the first one's
        finally:
            await first.stop()
        third = Server(replace(settings, port=port))
        await third.start()
        await third.stop()


async def test_an_engine_that_cannot_be_used_leaves_nothing_open(settings: Settings, tmp_path: Path) -> None:
    nobody = f"unix://{tmp_path}/nobody.sock"
    with pytest.raises(EngineError):
        await Server(replace(settings, engine="docker", docker_host=nobody)).start()
    server = Server(settings)
    await server.start()
    await server.stop()


async def test_a_part_that_breaks_down_is_the_end_of_the_server(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server(settings)
    await server.start()
    parts = server._parts
    assert parts is not None
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    parts.store.follow(Broken())
    await parts.writer.write(lambda tx: tx.journal.append(TimePassed()))
    async with asyncio.timeout(LONG_S):
        await server.quit.wait()
    await server.stop()

    assert server.failure == "Writer broke down"
    assert "the server stops" in caplog.text


async def test_a_server_that_is_stopped_did_not_break_down(settings: Settings) -> None:
    server = Server(settings)
    await server.start()
    await server.stop()
    await server.stop()

    assert server.failure == ""
