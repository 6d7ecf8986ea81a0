from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.services.batch import names
from batchd.services.batch.faults import Invalid

FIRST = string.ascii_letters + string.digits
REST = FIRST + "_-"
NAMES = st.builds(lambda first, rest: first + rest, st.sampled_from(FIRST), st.text(REST, max_size=127))
ENVIRONMENT = "arn:aws:batch:us-east-1:123456789012:compute-environment/ce"


@given(NAMES)
def test_letters_digits_hyphens_and_underscores_make_a_name(name: str) -> None:
    assert names.is_name(name)
    names.check_name("Job name", name)


@given(NAMES, st.characters().filter(lambda c: c not in REST), st.integers(0, 127))
def test_any_other_character_spoils_a_name(name: str, stranger: str, at: int) -> None:
    spoiled = name[:at] + stranger + name[at:]

    assert not names.is_name(spoiled)
    with pytest.raises(Invalid, match="Job name should match valid pattern"):
        names.check_name("Job name", spoiled)


@pytest.mark.parametrize("name", ["", "-a", "_a", "a" * 129])
def test_length_and_first_character_count(name: str) -> None:
    assert not names.is_name(name)


@given(NAMES, st.integers(1, 2**31 - 1), st.integers(1, 2**31 - 1))
def test_revision_keys_sort_newest_first(name: str, one: int, other: int) -> None:
    first, second = (names.revision_key("r", name, revision).name for revision in (one, other))

    assert (first < second) == (one > other)
    assert first.startswith(names.revision_prefix(name))


@given(NAMES, st.integers(0, 2**31 - 1))
def test_a_revision_is_split_off(name: str, revision: int) -> None:
    assert names.split_revision(f"{name}:{revision}") == (name, revision)
    assert names.split_revision(name) == (name, None)


@given(st.text())
def test_any_text_can_be_split(text: str) -> None:
    _, revision = names.split_revision(text)
    assert revision is None or 0 <= revision < 2**31


@pytest.mark.parametrize("text", ["a:", "a:x", "a:-1", "a:1:2", "a:٣"])
def test_what_is_no_revision_is_revision_zero(text: str) -> None:
    assert names.split_revision(text)[1] == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0b6e1f4c-5d5a-4f43-9d62-0a0b0c0d0e0f", True),
        ("0b6e1f4c-5d5a-4f43-9d62-0a0b0c0d0e0f:17", True),
        ("0b6e1f4c-5d5a-4f43-9d62-0a0b0c0d0e0f#2", True),
        ("0B6E1F4C-5D5A-4F43-9D62-0A0B0C0D0E0F", False),
        ("0b6e1f4c-5d5a-4f43-9d62-0a0b0c0d0e0f:", False),
        ("0b6e1f4c", False),
    ],
)
def test_job_ids(text: str, expected: bool) -> None:
    assert names.is_job_id(text) is expected


def test_ecs_arns_are_functions_of_the_environment() -> None:
    cluster = names.cluster_name(ENVIRONMENT)

    assert cluster == f"AWSBatch-ce-{names.environment_uuid(ENVIRONMENT)}"
    assert names.cluster_arn(ENVIRONMENT) == f"arn:aws:ecs:us-east-1:123456789012:cluster/{cluster}"
    assert names.task_arn(ENVIRONMENT, "f" * 32) == f"arn:aws:ecs:us-east-1:123456789012:task/{cluster}/{'f' * 32}"
    instance, machine = names.container_instance_arn(ENVIRONMENT).rsplit("/", 1)
    assert instance == f"arn:aws:ecs:us-east-1:123456789012:container-instance/{cluster}"
    assert len(machine) == 32
    assert names.cluster_name(ENVIRONMENT + "2") != cluster


def test_a_text_that_is_no_arn_has_no_cluster() -> None:
    with pytest.raises(ValueError, match="not the ARN of a compute environment"):
        names.cluster_name("ce")
