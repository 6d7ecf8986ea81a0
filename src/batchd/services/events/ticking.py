"""What happens when a rule with a schedule is due. [events.md 2.4]"""

from __future__ import annotations

from batchd.gateway.operation import Context
from batchd.services.events.bus import deliver, record
from batchd.services.events.buses import DEFAULT
from batchd.services.events.putting import aws_time
from batchd.services.events.rules import is_enabled, next_due, rule_key
from batchd.store.store import Body

ON_TIME, MISSED, LEFT_OUT = "on time", "missed", "left out"


def fire_rule(ctx: Context, name: str, due_at: int, how: str) -> int | None:
    """The rule's event for its targets; returns when it is due next. None where it is gone or will not be.

    `how`: `on time`, `missed` (it is late, and happens nevertheless) or `left out` (it does not)."""
    rule = ctx.tx.resources.get(rule_key(ctx, DEFAULT, name))
    if rule is None or not is_enabled(rule):
        return None
    event = scheduled_event(ctx, rule, due_at)
    if how != LEFT_OUT:
        deliver(ctx, rule, event)
    record(ctx, DEFAULT, "schedule", {"rules": [name], "event": event, "how": how})
    return next_due(rule, ctx.now_ms)


def scheduled_event(ctx: Context, rule: Body, due_at: int) -> Body:
    return {
        "version": "0",
        "id": ctx.new_id(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ctx.account,
        "time": aws_time(due_at),
        "region": ctx.region,
        "resources": [rule["Arn"]],
        "detail": {},
    }
