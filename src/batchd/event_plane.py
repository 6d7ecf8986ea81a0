"""How what happens reaches others: who knows how to make each kind of delivery, and the loop that does."""

from __future__ import annotations

from dataclasses import dataclass, field

from batchd.clock import Clock
from batchd.controllers.deliver import Deliver, Handler
from batchd.gateway.invoke import Operations
from batchd.store.store import Store
from batchd.store.writer import Writer


@dataclass(slots=True)
class EventPlane:
    """`handlers` are complete once it is connected to the operations that deliveries call."""

    handlers: dict[str, Handler]
    loops: tuple[Deliver, ...]
    operations: Operations | None = field(default=None)

    def connect(self, operations: Operations) -> None:
        """Before any loop runs."""
        self.operations = operations
        self.handlers.update(_handlers(operations))


def make_event_plane(store: Store, writer: Writer, clock: Clock) -> EventPlane:
    handlers: dict[str, Handler] = {}
    return EventPlane(handlers, (Deliver(store, writer, clock, handlers),))


def _handlers(operations: Operations) -> dict[str, Handler]:
    """By the `kind` of a delivery's body. An inside handler comes to operations through `operations.inside`."""
    return {}
