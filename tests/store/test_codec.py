"""Stored dataclasses."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
import pytest

from batchd.errors import StoreError
from batchd.scheduler.events import Dependency, ExitRule, JobSpec, JobStatus, Resources
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
