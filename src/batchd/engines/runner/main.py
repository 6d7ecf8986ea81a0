"""The runner: a small process that owns the tasks' processes, so that they outlive the server.

Begun by the engine as `python -I -S -c … ROOT DIRECTORY IDLE_S`. It goes to the background once it can be
connected to; the exit code 0 of the process that was begun says that this is so (or that another runner is there).
It imports as little as it can, because it lives as long as there are tasks.
"""

# No pathlib here: it would cost the runner a megabyte.
from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sys
import time

from batchd.engines.runner.cgroups import Groups, sweep
from batchd.engines.runner.hierarchies import find
from batchd.engines.runner.journal import Journal
from batchd.engines.runner.leftovers import kill_leftovers
from batchd.engines.runner.loop import Runner
from batchd.engines.runner.place import Place, ShortPath
from batchd.engines.runner.runs import now_ms
from batchd.engines.runner.table import Table

_LOCK_PATIENCE_S = 2.0
_NICE = -10
_DIED = "The runner of this task died, and the task with it"


def main(directory: str, idle_s: float) -> None:
    """Become the runner of `directory`, unless it has one."""
    os.umask(0o022)  # the tasks'; our own files say their modes
    _close_inherited()
    place = Place(directory)
    place.make()
    lock = _take_lock(place.lock)
    if lock is None:
        return
    listener = _listen(place.socket)
    if os.fork():
        os._exit(0)
    _leave_terminal(place.errors)
    _take_precedence()
    _serve(place, listener, idle_s)
    if _is_still(lock, place.lock):
        os.unlink(place.socket)
        _remember_groups(place, [])


def _serve(place: Place, listener: socket.socket, idle_s: float) -> None:
    table = Table(Journal(place.journal))
    table.restore()
    _bury(table, place)
    kinds, notes = find(_group_name(place.directory))
    groups = Groups(kinds)
    _remember_groups(place, [kind.base for kind in kinds])
    Runner(place, table, groups, notes).run(listener, idle_s)
    table.flush()
    groups.close()


def _remember_groups(place: Place, bases: list[str]) -> None:
    with open(place.groups, "w") as file:
        file.write("".join(f"{base}\n" for base in bases))


def _remembered_groups(place: Place) -> list[str]:
    try:
        with open(place.groups) as file:
            return file.read().split("\n")[:-1]
    except FileNotFoundError:
        return []


def _bury(table: Table, place: Place) -> None:
    """The tasks of a runner that was killed: their processes die, and they are lost."""
    for base in _remembered_groups(place):
        sweep(base)
    orphans = [task for task in table if not task.over]
    if not orphans:
        return
    kill_leftovers([process for task in orphans for process in task.processes], place.scratches)
    for task in orphans:
        table.note("lost", task.task_id, now_ms(), _DIED)
    table.flush()


def _close_inherited() -> None:
    """Nothing of the server's may live on in here: a socket would stay open when the server has long gone."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            with contextlib.suppress(OSError):
                os.close(int(name))


def _take_lock(path: str) -> int | None:
    """Be the only runner here; the lock is held until this process ends. A runner about to end is waited for. None if
    another one stays."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.01)
        else:
            return fd


def _is_still(fd: int, path: str) -> bool:
    """Whether the path leads to this open file: an operator may have removed the directory, and begun anew."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False


def _listen(path: str) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with ShortPath(path) as short:
        listener.bind(short)
    os.chmod(path, 0o600)
    listener.listen(8)
    return listener


def _leave_terminal(errors: str) -> None:
    """A session of our own, and nothing of the server's left open."""
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    log = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for fd, to in ((null, 0), (null, 1), (log, 2)):
        os.dup2(fd, to)
    os.close(null)
    os.close(log)


def _take_precedence() -> None:
    """Before the tasks, where the machine allows it: who starts, stops and reaps them must not wait until they let it.
    They are not born with it. Whoever gave the server another precedence had a reason."""
    if os.getpriority(os.PRIO_PROCESS, 0) != 0:
        return
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
        with open("/proc/self/autogroup", "w") as file:
            file.write(str(_NICE))


def _group_name(directory: str) -> str:
    """A name for our control groups that no other runner of this machine has, not even one whose directory is a new one
    in the place of ours."""
    status = os.stat(directory)
    return f"batchd-{status.st_dev:x}-{status.st_ino:x}-{os.getpid():x}"


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
