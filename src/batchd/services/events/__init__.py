"""EventBridge: buses, rules that watch them or the clock, and targets that hear of it."""

from __future__ import annotations

from batchd.gateway.operation import Service, operations_of
from batchd.services.events import (
    archives,
    buses,
    connections,
    destinations,
    permissions,
    putting,
    replays,
    rules,
    tags,
    targets,
)

SERVICE = Service(
    "events",
    operations_of([archives, buses, connections, destinations, permissions, putting, replays, rules, tags, targets]),
)
