"""DryRun: every EC2 operation can be asked whether it would succeed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from batchd.errors import ApiError
from batchd.gateway.operation import Context, Operation


def rehearsable(operations: dict[str, Operation]) -> dict[str, Operation]:
    """The operations, with DryRun: what would succeed ends in DryRunOperation, which undoes what was written."""
    return {
        name: Operation(_rehearsable(operation.function), operation.writes) for name, operation in operations.items()
    }


def _rehearsable(function: Callable[[Any, Context], Any]) -> Callable[[Any, Context], Any]:
    @wraps(function)
    def run(params: dict[str, Any], ctx: Context) -> Any:
        answer = function(params, ctx)
        if params.get("DryRun"):
            raise ApiError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
        return answer

    return run
