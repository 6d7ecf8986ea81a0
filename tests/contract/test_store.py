"""What every store does: units of work, groups, followers, snapshots, resources, journal, cursors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchd.clock import ManualClock
from batchd.errors import DuplicateKey, EventsRefused, StoreError
from batchd.scheduler.events import CancelRequested, Event, TimePassed
from batchd.store.store import Key, Store, Tx
from tests.contract.stores import job_ids, job_row, job_spec, submit
from tests.contract.values import values_of

QUEUE = Key("batch.job-queue", "us-east-1", "night")


class Follower:
    """A journal reader that writes down what it hears."""

    def __init__(self, fails: bool = False) -> None:
        self.heard: list[object] = []
        self.fails = fails

    def on_events(self, tx: Tx, events: Sequence[Event]) -> None:
        self.heard.append(list(events))
        tx.resources.put(Key("test.count", "", "events"), {"count": len(events)})
        if self.fails:
            raise RuntimeError("the follower fell over")

    def on_commit(self) -> None:
        self.heard.append("commit")

    def on_rollback(self) -> None:
        self.heard.append("rollback")


def put(name: str, value: int) -> object:
    def work(tx: Tx) -> int:
        tx.resources.put(Key("test.noun", "", name), {"value": value})
        return value

    return work


def fail(tx: Tx) -> None:
    tx.resources.put(QUEUE, {"state": "DISABLED"})
    tx.jobs.insert(job_row("j-failed"), job_spec("j-failed"))
    tx.journal.append(TimePassed())
    raise ValueError("no")


def fail_early(tx: Tx) -> None:
    raise ValueError("no")


def names(tx: Tx, kind: str = "test.noun") -> list[str]:
    return [name for name, _ in tx.resources.page(kind, "")]


# Units and groups


def test_a_unit_returns_its_result_and_readers_see_what_it_wrote(store: Store) -> None:
    assert store.transact(put("a", 1)) == 1
    with store.read() as tx:
        assert tx.resources.get(Key("test.noun", "", "a")) == {"value": 1}


def test_a_unit_that_raises_leaves_nothing_and_does_not_disturb_its_neighbours(store: Store) -> None:
    store.transact(lambda tx: tx.resources.put(QUEUE, {"state": "ENABLED"}))

    outcomes = store.apply([put("a", 1), fail, fail_early, put("b", 2), lambda tx: tx.resources.get(QUEUE)])
    store.commit()
    store.settle(True)

    assert [outcome.result for outcome in outcomes] == [1, None, None, 2, {"state": "ENABLED"}]
    assert [type(outcome.error) for outcome in outcomes] == [type(None), ValueError, ValueError, *[type(None)] * 2]
    with store.read() as tx:
        assert names(tx) == ["a", "b"]
        assert tx.resources.get(QUEUE) == {"state": "ENABLED"}
        assert job_ids(tx) == []
        assert tx.jobs.counts() == {}
        assert tx.journal.read(0, 10) == []


def test_transact_raises_what_the_unit_raised(store: Store) -> None:
    with pytest.raises(ValueError, match="no"):
        store.transact(fail)
    assert store.transact(put("a", 1)) == 1


def test_a_unit_sees_what_earlier_units_of_its_group_wrote(store: Store) -> None:
    outcomes = store.apply([put("a", 1), names])
    store.commit()
    store.settle(True)
    assert outcomes[1].result == ["a"]


def test_a_group_that_is_given_up_with_an_interrupt_leaves_nothing(store: Store) -> None:
    def interrupt(tx: Tx) -> None:
        put("a", 1)(tx)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.apply([interrupt])
    store.transact(put("b", 2))
    with store.read() as tx:
        assert names(tx) == ["b"]


def test_one_group_at_a_time(store: Store) -> None:
    store.apply([put("a", 1)])
    with pytest.raises(StoreError, match="open already"):
        store.apply([put("b", 2)])
    store.commit()
    store.settle(True)
    with store.read() as tx:
        assert names(tx) == ["a"]


def test_a_commit_with_nothing_applied_does_nothing(store: Store) -> None:
    store.commit()
    store.settle(True)
    assert store.transact(names) == []


# Snapshots


def test_readers_see_the_last_commit_while_a_group_is_open(store: Store) -> None:
    store.transact(put("a", 1))
    store.apply([put("a", 2), put("b", 1)])
    with store.read() as tx:
        assert tx.resources.get(Key("test.noun", "", "a")) == {"value": 1}
        assert names(tx) == ["a"]
    store.commit()
    with store.read() as tx:
        assert tx.resources.get(Key("test.noun", "", "a")) == {"value": 2}
    store.settle(True)


def test_a_snapshot_does_not_move_and_another_may_be_opened_beside_it(store: Store) -> None:
    store.transact(put("a", 1))
    with store.read() as old:
        assert names(old) == ["a"]
        store.transact(put("b", 2))
        assert names(old) == ["a"]
        with store.read() as new:
            assert names(new) == ["a", "b"]
        assert names(old) == ["a"]
    with store.read() as tx:
        assert names(tx) == ["a", "b"]


def test_a_snapshot_cannot_be_written_to(store: Store) -> None:
    with store.read() as tx:
        with pytest.raises(StoreError, match="snapshot"):
            tx.resources.put(QUEUE, {})
        with pytest.raises(StoreError, match="snapshot"):
            tx.jobs.purge(1, 1)


def test_a_reader_that_raises_leaves_the_store_usable(store: Store) -> None:
    with pytest.raises(ValueError, match="no"), store.read() as tx:
        names(tx)
        raise ValueError("no")
    with store.read() as tx:
        assert names(tx) == []


# Followers


def test_a_follower_shares_the_commit_of_the_events_it_hears(store: Store) -> None:
    follower = Follower()
    store.follow(follower)
    outcomes = store.apply([submit("j-1"), fail, submit("j-2")])
    heard = [[event.job.job_id for event in follower.heard[0]]]
    with store.read() as tx:
        assert names(tx, "test.count") == []
    store.commit()
    store.settle(True)

    assert heard == [["j-1", "j-2"]]
    assert follower.heard[1:] == ["commit"]
    assert [outcome.error is None for outcome in outcomes] == [True, False, True]
    with store.read() as tx:
        assert tx.resources.get(Key("test.count", "", "events")) == {"count": 2}


def test_a_follower_is_left_alone_when_nothing_happened(store: Store) -> None:
    follower = Follower()
    store.follow(follower)
    store.transact(put("a", 1))
    assert follower.heard == []


def test_a_follower_that_fails_rolls_the_group_back_and_every_follower_forgets(store: Store) -> None:
    first, second = Follower(), Follower(fails=True)
    store.follow(first)
    store.follow(second)

    outcomes = store.apply([submit("j-1"), fail_early, put("a", 1)])

    assert [type(outcome.error) for outcome in outcomes] == [EventsRefused, ValueError, EventsRefused]
    cause = outcomes[0].error.__cause__
    assert cause is not None and isinstance(cause.__cause__, RuntimeError)
    assert [first.heard[-1], second.heard[-1]] == ["rollback", "rollback"]
    with store.read() as tx:
        assert (job_ids(tx), names(tx), tx.journal.read(0, 10)) == ([], [], [])


def test_a_group_after_a_failed_one_works(store: Store) -> None:
    follower = Follower(fails=True)
    store.follow(follower)
    with pytest.raises(StoreError, match="fell over"):
        store.transact(submit("j-1"))
    follower.fails = False
    store.transact(submit("j-1"))
    with store.read() as tx:
        assert job_ids(tx) == ["j-1"]


def test_a_follower_hears_only_its_own_group(store: Store) -> None:
    follower = Follower()
    store.follow(follower)
    store.transact(submit("j-1"))
    store.transact(submit("j-2"))
    assert [len(heard) for heard in follower.heard[::2]] == [1, 1]


# Resources


def telling(topic: str, then: object = None) -> object:
    def work(tx: Tx) -> None:
        tx.tell(topic)
        if then:
            then(tx)

    return work


def test_what_units_told_is_heard_after_the_commit_as_often_as_it_was_told(store: Store) -> None:
    heard: list[str] = []
    store.listen(heard.append)

    store.apply([telling("a"), telling("b"), telling("a"), telling("c", fail_early), telling("d", fail)])
    store.commit()
    assert heard == []
    store.settle(True)
    assert heard == ["a", "b", "a"]

    store.transact(put("x", 1))
    assert heard == ["a", "b", "a"]


def test_what_a_lost_group_told_is_never_heard(store: Store) -> None:
    heard: list[str] = []
    store.listen(heard.append)
    follower = Follower(fails=True)
    store.follow(follower)

    store.apply([telling("a", lambda tx: tx.journal.append(TimePassed()))])
    store.commit()
    store.settle(False)
    follower.fails = False
    store.transact(telling("b"))

    assert heard == ["b"]


def test_a_snapshot_has_nothing_to_tell(store: Store) -> None:
    with store.read() as tx, pytest.raises(StoreError):
        tx.tell("a")


def test_insert_refuses_a_key_that_exists(store: Store) -> None:
    store.transact(lambda tx: tx.resources.insert(QUEUE, {"a": 1}))
    with pytest.raises(DuplicateKey, match="night"):
        store.transact(lambda tx: tx.resources.insert(QUEUE, {"a": 2}))
    assert store.transact(lambda tx: tx.resources.get(QUEUE)) == {"a": 1}


def test_a_unit_may_go_on_after_a_duplicate_key(store: Store) -> None:
    def work(tx: Tx) -> None:
        tx.resources.insert(QUEUE, {"a": 1})
        with pytest.raises(DuplicateKey):
            tx.resources.insert(QUEUE, {"a": 2})
        tx.resources.put(Key("test.noun", "", "a"), {})

    store.transact(work)
    assert store.transact(names) == ["a"]


def test_put_writes_anew_and_delete_says_whether_there_was_one(store: Store) -> None:
    def work(tx: Tx) -> list[object]:
        tx.resources.put(QUEUE, {"a": 1})
        before = tx.resources.get(QUEUE)
        tx.resources.put(QUEUE, {"a": 2})
        after = tx.resources.get(QUEUE)
        return [before, after, tx.resources.delete(QUEUE), tx.resources.delete(QUEUE), tx.resources.get(QUEUE)]

    assert store.transact(work) == [{"a": 1}, {"a": 2}, True, False, None]


def test_what_was_rolled_back_is_not_read_from_a_cache(store: Store) -> None:
    def read_then_fail(tx: Tx) -> None:
        tx.resources.put(QUEUE, {"a": 2})
        assert tx.resources.get(QUEUE) == {"a": 2}
        raise ValueError("no")

    store.transact(lambda tx: tx.resources.put(QUEUE, {"a": 1}))
    with pytest.raises(ValueError, match="no"):
        store.transact(read_then_fail)
    assert store.transact(lambda tx: tx.resources.get(QUEUE)) == {"a": 1}


def test_what_a_lost_group_wrote_is_not_read_from_a_cache(store: Store) -> None:
    def write_and_read(tx: Tx) -> None:
        tx.resources.put(QUEUE, {"a": 2})
        assert tx.resources.get(QUEUE) == {"a": 2}
        tx.journal.append(TimePassed())

    store.transact(lambda tx: tx.resources.put(QUEUE, {"a": 1}))
    store.follow(Follower(fails=True))
    with pytest.raises(StoreError):
        store.transact(write_and_read)
    assert store.transact(lambda tx: tx.resources.get(QUEUE)) == {"a": 1}


def test_pages_go_by_name_within_kind_and_region(store: Store) -> None:
    def write(tx: Tx) -> None:
        for name in ("b", "aa", "a", "ab", "Ä", "z"):
            tx.resources.put(Key("test.noun", "r1", name), {"name": name})
        tx.resources.put(Key("test.noun", "r2", "a"), {"name": "other region"})
        tx.resources.put(Key("test.other", "r1", "a"), {"name": "other kind"})

    def page(tx: Tx, **wanted: object) -> list[str]:
        return [body["name"] for _, body in tx.resources.page("test.noun", "r1", **wanted)]

    store.transact(write)
    with store.read() as tx:
        assert page(tx) == ["a", "aa", "ab", "b", "z", "Ä"]
        assert page(tx, prefix="a") == ["a", "aa", "ab"]
        assert page(tx, prefix="a", after="a") == ["aa", "ab"]
        assert page(tx, prefix="b", after="a") == ["b"]
        assert page(tx, after="ab", limit=2) == ["b", "z"]
        assert page(tx, after="Ä") == []
        assert [key for key, _ in tx.resources.every("test.noun")] == [
            *[Key("test.noun", "r1", name) for name in page(tx)],
            Key("test.noun", "r2", "a"),
        ]


@given(body=st.dictionaries(st.text(max_size=9), values_of(str | int | bool | None | list[str]), max_size=4))
@settings(deadline=None)
def test_a_body_comes_back_as_it_went(lasting_store: Store, body: dict[str, object]) -> None:
    lasting_store.transact(lambda tx: tx.resources.put(QUEUE, body))
    with lasting_store.read() as tx:
        assert tx.resources.get(QUEUE) == body


# Journal


@given(event=st.one_of([values_of(kind) for kind in get_args(Event)]))
@settings(deadline=None)
def test_an_event_comes_back_as_it_went(lasting_store: Store, event: Event) -> None:
    lasting_store.transact(lambda tx: tx.journal.append(event))
    with lasting_store.read() as tx:
        newest = tx.journal.read(0, 1_000_000)[-1]
    assert newest[1:] == (5_000, event)
    assert type(newest[2]) is type(event)


def test_the_journal_is_read_in_order_from_any_entry(store: Store, clock: ManualClock) -> None:
    for number in range(5):
        store.transact(lambda tx, number=number: tx.journal.append(CancelRequested(f"j-{number}", "why")))
        clock.advance(1)
    with store.read() as tx:
        entries = tx.journal.read(0, 3)
        rest = tx.journal.read(entries[-1][0], 10)
    assert [event.job_id for _, _, event in entries + rest] == [f"j-{number}" for number in range(5)]
    assert [at for _, at, _ in entries + rest] == [5_000, 6_000, 7_000, 8_000, 9_000]
    assert [number for number, _, _ in entries + rest] == sorted(number for number, _, _ in entries + rest)


def test_trim_forgets_what_is_older_but_never_gives_a_number_twice(store: Store, clock: ManualClock) -> None:
    def append(tx: Tx) -> None:
        tx.journal.append(TimePassed())

    for _ in range(3):
        store.transact(append)
        clock.advance(1)
    with store.read() as tx:
        numbers = [number for number, _, _ in tx.journal.read(0, 10)]
    assert store.transact(lambda tx: tx.journal.trim(6_000)) == 1
    assert store.transact(lambda tx: tx.journal.trim(6_000)) == 0
    assert store.transact(lambda tx: tx.journal.trim(99_000)) == 1
    store.transact(append)
    with store.read() as tx:
        newer = [number for number, _, _ in tx.journal.read(numbers[-1], 10)]
    assert len(newer) == 1


# Log cursors


def test_a_cursor_begins_at_zero_and_is_kept_until_deleted(store: Store) -> None:
    def work(tx: Tx) -> list[int]:
        seen = [tx.log_cursors.get("t-1")]
        for offset in (10, 20):
            tx.log_cursors.put("t-1", offset)
            seen.append(tx.log_cursors.get("t-1"))
        tx.log_cursors.put("t-2", 5)
        tx.log_cursors.delete("t-1")
        return [*seen, tx.log_cursors.get("t-1"), tx.log_cursors.get("t-2")]

    assert store.transact(work) == [0, 10, 20, 0, 5]
