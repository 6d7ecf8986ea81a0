"""Systems Manager, as far as it is Parameter Store: parameters with versions and labels; values are sealed."""

from __future__ import annotations

from batchd.gateway.operation import Service, operations_of
from batchd.services.ssm import describing, history, parameters, putting, reading, tags

SERVICE = Service("ssm", operations_of([putting, reading, history, describing, parameters, tags]))
