from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from batchd.services.scheduler_.times import invoked_at, next_due

NOW = datetime(2026, 3, 10, 12, 0, 30, tzinfo=UTC)


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def schedule(expression: str, **more: Any) -> dict[str, Any]:
    return {
        "Arn": "arn",
        "ScheduleExpression": expression,
        "ScheduleExpressionTimezone": "UTC",
        "State": "ENABLED",
        "CreationDate": NOW.timestamp(),
        "FlexibleTimeWindow": {"Mode": "OFF"},
        **more,
    }


@pytest.mark.parametrize(
    ("expression", "more", "expected"),
    [
        ("cron(0 2 * * ? *)", {}, "2026-03-11T02:00:00+00:00"),
        ("cron(0 2 * * ? *)", {"ScheduleExpressionTimezone": "Europe/Berlin"}, "2026-03-11T02:00:00+01:00"),
        ("cron(0 2 * * ? *)", {"StartDate": ms("2026-05-01T02:00:00+00:00") / 1000}, "2026-05-01T02:00:00+00:00"),
        ("rate(5 minutes)", {}, "2026-03-10T12:00:30+00:00"),
        ("rate(5 minutes)", {"StartDate": ms("2026-03-10T13:00:00+00:00") / 1000}, "2026-03-10T13:00:00+00:00"),
        ("rate(5 minutes)", {"StartDate": ms("2026-03-10T11:58:00+00:00") / 1000}, "2026-03-10T12:03:00+00:00"),
        ("at(2026-03-10T13:00:00)", {}, "2026-03-10T13:00:00+00:00"),
        ("at(2026-03-10T13:00:00)", {"ScheduleExpressionTimezone": "America/New_York"}, "2026-03-10T13:00:00-04:00"),
        ("at(2026-03-10T12:00:00)", {}, "2026-03-10T12:00:00+00:00"),
    ],
)
def test_the_first_time_after_the_creation(expression: str, more: dict[str, Any], expected: str) -> None:
    assert next_due(schedule(expression, **more), round(NOW.timestamp() * 1000) - 1) == ms(expected)


@pytest.mark.parametrize(
    ("expression", "more"),
    [
        ("at(2026-03-10T11:00:00)", {}),
        ("cron(0 2 1 1 ? 2026)", {}),
        ("cron(0 2 * * ? *)", {"EndDate": ms("2026-03-11T01:00:00+00:00") / 1000}),
        ("cron(0 2 * * ? *)", {"State": "DISABLED"}),
    ],
)
def test_what_is_never_due_again(expression: str, more: dict[str, Any]) -> None:
    assert next_due(schedule(expression, **more), round(NOW.timestamp() * 1000)) is None


def test_a_flexible_window_spreads_invocations_and_keeps_each_in_its_place() -> None:
    flexible = schedule("rate(1 day)", FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15})
    delays = [invoked_at(flexible, due) - due for due in range(0, 100 * 86_400_000, 86_400_000)]
    assert delays == [invoked_at(flexible, due) - due for due in range(0, 100 * 86_400_000, 86_400_000)]
    assert 0 <= min(delays) < 180_000 and 720_000 < max(delays) < 900_000
    assert invoked_at(schedule("rate(1 day)"), 7) == 7
