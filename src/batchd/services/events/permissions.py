"""Who may put events on a bus: its resource policy, kept as it was given.

Callers of this account may always; other accounts do not exist here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from batchd.gateway.operation import Context, writes
from batchd.services.events.buses import bus_arn, bus_name, existing_bus, save_bus
from batchd.services.events.faults import invalid, not_found
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_events import type_defs as t

Statement = dict[str, Any]  # JSON


@writes
def put_permission(params: t.PutPermissionRequestTypeDef, ctx: Context) -> None:
    """A whole policy, or one statement of it."""
    bus = existing_bus(ctx, bus_name(ctx, params.get("EventBusName")))
    if "Policy" in params:
        _save(ctx, bus, _statements(params["Policy"]), params["Policy"])
        return
    statement = _statement(params, bus_arn(ctx, bus["Name"]))
    others = [one for one in _present(bus) if one.get("Sid") != statement["Sid"]]
    _save(ctx, bus, [*others, statement])


@writes
def remove_permission(params: t.RemovePermissionRequestTypeDef, ctx: Context) -> None:
    """ResourceNotFoundException where there is no such statement."""
    bus = existing_bus(ctx, bus_name(ctx, params.get("EventBusName")))
    if params.get("RemoveAllPermissions"):
        _save(ctx, bus, [])
        return
    present = _present(bus)
    kept = [one for one in present if one.get("Sid") != params.get("StatementId")]
    if len(kept) == len(present):
        raise not_found("Statement with the provided id does not exist.")
    _save(ctx, bus, kept)


def _statement(params: t.PutPermissionRequestTypeDef, resource: str) -> Statement:
    for member in ("StatementId", "Principal", "Action"):
        if not params.get(member):
            raise invalid(f"Parameter {member} must be specified.")
    principal = params["Principal"]
    statement: Statement = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"},
        "Action": params["Action"],
        "Resource": resource,
    }
    if condition := params.get("Condition"):
        statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
    return statement


def _statements(text: str) -> list[Statement]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("Statement"), (list, dict)):
        raise invalid("Parameter Policy is not valid.")
    statements = document["Statement"]
    return statements if isinstance(statements, list) else [statements]


def _present(bus: Body) -> list[Statement]:
    return _statements(bus["Policy"]) if "Policy" in bus else []


def _save(ctx: Context, bus: Body, statements: list[Statement], text: str = "") -> None:
    """A bus whose last statement has gone has no policy."""
    rest = {member: value for member, value in bus.items() if member != "Policy"}
    written = text or orjson.dumps({"Version": "2012-10-17", "Statement": statements}).decode()
    save_bus(ctx, {**rest, **({"Policy": written} if statements else {}), "changed": ctx.now_ms})
