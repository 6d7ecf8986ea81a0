"""capacityLimits, of service environments and of quota shares. Pure. [batch.md 7.4, 7.9]"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from batchd.scheduler.events import CapacityLimit
from batchd.scheduler.service import NUM_INSTANCES
from batchd.services.batch.faults import Invalid
from batchd.store.store import Body

_MOST_LIMITS = 5
_LARGEST = 2**31 - 1
_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]{1,32}\.[a-z0-9-]{1,32}")


def limits_shape(limits: Sequence[Mapping[str, Any]], *, may_count_all: bool = True) -> list[Body]:
    """As stored and described: one to five, each unit once, and NUM_INSTANCES (where `may_count_all`) by itself.

    Raises Invalid.
    """
    if not 1 <= len(limits) <= _MOST_LIMITS:
        raise Invalid(f"capacityLimits must have 1 to {_MOST_LIMITS} entries")
    found = [_limit(limit) for limit in limits]
    units = [limit["capacityUnit"] for limit in found]
    if len(set(units)) < len(units):
        raise Invalid("capacityLimits must not repeat a value of capacityUnit")
    if NUM_INSTANCES in units and not may_count_all:
        raise Invalid("capacityLimits.capacityUnit must be an instance type")
    if NUM_INSTANCES in units and len(units) > 1:
        raise Invalid("capacityLimits must have either NUM_INSTANCES or instance types")
    return found


def capacity_limits(limits: Sequence[Mapping[str, Any]]) -> tuple[CapacityLimit, ...]:
    """The scheduler's form of valid limits."""
    return tuple(CapacityLimit(limit["capacityUnit"], limit["maxCapacity"]) for limit in limits)


def counts_all(limits: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the limit is one of all instances together, and not one for each type."""
    return any(limit["capacityUnit"] == NUM_INSTANCES for limit in limits)


def _limit(limit: Mapping[str, Any]) -> Body:
    most, unit = limit.get("maxCapacity"), limit.get("capacityUnit")
    if most is None or not 0 <= most <= _LARGEST:
        raise Invalid("capacityLimits.maxCapacity must not be negative or missing")
    if unit != NUM_INSTANCES and not (unit and _INSTANCE_TYPE.fullmatch(unit)):
        raise Invalid(f"capacityLimits.capacityUnit must be {NUM_INSTANCES} or an instance type such as ml.m5.large")
    return {"maxCapacity": most, "capacityUnit": unit}
