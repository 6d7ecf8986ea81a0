"""What every store does with log streams and lines."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchd.errors import DuplicateKey
from batchd.store.store import LogEvent, LogStream, LogTable, Store, StreamKey, TimeWindow, Tx

R, G = "us-east-1", "/aws/batch/job"
S = StreamKey(R, G, "s")
FIRST, LAST = (0, 0), (2**62, 0)
MINUTE = 60_000
_numbers = count(1)


def append(store: Store, stream: str, *lines: tuple[int, str], now: int = 9_000) -> None:
    store.transact(lambda tx: tx.logs.append(StreamKey(R, G, stream), lines, now))


def messages(events: list[LogEvent]) -> list[str]:
    return [event.message for event in events]


# Streams


def test_a_stream_is_made_once_and_has_no_times_before_its_first_line(store: Store) -> None:
    store.transact(lambda tx: tx.logs.create_stream(S, 5))
    with pytest.raises(DuplicateKey, match="s exists"):
        store.transact(lambda tx: tx.logs.create_stream(S, 6))
    with store.read() as tx:
        assert tx.logs.stream(S) == LogStream("s", 5, None, None, None)
        assert tx.logs.stream(StreamKey(R, G, "t")) is None
        assert tx.logs.stream(StreamKey("eu-west-1", G, "s")) is None


def test_the_first_append_makes_the_stream_and_each_moves_its_times(store: Store) -> None:
    append(store, "s", (100, "a"), (200, "b"), now=300)
    append(store, "s", (50, "late"), now=400)
    append(store, "empty", now=500)
    with store.read() as tx:
        assert tx.logs.stream(S) == LogStream("s", 300, 50, 200, 400)
        assert tx.logs.stream(StreamKey(R, G, "empty")) == LogStream("empty", 500, None, None, None)


def test_streams_are_paged_by_name(store: Store) -> None:
    for name in ("b/1", "a/2", "a/1", "c"):
        append(store, name)
    store.transact(lambda tx: tx.logs.create_stream(StreamKey(R, "other", "a/3"), 1))

    def page(tx: Tx, **wanted: object) -> list[str]:
        return [stream.name for stream in tx.logs.streams(R, G, **wanted)]

    with store.read() as tx:
        assert page(tx) == ["a/1", "a/2", "b/1", "c"]
        assert page(tx, prefix="a/") == ["a/1", "a/2"]
        assert page(tx, prefix="a/", after="a/1") == ["a/2"]
        assert page(tx, after="a/2", limit=1) == ["b/1"]
        assert page(tx, prefix="nothing") == []


def test_streams_are_paged_by_name_from_the_last_to_the_first(store: Store) -> None:
    for name in ("b/1", "a/2", "a/1", "c"):
        append(store, name)

    def page(tx: Tx, **wanted: object) -> list[str]:
        return [stream.name for stream in tx.logs.streams_backward(R, G, **wanted)]

    with store.read() as tx:
        assert page(tx) == ["c", "b/1", "a/2", "a/1"]
        assert page(tx, prefix="a/") == ["a/2", "a/1"]
        assert page(tx, prefix="a/", before="a/2") == ["a/1"]
        assert page(tx, prefix="a/", before="c") == ["a/2", "a/1"]
        assert page(tx, before="b/1", limit=1) == ["a/2"]
        assert page(tx, prefix="nothing") == []


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
@pytest.mark.parametrize("newest_first", [True, False])
def test_streams_are_paged_by_the_time_of_their_last_line(store: Store, newest_first: bool, limit: int) -> None:
    for name, at in (("d", 7), ("a", 9), ("b", 5), ("c", 7), ("e", 7)):
        append(store, name, (1, "first"), (at, "last"))
    for name in ("empty", "bare"):
        append(store, name)
    store.transact(lambda tx: tx.logs.append(StreamKey(R, "other", "f"), [(6, "m")], 6))
    found: list[str] = []
    after: tuple[int, str] | None = None
    with store.read() as tx:
        while page := tx.logs.streams_by_time(R, G, after, newest_first=newest_first, limit=limit):
            assert len(page) <= limit
            found += [stream.name for stream in page]
            after = (page[-1].last_event_at or 0, page[-1].name)
    oldest_first = ["bare", "empty", "b", "c", "d", "e", "a"]
    assert found == (oldest_first[::-1] if newest_first else oldest_first)


def test_a_new_line_makes_its_stream_the_newest(store: Store) -> None:
    append(store, "s", (1, "a"))
    append(store, "t", (2, "b"))
    append(store, "s", (3, "c"))
    with store.read() as tx:
        found = tx.logs.streams_by_time(R, G, None, newest_first=True, limit=9)
        assert [(stream.name, stream.last_event_at) for stream in found] == [("s", 3), ("t", 2)]


def test_a_deleted_stream_takes_its_lines_along(store: Store) -> None:
    append(store, "s", (1, "a"))
    append(store, "t", (2, "b"))
    assert store.transact(lambda tx: tx.logs.delete_stream(S)) is True
    assert store.transact(lambda tx: tx.logs.delete_stream(S)) is False
    append(store, "s", (3, "c"))
    with store.read() as tx:
        assert messages(tx.logs.forward(S, FIRST, None, 9)) == ["c"]
        assert [event.message for _, event in tx.logs.scan(R, G, (0, 0, 0), TimeWindow(), 9)] == ["b", "c"]


def test_a_deleted_group_takes_its_streams_along_and_leaves_others(store: Store) -> None:
    append(store, "s", (1, "a"))
    store.transact(lambda tx: tx.logs.append(StreamKey(R, "other", "s"), [(1, "b")], 1))
    store.transact(lambda tx: tx.logs.delete_group(R, G))
    store.transact(lambda tx: tx.logs.delete_group(R, G))
    with store.read() as tx:
        assert tx.logs.streams(R, G) == []
        assert tx.logs.forward(S, FIRST, None, 9) == []
        assert messages(tx.logs.forward(StreamKey(R, "other", "s"), FIRST, None, 9)) == ["b"]


def test_of_a_group_that_never_was_nothing_is_found(store: Store) -> None:
    with store.read() as tx:
        assert tx.logs.forward(S, FIRST, None, 9) == []
        assert tx.logs.backward(S, LAST, None, 9) == []
        assert tx.logs.scan(R, G, (0, 0, 0), TimeWindow(), 9) == []
        assert tx.logs.streams(R, G) == []
        assert tx.logs.streams_backward(R, G) == []
        assert tx.logs.streams_by_time(R, G, None, newest_first=True, limit=9) == []
    assert store.transact(lambda tx: tx.logs.expire(R, G, 9)) == 0
    assert store.transact(lambda tx: tx.logs.delete_stream(S)) is False


# Lines


def test_a_line_keeps_its_number_and_all_that_is_known_of_it(store: Store) -> None:
    append(store, "s", (100, "a"), (200, "ü\x00\n"), now=300)
    append(store, "s", (150, "c"), now=400)
    expected = [
        LogEvent("s", 1, 100, 300, "a"),
        LogEvent("s", 3, 150, 400, "c"),
        LogEvent("s", 2, 200, 300, "ü\x00\n"),
    ]
    with store.read() as tx:
        assert tx.logs.forward(S, FIRST, None, 9) == expected
        assert tx.logs.backward(S, LAST, None, 9) == expected
        assert [event for _, event in tx.logs.scan(R, G, (0, 0, 0), TimeWindow(), 9)] == expected


def test_reading_goes_on_from_a_position_in_either_direction(store: Store) -> None:
    append(store, "s", *[(at, f"line {at}") for at in range(10)])
    with store.read() as tx:
        page = tx.logs.forward(S, FIRST, None, 4)
        place = (page[-1].timestamp, page[-1].seq)
        assert messages(page) == [f"line {at}" for at in range(4)]
        assert messages(tx.logs.forward(S, place, None, 2)) == ["line 4", "line 5"]
        assert messages(tx.logs.backward(S, place, None, 2)) == ["line 1", "line 2"]
        assert messages(tx.logs.forward(S, place, 5, 9)) == ["line 4"]
        assert messages(tx.logs.backward(S, place, 2, 9)) == ["line 2"]


def test_lines_of_one_moment_are_kept_apart_by_their_numbers(store: Store) -> None:
    append(store, "s", *[(5, f"line {number}") for number in range(3)])
    append(store, "s", (5, "line 3"))
    with store.read() as tx:
        assert messages(tx.logs.forward(S, (5, 2), None, 9)) == ["line 2", "line 3"]
        assert messages(tx.logs.backward(S, (5, 4), None, 2)) == ["line 1", "line 2"]


def test_a_large_append_is_read_back_whole(store: Store) -> None:
    lines = [(at, f"line {at} " + "x" * (at % 200)) for at in range(3_000)]
    append(store, "s", *lines, (3_000, "y" * 200_000), (3_001, "end"))
    with store.read() as tx:
        found = tx.logs.forward(S, FIRST, None, 10_000)
        last = tx.logs.backward(S, LAST, None, 2)
    assert [(event.timestamp, event.message) for event in found[:3_000]] == lines
    assert [event.seq for event in found] == list(range(1, 3_003))
    assert [len(event.message) for event in last] == [200_000, 3]


def test_a_burst_of_one_moment_is_read_page_by_page_in_every_direction(store: Store) -> None:
    """More lines than a chunk holds, before and after a burst of another stream at the same time."""
    burst = [(50, str(number)) for number in range(1_500)]
    append(store, "s", *burst, now=60)
    append(store, "t", (50, "apart"), now=60)
    append(store, "s", (50, "last"), now=61)
    expected = [*(str(number) for number in range(1_500)), "last"]
    with store.read() as tx:
        forward: list[str] = []
        place = FIRST
        while page := tx.logs.forward(S, place, None, 400):
            forward += messages(page)
            place = page[-1].timestamp, page[-1].seq
        backward: list[str] = []
        place = LAST
        while page := tx.logs.backward(S, place, None, 400):
            backward = messages(page) + backward
            place = page[0].timestamp, page[0].seq
        scanned: list[str] = []
        position = (0, 0, 0)
        while found := tx.logs.scan(R, G, position, TimeWindow(), 400):
            scanned += [event.message for _, event in found]
            position = found[-1][0]
    assert forward == backward == expected
    assert scanned == [*expected[:-1], "apart", "last"]


def test_expired_lines_are_gone_and_the_stream_begins_later(store: Store) -> None:
    append(store, "s", *[(at * MINUTE // 2, f"line {at}") for at in range(10)])
    append(store, "old", (1, "old"))
    assert store.transact(lambda tx: tx.logs.expire(R, G, MINUTE // 2 * 3)) == 4
    assert store.transact(lambda tx: tx.logs.expire(R, G, MINUTE // 2 * 3)) == 0
    with store.read() as tx:
        assert messages(tx.logs.forward(S, FIRST, None, 2)) == ["line 3", "line 4"]
        stream, old = tx.logs.stream(S), tx.logs.stream(StreamKey(R, G, "old"))
    assert stream is not None
    assert old is not None
    assert (stream.first_event_at, stream.last_event_at) == (MINUTE // 2 * 3, MINUTE // 2 * 9)
    assert old.first_event_at is None
    append(store, "s", (9 * MINUTE, "next"))
    with store.read() as tx:
        assert tx.logs.backward(S, LAST, None, 1)[0].seq == 11


# Any history, read in any way, against the meaning spelled out


@dataclass
class Model:
    """Logs as a list of lines."""

    lines: list[tuple[int, LogEvent]] = field(default_factory=list)  # (number of the stream, line)
    streams: list[str] = field(default_factory=list)
    seqs: dict[str, int] = field(default_factory=dict)

    def append(self, stream: str, times: list[int], now: int) -> list[tuple[int, str]]:
        if stream not in self.streams:
            self.streams.append(stream)
        written = [(at, f"{stream} {now} {number}") for number, at in enumerate(sorted(times))]
        for at, message in written:
            seq = self.seqs[stream] = self.seqs.get(stream, 0) + 1
            self.lines.append((self.streams.index(stream), LogEvent(stream, seq, at, now, message)))
        return written

    def expire(self, before: int) -> int:
        kept = [line for line in self.lines if line[1].timestamp >= before]
        expired = len(self.lines) - len(kept)
        self.lines = kept
        return expired

    def of(self, stream: str) -> list[LogEvent]:
        events = [event for _, event in self.lines if event.stream == stream]
        return sorted(events, key=lambda event: (event.timestamp, event.seq))

    def all(self) -> list[LogEvent]:
        def place(line: tuple[int, LogEvent]) -> tuple[int, int, int, int]:
            return (line[1].timestamp, line[1].ingested_at, line[0], line[1].seq)

        return [event for _, event in sorted(self.lines, key=place)]


TIMES = st.builds(lambda minute, rest: minute * MINUTE + rest, st.integers(0, 3), st.sampled_from([0, 1, 2, 59_999]))
STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.lists(TIMES, max_size=6), st.integers(0, 2)) | TIMES, min_size=1, max_size=8
)


def play(table: LogTable, group: str, steps: list[tuple[str, list[int], int] | int]) -> Model:
    model, now = Model(), 1_000_000
    for step in steps:
        if isinstance(step, int):
            assert table.expire(R, group, step) == model.expire(step)
        else:
            stream, times, passed = step
            now += passed
            table.append(StreamKey(R, group, stream), model.append(stream, times, now), now)
    return model


@given(steps=STEPS, at=TIMES, seq=st.integers(0, 20), bound=st.none() | TIMES, limit=st.integers(1, 7))
@settings(max_examples=200, deadline=None)
def test_a_stream_reads_as_its_lines_in_order(
    lasting_store: Store,
    steps: list[tuple[str, list[int], int] | int],
    at: int,
    seq: int,
    bound: int | None,
    limit: int,
) -> None:
    group = f"stream-{next(_numbers)}"
    model = lasting_store.transact(lambda tx: play(tx.logs, group, steps))
    with lasting_store.read() as tx:
        for stream in "abc":
            lines = model.of(stream)
            later = [e for e in lines if (e.timestamp, e.seq) > (at, seq) and (bound is None or e.timestamp < bound)]
            earlier = [e for e in lines if (e.timestamp, e.seq) < (at, seq) and (bound is None or e.timestamp >= bound)]
            assert tx.logs.forward(StreamKey(R, group, stream), (at, seq), bound, limit) == later[:limit]
            assert tx.logs.backward(StreamKey(R, group, stream), (at, seq), bound, limit) == earlier[-limit:]
            known = tx.logs.stream(StreamKey(R, group, stream))
            if known is not None:
                assert known.first_event_at == (lines[0].timestamp if lines else None)


@given(steps=STEPS, since=st.none() | TIMES, until=st.none() | TIMES, limit=st.integers(1, 7))
@settings(max_examples=200, deadline=None)
def test_a_group_is_scanned_page_by_page_in_order_of_time(
    lasting_store: Store,
    steps: list[tuple[str, list[int], int] | int],
    since: int | None,
    until: int | None,
    limit: int,
) -> None:
    group = f"group-{next(_numbers)}"
    model = lasting_store.transact(lambda tx: play(tx.logs, group, steps))
    found: list[LogEvent] = []
    with lasting_store.read() as tx:
        after = (0, 0, 0)
        while page := tx.logs.scan(R, group, after, TimeWindow(since, until), limit):
            assert len(page) <= limit
            found += [event for _, event in page]
            after = page[-1][0]
    assert found == [
        event
        for event in model.all()
        if (since is None or event.timestamp >= since) and (until is None or event.timestamp <= until)
    ]


def test_an_append_out_of_order_is_put_in_order(store: Store) -> None:
    append(store, "s", (2, "b"), (1, "a"))
    with store.read() as tx:
        assert [replace(event, ingested_at=0) for event in tx.logs.forward(S, FIRST, None, 9)] == [
            LogEvent("s", 1, 1, 0, "a"),
            LogEvent("s", 2, 2, 0, "b"),
        ]
