"""What a bus does with an event: which rules and archives want it, and what is delivered because of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchd.gateway.operation import Context
from batchd.matching.patterns import compile_pattern, flatten
from batchd.services.events.archives import ARCHIVE, keep_event
from batchd.services.events.buses import RULE
from batchd.services.events.index import PatternIndex
from batchd.services.events.rules import STAMP, is_enabled
from batchd.store.store import Body, BusRecord, Key, Tx

KIND = "events.target"  # of deliveries that call an operation
CALL = "events.call"  # and of those to API destinations
_LARGEST_RECORD = 2_000  # characters of a detail that is kept to be looked at
_KEPT_BUSES = 256


@dataclass(frozen=True, slots=True)
class Bus:
    """The rules and archives of a bus as of one change of it."""

    wanting: tuple[Body, ...]  # documents, in order of the index
    always: tuple[Body, ...]  # archives without a pattern
    index: PatternIndex

    def wants(self, event: Body) -> list[Body]:
        return [*(self.wanting[place] for place in self.index.matching(flatten(event))), *self.always]

    def may_want(self, known: Mapping[str, Any]) -> bool:
        """Whether an event of which so much is known may be wanted."""
        return bool(self.always) or self.index.may_match(known)


_buses: dict[tuple[str, str], tuple[str, Bus]] = {}  # with the stamp of the state that each was made of


def bus_of(tx: Tx, region: str, name: str) -> Bus | None:
    """None where nobody has ever wanted anything of the bus."""
    stamp = tx.resources.get(Key(STAMP, region, name))
    if stamp is None:
        return None
    kept = _buses.get((region, name))
    if kept is not None and kept[0] == stamp["stamp"]:
        return kept[1]
    if len(_buses) >= _KEPT_BUSES:
        _buses.clear()
    bus = _read_bus(tx, region, name)
    _buses[region, name] = (stamp["stamp"], bus)
    return bus


def _read_bus(tx: Tx, region: str, name: str) -> Bus:
    rules = [body for _, body in tx.resources.page(RULE, region, prefix=f"{name}/") if body["bus"] == name]
    wanting = [body for body in rules if "EventPattern" in body and is_enabled(body)]
    archives = [body for _, body in tx.resources.page(ARCHIVE, region) if body["bus"] == name]
    wanting += [body for body in archives if "EventPattern" in body]
    always = tuple(body for body in archives if "EventPattern" not in body)
    return Bus(tuple(wanting), always, PatternIndex([compile_pattern(body["EventPattern"]) for body in wanting]))


def publish(ctx: Context, name: str, event: Body, hops: int = 0, only: Sequence[str] | None = None) -> None:
    """Give an event to the rules of a bus, in this unit of work: to all, or `only` to those with these ARNs. `hops` are
    the buses it has come through."""
    bus = bus_of(ctx.tx, ctx.region, name)
    wanting = bus.wants(event) if bus else []
    if only:
        wanting = [body for body in wanting if body.get("Arn") in only]
    for body in wanting:
        if "targets" in body:
            deliver(ctx, body, event, hops)
        else:
            keep_event(ctx.tx, body, event)
    if wanting or not event["source"].startswith("aws."):  # there is no end of what AWS tells and nobody asks for
        matched = [body["Name"] for body in wanting if "targets" in body]
        record(ctx, name, "event", {"rules": matched, "event": _short(event)})


def deliver(ctx: Context, rule: Body, event: Body, hops: int = 0) -> None:
    """An event for each target of a rule."""
    for target in rule["targets"].values():
        policy = target.get("RetryPolicy", {})
        kind = CALL if ":api-destination/" in target["Arn"] else KIND
        body = {"kind": kind, "region": ctx.region, "bus": rule["bus"], "rule": rule["Arn"]}
        body |= {"target": target, "event": event, "at": ctx.now_ms, "hops": hops}
        if "MaximumRetryAttempts" in policy:
            body["max_attempts"] = policy["MaximumRetryAttempts"] + 1
        if "MaximumEventAgeInSeconds" in policy:
            body["max_age_s"] = policy["MaximumEventAgeInSeconds"]
        ctx.tx.deliveries.add(target["Arn"], ctx.now_ms, body)


def record(ctx: Context, bus: str, kind: str, body: Body) -> None:
    """For `batchd events tail`."""
    ctx.tx.bus_records.add(BusRecord(ctx.now_ms, ctx.region, bus, kind, body))


def _short(event: Body) -> Body:
    return event if len(str(event["detail"])) <= _LARGEST_RECORD else {**event, "detail": {"…": "too long to keep"}}
