"""Secrets and results reach a task at its start, or the task fails."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import orjson
import pytest

from batchd.clock import ManualClock
from batchd.controllers.inputs import SecretMissing, Unresolved, resolved
from batchd.scheduler.events import JobSpec, Resources
from batchd.scheduler.state import Attempt
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import JobRow, Result, Tx
from batchd.task import ContainerSpec, TaskSpec, decode_task, encode_task

PLAIN = ContainerSpec("main", "image", ("echo",), {"A": "1", "AWS_BATCH_JOB_ID": "j"})
SECRETS = {"db": "s3cret"}


def read_secret(tx: Tx, value_from: str, region: str) -> str:
    if value_from not in SECRETS:
        raise SecretMissing(f"there is no {value_from} in {region}" + "!" * 300)
    return SECRETS[value_from]


def resolve(spec: TaskSpec) -> TaskSpec:
    with closing(open_sqlite(MEMORY, ManualClock())) as store, store.read() as tx:
        return resolved(tx, spec, "us-east-1", read_secret)


def test_a_task_that_wants_nothing_is_left_alone() -> None:
    spec = TaskSpec("t", (PLAIN,))

    assert resolve(spec) is spec


def test_secrets_become_variables_of_their_own_container_and_are_then_gone() -> None:
    secretive = replace(PLAIN, secrets=(("PASSWORD", "db"), ("A", "db")))

    first, second = resolve(TaskSpec("t", (secretive, PLAIN))).containers

    assert first.environment == {"A": "s3cret", "AWS_BATCH_JOB_ID": "j", "PASSWORD": "s3cret"}
    assert first.secrets == ()
    assert second == PLAIN


def test_what_batch_sets_is_stronger_than_a_secret() -> None:
    spec = TaskSpec("t", (replace(PLAIN, secrets=(("AWS_BATCH_JOB_ID", "db"),)),))

    assert resolve(spec).containers[0].environment["AWS_BATCH_JOB_ID"] == "j"


def test_results_are_filled_in_where_the_task_refers_to_them() -> None:
    variables = {"ROWS": "Ref::one.rows of Ref::two.rows", "A": "1"}
    container = replace(PLAIN, command=("x=Ref::one.rows",), entry_point=("Ref::one.rows",), environment=variables)

    with closing(open_sqlite(MEMORY, ManualClock())) as store:
        store.transact(leave_result)
        with store.read() as tx:
            task = resolved(tx, TaskSpec("t", (container,), inputs={"one": "j-1"}), "us-east-1", read_secret)

    (filled,) = task.containers
    assert (filled.command, filled.entry_point) == (("x=3",), ("3",))
    assert filled.environment == {"ROWS": "3 of Ref::two.rows", "A": "1"}


def leave_result(tx: Tx) -> None:
    """Of a job that has ended."""
    row = JobRow("j-1", "r", "q", "one", "d:1", 1, {}, b"{}", {}, attempts=(Attempt("t-1", "e", 1, 2, "done"),))
    tx.jobs.insert(row, JobSpec("j-1", "q", Resources(0, 0)))
    tx.results.put("t-1", Result('{"rows":3}'), 2)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (
            TaskSpec("t", (replace(PLAIN, secrets=(("A", "never"),)),)),
            "ResourceInitializationError: unable to pull secrets or registry auth: there is no never in us-east-1!",
        ),
        (
            TaskSpec("t", (replace(PLAIN, command=("Ref::one.a",)),), inputs={"one": "j-gone"}),
            "ResultReferenceError: Ref::one.a refers to job j-gone, which wrote nothing to BATCHD_OUTPUT",
        ),
    ],
)
def test_what_cannot_be_had_is_the_attempts_reason_at_most_255_characters(spec: TaskSpec, reason: str) -> None:
    with pytest.raises(Unresolved) as caught:
        resolve(spec)

    assert str(caught.value).startswith(reason)
    assert len(str(caught.value)) <= 255


def test_a_template_comes_back_with_its_secrets_and_inputs() -> None:
    spec = TaskSpec("", (replace(PLAIN, secrets=(("A", "db"),)),), inputs={"one": "j-1:*"})

    assert decode_task(encode_task(spec)) == spec


def test_a_template_of_before_there_were_secrets_is_still_read() -> None:
    old = orjson.loads(encode_task(TaskSpec("", (PLAIN,))))
    del old["inputs"], old["containers"][0]["secrets"]

    assert decode_task(orjson.dumps(old)) == TaskSpec("", (PLAIN,))
