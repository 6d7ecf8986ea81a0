"""Levels over time in a bounded number of bins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batchd.traces.series import BINS, Series, common_width


def test_a_bin_holds_the_mean_of_its_time() -> None:
    series = Series()
    series.set(500, 4)
    series.set(1000, 2)
    series.set(3000, 0)
    assert series.means(1000, 4000) == [2, 2, 2, 0]
    assert (series.mean(4000), series.most) == (1.5, 4)


def test_the_last_bin_ends_when_the_time_does() -> None:
    series = Series()
    series.set(0, 3)
    assert series.means(1000, 1500) == [3, 3]


def test_nothing_happened_in_no_time() -> None:
    assert (Series().means(1000, 0), Series().mean(0)) == ([], 0)


def test_series_that_ended_early_can_be_laid_beside_longer_ones() -> None:
    short, until = Series(), 5000 * BINS
    short.set(0, 1)
    short.set(16_000, 0)
    means = short.means(common_width(until), until)
    assert common_width(until) == 8000
    assert means[:3] == [1, 1, 0]
    assert len(means) == -(-until // 8000)


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 100)), max_size=30), st.integers(1, 10**8))
def test_the_bins_together_are_what_the_level_was(changes: list[tuple[int, int]], more: int) -> None:
    series, at, level, held = Series(), 0, 0, 0
    for pause, new in changes:
        at, held, level = at + pause, held + level * pause, new
        series.set(at, new)
    until = at + more
    held += level * more
    width = common_width(until)
    means = series.means(width, until)
    spans = [width] * (len(means) - 1) + [until - width * (len(means) - 1)]
    assert len(means) <= BINS
    total = sum(mean * span for mean, span in zip(means, spans, strict=True))
    assert abs(total - held) <= 1e-9 * max(held, 1)
    assert abs(series.mean(until) * until - held) <= 1e-9 * max(held, 1)
