"""EventBridge Scheduler: schedules with time zones and windows, in groups, that call any operation."""

from __future__ import annotations

from batchd.gateway.operation import Service, operations_of
from batchd.services.scheduler_ import groups, schedules

SERVICE = Service("scheduler", operations_of([groups, schedules]))
