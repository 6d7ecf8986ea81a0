"""Deliveries: at least once, with back-off, each lane at its own pace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from batchd.clock import ManualClock
from batchd.controllers import deliver
from batchd.controllers.deliver import Deliver, Handler, full_jitter
from batchd.errors import ApiError, DeliveryError, NotYet, Undeliverable
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import Delivery, Failure, Key, Store, Tx
from batchd.store.writer import Writer
from tests.patience import LONG_S

QUICK, SLOW = "arn:aws:sqs:us-east-1:1:quick", "arn:aws:sqs:us-east-1:1:slow"
SECOND = 1000


@dataclass
class Post:
    """A controller over a store in memory; `arrived` is what handlers have done."""

    store: Store
    writer: Writer
    clock: ManualClock
    handlers: dict[str, Handler] = field(default_factory=dict)
    chance: float = 0.5
    arrived: list[object] = field(default_factory=list)
    dead: list[Failure] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.deliver = Deliver(self.store, self.writer, self.clock, self.handlers, lambda: self.chance)

    def add(self, kind: str, lane: str = QUICK, **body: object) -> None:
        now = self.clock.now_ms()
        self.store.transact(lambda tx: tx.deliveries.add(lane, now, {"kind": kind, **body}))

    def inside(self, tx: Tx, delivery: Delivery) -> None:
        """Leaves a mark in the store."""
        self.arrived.append(delivery.body["name"])
        tx.resources.insert(Key("mark", "", str(delivery.body["name"])), {})

    def on_dead(self, tx: Tx, delivery: Delivery, failure: Failure) -> bool:
        self.dead.append(failure)
        return True

    def waiting(self) -> list[Delivery]:
        with self.store.read() as tx:
            return [one for lane in tx.deliveries.lanes() for one in tx.deliveries.due(lane, 2**62, 100)]

    def buried(self) -> list[Delivery]:
        with self.store.read() as tx:
            return tx.deliveries.dead(0, 100)


@asynccontextmanager
async def open_post() -> AsyncIterator[Post]:
    clock = ManualClock()
    store = open_sqlite(MEMORY, clock)
    writer = Writer(store)
    try:
        yield Post(store, writer, clock)
    finally:
        await writer.close()
        store.close()


def raises(error: Exception) -> Callable[[Tx, Delivery], None]:
    def refuse(tx: Tx, delivery: Delivery) -> None:
        tx.resources.put(Key("half", "", "done"), {})
        raise error

    return refuse


async def test_what_is_due_is_made_once_in_order_and_gone() -> None:
    async with open_post() as post:
        post.handlers["mark"] = Handler(inside=post.inside)
        for name in ("a", "b", "c"):
            post.add("mark", name=name)

        await post.deliver.settle()
        await post.deliver.settle()

        assert post.arrived == ["a", "b", "c"]
        assert post.waiting() == []


async def test_what_is_not_due_yet_waits() -> None:
    async with open_post() as post:
        post.handlers["mark"] = Handler(inside=post.inside)
        post.add("mark", name="a")
        post.clock.advance(-5)

        assert post.deliver.begin_due() == 5
        await post.deliver.settle()
        assert post.arrived == []


async def test_a_failed_attempt_leaves_nothing_but_another_try() -> None:
    async with open_post() as post:
        post.handlers["bad"] = Handler(inside=raises(DeliveryError("TIMEOUT", "no answer")))
        post.add("bad", name="a")

        await post.deliver.settle()

        (again,) = post.waiting()
        assert (again.attempts, again.problem) == (1, "TIMEOUT: no answer")
        assert again.due_at == post.clock.now_ms() + 501
        with post.store.read() as tx:
            assert tx.resources.get(Key("half", "", "done")) is None


async def test_it_is_tried_until_its_limit_then_its_handler_has_the_last_word() -> None:
    async with open_post() as post:
        post.handlers["bad"] = Handler(inside=raises(DeliveryError("TIMEOUT", "no answer")), dead=post.on_dead)
        post.add("bad", name="a", max_attempts=3)

        for _ in range(4):
            await post.deliver.settle()
            post.clock.advance(3600)

        assert post.dead == [Failure("TIMEOUT", "no answer", 3, True, "MaximumRetryAttempts")]
        assert post.waiting() == post.buried() == []


async def test_it_is_not_tried_beyond_its_age() -> None:
    async with open_post() as post:
        post.handlers["bad"] = Handler(inside=raises(DeliveryError("TIMEOUT", "no answer")), dead=post.on_dead)
        post.add("bad", name="a", max_age_s=60)

        await post.deliver.settle()
        post.clock.advance(60)
        await post.deliver.settle()

        assert [failure.exhausted for failure in post.dead] == ["MaximumEventAgeInSeconds"]


@pytest.mark.parametrize(
    "error",
    [
        Undeliverable("NO_RESOURCE", "it is gone"),
        ApiError("NO_RESOURCE", "it is gone"),
        ApiError("NO_RESOURCE", "it is gone", 501),
    ],
)
async def test_what_can_never_arrive_is_not_tried_again(error: Exception) -> None:
    async with open_post() as post:
        post.handlers["bad"] = Handler(inside=raises(error))
        post.add("bad", name="a")

        await post.deliver.settle()

        (dead,) = post.buried()
        assert (dead.attempts, dead.problem) == (1, "NO_RESOURCE: it is gone")
        assert post.waiting() == []


@pytest.mark.parametrize("error", [ApiError("ThrottlingException", "slow down"), ApiError("Down", "soon", 503)])
async def test_what_passes_is_tried_again(error: ApiError) -> None:
    async with open_post() as post:
        post.handlers["bad"] = Handler(inside=raises(error))
        post.add("bad", name="a")

        await post.deliver.settle()

        (again,) = post.waiting()
        assert again.problem == f"{error.code}: {error.message}"


async def test_a_mistake_of_ours_is_tried_again_and_holds_up_nobody() -> None:
    async with open_post() as post:
        post.handlers |= {"bad": Handler(inside=raises(KeyError("oops"))), "mark": Handler(inside=post.inside)}
        post.add("bad", name="a")
        post.add("mark", name="b")

        await post.deliver.settle()

        (again,) = post.waiting()
        assert again.problem == "INTERNAL: an internal error occurred"
        assert post.arrived == ["b"]


async def test_a_kind_that_nobody_knows_is_kept_for_somebody_to_look_at() -> None:
    async with open_post() as post:
        post.add("newer", name="a")

        await post.deliver.settle()

        (dead,) = post.buried()
        assert dead.problem == "UNKNOWN_KIND: nothing here delivers 'newer'"


async def test_a_target_with_a_rate_limit_costs_no_attempt() -> None:
    async with open_post() as post:
        until = post.clock.now_ms() + SECOND

        async def outside(delivery: Delivery) -> None:
            if post.clock.now_ms() < until:
                raise NotYet(until)
            post.arrived.append(delivery.body["name"])

        post.handlers["post"] = Handler(outside=outside)
        post.add("post", name="a")

        await post.deliver.settle()
        (held,) = post.waiting()
        assert (held.attempts, held.due_at) == (0, until)
        post.clock.advance(1)
        await post.deliver.settle()
        assert post.arrived == ["a"]


async def test_a_slow_lane_holds_up_no_other() -> None:
    async with open_post() as post:
        gate, arrived = asyncio.Event(), asyncio.Event()

        async def outside(delivery: Delivery) -> None:
            await gate.wait()

        def inside(tx: Tx, delivery: Delivery) -> None:
            post.inside(tx, delivery)
            arrived.set()

        post.handlers |= {"slow": Handler(outside=outside), "mark": Handler(inside=inside)}
        for number in range(200):
            post.add("slow", SLOW, name=f"s-{number}")
        running = asyncio.create_task(post.deliver.run())
        await asyncio.sleep(0)
        post.add("mark", name="quick")  # wakes the loop
        async with asyncio.timeout(LONG_S):
            await arrived.wait()
        assert post.arrived == ["quick"]
        gate.set()
        await post.deliver.settle()
        assert post.waiting() == []
        running.cancel()


async def test_where_there_is_no_room_for_all_each_lane_has_its_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "_AT_ONCE", 4)
    async with open_post() as post:
        gate, begun = asyncio.Event(), set()

        async def outside(delivery: Delivery) -> None:
            begun.add(delivery.lane)
            await gate.wait()

        post.handlers["post"] = Handler(outside=outside)
        for lane in "abcd":
            for number in range(5):
                post.add("post", lane, name=str(number))
        post.deliver.begin_due()
        await asyncio.sleep(0)
        assert begun == {"a", "b", "c", "d"}
        gate.set()
        await post.deliver.settle()
        assert post.waiting() == []


async def test_a_lane_that_fails_is_tried_one_by_one_until_it_does_well() -> None:
    async with open_post() as post:
        at_once, most, is_down = 0, 0, True

        async def outside(delivery: Delivery) -> None:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0)
            at_once -= 1
            if is_down:
                raise DeliveryError("CONNECTION_FAILURE", "refused")

        post.handlers["post"] = Handler(outside=outside)
        for number in range(40):
            post.add("post", name=str(number))
        await post.deliver.settle()
        assert most > 1, "a lane that did nothing wrong goes in parallel"
        most = 0
        post.clock.advance(3600)
        await post.deliver.settle()
        assert most == 1
        is_down = False
        post.clock.advance(3600)
        await post.deliver.settle()
        assert most > 1
        assert post.waiting() == []


async def test_handlers_hear_of_what_arrives_and_of_what_fails_in_the_unit_that_records_it() -> None:
    async with open_post() as post:
        heard: list[str] = []
        post.deliver.observe = lambda kind, outcome: heard.append(f"{kind} {outcome}")
        is_down = True

        async def outside(delivery: Delivery) -> None:
            if is_down:
                raise DeliveryError("TIMEOUT", "no answer")

        post.handlers["post"] = Handler(
            outside=outside,
            done=lambda tx, delivery: heard.append("done"),
            failed=lambda tx, delivery, failure: heard.append(f"failed {failure.attempts}"),
            pause=lambda delivery, attempts, chance: attempts * SECOND,
        )
        post.add("post", name="a")
        await post.deliver.settle()
        (again,) = post.waiting()
        assert again.due_at == post.clock.now_ms() + SECOND
        is_down = False
        post.clock.advance(1)
        await post.deliver.settle()
        assert heard == ["post failed", "failed 1", "done", "post arrived"]


def test_the_pause_is_any_time_up_to_a_limit_that_doubles() -> None:
    assert [full_jitter(attempts, lambda: 0.999_999) for attempts in (1, 2, 3, 11)] == [1000, 2000, 4000, 900_000]
    assert full_jitter(185, lambda: 0.999_999) == 900_000
    assert full_jitter(185, lambda: 0.0) == 1
