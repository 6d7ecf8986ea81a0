"""Processes that a dead runner left behind: found for certain, or not touched."""

# No pathlib here: it would cost the runner a megabyte.
from __future__ import annotations

import contextlib
import os
import signal
import time

from batchd.engines.runner.cgroups import read

_PATIENCE_S = 2.0


def started_ticks(pid: int) -> int:
    """When the process started, in clock ticks since the boot; -1 when there is none.

    With the pid it names one process of this boot: a pid that was used again has another time.
    """
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()  # the name before may hold anything
    return int(fields[19]) if len(fields) > 19 else -1


def kill_leftovers(running: list[tuple[int, int]], scratches: str) -> None:
    """SIGKILL the process groups of `running` (pid, ticks) and every process with its scratch below `scratches`.

    Returns when they are gone, or after two seconds (a process in the kernel's hands cannot be hurried).
    """
    doomed = [pid for pid, ticks in running if ticks >= 0 and started_ticks(pid) == ticks]
    for pid in doomed:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
    others = [pid for pid in _processes() if _lives_below(pid, scratches)]
    for pid in others:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + _PATIENCE_S
    while any(map(_alive, doomed + others)) and time.monotonic() < deadline:
        time.sleep(0.005)


def _processes() -> list[int]:
    ours = os.getpid()
    return [int(name) for name in os.listdir("/proc") if name.isdecimal() and int(name) != ours]


def _lives_below(pid: int, scratches: str) -> bool:
    """Whether the process works in a task's scratch directory, or was given one as TMPDIR."""
    marker = os.fsencode(f"TMPDIR={scratches}/")
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            if any(variable.startswith(marker) for variable in file.read().split(b"\0")):
                return True
        return os.readlink(f"/proc/{pid}/cwd").startswith(scratches + "/")
    except OSError:
        return False


def _alive(pid: int) -> bool:
    state = read(f"/proc/{pid}/stat").rpartition(")")[2].split()[:1]
    return bool(state) and state[0] not in ("Z", "X")
