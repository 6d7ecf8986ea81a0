"""Requests that wait: parked until what they wait for is told, or their time is over."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import TypeVar

from batchd.clock import Clock
from batchd.errors import BatchdError

T = TypeVar("T")
Gone = Callable[[], Awaitable[None]]  # returns when the client has gone away


class ClientGone(BatchdError):
    """Nobody waits for the answer any more."""


async def never() -> None:
    """For requests whose client cannot be seen going away."""
    await asyncio.Event().wait()


async def unless_gone(answer: Awaitable[T], gone: Gone) -> T:
    """What is awaited, or what it raises; it is cancelled, and ClientGone raised, when the client goes away.

    Who is gone when the answer comes is gone: what was for him is left to others."""
    done, left = asyncio.ensure_future(answer), asyncio.ensure_future(gone())
    try:
        await asyncio.wait((done, left), return_when=asyncio.FIRST_COMPLETED)
        if left.done():
            raise ClientGone("the client went away")
        return done.result()
    finally:
        done.cancel()
        left.cancel()


class Topics:
    """Who waits for which topic, in the order in which they came.

    `tell` wakes one, who has waited longest; that one passes the news on when it has been served or is gone. So news
    for which a hundred wait costs as many looks as there is to have, and nobody is overtaken. Those that wait for one
    topic must want the same thing. On the loop's thread only.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.is_closed = False
        self._waiting: dict[str, list[Turn]] = {}
        self._places = count(1)

    def tell(self, topic: str) -> None:
        """There may be something for those that wait for this topic."""
        waiting = self._waiting.get(topic)
        if waiting:
            first = waiting[0]
            self.remove(first)
            first.wake()

    def close(self) -> None:
        """Nobody waits any more, from now on: everybody has to do with what there is."""
        self.is_closed = True
        for topic in list(self._waiting):
            while topic in self._waiting:
                self.tell(topic)

    def add(self, turn: Turn) -> None:
        """Whoever waits again has the place of its first wait."""
        turn.place = turn.place or next(self._places)
        insort(self._waiting.setdefault(turn.topic, []), turn, key=lambda other: other.place)

    def remove(self, turn: Turn) -> None:
        waiting = self._waiting.get(turn.topic, [])
        if turn in waiting:
            waiting.remove(turn)
        if not waiting:
            self._waiting.pop(turn.topic, None)

    async def pause(self, woken: asyncio.Event, until_ms: int, gone: Gone) -> None:
        """Until woken, or the time. Raises ClientGone."""
        timeout_s = max(until_ms - self.clock.now_ms(), 1) / 1000
        await unless_gone(_until(woken, timeout_s), gone)


class Turn:
    """One request's waits."""

    __slots__ = ("_topics", "_woken", "place", "topic")

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._woken: asyncio.Event | None = None
        self.place = 0
        self.topic = ""

    def enter(self, topic: str) -> None:
        """Told from this moment on: to be called in the very step that found nothing to answer."""
        self._topics.remove(self)
        self.topic = topic
        self._woken = asyncio.Event()
        self._topics.add(self)

    def wake(self) -> None:
        if self._woken is not None:
            self._woken.set()

    async def wait(self, until_ms: int, gone: Gone) -> bool:
        """Whether to try again; False where nobody may wait any more. Raises ClientGone."""
        if self._topics.is_closed or self._woken is None:
            return False
        await self._topics.pause(self._woken, until_ms, gone)
        return not self._topics.is_closed

    def leave(self) -> None:
        """Served or gone. The next one has a look: there may be more, and only this one knew when to look again."""
        if self.topic:
            self._topics.remove(self)
            self._topics.tell(self.topic)


async def _until(woken: asyncio.Event, timeout_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await woken.wait()
