"""How what happens reaches others: who knows how to make each kind of delivery and what each tick means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import partial

from batchd.clock import Clock
from batchd.config import Settings
from batchd.controllers.deliver import Deliver, Handler
from batchd.controllers.notify import Notify
from batchd.controllers.post import Post
from batchd.controllers.ticks import Source, Tick, Ticks
from batchd.destination_plane import Destinations
from batchd.gateway.invoke import Operations
from batchd.gateway.operation import Caller, Context
from batchd.scheduler.events import JobStatus
from batchd.services.batch.state_change import SOURCE as BATCH
from batchd.services.batch.telling import events_of
from batchd.services.events import reaching, ticking
from batchd.services.events.bus import CALL as EVENT_CALL
from batchd.services.events.bus import KIND as EVENT_TARGET
from batchd.services.events.bus import Bus, bus_of, publish
from batchd.services.events.buses import DEFAULT
from batchd.services.events.principals import PRINCIPAL
from batchd.services.events.replays import REPLAY, replay_some
from batchd.services.events.rules import STAMP
from batchd.services.events.rules import TICKS as RULES
from batchd.services.scheduler_ import firing
from batchd.services.scheduler_.schedules import TICKS as SCHEDULES
from batchd.services.sqs.moves import MOVE, move_some
from batchd.store.store import Body, Delivery, Store, Tx
from batchd.store.writer import Writer
from batchd.topic_plane import topic_handlers

_DEAD_MS = 14 * 86_400_000
_DEAD_AT_ONCE = 500


@dataclass(slots=True)
class EventPlane:
    """`handlers` and `sources` are complete once it is connected to the operations that they call."""

    account: str
    store: Store
    clock: Clock
    default_bus: DefaultBus
    handlers: dict[str, Handler] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    loops: tuple[Deliver | Ticks | Notify, ...] = ()
    post: Post = field(default_factory=Post)

    def connect(self, operations: Operations) -> None:
        """Before any loop runs."""
        destinations = Destinations(self.store, self.clock, self.post.ask, operations.inside)
        self.handlers.update(_handlers(operations, destinations), **topic_handlers(operations, self.post))
        self.sources.update(_sources(operations, self.account))
        self.default_bus.operations = operations


def make_event_plane(
    store: Store, writer: Writer, clock: Clock, settings: Settings, observe: Callable[[str, str], None]
) -> EventPlane:
    bus = DefaultBus(settings.account)
    plane = EventPlane(settings.account, store, clock, bus)
    deliver = Deliver(store, writer, clock, plane.handlers)
    deliver.observe = observe
    plane.loops = (
        deliver,
        Ticks(store, writer, clock, plane.sources, settings.leave_out_missed),
        Notify(store, writer, bus, events_of),
    )
    return plane


def forget_dead(tx: Tx, now: int) -> int:
    """Delete some of the deliveries that were given up a fortnight ago; returns how many."""
    return tx.deliveries.trim_dead(now - _DEAD_MS, _DEAD_AT_ONCE)


@dataclass(slots=True)
class DefaultBus:
    """`notify.Bus` over EventBridge: what services tell goes to the default bus of their region."""

    account: str
    operations: Operations | None = None
    _known: dict[str, tuple[Bus, frozenset[JobStatus]]] = field(default_factory=dict)  # by region, while a bus lasts

    def interested(self, tx: Tx) -> Mapping[str, Set[JobStatus]]:
        regions = [key.region for key, _ in tx.resources.every(STAMP) if key.name == DEFAULT]
        wanted = {region: self._wanted(tx, region) for region in regions}
        return {region: statuses for region, statuses in wanted.items() if statuses}

    def tell(self, tx: Tx, event: Body) -> None:
        assert self.operations is not None, "the plane is connected before its loops run"
        ctx = self.operations.inside(tx, Caller.service(self.account, PRINCIPAL), event["region"])
        publish(ctx, DEFAULT, event)

    def _wanted(self, tx: Tx, region: str) -> frozenset[JobStatus]:
        bus = bus_of(tx, region, DEFAULT)
        if bus is None:
            return frozenset()
        known = self._known.get(region)
        if known is None or known[0] is not bus:
            known = self._known[region] = (bus, frozenset(status for status in JobStatus if _may_want(bus, status)))
        return known[1]


def _may_want(bus: Bus, status: JobStatus) -> bool:
    """A service job is told to be SCHEDULED when it is STARTING."""
    told = [status.value, "SCHEDULED"] if status is JobStatus.STARTING else [status.value]
    return any(bus.may_want({"source": BATCH, "detail.status": one}) for one in told)


def _handlers(operations: Operations, destinations: Destinations) -> dict[str, Handler]:
    """By the `kind` of a delivery's body. An inside handler comes to operations through `operations.inside`."""
    enter = operations.inside
    event = Handler(
        inside=partial(reaching.deliver_target, enter),
        done=partial(reaching.on_delivered, enter),
        failed=partial(reaching.on_failed, enter),
        dead=partial(reaching.on_dead, enter),
    )
    return {
        EVENT_TARGET: event,
        EVENT_CALL: replace(event, inside=None, outside=destinations.deliver),
        REPLAY: Handler(inside=partial(_for_itself, operations, PRINCIPAL, replay_some)),
        firing.TARGET: Handler(
            inside=partial(firing.deliver_schedule, enter),
            dead=partial(firing.bury_schedule, enter),
        ),
        MOVE: Handler(inside=partial(_for_itself, operations, "sqs.amazonaws.com", move_some)),
    }


def _for_itself(
    operations: Operations, principal: str, work: Callable[[Context, Delivery], None], tx: Tx, delivery: Delivery
) -> None:
    """A service's own work, in the region of the delivery."""
    caller = Caller.service(operations.account, principal)
    work(operations.inside(tx, caller, delivery.body["region"]), delivery)


def _sources(operations: Operations, account: str) -> dict[str, Source]:
    """By the source of a tick."""
    caller = Caller.service(account, PRINCIPAL)

    def fire_rule(tx: Tx, tick: Tick) -> int | None:
        region, _, name = tick.name.partition("/")
        how = ticking.LEFT_OUT if tick.is_left_out else ticking.MISSED if tick.is_missed else ticking.ON_TIME
        return ticking.fire_rule(operations.inside(tx, caller, region), name, tick.due_at, how)

    scheduler = Caller.service(account, firing.PRINCIPAL)

    def fire_one(tx: Tx, tick: Tick) -> int | None:
        region, group, name = tick.name.split("/")
        ctx = operations.inside(tx, scheduler, region)
        return firing.fire_schedule(ctx, group, name, tick.due_at, is_left_out=tick.is_left_out)

    return {RULES: fire_rule, SCHEDULES: fire_one}
