"""Brings deliveries to where they must go: at least once, with back-off, each lane at its own pace.

How is a matter of handlers, by the `kind` in a delivery's body. What an *inside* handler does shares one unit of work
with the delivery's removal, so it happens exactly once; what an *outside* handler does may happen again after a crash.

A body may limit the attempts: `max_attempts` (failed ones after which it is dead) and `max_age_s`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice, zip_longest

from batchd.clock import Clock
from batchd.errors import ApiError, DeliveryError, NotYet, StoreError, Undeliverable
from batchd.store.store import DELIVERIES, Delivery, Failure, Store, Tx
from batchd.store.writer import Writer

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 186  # AWS's 185 retries
MOST_AGE_S = 86_400
_FIRST_PAUSE_MS = 1_000
_LONGEST_PAUSE_MS = 900_000  # so that 185 retries take about a day
_A_LANE = 32  # at once, as long as the lane does well
_AT_ONCE = 2_048
_LONGEST_S = 60.0  # between two looks at a store that has told of nothing
_TROUBLE_S = 1.0
_THROTTLING = ("ThrottlingException", "TooManyRequestsException", "Throttling", "LimitExceededException")

INTERNAL = "INTERNAL"  # the code of a failure that is our own mistake

Pause = Callable[[Delivery, int, Callable[[], float]], int]


def full_jitter(attempts: int, chance: Callable[[], float]) -> int:
    """Milliseconds to wait after so many failed attempts: anything up to a limit that doubles each time."""
    return 1 + int(chance() * min(_LONGEST_PAUSE_MS, _FIRST_PAUSE_MS << min(attempts - 1, 20)))


def _usual_pause(delivery: Delivery, attempts: int, chance: Callable[[], float]) -> int:
    return full_jitter(attempts, chance)


def _keep(tx: Tx, delivery: Delivery, failure: Failure) -> bool:
    return False


def _unobserved(*_: object) -> None:
    """Nobody looks."""


@dataclass(frozen=True, slots=True)
class Handler:
    """How deliveries of a kind are made: `inside` or `outside`. Both raise DeliveryError, Undeliverable or ApiError.

    `dead` is told of one that is given up, in the unit that does so; if it returns True the delivery is removed, else
    kept for somebody to look at. `done` runs in the unit that removes what has arrived, `failed` in the one that puts
    off what has not. `pause` says how long to wait after so many failures of one (ms).
    """

    inside: Callable[[Tx, Delivery], None] | None = None
    outside: Callable[[Delivery], Awaitable[None]] | None = None
    dead: Callable[[Tx, Delivery, Failure], bool] = _keep
    done: Callable[[Tx, Delivery], None] = _unobserved
    failed: Callable[[Tx, Delivery, Failure], None] = _unobserved
    pause: Pause = _usual_pause


class Deliver:
    """A loop over the lanes. A lane in which something failed goes one by one until something arrives again, so that
    targets that do not answer take up little; nobody waits for them but what is for them.

    `observe` hears of each attempt: the delivery's kind, and whether it arrived, failed, or is dead now.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        clock: Clock,
        handlers: Mapping[str, Handler],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._handlers = handlers
        self._chance = chance
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._busy: Counter[str] = Counter()  # how many of each lane are under way
        self._ill: set[str] = set()
        self._news = asyncio.Event()
        self.observe: Callable[[str, str], None] = _unobserved
        store.listen(self._hear)

    async def run(self) -> None:
        try:
            while True:
                self._news.clear()
                wait_s = self.begin_due()
                try:
                    async with asyncio.timeout(wait_s):
                        await self._news.wait()
                except TimeoutError:
                    continue
        finally:
            for task in self._under_way.values():
                task.cancel()

    def _hear(self, topic: str) -> None:
        if topic == DELIVERIES:
            self._news.set()

    async def settle(self) -> None:
        """Until nothing is due or under way: for tests and simulation."""
        self.begin_due()
        while self._under_way:
            await asyncio.wait(self._under_way.values())
            self.begin_due()

    def begin_due(self) -> float:
        """Begin what is due; returns seconds until there may be more without news."""
        now = self._clock.now_ms()
        try:
            with self._store.read() as tx:
                lanes = tx.deliveries.lanes()
                next_ones = [self._next_of(tx, lane, now) for lane, at in lanes.items() if at <= now]
        except StoreError as error:
            log.warning("deliveries wait: %s", error)
            return _TROUBLE_S
        due = (one for rank in zip_longest(*next_ones) for one in rank if one is not None)  # each lane's first, first
        for delivery in islice(due, max(0, _AT_ONCE - len(self._under_way))):
            self._begin(delivery)
        later = [at for at in lanes.values() if at > now]
        return min((min(later) - now) / 1000, _LONGEST_S) if later else _LONGEST_S

    def _next_of(self, tx: Tx, lane: str, now: int) -> list[Delivery]:
        room = 1 if lane in self._ill else _A_LANE
        if self._busy[lane] >= room:
            return []
        return [one for one in tx.deliveries.due(lane, now, room) if one.number not in self._under_way]

    def _begin(self, delivery: Delivery) -> None:
        task = asyncio.create_task(self._deliver(delivery), name=f"delivery {delivery.number}")
        self._under_way[delivery.number] = task
        self._busy[delivery.lane] += 1
        task.add_done_callback(lambda _: self._end(delivery))

    def _end(self, delivery: Delivery) -> None:
        del self._under_way[delivery.number]
        self._busy[delivery.lane] -= 1
        if not self._busy[delivery.lane]:
            del self._busy[delivery.lane]
        self._news.set()

    async def _deliver(self, delivery: Delivery) -> None:
        """One attempt, and what it came to."""
        kind = str(delivery.body.get("kind"))
        handler = self._handlers.get(kind, _UNKNOWN)
        try:
            await self._attempt(handler, delivery)
            self._ill.discard(delivery.lane)
            self.observe(kind, "arrived")
        except NotYet as held:
            until = held.until_ms
            await self._write(lambda tx: tx.deliveries.hold(delivery.number, until))
        except StoreError as error:
            log.warning("a delivery waits: %s", error)
            await asyncio.sleep(_TROUBLE_S)
        except Exception as error:  # noqa: BLE001 - whatever happens to one, the others go on
            self._ill.add(delivery.lane)
            failure = self._verdict(delivery, error)
            self.observe(kind, "dead" if failure.is_final else "failed")
            await self._write(lambda tx: self._fail(tx, handler, delivery, failure))

    async def _attempt(self, handler: Handler, delivery: Delivery) -> None:
        if handler.outside is not None:
            await handler.outside(delivery)

        def work(tx: Tx) -> None:
            if handler.inside is not None:
                handler.inside(tx, delivery)
            handler.done(tx, delivery)
            tx.deliveries.remove(delivery.number)

        await self._writer.write(work)

    async def _write(self, work: Callable[[Tx], None]) -> None:
        """What became of an attempt; if it cannot be written the attempt is made again."""
        try:
            await self._writer.write(work)
        except Exception as error:  # nobody awaits this task
            log.error("the outcome of a delivery is lost", exc_info=error)
            await asyncio.sleep(_TROUBLE_S)

    def _verdict(self, delivery: Delivery, error: Exception) -> Failure:
        code, message, may_work = _read(error)
        if code == INTERNAL:
            log.error("delivery %d to %s failed", delivery.number, delivery.lane, exc_info=error)
        failure = Failure(code, message, delivery.attempts + 1)
        if not may_work:
            return replace(failure, is_final=True)
        if failure.attempts >= delivery.body.get("max_attempts", MOST_ATTEMPTS):
            return replace(failure, is_final=True, exhausted="MaximumRetryAttempts")
        age_ms = self._clock.now_ms() - delivery.first_due_at
        if age_ms >= delivery.body.get("max_age_s", MOST_AGE_S) * 1000:
            return replace(failure, is_final=True, exhausted="MaximumEventAgeInSeconds")
        return failure

    def _fail(self, tx: Tx, handler: Handler, delivery: Delivery, failure: Failure) -> None:
        problem, now = f"{failure.code}: {failure.message}", self._clock.now_ms()
        if not failure.is_final:
            handler.failed(tx, delivery, failure)
            pause = handler.pause(delivery, failure.attempts, self._chance)
            tx.deliveries.put_off(delivery.number, now + pause, problem)
        elif handler.dead(tx, delivery, failure):
            tx.deliveries.remove(delivery.number)
        else:
            tx.deliveries.bury(delivery.number, now, problem)


def _read(error: Exception) -> tuple[str, str, bool]:
    """Code, text, and whether another attempt may work."""
    if isinstance(error, DeliveryError):
        return error.code, str(error), not isinstance(error, Undeliverable)
    if isinstance(error, ApiError):
        is_passing = error.code in _THROTTLING or (error.status or 400) in (500, 502, 503, 504, 429)
        return error.code, error.message, is_passing
    return INTERNAL, "an internal error occurred", True


def _refuse(tx: Tx, delivery: Delivery) -> None:
    raise Undeliverable("UNKNOWN_KIND", f"nothing here delivers {delivery.body.get('kind')!r}")


_UNKNOWN = Handler(inside=_refuse)
