from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.scheduler.events import Resources
from batchd.services.batch.fargate import SIZES, validate_size
from batchd.services.batch.faults import Invalid
from batchd.services.batch.requirements import resources_of, validate_given_once


def container(vcpu: str, memory: str, gpu: str | None = None) -> dict[str, Any]:
    requirements = [{"type": "VCPU", "value": vcpu}, {"type": "MEMORY", "value": memory}]
    if gpu is not None:
        requirements.append({"type": "GPU", "value": gpu})
    return {"resourceRequirements": requirements}


@given(st.integers(1, 9999), st.integers(4, 999_999), st.integers(0, 16))
def test_whole_numbers_are_read(vcpus: int, memory: int, gpus: int) -> None:
    wanted = resources_of(container(str(vcpus), str(memory), str(gpus)), fractions=False)
    assert wanted == Resources(vcpus * 1000, memory, gpus)


@given(st.text(max_size=8).filter(lambda text: not (text.isascii() and text.isdigit()) and text))
def test_anything_else_is_refused(text: str) -> None:
    for wrong in (container(text, "64"), container("1", text), container("1", "64", text)):
        with pytest.raises(Invalid):
            resources_of(wrong, fractions=False)


@pytest.mark.parametrize(("text", "milli"), [("0.25", 250), (".5", None), ("0.5", 500), ("16", 16000), ("1e3", None)])
def test_fargate_vcpus_may_be_fractions(text: str, milli: int | None) -> None:
    if milli is None:
        with pytest.raises(Invalid, match="is not a number"):
            resources_of(container(text, "512"), fractions=True)
    else:
        assert resources_of(container(text, "512"), fractions=True) == Resources(milli, 512)


@pytest.mark.parametrize(
    ("vcpu", "memory", "text"),
    [("0", "64", "VCPU must be at least 1"), ("1", "3", "MEMORY must be at least 4 MiB")],
)
def test_there_is_a_least_amount(vcpu: str, memory: str, text: str) -> None:
    with pytest.raises(Invalid, match=text):
        resources_of(container(vcpu, memory), fractions=False)


def test_deprecated_members_are_read_where_there_is_no_requirement() -> None:
    assert resources_of({"vcpus": 2, "memory": 64}, fractions=False) == Resources(2000, 64)
    mixed = {"vcpus": 2, "memory": 64, "resourceRequirements": [{"type": "MEMORY", "value": "128"}]}
    assert resources_of(mixed, fractions=False) == Resources(2000, 128)


def test_an_amount_is_given_once() -> None:
    validate_given_once(container("1", "64"))
    validate_given_once({"vcpus": 1, "memory": 64})
    for twice in (
        {"memory": 64, **container("1", "64")},
        {"resourceRequirements": [{"type": "GPU", "value": "1"}] * 2},
    ):
        with pytest.raises(Invalid, match="must be given only once"):
            validate_given_once(twice)


@pytest.mark.parametrize(
    ("vcpus_milli", "sizes", "least", "most"),
    [
        (250, 3, 512, 2048),
        (500, 4, 1024, 4096),
        (1000, 7, 2048, 8192),
        (2000, 13, 4096, 16384),
        (4000, 23, 8192, 30720),
        (8000, 12, 16384, 61440),
        (16000, 12, 32768, 122880),
    ],
)
def test_fargate_sizes_are_aws_table(vcpus_milli: int, sizes: int, least: int, most: int) -> None:
    table = SIZES[vcpus_milli]
    assert (len(table), min(table), max(table)) == (sizes, least, most)
    validate_size(Resources(vcpus_milli, least))


@pytest.mark.parametrize(
    ("vcpus_milli", "memory", "text"),
    [
        (2000, 1024, "Fargate resource requirements (2.00 vCPU, 1024 MiB) not valid."),
        (300, 512, "Fargate resource requirements (0.30 vCPU, 512 MiB) not valid."),
        (8000, 17408, "Fargate resource requirements (8.00 vCPU, 17408 MiB) not valid."),
    ],
)
def test_other_fargate_sizes_are_refused(vcpus_milli: int, memory: int, text: str) -> None:
    with pytest.raises(Invalid) as caught:
        validate_size(Resources(vcpus_milli, memory))
    assert str(caught.value) == text
