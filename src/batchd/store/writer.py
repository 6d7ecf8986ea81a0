"""Group commit: units of work from many callers share one transaction and one fsync."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from batchd.errors import StoreError
from batchd.store.store import Outcome, Store, Tx

T = TypeVar("T")
GROUP_LIMIT = 256

_Unit = tuple[Callable[[Tx], Any], asyncio.Future[Any]]


class Writer:
    """The one door for writes of a running server. Belongs to one event loop."""

    def __init__(self, store: Store, group_limit: int = GROUP_LIMIT) -> None:
        self._store = store
        self._group_limit = group_limit
        self._waiting: deque[_Unit] = deque()
        self._loop_task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "commit")
        self._is_closed = False

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run the unit in the next group and return its result once that is durable.

        Raises what the unit raised, or StoreError where its group was lost; then nothing of it remains."""
        if self._is_closed:
            raise StoreError("the writer is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        if self._loop_task is None:
            self._loop_task = asyncio.create_task(self._commit_groups())
        return await future

    async def close(self) -> None:
        """Finish what was asked for; then refuse."""
        self._is_closed = True
        if self._loop_task is not None:
            await self._loop_task
        self._thread.shutdown()

    async def _commit_groups(self) -> None:
        loop = asyncio.get_running_loop()
        while group := self._take():
            outcomes = self._store.apply([work for work, _ in group])
            try:
                await loop.run_in_executor(self._thread, self._store.commit)
            except StoreError as error:
                self._store.settle(False)
                outcomes = [_lost(outcome, error) for outcome in outcomes]
            else:
                self._store.settle(True)
            for (_, future), outcome in zip(group, outcomes, strict=True):
                _answer(future, outcome)
        self._loop_task = None

    def _take(self) -> list[_Unit]:
        """The next group; a unit whose caller has gone away is not begun."""
        group: list[_Unit] = []
        while self._waiting and len(group) < self._group_limit:
            unit = self._waiting.popleft()
            if not unit[1].done():
                group.append(unit)
        return group


def _answer(future: asyncio.Future[Any], outcome: Outcome) -> None:
    if future.done():
        return
    if outcome.error is not None:
        future.set_exception(outcome.error)
    else:
        future.set_result(outcome.result)


def _lost(outcome: Outcome, error: StoreError) -> Outcome:
    if outcome.error is not None:
        return outcome
    lost = StoreError(str(error))
    lost.__cause__ = error
    return Outcome(error=lost)
