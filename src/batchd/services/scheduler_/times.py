"""When a schedule is due. Pure. [events.md 3]"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from batchd.schedules import MINUTE_MS, At, BadSchedule, Cron, Schedule, parse_schedule
from batchd.services.scheduler_.documents import invalid
from batchd.store.store import Body


def checked_expression(text: str) -> Schedule:
    """ValidationException in the words of EventBridge Scheduler, which are not those of rules."""
    try:
        return parse_schedule(text)
    except BadSchedule:
        raise invalid(f"Invalid Schedule Expression {text}.") from None


def checked_zone(name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid(f"Invalid Schedule Expression Timezone {name}.") from None


def next_due(aws: Body, after: int) -> int | None:
    """The first due time later than `after` (ms); None if there is none, or the schedule is DISABLED.

    A time that `at()` names may have gone by a minute ago; one that is older has no effect, for who creates an old
    schedule anew wants no old invocation."""
    if aws["State"] != "ENABLED":
        return None
    schedule, zone = parse_schedule(aws["ScheduleExpression"]), checked_zone(aws["ScheduleExpressionTimezone"])
    if isinstance(schedule, At):
        due = schedule.at(zone)
        return due if due > after - MINUTE_MS else None
    start, end = _ms(aws.get("StartDate")), _ms(aws.get("EndDate"))
    if isinstance(schedule, Cron):
        following = schedule.next_after(max(after, (start or 0) - 1), zone)
    else:
        since = start if start is not None else _ms(aws["CreationDate"]) or 0
        following = since if since > after else schedule.next_after(after, since)
    return following if following is not None and (end is None or following <= end) else None


def invoked_at(aws: Body, due_at: int) -> int:
    """Somewhere in the flexible window; the same place for the same occurrence."""
    window = aws["FlexibleTimeWindow"]
    if window["Mode"] != "FLEXIBLE":
        return due_at
    digest = hashlib.sha256(f"{aws['Arn']} {due_at}".encode()).digest()
    window_ms: int = window["MaximumWindowInMinutes"] * MINUTE_MS
    return due_at + int.from_bytes(digest[:8]) % window_ms


def iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
