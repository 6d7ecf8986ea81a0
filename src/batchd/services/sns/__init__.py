"""SNS: topics whose messages reach queues, functions and HTTP endpoints, at least once."""

from __future__ import annotations

from batchd.gateway.operation import Service, operations_of
from batchd.services.sns import permissions, publishing, subscriptions, tags, topics

SERVICE = Service(
    "sns",
    operations_of([topics, publishing, subscriptions, permissions, tags]),
    validation_code="ValidationError",
)
