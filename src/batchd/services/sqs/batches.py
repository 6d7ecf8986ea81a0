"""Requests about up to ten messages: each entry succeeds or fails by itself. [sns-sqs.md B2]"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from batchd.errors import ApiError
from batchd.services.sqs.faults import entry_failure

Entry = Mapping[str, Any]

MOST_ENTRIES = 10
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


def check_entries(entries: Sequence[Entry], noun: str) -> None:
    """EmptyBatchRequest, TooManyEntriesInBatchRequest, InvalidBatchEntryId, BatchEntryIdsNotDistinct."""
    if not entries:
        raise ApiError("EmptyBatchRequest", f"There should be at least one {noun} in the request.")
    if len(entries) > MOST_ENTRIES:
        raise ApiError(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {MOST_ENTRIES}. You have sent {len(entries)}.",
        )
    seen: set[str] = set()
    for entry in entries:
        if not _ID.fullmatch(entry["Id"]):
            raise ApiError(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
                "It can be at most 80 letters long.",
            )
        if entry["Id"] in seen:
            raise ApiError("BatchEntryIdsNotDistinct", f"Id {entry['Id']} repeated.")
        seen.add(entry["Id"])


def each(entries: Sequence[Entry], work: Callable[[Entry], dict[str, Any]]) -> dict[str, Any]:
    """What became of every entry. `work` must change nothing where it refuses."""
    done: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for entry in entries:
        try:
            done.append({"Id": entry["Id"], **work(entry)})
        except ApiError as error:
            failed.append(entry_failure(entry["Id"], error))
    return {"Successful": done, "Failed": failed}
