"""Tasks go in while there is room, others wait in their order, and not for long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batchd.engines.gate import PATIENCE_MS, Gate

ROOM = (2000, 1000)


def test_tasks_go_in_until_there_is_no_room_and_the_next_one_once_there_is() -> None:
    gate = Gate(ROOM)
    assert [gate.enter(name, (1000, 100), 0) for name in "abcd"] == [True, True, False, False]
    assert list(gate) == ["c", "d"]

    gate.leave("a")

    assert (gate.admit(1), gate.admit(1), list(gate)) == (["c"], [], ["d"])


def test_memory_counts_as_vcpus_do() -> None:
    gate = Gate(ROOM)
    assert [gate.enter(name, (1, 600), 0) for name in "ab"] == [True, False]


def test_a_small_task_does_not_overtake_one_that_waits() -> None:
    gate = Gate(ROOM)
    assert [gate.enter(*task, 0) for task in (("a", (1000, 1)), ("b", (2000, 1)), ("c", (1, 1)))] == [
        True,
        False,
        False,
    ]
    assert gate.admit(1) == []

    gate.leave("b")

    assert gate.admit(1) == ["c"]


def test_what_needs_more_than_there_is_goes_in_alone() -> None:
    gate = Gate(ROOM)
    assert [gate.enter(*task, 0) for task in (("a", (9000, 1)), ("b", (1, 1)))] == [True, False]


def test_what_needs_nothing_goes_in_and_so_does_everybody_where_room_is_not_counted() -> None:
    full, open_ = Gate(ROOM), Gate()
    assert [full.enter("a", ROOM, 0), full.enter("b", None, 0), full.enter("a", ROOM, 0)] == [True, True, True]
    assert [open_.enter(name, (9000, 9000), 0) for name in "abc"] == [True, True, True]


def test_those_that_wait_give_up_when_nothing_has_made_room_for_a_while() -> None:
    gate = Gate(ROOM)
    for name in "abcd":
        gate.enter(name, (1000, 1), 10)
    assert (gate.next_at(), gate.give_up(9 + PATIENCE_MS)) == (10 + PATIENCE_MS, [])

    gate.leave("a")
    gate.admit(50)

    assert (gate.next_at(), gate.give_up(49 + PATIENCE_MS)) == (50 + PATIENCE_MS, [])
    assert gate.give_up(50 + PATIENCE_MS) == ["d"]
    assert (gate.next_at(), list(gate)) == (None, [])


def test_who_comes_to_an_empty_line_waits_his_own_time() -> None:
    gate = Gate(ROOM)
    gate.enter("a", ROOM, 0)
    gate.enter("b", ROOM, 10)
    gate.give_up(10 + PATIENCE_MS)

    gate.enter("c", ROOM, 500)

    assert gate.next_at() == 500 + PATIENCE_MS


TASKS = st.tuples(st.integers(0, 3000), st.integers(0, 1500))


@given(st.lists(st.one_of(TASKS, st.integers(0, 20)), max_size=60))
def test_there_is_never_more_inside_than_room_and_nobody_is_lost(steps: list[tuple[int, int] | int]) -> None:
    gate, inside, waiting = Gate(ROOM), dict[str, tuple[int, int]](), dict[str, tuple[int, int]]()
    for number, step in enumerate(steps):
        if isinstance(step, tuple):
            (inside if gate.enter(str(number), step, number) else waiting)[str(number)] = step
        elif inside:
            name = list(inside)[step % len(inside)]
            del inside[name]
            gate.leave(name)
            inside.update((entered, waiting.pop(entered)) for entered in gate.admit(number))
        used = tuple(map(sum, zip(*inside.values(), strict=True))) or (0, 0)
        assert len(inside) == 1 or all(amount <= most for amount, most in zip(used, ROOM, strict=True))
        assert list(gate) == list(waiting)
        assert inside or not waiting
