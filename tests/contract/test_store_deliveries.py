"""What every store promises of deliveries, of ticks, and of what it keeps of event buses."""

from __future__ import annotations

import pytest

from batchd.store import records
from batchd.store.store import DELIVERIES, BusRecord, Store, Tx

SLOW, QUICK = "arn:aws:sqs:us-east-1:1:slow", "https://example.org/quick"


def add(store: Store, lane: str, due_at: int, **body: object) -> None:
    store.transact(lambda tx: tx.deliveries.add(lane, due_at, dict(body)))


def names(store: Store, lane: str, now: int = 10_000, limit: int = 100) -> list[object]:
    with store.read() as tx:
        return [one.body["name"] for one in tx.deliveries.due(lane, now, limit)]


def numbers(store: Store, lane: str) -> list[int]:
    with store.read() as tx:
        return [one.number for one in tx.deliveries.due(lane, 10_000, 100)]


def test_a_lane_gives_what_is_due_in_the_order_it_was_added(store: Store) -> None:
    for name in ("a", "b", "c"):
        add(store, SLOW, 1000, name=name)
    add(store, SLOW, 2000, name="later")
    add(store, QUICK, 1000, name="other")

    assert names(store, SLOW, 1000) == ["a", "b", "c"]
    assert names(store, SLOW, 1000, 2) == ["a", "b"]
    assert names(store, SLOW, 2000) == ["a", "b", "c", "later"]
    assert names(store, SLOW, 999) == []
    assert names(store, QUICK) == ["other"]


def test_every_lane_that_waits_is_known_with_its_first_time(store: Store) -> None:
    for number in range(30):
        add(store, f"lane-{number % 10}", 5000 - number, name="x")

    with store.read() as tx:
        assert tx.deliveries.lanes() == {f"lane-{number}": 5000 - 20 - number for number in range(10)}


def test_a_store_without_deliveries_has_no_lanes(store: Store) -> None:
    with store.read() as tx:
        assert tx.deliveries.lanes() == {}
        assert tx.deliveries.counts() == (0, 0)


def test_a_failed_delivery_is_due_again_and_remembers(store: Store) -> None:
    add(store, SLOW, 1000, name="a")
    (number,) = numbers(store, SLOW)

    store.transact(lambda tx: tx.deliveries.put_off(number, 3000, "TIMEOUT: too slow"))

    assert names(store, SLOW, 2999) == []
    with store.read() as tx:
        (again,) = tx.deliveries.due(SLOW, 3000, 10)
        assert tx.deliveries.get(number) == again
    assert (again.attempts, again.first_due_at, again.due_at) == (1, 1000, 3000)
    assert again.problem == "TIMEOUT: too slow"


def test_what_was_not_tried_waits_without_an_attempt(store: Store) -> None:
    add(store, SLOW, 1000, name="a")
    (number,) = numbers(store, SLOW)

    store.transact(lambda tx: tx.deliveries.hold(number, 3000))

    with store.read() as tx:
        (held,) = tx.deliveries.due(SLOW, 3000, 10)
    assert (held.attempts, held.problem) == (0, None)


def test_a_dead_delivery_is_due_never_until_it_is_revived(store: Store) -> None:
    add(store, SLOW, 1000, name="a")
    add(store, SLOW, 1000, name="b")
    first, _ = numbers(store, SLOW)

    store.transact(lambda tx: tx.deliveries.bury(first, 2000, "NO_RESOURCE: gone"))

    assert names(store, SLOW) == ["b"]
    with store.read() as tx:
        (dead,) = tx.deliveries.dead(0, 10)
        assert tx.deliveries.counts() == (1, 1)
        assert tx.deliveries.dead(dead.number, 10) == []
    assert (dead.due_at, dead.attempts, dead.problem) == (None, 1, "NO_RESOURCE: gone")

    assert store.transact(lambda tx: tx.deliveries.revive(first, 5000))
    assert not store.transact(lambda tx: tx.deliveries.revive(first, 5000)), "it is alive"
    with store.read() as tx:
        assert tx.deliveries.dead(0, 10) == []
        revived = next(one for one in tx.deliveries.due(SLOW, 5000, 10) if one.number == first)
    assert (revived.attempts, revived.first_due_at) == (0, 5000)


def test_a_lane_whose_deliveries_are_all_dead_does_not_wait(store: Store) -> None:
    add(store, SLOW, 1000, name="a")
    (number,) = numbers(store, SLOW)
    store.transact(lambda tx: tx.deliveries.bury(number, 2000, "gone"))

    with store.read() as tx:
        assert tx.deliveries.lanes() == {}


def test_what_was_removed_is_gone(store: Store) -> None:
    add(store, SLOW, 1000, name="a")
    (number,) = numbers(store, SLOW)

    assert store.transact(lambda tx: tx.deliveries.remove(number))
    assert not store.transact(lambda tx: tx.deliveries.remove(number))
    assert names(store, SLOW) == []


def test_the_dead_are_forgotten_in_time(store: Store) -> None:
    for name in ("a", "b", "c"):
        add(store, SLOW, 1000, name=name)
    for at, number in enumerate(numbers(store, SLOW)[:2], 2000):
        store.transact(lambda tx, at=at, number=number: tx.deliveries.bury(number, at, "gone"))  # type: ignore[misc]

    assert store.transact(lambda tx: tx.deliveries.trim_dead(2001, 10)) == 1
    assert store.transact(lambda tx: tx.deliveries.trim_dead(9000, 10)) == 1
    assert names(store, SLOW) == ["c"]


def test_a_commit_that_brings_deliveries_is_told_of(store: Store) -> None:
    heard: list[str] = []
    store.listen(heard.append)

    store.transact(lambda tx: tx.ticks.put("rule", "a", 1))
    assert heard == []
    add(store, SLOW, 1000, name="a")
    assert heard == [DELIVERIES]
    (number,) = numbers(store, SLOW)
    store.transact(lambda tx: tx.deliveries.bury(number, 1, "gone"))
    assert heard == [DELIVERIES]
    store.transact(lambda tx: tx.deliveries.revive(number, 1))
    assert heard == [DELIVERIES, DELIVERIES]


def test_deliveries_of_a_unit_that_failed_do_not_exist(store: Store) -> None:
    def work(tx: Tx) -> None:
        tx.deliveries.add(SLOW, 1000, {"name": "a"})
        raise ValueError

    with pytest.raises(ValueError):
        store.transact(work)
    assert names(store, SLOW) == []


def test_ticks_come_in_the_order_in_which_they_are_overdue(store: Store) -> None:
    def work(tx: Tx) -> None:
        tx.ticks.put("rule", "b", 3000)
        tx.ticks.put("rule", "a", 1000)
        tx.ticks.put("schedule", "a", 2000)
        tx.ticks.put("rule", "a", 4000)

    store.transact(work)
    with store.read() as tx:
        assert tx.ticks.due(3999, 10) == [("schedule", "a", 2000), ("rule", "b", 3000)]
        assert tx.ticks.due(9000, 1) == [("schedule", "a", 2000)]
        assert tx.ticks.next_due() == 2000
        assert tx.ticks.get("rule", "a") == 4000
    store.transact(lambda tx: tx.ticks.delete("schedule", "a"))
    with store.read() as tx:
        assert tx.ticks.next_due() == 3000
        assert tx.ticks.get("schedule", "a") is None


def test_a_store_without_ticks_is_never_due(store: Store) -> None:
    with store.read() as tx:
        assert tx.ticks.next_due() is None


def test_records_of_a_region_are_read_in_order(store: Store) -> None:
    told = [BusRecord(at, "us-east-1", "default", "event", {"n": at}) for at in range(10)]
    elsewhere = BusRecord(7, "eu-west-1", "default", "event", {})

    def work(tx: Tx) -> None:
        for record in (*told, elsewhere):
            tx.bus_records.add(record)

    store.transact(work)
    with store.read() as tx:
        assert [record for _, record in tx.bus_records.read("us-east-1", 0, 100)] == told
        assert [number for number, _ in tx.bus_records.read("us-east-1", 4, 2)] == [5, 6]
        assert tx.bus_records.read("eu-west-1", 0, 100) == [(11, elsewhere)]
        assert tx.bus_records.last() == 11


def test_only_the_last_records_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "KEPT", 10)

    def work(tx: Tx) -> None:
        for at in range(600):
            tx.bus_records.add(BusRecord(at, "us-east-1", "default", "event", {}))

    store.transact(work)
    with store.read() as tx:
        kept = [number for number, _ in tx.bus_records.read("us-east-1", 0, 1000)]
    assert kept[-1] == 600
    assert 10 <= len(kept) <= 10 + 256


def test_an_archive_is_read_in_the_order_of_time(store: Store) -> None:
    def work(tx: Tx) -> None:
        for number, at in enumerate((3000, 1000, 1000, 2000)):
            tx.archives.add("archive", at, {"n": number})
        tx.archives.add("other", 1500, {"n": 9})

    store.transact(work)
    with store.read() as tx:
        first = tx.archives.read("archive", (0, 0), 3000, 2)
        rest = tx.archives.read("archive", first[-1][:2], 3000, 100)
        assert [event["n"] for _, _, event in first + rest] == [1, 2, 3]
        assert tx.archives.measure("archive") == (4, 4 * len('{"n":0}'))
        assert tx.archives.measure("nothing") == (0, 0)
    assert store.transact(lambda tx: tx.archives.trim("archive", 2000, 10)) == 2
    with store.read() as tx:
        assert tx.archives.measure("archive")[0] == 2
        assert tx.archives.measure("other")[0] == 1
