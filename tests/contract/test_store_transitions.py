"""What every store does with the states that jobs entered: kept beside the events, told to no reader."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchd.clock import ManualClock
from batchd.errors import StoreError
from batchd.scheduler.events import Event, JobStatus, TimePassed
from batchd.scheduler.state import Transition
from batchd.store.state_changes import decode_transitions
from batchd.store.store import TRANSITIONS, Store, Tx
from tests.contract.values import values_of

RUNNING = Transition("j-1", JobStatus.RUNNING, 7_000, 2, None)

transitions = st.builds(
    Transition,
    job_id=values_of(str),
    status=values_of(JobStatus),
    at=values_of(int),
    attempt=values_of(int),
    status_reason=values_of(str | None),
    children=st.lists(st.integers(0, 30), unique=True).map(sorted),
    is_terminated=values_of(bool),
    clamped=values_of(bool),
)


class Follower:
    """Appends to the journal what it makes of events, as the schedule does."""

    def __init__(self) -> None:
        self.heard: list[Event] = []

    def on_events(self, tx: Tx, events: Sequence[Event]) -> None:
        self.heard += events
        tx.journal.append_transitions([RUNNING])

    def on_commit(self) -> None:
        """There is nothing to do."""

    def on_rollback(self) -> None:
        """There is nothing to do."""


@given(moved=st.lists(transitions, min_size=1, max_size=4))
@settings(deadline=None)
def test_states_come_back_as_they_were_entered(lasting_store: Store, moved: list[Transition]) -> None:
    lasting_store.transact(lambda tx: tx.journal.append_transitions(moved))
    with lasting_store.read() as tx:
        _, found = tx.journal.transitions(0, 1_000_000)[-1]
    assert [one._replace(children=list(one.children)) for one in found] == moved


def test_the_children_of_a_large_array_are_one_short_run(store: Store) -> None:
    crowd = Transition("j-1", JobStatus.RUNNABLE, 7_000, 0, None, range(10_000))
    store.transact(lambda tx: tx.journal.append_transitions([crowd]))
    with store.read() as tx:
        assert tx.journal.transitions(0, 10) == [(1, [crowd])]


def test_steps_and_events_share_their_numbers_and_are_read_apart(store: Store) -> None:
    store.transact(lambda tx: tx.journal.append(TimePassed()))
    store.transact(lambda tx: tx.journal.append_transitions([RUNNING, RUNNING]))
    store.transact(lambda tx: tx.journal.append_transitions([]))
    store.transact(lambda tx: tx.journal.append(TimePassed()))
    store.transact(lambda tx: tx.journal.append_transitions([RUNNING]))
    with store.read() as tx:
        assert [number for number, _, _ in tx.journal.read(0, 10)] == [1, 3]
        assert tx.journal.transitions(0, 10) == [(2, [RUNNING, RUNNING]), (4, [RUNNING])]
        assert tx.journal.transitions(2, 10) == [(4, [RUNNING])]
        assert tx.journal.transitions(0, 1) == [(2, [RUNNING, RUNNING])]


def test_the_newest_entry_has_the_last_number(store: Store) -> None:
    with store.read() as tx:
        assert tx.journal.last() == 0
    store.transact(lambda tx: tx.journal.append(TimePassed()))
    store.transact(lambda tx: tx.journal.append_transitions([RUNNING]))
    with store.read() as tx:
        assert tx.journal.last() == 2


def test_a_commit_that_brings_states_is_told_of(store: Store) -> None:
    heard: list[str] = []
    store.listen(heard.append)
    store.transact(lambda tx: tx.journal.append(TimePassed()))
    store.transact(lambda tx: tx.journal.append_transitions([]))
    assert heard == []
    store.transact(lambda tx: tx.journal.append_transitions([RUNNING]))
    assert heard == [TRANSITIONS]


def test_no_reader_hears_of_what_a_reader_wrote(store: Store) -> None:
    followers = [Follower(), Follower()]
    for follower in followers:
        store.follow(follower)
    store.transact(lambda tx: tx.journal.append(TimePassed()))
    store.transact(lambda tx: tx.journal.append_transitions([RUNNING]))
    assert [follower.heard for follower in followers] == [[TimePassed()], [TimePassed()]]
    with store.read() as tx:
        assert tx.journal.transitions(0, 10) == [(2, [RUNNING]), (3, [RUNNING]), (4, [RUNNING])]


def test_states_are_forgotten_with_the_rest(store: Store, clock: ManualClock) -> None:
    store.transact(lambda tx: tx.journal.append_transitions([RUNNING]))
    clock.advance(1)
    store.transact(lambda tx: tx.journal.append(TimePassed()))
    assert store.transact(lambda tx: tx.journal.trim(6_000)) == 1
    with store.read() as tx:
        assert tx.journal.transitions(0, 10) == []


@pytest.mark.parametrize(
    "text", ["", "{}7", "[[1]]", '[["j", "NEWER", 1, 0, null]]', '[["j", "RUNNING", 1, 0, null, 0, 5]]']
)
def test_what_is_no_state_change_is_refused(text: str) -> None:
    with pytest.raises(StoreError, match="cannot read a stored state change"):
        decode_transitions(text)
