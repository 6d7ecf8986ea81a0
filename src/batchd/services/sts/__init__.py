"""The Security Token Service: who am I, and temporary credentials."""

from __future__ import annotations

from batchd.gateway.operation import Service, operations_of
from batchd.services.sts import operations

SERVICE = Service("sts", operations_of([operations]), validation_code="ValidationError")
