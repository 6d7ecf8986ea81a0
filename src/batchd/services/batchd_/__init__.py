"""batchd's own service: what AWS has no operation for. Signed and routed like any other."""

from __future__ import annotations

from pathlib import Path

from batchd.gateway.operation import Service, operations_of
from batchd.services.batchd_ import deliveries, history, operations, queues, reruns

MODELS = str(Path(__file__).parent / "models")
SERVICE = Service(
    "batchd",
    operations_of([deliveries, operations, queues, history, reruns]),
    validation_code="ClientException",
    models=MODELS,
)
