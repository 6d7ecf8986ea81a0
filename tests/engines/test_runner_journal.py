from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from batchd.engines.runner import journal as journal_module
from batchd.engines.runner.journal import Journal, boot_id
from batchd.engines.runner.table import EXITED, LOST, RUNNING, Table

IDS = st.sampled_from(["a", "b", "c"])
MORE = st.just({}) | st.just({"containers": [["main", 1, None], ["other", None, "why"]]})
RECORDS = st.one_of(
    st.tuples(st.just("begin"), IDS, st.integers(1, 9), st.lists(st.text())),
    st.tuples(st.just("run"), IDS, st.integers(1, 99), st.integers(0, 99)),
    st.tuples(st.just("up"), IDS, st.integers(1, 9)),
    st.tuples(st.just("exit"), IDS, st.integers(1, 9), st.integers(0, 255), st.none() | st.text(), MORE),
    st.tuples(st.sampled_from(["fail", "lost"]), IDS, st.integers(1, 9), st.text(), MORE),
    st.tuples(st.just("forget"), IDS),
)


def table(path: Path) -> Table:
    made = Table(Journal(str(path)))
    made.restore()
    return made


def reports(known: Table) -> dict[str, list[list[object]]]:
    return {task.task_id: task.reports() for task in known}


def test_a_new_runner_knows_what_the_old_one_wrote(tmp_path: Path) -> None:
    old = table(tmp_path / "journal")
    old.note("begin", "a", 1, ["main", "other"])
    old.note("run", "a", 77, 1234)
    old.note("run", "a", 78, 1235)
    old.note("up", "a", 2)
    old.note("begin", "b", 3)
    old.note("exit", "b", 4, 137, "why", {"containers": [["main", 137, "why"]]})
    assert old.flush()

    new = table(tmp_path / "journal")

    assert [(task.task_id, task.state, task.names, task.processes) for task in new] == [
        ("a", RUNNING, ["main", "other"], [(77, 1234), (78, 1235)]),
        ("b", EXITED, [], []),
    ]
    assert reports(new)["b"] == [["exited", "b", 4, 137, "why", {"containers": [["main", 137, "why"]]}]]


def test_the_lines_of_an_earlier_version_are_read(tmp_path: Path) -> None:
    old = table(tmp_path / "journal")
    old.note("begin", "a", 1)
    old.note("exit", "a", 4, 137, "why")
    old.note("begin", "b", 1)
    old.note("lost", "b", 4, "why")

    assert reports(old) == {"a": [["exited", "a", 4, 137, "why", {}]], "b": [["lost", "b", 4, "why", {}]]}


def test_what_was_not_flushed_is_not_there(tmp_path: Path) -> None:
    old = table(tmp_path / "journal")
    old.note("begin", "a", 1)

    assert list(table(tmp_path / "journal")) == []


def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    old = table(path)
    old.note("begin", "a", 1)
    old.note("lost", "a", 2, "gone")
    old.flush()
    path.write_bytes(path.read_bytes()[:-5])

    assert [task.state for task in table(path)] == ["begun"]


def test_process_ids_of_another_boot_mean_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    old = table(path)
    old.note("begin", "a", 1)
    old.note("run", "a", 1, 0)
    old.flush()
    path.write_text(path.read_text().replace(boot_id(), "another"))

    assert [task.processes for task in table(path)] == [[]]


def test_what_a_full_disk_refuses_is_written_later(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(str(path))
    journal.rewrite([])
    good, journal._fd = journal._fd, os.open("/dev/full", os.O_WRONLY)
    journal.write(["begin", "a", 1])
    assert not journal.flush()
    os.close(journal._fd)

    journal._fd = good
    journal.write(["lost", "a", 2, "gone"])
    assert journal.flush()

    assert [(task.task_id, task.state) for task in table(path)] == [("a", LOST)]


@given(st.lists(RECORDS))
def test_reading_the_journal_back_gives_the_same_table(records: list[tuple[object, ...]]) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "journal"
        old = table(path)
        for record in records:
            old.note(*record)
        old.flush()
        replayed, compacted = table(path), table(path)  # the first reading rewrites the file

    assert reports(replayed) == reports(compacted) == reports(old)


def test_a_long_journal_is_rewritten_to_what_is_still_true(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    known = table(path)
    for number in range(journal_module._WORTH_COMPACTING):
        known.note("begin", str(number), 1)
        known.note("forget", str(number))
    known.note("begin", "last", 1)
    known.note("lost", "last", 2, "gone")
    assert known.flush()

    assert len(path.read_text().splitlines()) == 3
    assert [(task.task_id, task.state) for task in table(path)] == [("last", LOST)]
