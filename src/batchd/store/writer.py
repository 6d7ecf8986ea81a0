"""Group commit: units of work from many callers share one transaction and one fsync."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from time import perf_counter
from typing import Any, TypeVar

from batchd.errors import EventsRefused, StoreError
from batchd.store.store import Outcome, Store, Tx

T = TypeVar("T")
GROUP_LIMIT = 256

_Unit = tuple[Callable[[Tx], Any], asyncio.Future[Any]]
_Group = tuple[list[_Unit], list[Outcome]]


def _unobserved(units: int, seconds: float) -> None:
    """Nobody looks."""


class Writer:
    """The one door for writes of a running server; belongs to one event loop.

    Units wait while a commit is under way and then go together. What happens on the loop's thread and what on the
    other: apply and settle here, commit (an fsync) there. The units of a group over which a reader of the journal
    broke down are done again one by one, so that the one to blame fails alone. `broken` is set when nothing can be
    written any more. `observe` hears of each group: units, and seconds its commit took.
    """

    def __init__(
        self, store: Store, group_limit: int = GROUP_LIMIT, observe: Callable[[int, float], None] = _unobserved
    ) -> None:
        self._store = store
        self._observe = observe
        self._group_limit = group_limit
        self._waiting: deque[_Unit] = deque()
        self._applied: SimpleQueue[_Group | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._alone = 0  # how many of those that wait are each to be a group of their own
        self._is_busy = False
        self.broken = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._refusal: str | None = None

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run the unit in the next group; its result comes once that is durable.

        Raises what the unit raised, or StoreError where its group was lost; then nothing of it remains. A unit may be
        run more than once."""
        if self._refusal is not None:
            raise StoreError(self._refusal)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append((work, future))
        if not self._is_busy:
            self._is_busy = True
            self._idle.clear()
            loop.call_soon(self._begin_group)  # other writes of this turn of the loop come along
        return await future

    async def close(self) -> None:
        """Finish what was asked for, and refuse from now on."""
        self._refusal = self._refusal or "the writer is closed"
        await self._idle.wait()
        if self._thread is not None:
            self._applied.put(None)
            self._thread.join()
            self._thread = None

    def _begin_group(self) -> None:
        units = self._take()
        if not units:
            self._is_busy = False
            self._idle.set()
            return
        try:
            outcomes = self._store.apply([work for work, _ in units])
        except Exception as error:  # noqa: BLE001 - callers must not wait for ever
            self._stop(units, error)
            return
        self._start_thread()
        self._applied.put((units, outcomes))

    def _take(self) -> list[_Unit]:
        """The next group; a unit whose caller has gone away is not begun."""
        units: list[_Unit] = []
        limit = 1 if self._alone else self._group_limit
        while self._waiting and len(units) < limit:
            unit = self._waiting.popleft()
            self._alone = max(self._alone - 1, 0)
            if not unit[1].done():
                units.append(unit)
        return units

    def _start_thread(self) -> None:
        if self._thread is None:
            loop = asyncio.get_running_loop()
            self._thread = Thread(target=self._commit_groups, args=(loop,), name="commit", daemon=True)
            self._thread.start()

    def _commit_groups(self, loop: asyncio.AbstractEventLoop) -> None:
        """On the other thread."""
        while (group := self._applied.get()) is not None:
            error: Exception | None = None
            began = perf_counter()
            try:
                self._store.commit()
            except Exception as failure:  # noqa: BLE001 - it is the callers' to know
                error = failure
            loop.call_soon_threadsafe(self._end_group, group, error, perf_counter() - began)

    def _end_group(self, group: _Group, error: Exception | None, seconds: float) -> None:
        units, outcomes = group
        self._observe(len(units), seconds)
        try:
            self._store.settle(error is None)
        except Exception as failure:  # noqa: BLE001 - a follower that failed here has lost track of the tables
            self._answer(units, outcomes, error)
            self._stop([], failure)
            return
        self._answer(units, outcomes, error)
        self._begin_group()

    def _answer(self, units: Sequence[_Unit], outcomes: Sequence[Outcome], error: Exception | None) -> None:
        again: list[_Unit] = []
        for unit, outcome in zip(units, outcomes, strict=True):
            future = unit[1]
            if future.done():
                continue
            failure = outcome.error or (_store_error(error) if error is not None else None)
            if isinstance(failure, StopIteration):  # a future refuses it
                failure = RuntimeError("a unit of work raised StopIteration")
            if isinstance(failure, EventsRefused) and len(units) > 1:
                again.append(unit)
            elif failure is not None:
                future.set_exception(failure)
            else:
                future.set_result(outcome.result)
        self._waiting.extendleft(reversed(again))
        self._alone += len(again)

    def _stop(self, units: Sequence[_Unit], error: Exception) -> None:
        """Nothing more can be written: say so to everybody, and to the loop's owner."""
        self._refusal = f"the writer has stopped: {error!r}"
        for _, future in (*units, *self._waiting):
            if not future.done():
                future.set_exception(_store_error(error))
        self._waiting.clear()
        self._is_busy = False
        self._idle.set()
        self.broken.set()
        context = {"message": "the store's writer has stopped", "exception": error}
        asyncio.get_running_loop().call_exception_handler(context)


def _store_error(error: Exception) -> StoreError:
    """One a caller, for each adds its own traceback."""
    failure = StoreError(str(error))
    failure.__cause__ = error
    return failure
