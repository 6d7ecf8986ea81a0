"""CloudWatch Logs: groups, streams, events, and the language to search them."""

from __future__ import annotations

from batchd.gateway.operation import Service, operations_of
from batchd.services.logs import groups, ingestion, metrics, policies, reading, searching, streams, tags

SERVICE = Service(
    "logs",
    operations_of([groups, tags, streams, ingestion, reading, searching, policies, metrics]),
    validation_code="InvalidParameterException",
)
