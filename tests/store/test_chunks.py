"""Runs of log lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batchd.store.chunks import SPAN_MS, pack, runs, unpack

LINES = st.lists(st.tuples(st.integers(-(2**40), 2**40) | st.integers(0, 3 * SPAN_MS), st.text(max_size=9)), min_size=1)


@given(LINES)
def test_runs_hold_all_lines_in_order_of_time_and_cross_no_minute(lines: list[tuple[int, str]]) -> None:
    found = list(runs(lines))
    assert [line for run in found for line in run] == sorted(lines, key=lambda line: line[0])
    assert all(run[0][0] // SPAN_MS == run[-1][0] // SPAN_MS for run in found)


@given(LINES)
def test_a_run_comes_back_from_its_row(lines: list[tuple[int, str]]) -> None:
    for run in runs(lines):
        assert list(unpack(run[0][0], run[-1][0], pack(run))) == run


def test_a_run_is_short_enough_to_read_one_line_of_it_cheaply() -> None:
    many = list(runs([(1, "x")] * 2_000))
    long = list(runs([(1, "x" * 50_000)] * 10))
    assert max(len(run) for run in many) <= 512
    assert max(sum(len(message) for _, message in run) for run in long) <= 64 * 1024 + 50_000
