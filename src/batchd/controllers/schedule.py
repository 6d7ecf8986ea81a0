"""Feeds what happened to the scheduler, and writes what it decides, in the very transaction that recorded it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from batchd.arns import parse_arn
from batchd.clock import Clock
from batchd.errors import StoreError
from batchd.scheduler.commands import Command
from batchd.scheduler.events import (
    CapacityLimit,
    ConsumableSaved,
    ConsumableSpec,
    DefinitionLimited,
    EnvironmentSaved,
    EnvironmentSpec,
    Event,
    FairShare,
    JobStatus,
    MachineSized,
    QueueSaved,
    QueueSpec,
    QuotaShare,
    Resources,
    TimeLimit,
)
from batchd.scheduler.scheduler import Scheduler
from batchd.scheduler.state import Pool, Step
from batchd.store.store import Body, Key, Store, Tx

log = logging.getLogger(__name__)
QUEUE = "batch.job-queue"
ENVIRONMENT = "batch.compute-environment"
SERVICE_ENVIRONMENT = "batch.service-environment"
DEFINITION_LIMIT = "batch.job-definition-limit"
CONSUMABLE = "batch.consumable-resource"
CONSUMABLE_USE = "batch.consumable-resource-use"  # named as the resource: how many of its units are held, or used up


def _unobserved(step: Step) -> None:
    """Nobody looks."""


class Schedule:
    """The journal's reader. `scheduler` is a cache of the tables: whenever a group is lost it is built again.

    `perform` receives the commands of each committed group, in order. `is_stale` asks for a step without news:
    after a start, and after a lost group, jobs may wait that nothing else would wake. `observe` sees each committed
    step, and must not mind its jobs changing later.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        machine: MachineSized,
        perform: Callable[[list[Command]], None],
        observe: Callable[[Step], None] = _unobserved,
    ) -> None:
        self._store = store
        self._clock = clock
        self._machine = machine
        self._perform = perform
        self._observe = observe
        self._pending: list[Command] = []
        self._must_repeat = False
        self._steps: list[Step] = []
        self.scheduler = Scheduler()
        self.is_stale = True
        self.restore()

    def restore(self) -> None:
        """Build the scheduler from the last commit; `scheduler.wanted()` then says what must be done again."""
        self._pending.clear()
        self._steps.clear()
        scheduler = Scheduler()
        with self._store.read() as tx:
            scheduler.step([*_specs(tx), self._machine], self._clock.now_ms())
            scheduler.restore(tx.jobs.live(), _drawn(tx), tx.shares.every())
        self.scheduler = scheduler
        self.is_stale = True

    def on_events(self, tx: Tx, events: Sequence[Event]) -> None:
        now = self._clock.now_ms()
        step = self.scheduler.step(events, now)
        tx.jobs.save(step.changed)
        tx.jobs.save_arrays(step.counted, step.reshaped, now)
        moved = [moved for moved in step.transitions if moved.status is not JobStatus.SUBMITTED]
        tx.journal.append_transitions(moved + step.blocked)
        if step.shares or step.forgotten:
            tx.shares.save(step.shares, step.forgotten)
        for pool in step.drawn:
            _save_use(tx, pool)
        self._pending.extend(step.commands)
        self._steps.append(step)

    def on_commit(self) -> None:
        self.is_stale = False
        commands, self._pending = self._pending, []
        if self._must_repeat:
            commands = self.scheduler.wanted()
        if commands:
            self._try_to_perform(commands)
        steps, self._steps = self._steps, []
        for step in steps:
            self._observe(step)

    def _try_to_perform(self, commands: list[Command]) -> None:
        """What tasks need may not be readable just now; then all that is wanted is repeated after the next step."""
        self._must_repeat = False
        try:
            self._perform(commands)
        except StoreError as error:
            log.warning("commands cannot be performed now, trying again: %s", error)
            self._must_repeat = self.is_stale = True

    def on_rollback(self) -> None:
        self.restore()


def _specs(tx: Tx) -> list[Event]:
    """Queues and environments as the services saved them."""
    found = [*tx.resources.every(ENVIRONMENT), *tx.resources.every(SERVICE_ENVIRONMENT)]
    environments = [EnvironmentSaved(_environment_spec(body["spec"])) for _, body in found]
    queues = [QueueSaved(_queue_spec(body["spec"])) for _, body in tx.resources.every(QUEUE)]
    consumables = [ConsumableSaved(ConsumableSpec(**body["spec"])) for _, body in tx.resources.every(CONSUMABLE)]
    limits = [DefinitionLimited(**body) for _, body in tx.resources.every(DEFINITION_LIMIT)]
    return [*environments, *queues, *consumables, *limits]


def _drawn(tx: Tx) -> dict[str, int]:
    """How many units of each consumable resource were held, or used up."""
    return {body["arn"]: body["used"] for _, body in tx.resources.every(CONSUMABLE_USE)}


def _save_use(tx: Tx, pool: Pool) -> None:
    arn = parse_arn(pool.name)
    if arn is not None:
        tx.resources.put(Key(CONSUMABLE_USE, arn.region, arn.name), {"arn": pool.name, "used": pool.used})


def _environment_spec(spec: Body) -> EnvironmentSpec:
    """From JSON; documents written before a member existed lack it."""
    largest = tuple(Resources(**instance) for instance in spec.get("largest", ()))
    capacity = tuple(CapacityLimit(**limit) for limit in spec.get("capacity", ()))
    return EnvironmentSpec(**{**spec, "largest": largest, "capacity": capacity})


def _queue_spec(spec: Body) -> QueueSpec:
    limits = tuple(TimeLimit(**limit) for limit in spec.get("limits", ()))
    fair_share = _fair_share(spec["fair_share"]) if spec.get("fair_share") else None
    shares = spec.get("quota_shares")
    return QueueSpec(
        **{
            **spec,
            "environments": tuple(spec["environments"]),
            "limits": limits,
            "fair_share": fair_share,
            "quota_shares": None if shares is None else tuple(_quota_share(share) for share in shares),
        }
    )


def _fair_share(policy: Body) -> FairShare:
    return FairShare(**{**policy, "weights": tuple((name, factor) for name, factor in policy["weights"])})


def _quota_share(share: Body) -> QuotaShare:
    return QuotaShare(**{**share, "limits": tuple(CapacityLimit(**limit) for limit in share["limits"])})
