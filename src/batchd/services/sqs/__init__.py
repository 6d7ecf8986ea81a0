"""SQS: standard and FIFO queues whose messages are as durable as everything else here."""

from __future__ import annotations

from batchd.gateway.operation import Service, operations_of
from batchd.services.sqs import (
    attributes,
    deadletters,
    moves,
    permissions,
    queues,
    receiving,
    sending,
    settling,
    tags,
    wire,
)

SERVICE = Service(
    "sqs",
    operations_of([queues, attributes, sending, receiving, settling, deadletters, moves, permissions, tags]),
    validation_code="MissingRequiredParameterException",
    relaxed=frozenset({"QueueAttributeName", "MessageSystemAttributeName", "MessageSystemAttributeNameForSends"}),
    errors=wire.ERRORS,
    former_query=wire.FORMER_QUERY,
)
