"""Targets: where the events that a rule matches go. [events.md 7]"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchd.gateway.operation import Context, reads, writes
from batchd.services.events.buses import bus_name
from batchd.services.events.faults import limit_exceeded
from batchd.services.events.paging import cut_page, read_token
from batchd.services.events.rules import existing_rule, save_rule
from batchd.services.events.target_rules import check_target
from batchd.store.store import Body

if TYPE_CHECKING:
    from types_boto3_events import type_defs as t

_MOST = 5
_MOST_A_CALL = 10


@writes
def put_targets(params: t.PutTargetsRequestTypeDef, ctx: Context) -> Body:
    """Each target replaces the one of its id. All or none."""
    rule = existing_rule(ctx, bus_name(ctx, params.get("EventBusName")), params["Rule"])
    if len(params["Targets"]) > _MOST_A_CALL:
        raise limit_exceeded()
    for target in params["Targets"]:
        check_target(dict(target))
    targets = {**rule["targets"], **{target["Id"]: target for target in params["Targets"]}}
    if len(targets) > _MOST:
        raise limit_exceeded()
    save_rule(ctx, {**rule, "targets": targets})
    return {"FailedEntryCount": 0, "FailedEntries": []}


@writes
def remove_targets(params: t.RemoveTargetsRequestTypeDef, ctx: Context) -> Body:
    """Ids that are not there are removed already."""
    rule = existing_rule(ctx, bus_name(ctx, params.get("EventBusName")), params["Rule"])
    kept = {name: target for name, target in rule["targets"].items() if name not in params["Ids"]}
    if kept != rule["targets"]:
        save_rule(ctx, {**rule, "targets": kept})
    return {"FailedEntryCount": 0, "FailedEntries": []}


@reads
def list_targets_by_rule(params: t.ListTargetsByRuleRequestTypeDef, ctx: Context) -> Body:
    """As they were put, by id."""
    rule = existing_rule(ctx, bus_name(ctx, params.get("EventBusName")), params["Rule"])
    targets: dict[str, dict[str, Any]] = rule["targets"]  # Any: as the model has them
    after = read_token(params.get("NextToken"))
    page, more = cut_page(sorted(name for name in targets if name > after), params.get("Limit"))
    return {"Targets": [targets[name] for name in page], **more}
