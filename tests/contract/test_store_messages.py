"""What every store promises of messages in queues, and of ids that were used a moment ago."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchd.clock import ManualClock
from batchd.store.named import named_queries
from batchd.store.queued import Depth, NewMessage, QueuedMessage
from batchd.store.sqlite import open_sqlite
from batchd.store.store import Store, Tx
from tests.contract.stores import FACTORIES

T = TypeVar("T")


def new(name: str, at: int = 1000, **changes: Any) -> NewMessage:
    return NewMessage(**{"message_id": name, "sent_at": at, "due_at": at, "content": {"body": name}, **changes})


class Queue:
    """One queue of a store, a transaction for each call."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.number = self._do(lambda tx: tx.messages.open_queue())

    def _do(self, work: Callable[[Tx], T]) -> T:
        return self._store.transact(work)

    def add(self, *messages: NewMessage) -> None:
        self._do(lambda tx: tx.messages.add(self.number, messages))

    def ready(self, now: int, limit: int = 10) -> list[QueuedMessage]:
        return self._do(lambda tx: tx.messages.ready(self.number, now, limit))

    def receive(self, now: int, limit: int = 10, timeout: int = 100) -> list[QueuedMessage]:
        received = [message.received(now, now + timeout) for message in self.ready(now, limit)]
        self._do(lambda tx: tx.messages.hide(received))
        return received

    def remove(self, *messages: QueuedMessage) -> None:
        self._do(lambda tx: tx.messages.remove(self.number, messages))

    def set_due(self, message: QueuedMessage, due_at: int) -> None:
        self._do(lambda tx: tx.messages.set_due(message, due_at))

    def find(self, message: QueuedMessage) -> QueuedMessage | None:
        return self._do(lambda tx: tx.messages.find(self.number, message.number, message.message_id))

    def depth(self, now: int) -> Depth:
        return self._do(lambda tx: tx.messages.depth(self.number, now))

    def next_due(self, now: int) -> int | None:
        return self._do(lambda tx: tx.messages.next_due(self.number, now))


@pytest.fixture
def queue(store: Store) -> Queue:
    return Queue(store)


def ids(messages: list[QueuedMessage]) -> list[str]:
    return [message.message_id for message in messages]


def test_messages_come_in_the_order_in_which_they_are_due(queue: Queue) -> None:
    queue.add(new("a"), new("b"), new("late", due_at=1500), new("c", 1001))

    assert ids(queue.ready(1400)) == ["a", "b", "c"]
    assert ids(queue.ready(1400, 2)) == ["a", "b"]
    assert ids(queue.ready(1500)) == ["a", "b", "c", "late"]
    assert ids(queue.ready(999)) == []


def test_what_was_received_is_hidden_for_a_time_and_then_comes_again(queue: Queue) -> None:
    queue.add(new("a", content={"body": "x", "n": [1]}))

    (first,) = queue.receive(1010)
    assert (first.receives, first.first_received_at, first.received_at, first.due_at) == (1, 1010, 1010, 1110)
    assert queue.ready(1109) == []
    assert queue.ready(1110) == [first]
    (second,) = queue.receive(1200)
    assert (second.receives, second.first_received_at, second.received_at) == (2, 1010, 1200)
    assert second.content == {"body": "x", "n": [1]}
    assert queue.find(second) == second


def test_a_message_is_found_by_number_and_id_in_its_own_queue_only(queue: Queue, store: Store) -> None:
    queue.add(new("a"))
    (a,) = queue.ready(1000)
    other = Queue(store)

    assert other.find(a) is None
    queue.remove(a)
    queue.add(new("b"))
    (b,) = queue.ready(1000)
    assert queue.find(a) is None
    assert queue.find(b) == b


def test_depth_tells_ready_from_in_flight_from_delayed(queue: Queue) -> None:
    queue.add(*(new(name) for name in "abc"), new("late", due_at=5000))
    (a,) = queue.receive(1000, 1)

    assert queue.depth(1000) == Depth(2, 1, 1)
    assert queue.next_due(1000) == 1100
    queue.remove(a)
    assert queue.depth(1000) == Depth(2, 0, 1)
    assert (queue.next_due(1000), queue.next_due(5000)) == (5000, None)
    assert queue.depth(5000) == Depth(3, 0, 0)


def test_when_a_message_is_due_can_be_changed(queue: Queue) -> None:
    queue.add(new("a"))
    (a,) = queue.receive(1000)
    queue.set_due(a, 1001)

    assert ids(queue.ready(1001)) == ["a"]


def test_a_group_hands_out_its_messages_in_order_and_none_while_one_is_in_flight(queue: Queue) -> None:
    queue.add(new("a1", group="a"), new("b1", group="b"), new("a2", group="a"), new("a3", group="a"))

    assert ids(queue.receive(1000, 2)) == ["a1", "a2"]
    assert ids(queue.receive(1000)) == ["b1"]
    assert ids(queue.receive(1000)) == []
    assert queue.depth(1000) == Depth(1, 3, 0)
    assert ids(queue.receive(1100)) == ["a1", "a2", "a3", "b1"]


def test_the_next_of_a_group_is_free_when_those_before_it_are_gone(queue: Queue) -> None:
    queue.add(*(new(f"a{number}", group="a") for number in range(4)))
    a0, a1 = queue.receive(1000, 2)

    queue.remove(a0)
    assert ids(queue.ready(1000)) == []
    queue.set_due(a0, 0)  # it is gone: nothing happens
    queue.remove(a1)
    assert ids(queue.ready(1000)) == ["a2", "a3"]


def test_a_message_that_is_let_go_waits_for_those_received_with_it(queue: Queue) -> None:
    queue.add(*(new(f"a{number}", group="a") for number in range(3)))
    a0, _ = queue.receive(1000, 2)
    queue.set_due(a0, 1000)

    assert ids(queue.ready(1000)) == []
    assert ids(queue.ready(1100)) == ["a0", "a1", "a2"]


def test_sequences_go_on_in_a_queue_that_takes_anothers_place(queue: Queue, store: Store) -> None:
    queue.add(new("a"), new("b"))
    sequence = store.transact(lambda tx: tx.messages.sequence(queue.number))
    number = store.transact(lambda tx: tx.messages.open_queue(sequence))

    assert (sequence, number == queue.number) == (2, False)
    assert store.transact(lambda tx: tx.messages.sequence(number)) == 2


def test_what_is_older_than_its_queue_keeps_it_goes(queue: Queue, store: Store) -> None:
    queue.add(new("a", 1000), new("b", 2000), new("c", 3000), new("g1", 1000, group="g"), new("g2", 1000, group="g"))

    def expire() -> int:
        return store.transact(lambda tx: tx.messages.expire(queue.number, 2500, 100))

    assert [expire(), expire(), expire()] == [3, 1, 0]
    assert ids(queue.ready(9000)) == ["c"]
    assert queue.depth(9000) == Depth(1, 0, 0)


def test_a_closed_queue_is_swept_in_pieces(queue: Queue, store: Store) -> None:
    other = Queue(store)
    other.add(new("kept"))
    queue.add(*(new(str(number)) for number in range(25)))
    store.transact(lambda tx: tx.messages.close_queue(queue.number))

    assert [store.transact(lambda tx: tx.messages.sweep(10)) for _ in range(4)] == [10, 10, 5, 0]
    assert ids(other.ready(1000)) == ["kept"]


def test_ids_are_remembered_for_as_long_as_one_asks(store: Store) -> None:
    def do(work: Callable[[Tx], T]) -> T:
        return store.transact(work)

    do(lambda tx: tx.recent.put("q", "a", 1000, {"n": 1}))

    assert do(lambda tx: tx.recent.get("q", "a", 1000)) == {"n": 1}
    assert do(lambda tx: tx.recent.get("q", "a", 1001)) is None
    assert do(lambda tx: tx.recent.get("other", "a", 0)) is None
    do(lambda tx: tx.recent.put("q", "a", 2000, {"n": 2}))
    do(lambda tx: tx.recent.put("q", "b", 1000, {}))
    assert do(lambda tx: tx.recent.trim(2000, 10)) == 1
    assert do(lambda tx: tx.recent.get("q", "a", 0)) == {"n": 2}


def test_what_was_committed_is_there_when_the_process_died(tmp_path: Path) -> None:
    """Without an orderly close: as after SIGKILL."""
    folder, clock = tmp_path, ManualClock()
    store = open_sqlite(folder / "store.db", clock)
    queue = Queue(store)
    queue.add(new("a"), new("b"))
    a, _ = queue.receive(1000)
    queue.remove(a)
    store.apply([lambda tx: tx.messages.add(queue.number, [new("lost")])])  # never committed
    store.close()

    with closing(open_sqlite(folder / "store.db", clock)) as again, again.read() as tx:
        assert ids(tx.messages.ready(queue.number, 2000, 10)) == ["b"]
        assert tx.messages.depth(queue.number, 1050) == Depth(0, 1, 0)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from([None, "a", "b"]), st.sampled_from([0, 0, 150])),
        st.tuples(st.just("receive"), st.integers(1, 4), st.just(0)),
        st.tuples(st.sampled_from(["remove", "release"]), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("pass"), st.sampled_from([10, 120]), st.just(0)),
    ),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=60, deadline=None)
def test_nothing_is_lost_or_overtakes_in_its_group(lasting_store: Store, steps: list[tuple[str, Any, int]]) -> None:
    queue, now, count = Queue(lasting_store), 1000, 0
    there: dict[str, NewMessage] = {}
    out: dict[str, QueuedMessage] = {}
    for step, one, other in steps:
        out = {name: message for name, message in out.items() if message.due_at > now}
        if step == "add":
            name, count = f"m{count:02}", count + 1
            there[name] = new(name, now, due_at=now + other, group=one)
            queue.add(there[name])
        elif step == "receive":
            flying = {message.group for message in out.values() if message.group}
            for message in queue.receive(now, one):
                earlier = [n for n, m in there.items() if m.group == message.group and n < message.message_id]
                if message.group:
                    assert message.group not in flying
                    assert set(earlier) <= set(out)
                assert message.message_id not in out
                out[message.message_id] = message
        elif step == "pass":
            now += one
        elif out:
            name = sorted(out)[one % len(out)]
            message = out.pop(name)
            if step == "remove":
                queue.remove(message)
                del there[name]
            else:
                queue.set_due(message, now)
        depth = queue.depth(now)
        assert depth.in_flight == len([m for m in out.values() if m.due_at > now])
        assert depth.ready + depth.in_flight + depth.delayed == len(there)
    now += 10_000
    seen = []
    while received := queue.receive(now, 10):
        seen += ids(received)
        queue.remove(*received)
    assert sorted(seen) == sorted(there)


@pytest.mark.parametrize("factory", FACTORIES)
def test_a_receive_costs_the_same_however_many_wait(factory: str, tmp_path: Path) -> None:
    """By the plan of the statements, not by a clock: the search ends at the limit and sorts nothing."""
    explain = f"EXPLAIN QUERY PLAN {named_queries('messages')['ready_messages']}"
    with closing(FACTORIES[factory](tmp_path, ManualClock())) as store:
        plans = store.transact(lambda tx: [row[3] for row in tx.messages._session.rows(explain, (1, 1000, 10))])

    assert plans == ["SEARCH messages USING INDEX messages_ready (queue=? AND is_blocked=? AND due_at<?)"]
