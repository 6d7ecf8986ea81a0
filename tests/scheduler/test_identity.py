"""What a task's id tells of its job."""

from __future__ import annotations

from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.scheduler import identity

JOB = "019aab01-2345-4abc-8def-0123456789ab"
_attempts = st.integers(1, 10_000)
_indexes = st.integers(0, 16**6 - 1)


@given(job=st.uuids(), attempt=_attempts)
def test_the_task_of_a_job_tells_how_the_jobs_id_begins(job: UUID, attempt: int) -> None:
    begin, _ = identity.told_by_task(identity.task_id(str(job), attempt))
    assert (len(begin), str(job).startswith(begin)) == (14, True)


@given(job=st.uuids(), index=_indexes, attempt=_attempts)
def test_the_task_of_a_part_tells_its_index_as_well(job: UUID, index: int, attempt: int) -> None:
    for name in (identity.child_id, identity.node_id):
        begin, told = identity.told_by_task(identity.task_id(name(str(job), index), attempt))
        assert (str(job).startswith(begin), told) == (True, index)


def test_a_task_tells_when_its_job_was_made() -> None:
    assert identity.made_at(identity.task_id(JOB, 1)) == 0x019AAB012345


@pytest.mark.parametrize("job_id", [JOB, f"{JOB}:{16**6}", f"{JOB}#3", "a"])
def test_a_tasks_id_is_32_hex_digits_and_the_same_whenever_it_is_asked_for(job_id: str) -> None:
    found = identity.task_id(job_id, 3)
    assert (found, len(found), set(found) <= set("0123456789abcdef")) == (identity.task_id(job_id, 3), 32, True)


def test_attempts_parts_and_jobs_of_one_moment_have_tasks_of_their_own() -> None:
    wholes = [f"{JOB[:-2]}{number:02x}" for number in range(50)]
    jobs = wholes + [f"{whole}{mark}{index}" for whole, mark, index in product(wholes, ":#", range(20))]
    tasks = [identity.task_id(job, attempt) for job, attempt in product(jobs, range(1, 6))]
    assert len(set(tasks)) == len(tasks)
