from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.engines.ensemble import COMPLETE, START, SUCCESS, Ensemble, Part


def begun(ensemble: Ensemble) -> list[str]:
    """Whom an engine would begin now; each comes up at once."""
    names = []
    while part := ensemble.next_due():
        ensemble.up(part)
        names.append(part.name)
    return names


def goes_on(ensemble: Ensemble) -> bool:
    return not (ensemble.stopping or ensemble.over)


def main_and(*others: Part) -> tuple[Ensemble, Part]:
    main = Part("main", depends_on=[(other.name, SUCCESS) for other in others if not other.essential])
    return Ensemble([*others, main]), main


def test_one_container_is_the_task() -> None:
    ensemble = Ensemble([Part("main")])
    assert begun(ensemble) == ["main"]
    ensemble.end(ensemble.part("main"), 3, "why")
    assert ensemble.over
    assert ensemble.verdict() == (3, "why")
    assert ensemble.exits() == []


def test_without_dependencies_all_begin_in_order() -> None:
    ensemble = Ensemble([Part("b"), Part("a"), Part("c")])
    assert begun(ensemble) == ["b", "a", "c"]


def test_the_end_of_an_essential_container_decides_and_stops_the_others() -> None:
    ensemble = Ensemble([Part("main"), Part("other")])
    begun(ensemble)
    ensemble.end(ensemble.part("main"), 4)
    assert ensemble.stopping
    ensemble.end(ensemble.part("other"), 143)
    assert ensemble.over
    assert ensemble.verdict() == (4, None)
    assert ensemble.exits() == [("main", 4, None), ("other", 143, None)]


def test_what_is_not_essential_may_fail() -> None:
    ensemble = Ensemble([Part("helper", essential=False), Part("main")])
    begun(ensemble)
    ensemble.end(ensemble.part("helper"), 1)
    assert goes_on(ensemble)
    ensemble.end(ensemble.part("main"), 0)
    assert ensemble.verdict() == (0, None)


@pytest.mark.parametrize(
    ("condition", "exit_code", "starts"),
    [(COMPLETE, 0, True), (COMPLETE, 5, True), (SUCCESS, 0, True), (SUCCESS, 5, False), (COMPLETE, None, False)],
)
def test_who_waits_for_an_end_starts_after_it(condition: str, exit_code: int | None, starts: bool) -> None:
    first = Part("first", essential=False)
    ensemble = Ensemble([first, Part("main", depends_on=[("first", condition)])])
    assert begun(ensemble) == ["first"]
    ensemble.end(first, exit_code)
    assert begun(ensemble) == (["main"] if starts else [])
    assert ensemble.over is not starts


def test_who_waits_for_a_start_begins_when_it_is_up() -> None:
    first = Part("first")
    ensemble = Ensemble([Part("main", depends_on=[("first", START)]), first])
    assert ensemble.next_due() is first
    assert ensemble.next_due() is None
    ensemble.up(first)
    assert begun(ensemble) == ["main"]


def test_a_start_that_was_counts_though_it_is_over() -> None:
    first = Part("first", essential=False)
    ensemble = Ensemble([first, Part("main", depends_on=[("first", START)])])
    ensemble.next_due()
    ensemble.up(first)
    ensemble.end(first, 1)
    assert begun(ensemble) == ["main"]


def test_a_first_step_that_fails_fails_the_task_with_its_code() -> None:
    one, two = Part("one", essential=False), Part("two", essential=False, depends_on=[("one", SUCCESS)])
    ensemble = Ensemble([one, two, Part("main", depends_on=[("two", SUCCESS)])])
    begun(ensemble)
    ensemble.end(one, 3)
    assert ensemble.over
    assert ensemble.verdict() == (3, "CannotStartContainerError: container two did not succeed")
    assert ensemble.exits() == [
        ("one", 3, None),
        ("two", None, "CannotStartContainerError: container one did not succeed"),
        ("main", None, "CannotStartContainerError: container two did not succeed"),
    ]


def test_a_container_that_cannot_start_matters_if_it_is_essential() -> None:
    ensemble = Ensemble([Part("helper", essential=False), Part("main"), Part("other")])
    begun(ensemble)
    ensemble.fail(ensemble.part("helper"), "no such file")
    assert goes_on(ensemble)
    ensemble.fail(ensemble.part("main"), "no such file")
    assert ensemble.stopping
    ensemble.end(ensemble.part("other"), 143)
    assert ensemble.verdict() == (None, "no such file")


def test_a_stop_keeps_those_from_starting_that_wait() -> None:
    first = Part("first", essential=False)
    ensemble, main = main_and(first)
    begun(ensemble)
    ensemble.stop()
    assert main.over
    ensemble.end(first, 0)
    assert begun(ensemble) == []
    assert ensemble.over
    assert ensemble.verdict() == (None, None)


def test_where_none_is_essential_all_run_to_their_end_and_the_first_failure_decides() -> None:
    ensemble = Ensemble([Part(name, essential=False) for name in ("a", "b", "c")])
    begun(ensemble)
    ensemble.end(ensemble.part("a"), 0)
    ensemble.end(ensemble.part("c"), 7, "late")
    assert goes_on(ensemble)
    ensemble.end(ensemble.part("b"), 8)
    assert ensemble.verdict() == (7, "late")


def test_where_none_is_essential_all_must_succeed() -> None:
    ensemble = Ensemble([Part(name, essential=False) for name in ("a", "b")])
    begun(ensemble)
    for part in ensemble.parts:
        ensemble.end(part, 0)
    assert ensemble.verdict() == (0, None)


def test_those_that_wait_give_up_on_one_that_takes_too_long() -> None:
    first = Part("first", essential=False)
    ensemble, main = main_and(first)
    begun(ensemble)
    assert ensemble.is_awaited(first)
    ensemble.give_up(first, 5.0)
    assert not ensemble.is_awaited(first)
    assert main.reason == "CannotStartContainerError: container first did not succeed within 5 s"
    assert ensemble.stopping
    ensemble.end(first, 143)
    assert ensemble.verdict() == (None, main.reason)


def test_giving_up_on_one_that_is_over_means_nothing() -> None:
    first = Part("first", essential=False)
    ensemble, _ = main_and(first)
    begun(ensemble)
    ensemble.end(first, 0)
    ensemble.give_up(first, 5.0)
    assert begun(ensemble) == ["main"]


@pytest.mark.parametrize("depends_on", [[("b", START)], [("nobody", START)]])
def test_who_waits_in_vain_ends(depends_on: list[tuple[str, str]]) -> None:
    ensemble = Ensemble([Part("a", depends_on=depends_on), Part("b", depends_on=[("a", SUCCESS)])])
    assert begun(ensemble) == []
    assert ensemble.over
    assert ensemble.verdict()[0] is None


NAMES = "abcd"
PARTS = st.lists(
    st.tuples(st.booleans(), st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([START, COMPLETE, SUCCESS])))),
    min_size=1,
    max_size=4,
)
HAPPENINGS = st.lists(st.tuples(st.sampled_from(["end", "fail", "stop", "late"]), st.integers(0, 3), st.integers(0, 2)))


@given(PARTS, HAPPENINGS)
def test_whatever_happens_a_task_ends_when_what_runs_has_ended(
    wanted: list[tuple[bool, list[tuple[str, str]]]], happenings: list[tuple[str, int, int]]
) -> None:
    ensemble = Ensemble([Part(name, *more) for name, more in zip(NAMES, wanted, strict=False)])
    begun(ensemble)
    for kind, which, code in happenings:
        running = [part for part in ensemble.parts if part.running]
        if kind == "stop":
            ensemble.stop()
        elif running and kind == "late":
            ensemble.give_up(running[which % len(running)], 1.0)
        elif running and kind == "fail":
            ensemble.fail(running[which % len(running)], "no")
        elif running:
            ensemble.end(running[which % len(running)], code)
        assert not (ensemble.stopping and begun(ensemble))
        begun(ensemble)
    while running := [part for part in ensemble.parts if part.running]:
        ensemble.end(running[0], 0)
        begun(ensemble)
    assert ensemble.over
    assert ensemble.verdict()[0] != 0 or any(part.exit_code == 0 for part in ensemble.parts)
