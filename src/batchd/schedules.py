"""Schedule expressions: `cron(…)`, `rate(…)` and `at(…)`, and when they are due. Pure. [events.md 2, 3]

Times are milliseconds since the epoch, and whole minutes for cron. A cron expression speaks of wall clocks: in a time
zone with daylight saving, a time that does not exist on a day is left out, and one that comes twice counts once, the
first time.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

MINUTE_MS = 60_000
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_UNITS = {"minute": MINUTE_MS, "hour": 60 * MINUTE_MS, "day": 24 * 60 * MINUTE_MS}
_RATE = re.compile(r"rate\((\d{1,9}) (minute|hour|day)(s?)\)", re.ASCII)
_CRON = re.compile(r"cron\((.*)\)", re.DOTALL)
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", re.ASCII)
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), 1
    )
}
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}


class BadSchedule(ValueError):
    """The expression means nothing; the text says why."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Every so often, from a beginning on."""

    period_ms: int

    def next_after(self, after: int, since: int) -> int:
        """The first time later than `after` that is a whole number (at least one) of periods from `since`."""
        return since + max(1, (after - since) // self.period_ms + 1) * self.period_ms


@dataclass(frozen=True, slots=True)
class At:
    """Once, at a wall-clock time."""

    moment: datetime  # without a zone

    def at(self, zone: tzinfo = UTC) -> int:
        """A time that the zone leaves out is taken to be as far behind the gap."""
        return _ms(self.moment.replace(tzinfo=zone))


@dataclass(frozen=True, slots=True)
class Cron:
    """At the minutes of the hours of the days that fit. Ascending, and none of them empty but `years`."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Callable[[int, int], Sequence[int]]  # of a month: (year, month)
    months: tuple[int, ...]
    years: tuple[int, ...]

    def next_after(self, after: int, zone: tzinfo = UTC) -> int | None:
        """The first due time that is later; None if there is none."""
        local = datetime.fromtimestamp(after // 1000, zone).replace(second=0, microsecond=0, fold=0)
        for day in self._days_from(local.date()):
            earliest = local.hour if day == local.date() else 0
            for hour in self.hours[bisect_left(self.hours, earliest) :]:
                for minute in self.minutes:
                    due = _existing(datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone))
                    if due is not None and due > after:
                        return due
        return None

    def _days_from(self, start: date) -> Iterator[date]:
        for year in self.years[bisect_left(self.years, start.year) :]:
            for month in self.months:
                if (year, month) < (start.year, start.month):
                    continue
                for day in self.days(year, month):
                    if date(year, month, day) >= start:
                        yield date(year, month, day)


Schedule = Cron | Rate | At


def parse_schedule(text: str) -> Schedule:
    """Raises BadSchedule."""
    if text.startswith("rate("):
        return _rate(text)
    if text.startswith("at("):
        return _at(text)
    if found := _CRON.fullmatch(text):
        return _cron(found[1])
    raise BadSchedule("an expression is cron(…), rate(…) or at(…)")


def _rate(text: str) -> Rate:
    found = _RATE.fullmatch(text)
    if found is None:
        raise BadSchedule("a rate is rate(value minutes), rate(value hours) or rate(value days)")
    value = int(found[1])
    if value == 0:
        raise BadSchedule("a rate must be at least 1")
    if (value == 1) is (found[3] == "s"):
        raise BadSchedule("the unit is singular for 1, and plural for all else")
    return Rate(value * _UNITS[found[2]])


def _at(text: str) -> At:
    found = _AT.fullmatch(text)
    if found is None:
        raise BadSchedule("a time is at(yyyy-mm-ddThh:mm:ss)")
    try:
        return At(datetime.fromisoformat(found[1]))
    except ValueError as error:
        raise BadSchedule(str(error)) from None


def _cron(text: str) -> Cron:
    fields = text.upper().split()
    if len(fields) != 6:
        raise BadSchedule(f"a cron expression has six fields, not {len(fields)}")
    minutes, hours, days, months, weekdays, years = fields
    if (days == "?") is (weekdays == "?"):
        raise BadSchedule("one of day-of-month and day-of-week must be ?, and only one")
    return Cron(
        _MINUTE.numbers(minutes),
        _HOUR.numbers(hours),
        _weekday_rule(weekdays) if days == "?" else _day_rule(days),
        _MONTH.numbers(months),
        _YEAR.numbers(years),
    )


@dataclass(frozen=True, slots=True)
class _Kind:
    """One of the fields: what its numbers may be, and the names they have."""

    name: str
    first: int
    last: int
    names: dict[str, int]

    def numbers(self, text: str) -> tuple[int, ...]:
        """Of `*`, or a list of values, ranges and steps."""
        found: set[int] = set()
        for part in text.split(","):
            found.update(self._part(part))
        return tuple(sorted(found))

    def number(self, text: str) -> int:
        if text in self.names:
            return self.names[text]
        if not (text.isascii() and text.isdigit()) or not self.first <= int(text) <= self.last:
            raise self.bad(text)
        return int(text)

    def bad(self, text: str) -> BadSchedule:
        return BadSchedule(f"{text!r} is no {self.name}")

    def _part(self, part: str) -> Sequence[int]:
        span, slash, step = part.partition("/")
        if slash and not (step.isascii() and step.isdigit() and 0 < int(step) <= max(self.last - self.first, 1)):
            raise self.bad(part)
        return self._span(span, endless=bool(slash))[:: int(step) if slash else 1]

    def _span(self, text: str, endless: bool) -> Sequence[int]:
        """A value is a span of one, but goes on to the end where a step follows. A range may wrap around."""
        if text == "*":
            return range(self.first, self.last + 1)
        low, dash, high = text.partition("-")
        start = self.number(low)
        if not dash:
            return range(start, self.last + 1 if endless else start + 1)
        stop = self.number(high)
        if start <= stop:
            return range(start, stop + 1)
        if self is _YEAR:
            raise self.bad(text)
        return [*range(start, self.last + 1), *range(self.first, stop + 1)]


_MINUTE = _Kind("minute", 0, 59, {})
_HOUR = _Kind("hour", 0, 23, {})
_DAY = _Kind("day of the month", 1, 31, {})
_MONTH = _Kind("month", 1, 12, _MONTHS)
_WEEKDAY = _Kind("day of the week", 1, 7, _WEEKDAYS)
_YEAR = _Kind("year", _FIRST_YEAR, _LAST_YEAR, {})

_DayRule = Callable[[int, int], Sequence[int]]
_DayOf = Callable[[int, int], int | None]  # a day of the month (year, month), if that month has it


def _day_rule(text: str) -> _DayRule:
    """Day of the month: numbers, `L` (the last), `L-n`, `nW` (the working day nearest to the nth) and `LW`."""
    plain = [part for part in text.split(",") if not _is_special_day(part)]
    numbers = _DAY.numbers(",".join(plain)) if plain else ()
    special = [_special_day(part) for part in text.split(",") if _is_special_day(part)]

    def days(year: int, month: int) -> Sequence[int]:
        last = monthrange(year, month)[1]
        found = {day for day in numbers if day <= last}
        found.update(day for rule in special if (day := rule(year, month)) is not None)
        return sorted(found)

    return days


def _is_special_day(part: str) -> bool:
    return part.startswith("L") or part.endswith("W")


def _special_day(part: str) -> _DayOf:
    if part == "LW":
        return lambda year, month: _nearest_working_day(year, month, monthrange(year, month)[1])
    if part.endswith("W"):
        wanted = _DAY.number(part[:-1])
        return lambda year, month: (
            _nearest_working_day(year, month, wanted) if wanted <= monthrange(year, month)[1] else None
        )
    if part == "L":
        return lambda year, month: monthrange(year, month)[1]
    if not part.startswith("L-"):
        raise _DAY.bad(part)
    before = _DAY.number(part[2:])
    return lambda year, month: _positive(monthrange(year, month)[1] - before)


def _positive(day: int) -> int | None:
    return day if day > 0 else None


def _nearest_working_day(year: int, month: int, day: int) -> int:
    """Monday to Friday, and in the same month."""
    last = monthrange(year, month)[1]
    weekday = date(year, month, day).isoweekday()
    if weekday == 6:
        return day - 1 if day > 1 else day + 2
    if weekday == 7:
        return day + 1 if day < last else day - 2
    return day


def _weekday_rule(text: str) -> _DayRule:
    """Day of the week: numbers and names, `L` (Saturday), `nL` (the last of the month) and `n#k` (the kth)."""
    if "#" in text:
        return _kth_weekday(text)
    parts = ["7" if part == "L" else part for part in text.split(",")]
    if "/" in text:
        raise _WEEKDAY.bad(text)
    last_ones = {_WEEKDAY.number(part[:-1]) for part in parts if _is_last_weekday(part)}
    plain = [part for part in parts if not _is_last_weekday(part)]
    numbers = set(_WEEKDAY.numbers(",".join(plain))) if plain else set()

    def days(year: int, month: int) -> Sequence[int]:
        first, length = _month_shape(year, month)
        return [
            day
            for day in range(1, length + 1)
            if (weekday := (first + day - 2) % 7 + 1) in numbers or (weekday in last_ones and day > length - 7)
        ]

    return days


def _is_last_weekday(part: str) -> bool:
    return part.endswith("L") and len(part) > 1


def _kth_weekday(text: str) -> _DayRule:
    name, _, number = text.partition("#")
    weekday = _WEEKDAY.number(name)
    if number not in ("1", "2", "3", "4", "5"):
        raise _WEEKDAY.bad(text)

    def days(year: int, month: int) -> Sequence[int]:
        first, length = _month_shape(year, month)
        day = (weekday - first) % 7 + 1 + 7 * (int(number) - 1)
        return [day] if day <= length else []

    return days


def _month_shape(year: int, month: int) -> tuple[int, int]:
    """The weekday of its first (1 is Sunday), and how many days it has."""
    monday_is_0, length = monthrange(year, month)
    return (monday_is_0 + 1) % 7 + 1, length


def _existing(local: datetime) -> int | None:
    """The first moment at which clocks show this time; None where they never do."""
    at = _ms(local)
    if local.tzinfo is UTC:
        return at
    shown = datetime.fromtimestamp(at // 1000, local.tzinfo)
    return at if shown.replace(tzinfo=None, fold=0) == local.replace(tzinfo=None, fold=0) else None


def _ms(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
