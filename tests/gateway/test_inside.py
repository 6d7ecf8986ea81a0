"""The paths that are not AWS's: pages for everybody, credentials for tasks under way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from batchd.clock import ManualClock
from batchd.gateway.credentials import SessionIssuer, TaskClaims, issue_task_token
from batchd.gateway.inside import CREDENTIALS, HEALTH, Inside
from batchd.scheduler.events import JobStatus
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import Store
from batchd.store.writer import Writer
from tests.contract.stores import job_row, job_spec
from tests.gateway.front_door import Answer, http_scope, make_gateway

MASTER_KEY = b"m" * 32
ROLE = "arn:aws:iam::123456789012:role/service/worker"
CLAIMS = TaskClaims("job-1", "task-1", ROLE, "AROA1")


class House:
    """A store with one job, and the app before it."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self.store = store
        self.clock = clock
        row = job_row("job-1", status=JobStatus.RUNNING, task_id="task-1")
        store.transact(lambda tx: tx.jobs.insert(row, job_spec("job-1")))
        pages = {HEALTH: lambda: ("application/json", b'{"status":"ok"}'), "/broken": _broken}
        self.app = Inside(make_gateway([], store, Writer(store)), MASTER_KEY, store, clock, pages)

    async def ask(self, path: str, token: str = "") -> Answer:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = {"authorization": token} if token else {}
        await self.app(http_scope("GET", path, headers, ""), receive, send)
        start, content = sent
        names = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], names, content["body"])

    def job_is(self, **changes: Any) -> None:
        (job,) = self.live()
        self.store.transact(lambda tx: tx.jobs.save([replace(job, **changes)]))

    def live(self) -> list[Any]:
        with self.store.read() as tx:
            return tx.jobs.live()


def _broken() -> tuple[str, bytes]:
    raise OSError("disk I/O error")


@pytest.fixture
def house() -> Iterator[House]:
    clock = ManualClock()
    store = open_sqlite(MEMORY, clock)
    yield House(store, clock)
    store.close()


async def test_a_page_is_shown_to_everybody(house: House) -> None:
    answer = await house.ask(HEALTH)

    assert (answer.status, answer.body) == (200, b'{"status":"ok"}')
    assert answer.headers == {"content-type": "application/json", "content-length": "15"}


async def test_a_page_that_breaks_is_an_answer_too(house: House, caplog: pytest.LogCaptureFixture) -> None:
    answer = await house.ask("/broken")

    assert (answer.status, orjson.loads(answer.body)["code"]) == (500, "InternalFailure")
    assert "disk I/O error" in caplog.text


async def test_a_task_under_way_gets_credentials_of_its_role_for_an_hour(house: House) -> None:
    answer = await house.ask(CREDENTIALS, issue_task_token(MASTER_KEY, CLAIMS))

    found = orjson.loads(answer.body)
    session = SessionIssuer(MASTER_KEY).verify(found["AccessKeyId"], found["Token"], house.clock.now_ms())
    assert (answer.status, found["RoleArn"], found["AccountId"]) == (200, ROLE, "123456789012")
    assert session.arn == "arn:aws:sts::123456789012:assumed-role/worker/task-1"
    assert session.expiration_ms == house.clock.now_ms() + 3_600_000
    assert found["SecretAccessKey"] == SessionIssuer(MASTER_KEY).secret_of(found["AccessKeyId"])


async def test_a_task_that_is_starting_may_ask_already(house: House) -> None:
    house.job_is(status=JobStatus.STARTING)

    assert (await house.ask(CREDENTIALS, issue_task_token(MASTER_KEY, CLAIMS))).status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"status": JobStatus.SUCCEEDED, "stopped_at": 1},
        {"status": JobStatus.RUNNABLE},
        {"task_id": "task-2"},
    ],
)
async def test_a_token_dies_with_its_task(house: House, changes: dict[str, Any]) -> None:
    house.job_is(**changes)
    answer = await house.ask(CREDENTIALS, issue_task_token(MASTER_KEY, CLAIMS))

    assert (answer.status, orjson.loads(answer.body)) == (
        403,
        {"code": "AccessDenied", "message": "The task has ended."},
    )


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        issue_task_token(b"another" * 5, CLAIMS),
        issue_task_token(MASTER_KEY, CLAIMS)[:-1],
        SessionIssuer(MASTER_KEY).issue(ROLE, "AROA1", "task-1", 900, 0).token,
    ],
)
async def test_nobody_else_gets_any(house: House, token: str) -> None:
    answer = await house.ask(CREDENTIALS, token)

    assert (answer.status, orjson.loads(answer.body)["message"]) == (403, "The authorization token is not valid.")


async def test_a_job_that_is_not_known_any_more_gets_none(house: House) -> None:
    gone = issue_task_token(MASTER_KEY, replace(CLAIMS, job_id="job-2"))

    assert (await house.ask(CREDENTIALS, gone)).status == 403


async def test_all_else_is_the_gateways(house: House) -> None:
    answer = await house.ask("/_batchd/nothing")

    assert (answer.status, answer.headers["x-amzn-errortype"]) == (404, "UnknownOperationException")
