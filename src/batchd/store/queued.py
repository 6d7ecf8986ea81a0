"""Messages that wait in queues: what the store keeps of them, and in which order it hands them out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

Content = dict[str, Any]  # JSON, opaque to the store


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message on its way into a queue. Times are ms; it is not handed out before `due_at`.

    Messages of one `group` are handed out in the order they came in, and none of them while one is in flight.
    """

    message_id: str
    sent_at: int
    due_at: int
    content: Content
    group: str | None = None
    receives: int = 0
    first_received_at: int | None = None


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message in a queue. `number` is its place among all; a number may be given again when its message is gone, so
    it takes the id as well to tell two apart. In flight: received, and hidden until `due_at`."""

    number: int
    message_id: str
    sent_at: int
    due_at: int
    receives: int
    first_received_at: int | None
    received_at: int | None
    group: str | None
    content: Content

    def is_in_flight(self, now: int) -> bool:
        return self.receives > 0 and self.due_at > now

    def received(self, now: int, until: int) -> QueuedMessage:
        """As it is after being handed out."""
        first = now if self.first_received_at is None else self.first_received_at
        return replace(self, due_at=until, receives=self.receives + 1, received_at=now, first_received_at=first)

    def as_new(self, **changes: Any) -> NewMessage:
        """For another queue."""
        made = NewMessage(
            self.message_id, self.sent_at, self.due_at, self.content, self.group, self.receives, self.first_received_at
        )
        return replace(made, **changes)


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages a queue holds: ready to be received, in flight, and delayed."""

    ready: int
    in_flight: int
    delayed: int


class MessageTable(Protocol):
    """Messages by queue. A queue here is a number; what it is called and how it behaves its owner knows."""

    def open_queue(self, sequence: int = 0) -> int:
        """A new, empty queue; it numbers what comes in from behind `sequence` on."""

    def close_queue(self, queue: int) -> None:
        """What is in it is out of reach; `sweep` removes it, for there may be a million."""

    def sequence(self, queue: int) -> int:
        """How many messages have come in: the last one's number in the queue."""

    def add(self, queue: int, messages: Sequence[NewMessage]) -> None: ...
    def ready(self, queue: int, now: int, limit: int) -> list[QueuedMessage]:
        """What may be handed out now, the longest due first, as it is before. Of a group only its first ones."""

    def hide(self, messages: Iterable[QueuedMessage]) -> None:
        """Write down that these have been received."""

    def find(self, queue: int, number: int, message_id: str) -> QueuedMessage | None: ...
    def set_due(self, message: QueuedMessage, due_at: int) -> None: ...
    def remove(self, queue: int, messages: Sequence[QueuedMessage]) -> None:
        """For ever. The next ones of their groups may be handed out when they are due."""

    def next_due(self, queue: int, now: int) -> int | None:
        """When the next message becomes ready by itself, later than now."""

    def depth(self, queue: int, now: int) -> Depth: ...
    def expire(self, queue: int, before: int, limit: int) -> int:
        """Remove those at the front that were sent before a time; how many. What was received lately may escape."""

    def sweep(self, limit: int) -> int:
        """Remove what is left of closed queues; how many messages."""


class RecentTable(Protocol):
    """Ids that were used a moment ago, each in a scope, with what came of them: how duplicates are known."""

    def get(self, scope: str, name: str, since: int) -> Content | None:
        """What came of it, if it was used at this time (ms) or later."""

    def put(self, scope: str, name: str, at: int, content: Content) -> None: ...
    def trim(self, before: int, limit: int) -> int:
        """Forget what was used before a time; how many."""
