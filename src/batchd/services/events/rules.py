"""Rules: what a bus looks for in events, or when it speaks up by itself; targets are part of them. [events.md 7]"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchd.gateway.operation import Context, reads, writes
from batchd.matching.operators import BadPattern
from batchd.matching.patterns import compile_pattern
from batchd.schedules import At, BadSchedule, Cron, Rate, parse_schedule
from batchd.services.events.buses import DEFAULT, RULE, bus_name, existing_bus
from batchd.services.events.faults import bad_pattern, invalid, not_found
from batchd.services.events.paging import cut_page, read_token
from batchd.store.store import Body, Key

if TYPE_CHECKING:
    from types_boto3_events import type_defs as t

TICKS = "events.rule"  # the source of ticks
STAMP = "events.stamp"
_SHOWN = ("Name", "Arn", "EventPattern", "ScheduleExpression", "State", "Description", "RoleArn", "ManagedBy")


@writes
def put_rule(params: t.PutRuleRequestTypeDef, ctx: Context) -> Body:
    """Create or replace; the targets stay. Tags are for new rules."""
    bus = bus_name(ctx, params.get("EventBusName"))
    existing_bus(ctx, bus)
    pattern, schedule = params.get("EventPattern"), params.get("ScheduleExpression")
    _check(pattern, schedule, bus)
    name = params["Name"]
    old = ctx.tx.resources.get(rule_key(ctx, bus, name))
    told = {
        "Name": name,
        "Arn": rule_arn(ctx, bus, name),
        "EventPattern": pattern,
        "ScheduleExpression": schedule,
        "State": params.get("State") or "ENABLED",
        "Description": params.get("Description"),
        "RoleArn": params.get("RoleArn"),
    }
    body: Body = {
        **{member: value for member, value in told.items() if value},
        "bus": bus,
        "targets": old["targets"] if old else {},
        "tags": old["tags"] if old else {tag["Key"]: tag["Value"] for tag in params.get("Tags", ())},
    }
    _save_schedule(ctx, old, body)
    return {"RuleArn": body["Arn"]}


@writes
def delete_rule(params: t.DeleteRuleRequestTypeDef, ctx: Context) -> None:
    """One that is not there is deleted already."""
    bus = bus_name(ctx, params.get("EventBusName"))
    key = rule_key(ctx, bus, params["Name"])
    body = ctx.tx.resources.get(key)
    if body is None:
        return
    if body["targets"]:
        raise invalid("Rule can't be deleted since it has targets.")
    ctx.tx.resources.delete(key)
    if "ScheduleExpression" in body:
        ctx.tx.ticks.delete(TICKS, tick_name(ctx, params["Name"]))
    touch(ctx, bus)


@reads
def describe_rule(params: t.DescribeRuleRequestTypeDef, ctx: Context) -> Body:
    body = existing_rule(ctx, bus_name(ctx, params.get("EventBusName")), params["Name"])
    return {**_shape(body), "CreatedBy": ctx.account}


@reads
def list_rules(params: t.ListRulesRequestTypeDef, ctx: Context) -> Body:
    bus = bus_name(ctx, params.get("EventBusName"))
    existing_bus(ctx, bus)
    rules = rules_of(ctx, bus, params.get("NamePrefix") or "")
    after = read_token(params.get("NextToken"))
    page, more = cut_page([name for name in rules if name > after], params.get("Limit"))
    return {"Rules": [_shape(rules[name]) for name in page], **more}


@reads
def list_rule_names_by_target(params: t.ListRuleNamesByTargetRequestTypeDef, ctx: Context) -> Body:
    bus = bus_name(ctx, params.get("EventBusName"))
    existing_bus(ctx, bus)
    after = read_token(params.get("NextToken"))
    names = [name for name, body in rules_of(ctx, bus).items() if _has_target(body, params["TargetArn"])]
    page, more = cut_page([name for name in names if name > after], params.get("Limit"))
    return {"RuleNames": page, **more}


@writes
def enable_rule(params: t.EnableRuleRequestTypeDef, ctx: Context) -> None:
    _set_state(ctx, params, "ENABLED")


@writes
def disable_rule(params: t.DisableRuleRequestTypeDef, ctx: Context) -> None:
    _set_state(ctx, params, "DISABLED")


def rules_of(ctx: Context, bus: str, prefix: str = "") -> dict[str, Body]:
    """Every rule of the bus by its name, in order."""
    page = ctx.tx.resources.page(RULE, ctx.region, prefix=f"{bus}/{prefix}")
    return {body["Name"]: body for _, body in page if body["bus"] == bus}


def existing_rule(ctx: Context, bus: str, name: str) -> Body:
    """ResourceNotFoundException."""
    existing_bus(ctx, bus)
    body = ctx.tx.resources.get(rule_key(ctx, bus, name))
    if body is None:
        raise not_found(f"Rule {name} does not exist on EventBus {bus}.")
    return body


def save_rule(ctx: Context, body: Body) -> None:
    """A rule whose schedule and state are as they were."""
    ctx.tx.resources.put(rule_key(ctx, body["bus"], body["Name"]), body)
    touch(ctx, body["bus"])


def touch(ctx: Context, bus: str) -> None:
    """The bus has changed: whoever keeps what follows from its rules must look again."""
    ctx.tx.resources.put(Key(STAMP, ctx.region, bus), {"stamp": ctx.new_id()})


def next_due(body: Body, after: int) -> int | None:
    """When the rule speaks up by itself the next time (ms)."""
    if "ScheduleExpression" not in body or not is_enabled(body):
        return None
    schedule = _schedule(body["ScheduleExpression"])
    return schedule.next_after(after, body["since"]) if isinstance(schedule, Rate) else schedule.next_after(after)


def is_enabled(body: Body) -> bool:
    state: str = body["State"]
    return state != "DISABLED"


def rule_key(ctx: Context, bus: str, name: str) -> Key:
    return Key(RULE, ctx.region, f"{bus}/{name}")


def rule_arn(ctx: Context, bus: str, name: str) -> str:
    return ctx.arn("events", f"rule/{name}" if bus == DEFAULT else f"rule/{bus}/{name}")


def tick_name(ctx: Context, name: str) -> str:
    """Only rules of the default bus have schedules."""
    return f"{ctx.region}/{name}"


def _check(pattern: str | None, schedule: str | None, bus: str) -> None:
    if not pattern and not schedule:
        raise invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if schedule:
        if bus != DEFAULT:
            raise invalid("ScheduleExpression is supported only on the default event bus.")
        _schedule(schedule)
    if pattern:
        check_pattern(pattern)


def check_pattern(text: str) -> None:
    """InvalidEventPatternException."""
    try:
        compile_pattern(text)
    except BadPattern as error:
        raise bad_pattern(error) from None


def _schedule(text: str) -> Cron | Rate:
    try:
        schedule = parse_schedule(text)
    except BadSchedule:
        raise invalid("Parameter ScheduleExpression is not valid.") from None
    if isinstance(schedule, At):
        raise invalid("Parameter ScheduleExpression is not valid.")
    return schedule


def _save_schedule(ctx: Context, old: Body | None, new: Body) -> None:
    """Save a rule, and when it is due next. A schedule that goes on as it was keeps its place, and its next time even
    where that has come by now."""
    schedule = new.get("ScheduleExpression")
    if old is not None and is_enabled(old) and is_enabled(new) and old.get("ScheduleExpression") == schedule:
        save_rule(ctx, {**new, "since": old["since"]})
        return
    body = {**new, "since": ctx.now_ms}
    save_rule(ctx, body)
    if schedule is None and (old is None or "ScheduleExpression" not in old):
        return
    due = next_due(body, ctx.now_ms)
    if due is None:
        ctx.tx.ticks.delete(TICKS, tick_name(ctx, body["Name"]))
    else:
        ctx.tx.ticks.put(TICKS, tick_name(ctx, body["Name"]), due)


def _set_state(ctx: Context, params: t.EnableRuleRequestTypeDef | t.DisableRuleRequestTypeDef, state: str) -> None:
    body = existing_rule(ctx, bus_name(ctx, params.get("EventBusName")), params["Name"])
    _save_schedule(ctx, body, {**body, "State": state})


def _has_target(body: Body, arn: str) -> bool:
    return any(target["Arn"] == arn for target in body["targets"].values())


def _shape(body: Body) -> Body:
    shown = {member: body[member] for member in _SHOWN if member in body}
    return {**shown, "EventBusName": body["bus"]}
