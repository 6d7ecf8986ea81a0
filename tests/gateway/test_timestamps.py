"""Points in time are read from any form, and written in the one asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.gateway.protocols.timestamps import read_timestamp, write_timestamp
from batchd.gateway.request import Malformed

MOMENTS = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 30), timezones=st.just(UTC))  # earlier: mail's years


@pytest.mark.parametrize(
    "value",
    [
        1398796238,
        1398796238.0,
        "1398796238",
        "1.398796238E9",
        "2014-04-29T18:30:38Z",
        "2014-04-29T18:30:38.000000000Z",
        "2014-04-29T20:30:38+02:00",
        "2014-04-29T18:30:38",
        "Tue, 29 Apr 2014 18:30:38 GMT",
        datetime(2014, 4, 29, 18, 30, 38, tzinfo=UTC),
    ],
)
def test_a_moment_is_read_in_every_form(value: Any) -> None:
    assert read_timestamp(value) == datetime(2014, 4, 29, 18, 30, 38, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", ["", "soon", "2014-13-01T00:00:00Z", "Tue, 99 Apr 2014", 1e300, float("nan"), True, None, [], "9" * 400]
)
def test_what_is_no_moment_is_refused(value: Any) -> None:
    with pytest.raises(Malformed):
        read_timestamp(value)


@given(st.text(max_size=30))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    try:
        assert read_timestamp(text).utcoffset() == timedelta(0)
    except Malformed as refused:
        assert "timestamp" in str(refused)


@given(MOMENTS, st.sampled_from(["iso8601", "rfc822", "unixTimestamp"]))
def test_what_is_written_is_read_back(moment: datetime, form: str) -> None:
    moment = moment.replace(microsecond=0)

    assert read_timestamp(write_timestamp(moment, form)) == moment


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("iso8601", "2014-04-29T18:30:38Z"),
        ("rfc822", "Tue, 29 Apr 2014 18:30:38 GMT"),
        ("unixTimestamp", 1398796238),
    ],
)
def test_a_moment_of_any_zone_is_written_in_utc(form: str, text: str | int) -> None:
    moment = datetime(2014, 4, 29, 20, 30, 38, tzinfo=timezone(timedelta(hours=2)))

    assert write_timestamp(moment, form) == text
    assert write_timestamp(1398796238, form) == text


def test_milliseconds_are_kept() -> None:
    assert write_timestamp(1398796238.25, "iso8601") == "2014-04-29T18:30:38.250Z"
