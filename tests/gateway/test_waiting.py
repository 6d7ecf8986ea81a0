"""Answers that take time: requests that wait to be told, and what is awaited after the commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from batchd.clock import ManualClock
from batchd.errors import ApiError
from batchd.gateway.operation import Again, Context, Later, Operation, Service
from batchd.gateway.waiting import Topics
from batchd.store.store import Key
from tests.gateway.front_door import Answer, FrontDoor, front_door, http_scope
from tests.patience import LONG_S

SHELF = Key("test.shelf", "", "shelf")
FAR = 10**15


@dataclass
class Shop:
    """SubmitJob puts a thing on the shelf, TerminateJob takes one, and waits where there is none."""

    until_ms: int = FAR
    looks: list[tuple[str, int]] = field(default_factory=list)  # who looked for a thing, and since when they wait
    looked: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, params: dict[str, Any], ctx: Context) -> dict[str, Any]:
        things = (ctx.tx.resources.get(SHELF) or {"things": []})["things"]
        ctx.tx.resources.put(SHELF, {"things": [*things, params["jobName"]]})
        ctx.tell("shelf")
        if params["jobName"] == "broken":
            raise ApiError("ClientException", "It broke.")
        return {"jobName": params["jobName"]}

    def take(self, params: dict[str, Any], ctx: Context) -> Any:
        self.looks.append((params["jobId"], ctx.waiting_since_ms))
        self.looked.set()
        things = (ctx.tx.resources.get(SHELF) or {"things": []})["things"]
        if things:
            ctx.tx.resources.put(SHELF, {"things": things[1:]})
            return {"thing": things[0]}
        if len(self.looks) > 1 and self.until_ms != FAR:
            return {"thing": "nothing"}
        return Again("shelf", self.until_ms, {"thing": "none in time"})

    @property
    def service(self) -> Service:
        return Service("batch", {"submit_job": Operation(self.put, True), "terminate_job": Operation(self.take, True)})


@dataclass
class Counter:
    """The shop's customers."""

    door: FrontDoor
    topics: Topics
    shop: Shop

    def put(self, thing: str) -> asyncio.Task[Answer]:
        body = orjson.dumps({"jobName": thing, "jobQueue": "q", "jobDefinition": "d"})
        return asyncio.create_task(self.door.ask("POST", "/v1/submitjob", body, signed_for="batch"))

    def take(self, who: str) -> asyncio.Task[Answer]:
        body = orjson.dumps({"jobId": who, "reason": "r"})
        return asyncio.create_task(self.door.ask("POST", "/v1/terminatejob", body, signed_for="batch"))

    async def until_looked(self, times: int) -> None:
        while len(self.shop.looks) < times:
            self.shop.looked.clear()
            await self.shop.looked.wait()


@asynccontextmanager
async def open_shop(shop: Shop) -> AsyncIterator[Counter]:
    topics = Topics(ManualClock())
    async with front_door([shop.service], topics=topics) as door:
        yield Counter(door, topics, shop)


def thing(answer: Answer) -> str:
    assert answer.status == 200, answer
    return str(orjson.loads(answer.body)["thing"])


async def test_a_request_waits_until_it_is_told_and_then_looks_again() -> None:
    async with open_shop(Shop()) as counter:
        waiting = counter.take("ann")
        await counter.until_looked(1)
        await counter.put("apple")

        assert thing(await waiting) == "apple"
        first, second = counter.shop.looks
        assert (first, second[0]) == (("ann", 0), "ann")
        assert second[1] == ManualClock().now_ms()


async def test_news_of_the_very_commit_in_which_somebody_found_nothing_is_not_missed() -> None:
    async with open_shop(Shop()) as counter:
        waiting, put = counter.take("ann"), counter.put("apple")  # one group: ann looks first

        assert thing(await waiting) == "apple"
        assert (await put).status == 200


async def test_a_request_looks_again_when_its_time_is_over() -> None:
    async with open_shop(Shop(until_ms=ManualClock().now_ms() + 1)) as counter:
        assert thing(await counter.take("ann")) == "nothing"
        assert len(counter.shop.looks) == 2


async def test_who_waits_longest_is_served_first_and_the_others_are_not_disturbed() -> None:
    async with open_shop(Shop()) as counter:
        waiting = []
        for number, who in enumerate(("ann", "ben", "cid", "dot", "eve"), 1):
            waiting.append(counter.take(who))
            await counter.until_looked(number)
        await counter.put("apple")

        assert thing(await waiting[0]) == "apple"
        await counter.until_looked(7)  # ben looked, for ann passed the news on
        assert [who for who, _ in counter.shop.looks[5:]] == ["ann", "ben"]
        await asyncio.gather(counter.put("pear"), counter.put("plum"))
        assert [thing(await one) for one in waiting[1:3]] == ["pear", "plum"]
        assert not any(one.done() for one in waiting[3:])
        counter.topics.close()
        assert [thing(await one) for one in waiting[3:]] == ["none in time"] * 2


async def test_what_did_not_happen_is_not_told() -> None:
    async with open_shop(Shop()) as counter:
        waiting = counter.take("ann")
        await counter.until_looked(1)
        broken, put = counter.put("broken"), counter.put("apple")  # one group: what broke leaves nothing of itself

        assert thing(await waiting) == "apple"
        assert ((await broken).status, (await put).status) == (400, 200)


async def test_who_goes_away_leaves_the_news_to_the_next() -> None:
    async with open_shop(Shop()) as counter:
        hung_up = asyncio.Event()
        messages = [{"type": "http.request", "body": b'{"jobId": "ann", "reason": "r"}'}]

        async def receive() -> dict[str, Any]:
            if not messages:
                await hung_up.wait()
                return {"type": "http.disconnect"}
            return messages.pop()

        async def send(message: Any) -> None:
            pytest.fail("nobody listens")

        leaving = asyncio.create_task(
            counter.door.gateway(http_scope("POST", "/v1/terminatejob", {}, "batch"), receive, send)
        )
        await counter.until_looked(1)
        waiting = counter.take("ben")
        await counter.until_looked(2)
        hung_up.set()
        await leaving
        await counter.put("apple")

        assert thing(await waiting) == "apple"


async def test_nobody_waits_at_a_server_that_stops() -> None:
    async with open_shop(Shop()) as counter:
        waiting = counter.take("ann")
        await counter.until_looked(1)
        counter.topics.close()

        assert thing(await waiting) == "none in time"
        assert thing(await counter.take("ben")) == "none in time"


def calling(function: Callable[[dict[str, Any], Context], Any]) -> list[Service]:
    """SubmitJob calls GetLogEvents, which is this function, from inside."""

    def submit_job(_: dict[str, Any], ctx: Context) -> dict[str, Any]:
        return {"inner": ctx.call("logs", "GetLogEvents", {"logStreamName": "s"})}

    logs = Service("logs", {"get_log_events": Operation(function, writes=False)})
    return [Service("batch", {"submit_job": Operation(submit_job, writes=True)}), logs]


SUBMIT = orjson.dumps({"jobName": "n", "jobQueue": "q", "jobDefinition": "d"})


async def test_a_call_from_inside_makes_do_with_what_there_is() -> None:
    async with front_door(calling(lambda params, ctx: Again("never", FAR, {"events": []}))) as door:
        answer = await door.ask("POST", "/v1/submitjob", SUBMIT, signed_for="batch")

    assert orjson.loads(answer.body) == {"inner": {"events": []}}


async def test_a_call_from_inside_cannot_have_what_must_be_awaited() -> None:
    async with front_door(calling(lambda params, ctx: Later(dict))) as door:
        answer = await door.ask("POST", "/v1/submitjob", SUBMIT, signed_for="batch")

    assert answer.status == 501
    assert b"logs:GetLogEvents takes time to answer" in answer.body


async def later(answer: Callable[[FrontDoor], Any], hang_up: asyncio.Event | None = None) -> list[Any]:
    """What is sent for a request whose answer is awaited: SubmitJob writes its note, then awaits."""
    sent: list[Any] = []
    async with front_door(
        [Service("batch", {"submit_job": Operation(lambda p, c: submit(p, c), writes=True)})]
    ) as door:

        def submit(params: dict[str, Any], ctx: Context) -> Later:
            ctx.tx.resources.put(SHELF, {"things": [params["jobName"]]})
            return Later(lambda: answer(door))

        messages = [{"type": "http.request", "body": SUBMIT}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await (hang_up or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await door.gateway(http_scope("POST", "/v1/submitjob", {}, "batch"), receive, send)
    return sent


async def test_what_is_awaited_comes_after_the_commit() -> None:
    async def look(door: FrontDoor) -> dict[str, Any]:
        with door.store.read() as tx:
            return {"seen": tx.resources.get(SHELF)}

    start, content = await later(look)

    assert start["status"] == 200
    assert orjson.loads(content["body"]) == {"seen": {"things": ["n"]}}


async def test_what_is_awaited_may_refuse() -> None:
    async def refuse(door: FrontDoor) -> dict[str, Any]:
        raise ApiError("ClientException", "No.")

    start, content = await later(refuse)

    assert (start["status"], orjson.loads(content["body"])) == (400, {"message": "No."})


async def test_a_client_that_goes_away_ends_what_is_awaited_for_it() -> None:
    hang_up, ended = asyncio.Event(), asyncio.Event()

    async def last(door: FrontDoor) -> dict[str, Any]:
        hang_up.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return {}

    assert await later(last, hang_up) == []
    assert await asyncio.wait_for(ended.wait(), LONG_S)
