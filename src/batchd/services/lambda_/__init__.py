"""Lambda: functions, their versions, aliases, layers and permissions, and how they are invoked."""

from __future__ import annotations

from batchd.gateway.operation import Service, operations_of
from batchd.services.lambda_ import (
    aliases,
    event_invoke,
    functions,
    invoking,
    layers,
    mappings,
    permissions,
    settings,
    updates,
    versions,
)

SERVICE = Service(
    "lambda",
    operations_of(
        [functions, updates, versions, aliases, permissions, settings, layers, event_invoke, mappings, invoking],
    ),
    validation_code="ValidationException",
    relaxed=frozenset({"Runtime"}),
)
