"""The figures of a report."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from batchd.traces.plan import Plan
from batchd.traces.report import jain
from batchd.traces.tables import duration, tables
from tests.traces.builders import report, swf


def test_waits_and_slowdowns_are_spread_over_all_jobs() -> None:
    found = report([swf(1, 0, 100, 4), swf(2, 0, 1, 4), swf(3, 0, 100, 4)])
    assert (found.wait_s.mean, found.wait_s.median, found.wait_s.most) == (67, 100, 101)
    # a run of a second counts as ten, so that it weighs no more than it should
    assert found.bounded_slowdown.most == 101 / 10
    assert found.bounded_slowdown.mean == pytest.approx((1 + 10.1 + 2.01) / 3)


def test_percentiles_are_by_nearest_rank() -> None:
    found = report([swf(number, number, 1000, 4) for number in range(100)])
    waits = list(found.waits_s)
    assert (found.wait_s.median, found.wait_s.p90, found.wait_s.p99) == (waits[49], waits[89], waits[98])


def test_utilisation_is_over_time() -> None:
    found = report([swf(1, 0, 10, 4), swf(2, 20, 20, 2)])
    assert found.utilisation.mean == pytest.approx((4 * 10 + 2 * 20) / (4 * 40))
    assert found.utilisation_while_arriving == pytest.approx(4 * 10 / (4 * 20))
    assert (found.utilisation.bins[5], found.utilisation.bins[15], found.utilisation.bins[30]) == (1, 0, 0.5)


def test_jobs_an_hour_are_of_the_whole_time() -> None:
    assert report([swf(1, 0, 1800), swf(2, 0, 1800)]).jobs_an_hour == 4


def test_shares_are_told_largest_first() -> None:
    found = report([swf(1, 0, 100, 1, user=7), swf(2, 0, 100, 3, user=3), swf(3, 10, 10, 1, user=7)])
    assert [(share.name, share.jobs) for share in found.shares] == [("3", 1), ("7", 2)]
    assert [round(share.part, 2) for share in found.shares] == [0.73, 0.27]
    assert found.shares[0].vcpu_hours == pytest.approx(300 / 3600)
    assert found.shares[1].mean_wait_s == 45


def test_jains_index_is_one_for_equals_and_a_part_of_n_for_one_that_has_all() -> None:
    assert jain([3, 3, 3]) == pytest.approx(1)
    assert jain([5, 0, 0, 0]) == pytest.approx(1 / 4)
    assert jain([0, 0]) is None


def test_fairness_is_measured_while_shares_compete() -> None:
    """User 2 waits for user 1 while both have more work; a lone user's time is nobody's loss."""
    jobs = [swf(1, 0, 100, 4, user=1), swf(2, 50, 100, 4, user=1), swf(3, 60, 100, 4, user=2)]
    fairness = report(jobs).fairness
    assert fairness.bins[10] is None
    assert fairness.bins[80] == pytest.approx(0.5)
    assert fairness.bins[250] is None
    assert fairness.while_waiting == pytest.approx(0.5)
    assert fairness.overall == pytest.approx(300**2 / (2 * (200**2 + 100**2)))


def test_weights_say_what_is_fair() -> None:
    jobs = [swf(1, 0, 100, 3, user=1), swf(2, 0, 100, 1, user=2)]
    assert report(jobs, Plan(4, weights={"2": 3.0})).fairness.overall == pytest.approx(1)


def test_a_report_is_plain_json() -> None:
    figures = report([swf(1, 0, 100, 4), swf(2, 0, 1, 4)]).figures()
    assert json.loads(json.dumps(figures)) == figures
    assert figures["wait_s"] == {"mean": 50.0, "median": 0.0, "p90": 100.0, "p99": 100.0, "most": 100.0}
    assert "waits_s" not in figures


def test_tables_say_it_in_words() -> None:
    jobs = [swf(number, number, 3600, 4, user=number) for number in range(12)]
    console = Console(width=120, record=True, quiet=True)
    with console.capture() as captured:
        console.quiet = False
        console.print(tables(report(jobs), "user"))
    text = captured.get()
    assert "utilisation of 4 vCPUs" in text
    assert "2 others" in text
    assert "12.0 h" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (5.25, "5.25 s"), (99, "99 s"), (150, "2.5 min"), (7200, "2.0 h"), (864_000, "10.0 d")],
)
def test_durations_are_told_in_a_unit_that_suits_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
