"""What becomes of the files of tasks that are forgotten: removed, or the next task's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from batchd.engines.runner.files import Files
from batchd.engines.runner.place import Place
from batchd.engines.runner.table import Task


class Town:
    """A place, and tasks of one container that have been there."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(str(folder))
        self.place.make()
        self.files = Files(self.place)

    def ran(self, task_id: str, *, is_clean: bool = True) -> Task:
        self.files.make_scratch(self.place.scratch(task_id))
        self.files.make_log(self.place.log(task_id, "main"))
        os.close(os.open(self.place.log(task_id, "main"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        task = Task(task_id, names=["main"])
        task.is_clean = is_clean
        return task

    def scratch(self, task_id: str) -> Path:
        return Path(self.place.scratch(task_id))

    def log(self, task_id: str) -> Path:
        return Path(self.place.log(task_id, "main"))

    def left(self) -> list[Path]:
        """Whatever has a task's name."""
        return [*Path(self.place.scratches).iterdir(), *Path(self.place.logs).iterdir()]

    def spares(self) -> int:
        return len([*Path(self.place.spares).iterdir()])


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    yield Town(tmp_path / "process")


def test_what_a_task_left_empty_is_the_next_ones(town: Town) -> None:
    first = town.ran("a")
    town.log("a").write_text("a line\n")
    numbers = [town.scratch("a").stat().st_ino, town.log("a").stat().st_ino]

    town.files.remove(first)
    assert town.left() == []
    town.ran("b")

    assert [town.scratch("b").stat().st_ino, town.log("b").stat().st_ino] == numbers
    assert (town.log("b").read_text(), town.spares()) == ("", 0)


def test_a_scratch_that_something_may_still_use_is_nobodys(town: Town) -> None:
    for task_id in "abc":
        town.ran(task_id)
    (town.scratch("b") / "file").touch()
    town.scratch("c").chmod(0o777)
    for task_id in "abc":
        town.log(task_id).unlink()
        task = Task(task_id, names=["main"])
        task.is_clean = task_id != "a"

        town.files.remove(task)

    assert town.spares() == 0


def test_a_log_that_is_still_open_or_has_another_name_is_nobodys(town: Town) -> None:
    tasks = [town.ran(task_id, is_clean=False) for task_id in "ab"]
    os.link(town.log("b"), town.scratch("b") / "link")

    with town.log("a").open("a") as file:
        town.files.remove(tasks[0])
        file.write("late\n")
    town.files.remove(tasks[1])

    assert town.spares() == 0


def test_only_so_much_is_kept(town: Town) -> None:
    tasks = [town.ran(str(number)) for number in range(100)]
    for task in tasks:
        town.files.remove(task)

    assert (town.left(), town.spares()) == ([], 128)


def test_a_runner_begins_with_nothing_of_those_before(town: Town) -> None:
    town.files.remove(town.ran("a"))
    later = Files(town.place)

    later.sweep()

    assert town.spares() == 0


def test_a_spare_that_is_gone_is_made_anew(town: Town) -> None:
    town.files.remove(town.ran("a"))
    Files(town.place).sweep()

    town.ran("b")

    assert town.scratch("b").is_dir()
    assert town.log("b").is_file()
