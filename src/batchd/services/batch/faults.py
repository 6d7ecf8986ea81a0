"""How this service says no. Always a ClientException; some texts come wrapped, as AWS's do. [batch.md 0.4]"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from batchd.errors import ApiError, BatchdError
from batchd.gateway.operation import Context


class Invalid(BatchdError):
    """The request breaks a rule whose text AWS wraps: raised by modules that know no request id."""


R = TypeVar("R")
P = TypeVar("P")


def wrapping(function: Callable[[P, Context], R]) -> Callable[[P, Context], R]:
    """Answer Invalid as `Error executing request, Exception : <text>, RequestId: <id>`."""

    @functools.wraps(function)
    def answer(params: P, ctx: Context) -> R:
        try:
            return function(params, ctx)
        except Invalid as fault:
            text = f"Error executing request, Exception : {fault}, RequestId: {ctx.request_id}"
            raise client_exception(text) from fault

    return answer


def client_exception(text: str) -> ApiError:
    return ApiError("ClientException", text)


def missing(kind: str, name: str) -> ApiError:
    """Terraform takes `does not exist` for "gone already". [batch.md 0.4]"""
    return client_exception(f"{kind} {name} does not exist")


def refuse_unsupported(members: dict[str, Any]) -> None:
    """Refuse the first member that was sent; empty ones ask for nothing (Airflow sends `arrayProperties: {}`)."""
    for member, value in members.items():
        if value:
            unsupported(member)


def unsupported(member: str) -> NoReturn:
    raise client_exception(f"{member} is not supported by this server")
