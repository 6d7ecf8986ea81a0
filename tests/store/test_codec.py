"""Stored dataclasses."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
import pytest

from batchd.errors import StoreError
from batchd.scheduler.events import Dependency, ExitRule, JobSpec, JobStatus, Resources, TaskExited, Usage
from batchd.scheduler.state import Attempt
from batchd.store.codec import decode, decode_list, encode

SPEC = JobSpec(
    "j-1", "q", Resources(1, 2), 3, (ExitRule("RETRY", None, "r"),), 60, (Dependency("j-0", JobStatus.FAILED),)
)


def test_nested_dataclasses_enums_and_tuples_come_back_exactly() -> None:
    found = decode(JobSpec, encode(SPEC))
    assert found == SPEC
    assert isinstance(found.exit_rules, tuple)
    assert found.depends_on[0].outcome is JobStatus.FAILED


def test_a_list_comes_back() -> None:
    attempts = [Attempt("t-1", "e", None, 5, "why"), Attempt("t-2", "e", 1, 5, "why", 137, "OOM")]
    assert decode_list(Attempt, encode(attempts)) == attempts
    assert decode_list(Attempt, "[]") == []


def test_a_member_that_is_missing_takes_its_default() -> None:
    assert decode(Resources, '{"vcpus_milli":1,"memory_mib":2}') == Resources(1, 2, 0)


def test_what_was_written_before_usage_was_measured_is_still_read() -> None:
    old = '"environment":"e","started_at":1,"stopped_at":2,"status_reason":"over","exit_code":0,"reason":null'
    assert decode(Attempt, f'{{"task_id":"t",{old}}}') == Attempt("t", "e", 1, 2, "over", 0)
    assert decode(TaskExited, '{"task_id":"t","at":1,"exit_code":0,"reason":null}') == TaskExited("t", 1, 0)
    used = Attempt("t", "e", 1, 2, "over", 0, None, 1, Usage(12.5, 0.25))
    assert decode(Attempt, encode(used)) == used


@pytest.mark.parametrize(
    "text",
    [
        '{"vcpus_milli":1}',
        '{"vcpus_milli":1,"memory_mib":2,"tpus":3}',
        "{",
        "7",
        "null",
    ],
)
def test_what_is_not_of_the_kind_is_an_error_that_names_it(text: str) -> None:
    with pytest.raises(StoreError, match="cannot read a stored Resources"):
        decode(Resources, text)
    with pytest.raises(StoreError, match="cannot read a stored list of Resources"):
        decode_list(Resources, f"[{text}]")


def test_an_unknown_enum_value_is_an_error() -> None:
    raw = orjson.loads(encode(SPEC))
    raw["depends_on"][0]["outcome"] = "EXPLODED"
    with pytest.raises(StoreError, match="EXPLODED"):
        decode(JobSpec, orjson.dumps(raw).decode())


@dataclass(frozen=True)
class Ambiguous:
    what: Resources | Attempt


def test_a_union_that_could_not_be_told_apart_is_refused() -> None:
    with pytest.raises(StoreError, match="told apart"):
        decode(Ambiguous, "{}")
