"""What a job writes is in its log: every line, once, whatever dies in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchd.clock import ManualClock
from batchd.controllers.output import LOG_GROUP, Output
from batchd.engines.fake import FakeEngine
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import Key, Store, StreamKey, Tx
from batchd.task import LogDestination

TASK = "0" * 32
TO = LogDestination("us-east-1", "/aws/batch/job", "feed/default/0")
STREAM = StreamKey(TO.region, TO.group, TO.stream)
KIB, MIB = 1024, 1024 * 1024


class Death(Exception):
    """The server dies, and with it the transaction that is open."""


class World:
    """A file that grows, a log, and one server after the other that reads from one into the other."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self._engine = FakeEngine(ManualClock(), folder, timers=False)
        self.file = self._engine.log_path(TASK, "default")
        store.transact(lambda tx: tx.resources.put(Key(LOG_GROUP, TO.region, TO.group), {}))
        self.restart()

    def restart(self) -> None:
        self.output = Output(self._engine, {TASK: [("default", TO)]})
        with self.store.read() as tx:
            self.output.resume(tx, [TASK])

    def write(self, data: bytes) -> None:
        with self.file.open("ab") as file:
            file.write(data)

    def tail(self, dies: str = "") -> None:
        """One look at the file; the server may die before or after what it saw is committed."""
        pieces = self.output.read(TASK)

        def work(tx: Tx) -> None:
            self.output.append(tx, pieces, 0)
            if dies == "before the commit":
                raise Death

        with suppress(Death):
            self.store.transact(work)
        if dies:
            self.restart()
        else:
            self.output.recorded(pieces)

    def end(self, deaths: int = 0) -> None:
        """The task is over: all that is left, the last of it with the end. The server may die before each commit."""
        while any(piece.more for piece in self.output.read(TASK, final=True)):
            pieces = self.output.read(TASK, final=True)
            self.store.transact(lambda tx, pieces=pieces: self.output.append(tx, pieces, 0))  # type: ignore[misc]  # bound now
            if deaths:
                deaths -= 1
                self.restart()
            else:
                self.output.recorded(pieces)
        pieces = self.output.read(TASK, final=True)

        def work(tx: Tx) -> None:
            self.output.append(tx, pieces, 0, [TASK])
            self.output.end(tx, TASK)

        self.store.transact(work)
        self.output.forget(TASK)

    def lines(self) -> list[str]:
        with self.store.read() as tx:
            return [event.message for event in tx.logs.forward(STREAM, (0, 0), None, 1_000_000)]

    def cursor(self) -> int:
        with self.store.read() as tx:
            return tx.log_cursors.get(f"{TASK}/default")


@contextmanager
def new_world() -> Iterator[World]:
    store = open_sqlite(MEMORY, ManualClock())
    try:
        with TemporaryDirectory() as folder:
            yield World(store, Path(folder))
    finally:
        store.close()


@pytest.fixture
def world() -> Iterator[World]:
    with new_world() as made:
        yield made


def test_whole_lines_are_read_while_the_task_runs_and_the_rest_at_its_end(world: World) -> None:
    world.write(b"one\ntwo\nthr")
    world.tail()
    assert world.lines() == ["one", "two"]
    world.write(b"ee\nfour")
    world.tail()
    world.end()
    assert world.lines() == ["one", "two", "three", "four"]


def test_line_ends_of_windows_are_line_ends_and_empty_lines_are_none(world: World) -> None:
    world.write(b"one\r\n\r\n\n two \ntext\rmore\r\n")
    world.tail()
    assert world.lines() == ["one", " two ", "text\rmore"]


def test_what_is_no_text_is_shown_as_well_as_can_be(world: World) -> None:
    world.write(b"caf\xe9\n\x00\n\xff\n")
    world.tail()
    assert world.lines() == ["caf\ufffd", "\x00", "\ufffd"]


def test_a_task_without_output_has_no_lines(world: World) -> None:
    world.tail()
    world.end()
    assert world.lines() == []


def test_a_task_nobody_knows_has_no_output(world: World) -> None:
    assert world.output.read("1" * 32, final=True) == []


def test_a_long_line_becomes_several_and_no_character_is_cut(world: World) -> None:
    line = "\u20ac\U0001f638x" * (400 * KIB)
    world.write(line.encode() + b"\nshort\n")
    for _ in range(10):
        world.tail()
    lines = world.lines()
    assert lines[-1] == "short"
    assert "".join(lines[:-1]) == line
    assert max(len(part.encode()) for part in lines) <= 256 * KIB


def test_ten_mebibytes_come_through_piece_by_piece(world: World) -> None:
    lines = [f"{number} {'x' * (number % 200)}" for number in range(90_000)]
    data = "\n".join(lines).encode()
    assert len(data) > 9 * MIB
    world.write(data)
    world.end(deaths=3)
    assert world.lines() == lines


def test_a_line_is_waited_for_until_it_is_whole(world: World) -> None:
    for part in (b"10 %", b"", b" 50 %", b" 100 %"):
        world.write(part)
        world.tail()
        assert world.lines() == []
    world.write(b"\n")
    world.tail()
    assert world.lines() == ["10 % 50 % 100 %"]


def test_output_that_cannot_be_read_does_not_keep_the_task_from_its_end(world: World) -> None:
    world.file.mkdir()
    world.tail()
    world.end()
    assert world.lines() == []


def test_lines_of_a_deleted_group_are_dropped_and_do_not_come_back_with_it(world: World) -> None:
    group = Key(LOG_GROUP, TO.region, TO.group)
    world.write(b"one\n")
    world.store.transact(lambda tx: tx.resources.delete(group))
    world.tail()
    world.store.transact(lambda tx: tx.resources.put(group, {}))
    world.write(b"two\n")
    world.tail()
    assert world.lines() == ["two"]


def test_nothing_is_left_of_a_task_that_has_ended(world: World) -> None:
    world.write(b"one\n")
    world.tail()
    assert world.cursor() == 4
    world.write(b"two\n")
    world.end()
    assert world.cursor() == 0


LENGTHS = st.sampled_from((0, 1, 7, 1000, 256 * KIB - 1, 256 * KIB, 256 * KIB + 1, MIB - 1, MIB, MIB + 1))
PARTS = st.lists(st.tuples(st.sampled_from(("a", "\u00e9", "\u20ac")), LENGTHS), max_size=6)
STEPS = st.lists(st.sampled_from(("", "before the commit", "after the commit")), max_size=4)


@given(PARTS, st.lists(st.tuples(st.floats(0, 1), STEPS), max_size=4), st.booleans(), st.integers(0, 2))
@settings(max_examples=60, deadline=None)
def test_every_line_is_in_the_log_once_whenever_the_server_dies(
    parts: list[tuple[str, int]], looks: list[tuple[float, list[str]]], ends_whole: bool, deaths: int
) -> None:
    lines = [letter * (size // len(letter.encode())) for letter, size in parts]
    data = "\n".join(lines).encode() + (b"\n" if ends_whole and lines else b"")
    with new_world() as world:
        written = 0
        for part, steps in sorted(looks, key=lambda look: look[0]):
            upto = int(len(data) * part)
            world.write(data[written:upto])
            written = upto
            for dies in steps:
                world.tail(dies)
        world.write(data[written:])
        world.end(deaths)
        found = world.lines()

    assert "".join(found) == "".join(lines)
    assert all(0 < len(line.encode()) <= 256 * KIB for line in found)
    if all(len(line.encode()) <= 256 * KIB for line in lines):
        assert found == [line for line in lines if line]
