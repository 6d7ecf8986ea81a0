"""Schedule expressions: what they mean is checked minute by minute against a reading of its own."""

from __future__ import annotations

import random
from calendar import monthrange
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchd.schedules import At, BadSchedule, Cron, Rate, parse_schedule

MINUTE = timedelta(minutes=1)
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # moves its clocks by half an hour
ZONES: list[tzinfo] = [UTC, NEW_YORK, ZoneInfo("Europe/Berlin"), LORD_HOWE, ZoneInfo("America/Santiago")]
NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def cron(text: str) -> Cron:
    schedule = parse_schedule(text)
    assert isinstance(schedule, Cron)
    return schedule


def due_times(text: str, start: datetime, count: int, zone: tzinfo = UTC) -> list[str]:
    """The next ones, as clocks of the zone show them."""
    found, after = [], ms(start)
    for _ in range(count):
        due = cron(text).next_after(after, zone)
        if due is None:
            break
        found.append(datetime.fromtimestamp(due / 1000, zone).strftime("%Y-%m-%d %H:%M"))
        after = due
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cron(0 10 * * ? *)", ["2026-03-15 10:00", "2026-03-16 10:00"]),
        ("cron(15 12 * * ? *)", ["2026-03-14 12:15", "2026-03-15 12:15"]),
        ("cron(0 18 ? * MON-FRI *)", ["2026-03-16 18:00", "2026-03-17 18:00"]),
        ("cron(0 8 1 * ? *)", ["2026-04-01 08:00", "2026-05-01 08:00"]),
        ("cron(0/10 * ? * MON-FRI *)", ["2026-03-16 00:00", "2026-03-16 00:10"]),
        ("cron(0/30 20-2 ? * MON-FRI *)", ["2026-03-16 00:00", "2026-03-16 00:30"]),
        ("cron(* 13 * * ? *)", ["2026-03-14 13:00", "2026-03-14 13:01"]),
        ("cron(0 0 L * ? *)", ["2026-03-31 00:00", "2026-04-30 00:00"]),
        ("cron(0 0 L-2 * ? *)", ["2026-03-29 00:00", "2026-04-28 00:00"]),
        ("cron(0 0 LW 5 ? *)", ["2026-05-29 00:00", "2027-05-31 00:00"]),
        ("cron(0 0 1W 8 ? *)", ["2026-08-03 00:00", "2027-08-02 00:00"]),
        ("cron(0 0 15W * ? *)", ["2026-03-16 00:00", "2026-04-15 00:00"]),
        ("cron(0 0 31W * ? *)", ["2026-03-31 00:00", "2026-05-29 00:00"]),
        ("cron(0 0 ? * L *)", ["2026-03-21 00:00", "2026-03-28 00:00"]),
        ("cron(0 0 ? * 6L *)", ["2026-03-27 00:00", "2026-04-24 00:00"]),
        ("cron(0 0 ? * FRIL *)", ["2026-03-27 00:00", "2026-04-24 00:00"]),
        ("cron(0 9 ? * 2#1 *)", ["2026-04-06 09:00", "2026-05-04 09:00"]),
        ("cron(0 9 ? * SAT#3 *)", ["2026-03-21 09:00", "2026-04-18 09:00"]),
        ("cron(0 0 ? 2 SUN#5 *)", ["2032-02-29 00:00", "2060-02-29 00:00"]),
        ("cron(0 0 29 FEB ? *)", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("cron(0 8 ? * FRI-MON *)", ["2026-03-15 08:00", "2026-03-16 08:00"]),
        ("cron(0 0 1 11-2/2 ? *)", ["2026-11-01 00:00", "2027-01-01 00:00"]),
        ("cron(5,35 8-8 * * ? 2026-2027)", ["2026-03-15 08:05", "2026-03-15 08:35"]),
        ("cron(0 0 1 1 ? 2199)", ["2199-01-01 00:00"]),
        ("cron(0 0 31 2 ? *)", []),
        ("cron(0 0 * * ? 2002-2005)", []),
    ],
)
def test_a_cron_expression_is_due_when_its_fields_fit(text: str, expected: list[str]) -> None:
    assert due_times(text, datetime(2026, 3, 14, 11, 59, 30, tzinfo=UTC), 2) == expected


@pytest.mark.parametrize(
    "text",
    [
        "cron()", "cron(INVALID)", "cron(0 1 * * * *)", "cron(0 1 ? * ? *)", "cron(0 1 * * ?)", "cron(0 1 * * ? * *)",
        "cron(71 1 * * ? *)", "cron(0 24 * * ? *)", "cron(0 1 0 * ? *)", "cron(0 1 32 * ? *)", "cron(0 1 * 13 ? *)",
        "cron(0 1 ? * 8 *)", "cron(0 1 ? * 0 *)", "cron(0 1 ? * NOT *)", "cron(0 1 ? * 3#1,6#3 *)",
        "cron(0 1 ? * 3#6 *)", "cron(0 1 ? * 3#0 *)", "cron(0 1 ? * MON/2 *)", "cron(? 1 * * ? *)", "cron(0 1 * ? ? *)",
        "cron(0/0 1 * * ? *)", "cron(0/99 1 * * ? *)", "cron(0- 1 * * ? *)", "cron(, 1 * * ? *)", "cron(-1 1 * * ? *)",
        "cron(0 1 32W * ? *)", "cron(0 1 LX * ? *)", "cron(0 1 * * ? 1969)", "cron(0 1 * * ? 2027-2026)",
        "cron(0 1 * * ? *",
        "rate(0 minutes)", "rate(-1 minutes)", "rate(1 minutes)", "rate(10 minute)", "rate(5 seconds)", "rate(1 year)",
        "rate(10 MINUTES)", "rate( 10 minutes )", " rate(10 minutes)", "rate(10)", "rate(ten minutes)",
        "rate(10  minutes)",
        "at(2026-02-30T00:00:00)", "at(2026-01-01)", "at(2026-01-01T00:00:00Z)", "", "every minute",
        "cron(٣ 1 * * ? *)",
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(BadSchedule):
        parse_schedule(text)


def test_a_rate_counts_from_its_beginning() -> None:
    assert parse_schedule("rate(1 minute)") == Rate(60_000)
    assert parse_schedule("rate(12 hours)") == Rate(12 * 3_600_000)
    rate = parse_schedule("rate(2 days)")
    assert isinstance(rate, Rate)
    day = 86_400_000
    assert [rate.next_after(after, 1000) for after in (0, 1000, 1000 + day, 1000 + 2 * day, 1000 + 7 * day)] == [
        1000 + 2 * day, 1000 + 2 * day, 1000 + 2 * day, 1000 + 4 * day, 1000 + 8 * day,
    ]  # fmt: skip


def test_a_single_time_is_one_of_its_zone() -> None:
    once = parse_schedule("at(2026-07-01T08:30:00)")
    assert isinstance(once, At)
    assert once.at() == ms(datetime(2026, 7, 1, 8, 30, tzinfo=UTC))
    assert once.at(NEW_YORK) == ms(datetime(2026, 7, 1, 12, 30, tzinfo=UTC))


def test_a_time_that_the_clocks_leave_out_is_left_out() -> None:
    start = datetime(2026, 3, 7, 12, tzinfo=NEW_YORK)
    assert due_times("cron(30 2 * * ? *)", start, 2, NEW_YORK) == ["2026-03-09 02:30", "2026-03-10 02:30"]


def test_a_time_that_the_clocks_show_twice_counts_once() -> None:
    start = datetime(2026, 10, 31, 12, tzinfo=NEW_YORK)
    due = [cron("cron(30 1 * * ? *)").next_after(ms(start), NEW_YORK)]
    assert due[0] is not None
    due.append(cron("cron(30 1 * * ? *)").next_after(due[0], NEW_YORK))
    assert due == [
        ms(datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        ms(datetime(2026, 11, 2, 6, 30, tzinfo=UTC)),
    ]


# A reading of cron expressions of its own: does this wall-clock minute fit?


def fits_number(text: str, value: int, low: int, high: int, names: tuple[str, ...]) -> bool:
    """One field without L, W and #."""
    for number, name in enumerate(names, low):
        text = text.replace(name, str(number))
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = low, high
        elif "-" in span:
            first, last = (int(bound) for bound in span.split("-"))
        else:
            first, last = int(span), high if step else int(span)
        value_on = value if value >= first else value + (high - low + 1)
        last_on = last if last >= first else last + (high - low + 1)
        if first <= value_on <= last_on and (value_on - first) % int(step or 1) == 0:
            return True
    return False


def fits_day(text: str, moment: datetime) -> bool:
    length = monthrange(moment.year, moment.month)[1]
    for part in text.split(","):
        if part == "L" and moment.day == length:
            return True
        if part.endswith("W"):
            wanted = length if part == "LW" else int(part[:-1])
            if wanted > length:
                continue
            near = [moment.replace(day=day) for day in range(1, length + 1) if abs(day - wanted) < 3]
            working = [day for day in near if day.weekday() < 5]
            best = min(working, key=lambda day: (abs(day.day - wanted), day.day))
            if moment.day == best.day:
                return True
        elif part != "L" and fits_number(part, moment.day, 1, 31, ()):
            return True
    return False


def fits_weekday(text: str, moment: datetime) -> bool:
    number = moment.isoweekday() % 7 + 1
    for part in text.split(","):
        if "#" in part:
            name, _, nth = part.partition("#")
            if fits_number(name, number, 1, 7, NAMES) and (moment.day - 1) // 7 + 1 == int(nth):
                return True
        elif part == "L":
            if number == 7:
                return True
        elif part.endswith("L"):
            if fits_number(part[:-1], number, 1, 7, NAMES) and (moment + timedelta(days=7)).month != moment.month:
                return True
        elif fits_number(part, number, 1, 7, NAMES):
            return True
    return False


def fits(text: str, moment: datetime) -> bool:
    minutes, hours, days, months, weekdays, years = text[5:-1].split()
    return (
        fits_number(minutes, moment.minute, 0, 59, ())
        and fits_number(hours, moment.hour, 0, 23, ())
        and fits_number(months, moment.month, 1, 12, MONTH_NAMES)
        and fits_number(years, moment.year, 1970, 2199, ())
        and (weekdays == "?" or fits_weekday(weekdays, moment))
        and (days == "?" or fits_day(days, moment))
    )


def by_the_minute(text: str, after: int, zone: tzinfo, minutes: int) -> int | None:
    """The first minute that fits, of so many; a wall-clock time that comes again does not count."""
    instant = datetime.fromtimestamp(after // 60_000 * 60, UTC)
    for _ in range(minutes):
        instant += MINUTE
        local = instant.astimezone(zone)
        if local.fold == 0 and fits(text, local):
            return ms(instant)
    return None


def random_numbers(chance: random.Random, low: int, high: int, names: tuple[str, ...] = ()) -> str:
    def one() -> str:
        number = chance.randint(low, high)
        return names[number - low] if names and chance.random() < 0.5 else str(number)

    def part() -> str:
        shape = chance.choice(("value", "value", "range", "step", "all"))
        if shape == "value":
            return one()
        if shape == "range":
            return f"{one()}-{one()}" + (f"/{chance.randint(1, 5)}" if chance.random() < 0.3 else "")
        if shape == "step":
            return f"{chance.choice(('*', one()))}/{chance.randint(1, max(2, (high - low) // 2))}"
        return "*"

    return ",".join(part() for _ in range(chance.choice((1, 1, 1, 2, 3))))


def random_cron(chance: random.Random) -> str:
    """Dense enough that most are due within days."""
    minutes, hours = random_numbers(chance, 0, 59), random_numbers(chance, 0, 23)
    months = chance.choice(("*", "*", "*", random_numbers(chance, 1, 12, MONTH_NAMES)))
    if chance.random() < 0.5:
        special = chance.choice(("L", "LW", f"{chance.randint(1, 31)}W", f"L,{chance.randint(1, 31)}"))
        days, weekdays = chance.choice(("*", "*", special, random_numbers(chance, 1, 31))), "?"
    else:
        number = chance.randint(1, 7)
        special = chance.choice(("L", f"{number}L", f"{NAMES[number - 1]}#{chance.randint(1, 5)}"))
        spans = f"{chance.choice(NAMES)}-{chance.choice(NAMES)}"
        days, weekdays = "?", chance.choice((special, spans, str(number), f"{number},{chance.choice(NAMES)}"))
    return f"cron({minutes} {hours} {days} {months} {weekdays} {chance.choice(('*', '*', '2020-2100', '2024/2'))})"


@pytest.mark.parametrize("seed", range(20))
def test_the_next_time_is_the_first_minute_that_fits(seed: int) -> None:
    """A hundred expressions a seed; half begin close to where clocks change."""
    chance = random.Random(seed)
    changes = (datetime(2026, 3, 8, 6), datetime(2026, 11, 1, 4), datetime(2026, 4, 4, 13), datetime(2026, 9, 6, 2))
    for _ in range(100):
        text, zone = random_cron(chance), chance.choice(ZONES)
        start = chance.choice(changes) if chance.random() < 0.5 else datetime(chance.randint(2023, 2030), 1, 1)
        start += timedelta(minutes=chance.randint(0, 1440 * (2 if start in changes else 365)))
        after = ms(start.replace(tzinfo=UTC)) + chance.choice((0, 0, 30_000))
        due = cron(text).next_after(after, zone)
        horizon = 1440
        expected = by_the_minute(text, after, zone, horizon)
        if due is None or due > after + (horizon - 1) * 60_000:
            assert expected is None, (text, zone, start)
        else:
            assert due == expected, (text, zone, start)


@given(st.text(alphabet="0123456789*/,-?LW# SUNMOFRJAB()cronateml", max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    for expression in (text, f"cron({text})", f"rate({text})"):
        try:
            parse_schedule(expression)
        except BadSchedule as refused:
            assert str(refused)
