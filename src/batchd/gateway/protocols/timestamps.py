"""Points in time on the wire: seconds since the epoch, ISO 8601, or HTTP dates."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from batchd.gateway.request import Malformed

Moment = datetime | int | float | str
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORMS = {"unixTimestamp": "unixTimestamp", "rfc822": "rfc822", "httpDate": "rfc822"}
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,9})?([eE]\+?\d{1,2})?")
_LONG_FRACTION = re.compile(r"(\.\d{6})\d+")


def read_timestamp(value: Any) -> datetime:
    """A moment in UTC from any of the three formats: what a client means is never in doubt."""
    try:
        if isinstance(value, datetime):
            return value
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise Malformed("Unexpected type of timestamp")
        if not isinstance(value, str):
            return EPOCH + timedelta(seconds=value)
        return _read_text(value.strip())
    except (ValueError, OverflowError, TypeError, IndexError) as error:
        raise Malformed(f"Invalid timestamp: {str(value)[:64]}") from error


def _read_text(text: str) -> datetime:
    if _NUMBER.fullmatch(text):
        return EPOCH + timedelta(seconds=float(text))
    if text[:1].isalpha():
        return _in_utc(parsedate_to_datetime(text))
    return _in_utc(datetime.fromisoformat(_LONG_FRACTION.sub(r"\1", text)))


def write_timestamp(value: Moment, form: str) -> str | int | float:
    """`form` is iso8601, rfc822 or unixTimestamp; numbers mean seconds since the epoch, texts stay as they are."""
    if isinstance(value, str):
        return value
    if form == "unixTimestamp":
        return _seconds(value)
    moment = _in_utc(value) if isinstance(value, datetime) else EPOCH + timedelta(seconds=value)
    if form == "rfc822":
        return format_datetime(moment.replace(microsecond=0), usegmt=True)
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def timestamp_form(traits: dict[str, Any], default: str) -> str:
    """The form a member's traits ask for, in the three words above."""
    return _FORMS.get(traits.get("timestampFormat", default), "iso8601")


def _seconds(value: datetime | int | float) -> int | float:
    seconds = (_in_utc(value) - EPOCH).total_seconds() if isinstance(value, datetime) else value
    return int(seconds) if seconds == int(seconds) else round(seconds, 6)


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
