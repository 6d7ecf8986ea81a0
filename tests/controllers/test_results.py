"""What counts as a result, and what later jobs get of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchd.clock import ManualClock
from batchd.controllers.results import NoResult, result_of, substituted
from batchd.engines.engine import RESULT_BYTES
from batchd.scheduler.state import Attempt
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import Result, Store, Tx
from tests.contract.stores import job_row, job_spec

JSON: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(JSON)
def test_any_json_is_a_result(value: object) -> None:
    result = result_of(orjson.dumps(value) + b"\n")

    assert result is not None
    assert orjson.loads(result.text or "") == value


@given(st.binary(max_size=50))
def test_whatever_was_written_is_a_result_or_says_why_it_is_none(output: bytes) -> None:
    result = result_of(output)

    if output.strip():
        assert result is not None
        assert (result.text is None) == (result.problem is not None)
    else:
        assert result is None


def test_the_largest_result_is_64_kib() -> None:
    fits = b'"' + b"x" * (RESULT_BYTES - 2) + b'"'

    assert result_of(fits) == Result(fits.decode())
    assert result_of(fits + b" ") == Result(None, "The result is larger than 65536 bytes.")


@pytest.fixture
def store() -> Iterator[Store]:
    with closing(open_sqlite(MEMORY, ManualClock())) as made:
        yield made


def leave(store: Store, job_id: str, result: Result | None) -> None:
    """A job of one attempt that left this."""

    def work(tx: Tx) -> None:
        attempt = Attempt(f"task of {job_id}", "ce", 1, 2, "over", 0)
        tx.jobs.insert(job_row(job_id, attempts=(attempt,)), job_spec(job_id))
        if result is not None:
            tx.results.put(attempt.task_id, result, 2)

    store.transact(work)


def fill(store: Store, *command: str, **inputs: str) -> tuple[str, ...]:
    with store.read() as tx:
        return substituted(command, inputs, tx)


def test_texts_come_as_they_are_and_everything_else_as_json(store: Store) -> None:
    leave(store, "j-1", Result('{"a":"x y","b":[1,{"c":null}],"d":true,"e-f":1.5}'))

    filled = fill(store, "Ref::one.a", "<Ref::one.b>", "Ref::one.d/Ref::one.e-f", one="j-1")

    assert filled == ("x y", '<[1,{"c":null}]>', "true/1.5")


def test_a_value_is_not_looked_into_again(store: Store) -> None:
    leave(store, "j-1", Result('{"a":"Ref::one.b","b":"no"}'))

    assert fill(store, "Ref::one.a", one="j-1") == ("Ref::one.b",)


@settings(max_examples=20)
@given(st.lists(st.text(max_size=12), max_size=4))
def test_words_that_refer_to_nobody_stay(words: list[str]) -> None:
    with closing(open_sqlite(MEMORY, ManualClock())) as store:
        assert fill(store, *words) == tuple(words)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (None, "which wrote nothing to BATCHD_OUTPUT"),
        (Result(None, "The result is not JSON"), "whose result cannot be used: The result is not JSON"),
        (Result('{"b":1}'), "whose result has no a"),
        (Result('"a"'), "whose result has no a"),
    ],
)
def test_what_is_missing_is_named(store: Store, result: Result | None, text: str) -> None:
    leave(store, "j-1", result)

    with pytest.raises(NoResult) as caught:
        fill(store, "Ref::one.a", one="j-1")
    assert str(caught.value) == f"Ref::one.a refers to job j-1, {text}"
    with pytest.raises(NoResult, match="which wrote nothing"):
        fill(store, "Ref::one.a", one="j-gone")
