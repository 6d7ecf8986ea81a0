from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batchd.engines.runner.leftovers import kill_leftovers, started_ticks
from tests.patience import LONG_S


@contextmanager
def sleeper(**options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is up: one that is only just being started has no environment yet that others could read."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "start_new_session": True}
    with subprocess.Popen(["sh", "-c", "echo up; read end"], **pipes, **options) as process:  # type: ignore[call-overload]
        try:
            assert process.stdout.readline() == b"up\n"
            yield process
        finally:
            process.kill()


def test_a_process_is_known_by_its_number_and_its_start() -> None:
    with sleeper() as process:
        ticks = started_ticks(process.pid)
        assert ticks > 0
        assert started_ticks(process.pid) == ticks
    assert started_ticks(process.pid) == -1


def test_a_task_of_the_dead_runner_is_killed(tmp_path: Path) -> None:
    with sleeper() as process:
        kill_leftovers([(process.pid, started_ticks(process.pid))], str(tmp_path))

        assert process.wait(LONG_S) == -9


def test_a_number_that_was_used_again_is_not_touched(tmp_path: Path) -> None:
    with sleeper() as process:
        kill_leftovers([(process.pid, started_ticks(process.pid) - 1), (process.pid, -1)], str(tmp_path))

        assert process.poll() is None


def test_a_process_with_a_tasks_scratch_is_killed_wherever_it_went(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch" / "ab"
    scratch.mkdir(parents=True)
    named = {**os.environ, "TMPDIR": str(scratch)}
    with sleeper(env=named, cwd="/") as marked, sleeper(cwd=scratch) as inside, sleeper(cwd=tmp_path) as other:
        kill_leftovers([], str(tmp_path / "scratch"))

        assert (marked.wait(LONG_S), inside.wait(LONG_S)) == (-9, -9)
        assert other.poll() is None
