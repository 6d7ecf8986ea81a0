"""The files of the tasks: a log for each container and a scratch directory, made at the start, removed at the end.

ext4 does not soon give out an inode again that was freed, and looks at every such one first: where many short tasks
come and go, making a file or a directory takes 0.2 ms each. So an empty scratch directory and a log that nobody has
open are not removed but kept aside, and become the next task's by a rename (0.02 ms).
"""

# No pathlib here: it would cost the runner a megabyte.
from __future__ import annotations

import contextlib
import fcntl
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from batchd.engines.runner.place import Place
    from batchd.engines.runner.table import Task

_MOST_SPARES = 64  # of each kind
_SCRATCH_MODE = stat.S_IFDIR | 0o700
_LOG_MODE = stat.S_IFREG | 0o600


class Files:
    """Makes and removes; what is kept aside lies in a directory of its own, and is of our own user."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._scratches: list[str] = []
        self._logs: list[str] = []
        self._numbers = 0
        self._user = os.geteuid()

    def make_scratch(self, path: str) -> None:
        """An empty directory that only its owner can look into."""
        if not _reuse(self._scratches, path):
            os.mkdir(path, 0o700)

    def make_log(self, path: str) -> None:
        """An empty file if there is one to spare; else whoever opens it creates it."""
        _reuse(self._logs, path)

    def remove(self, task: Task) -> None:
        """Remove or keep the logs and the scratch directory; a full one is removed by a child, which may take long."""
        for name in task.names:
            path = self._place.log(task.task_id, name)
            if not self._keep(self._logs, path, self._is_spare_log):
                with contextlib.suppress(OSError):
                    os.unlink(path)
        scratch = self._place.scratch(task.task_id)
        if not (task.is_clean and self._keep(self._scratches, scratch, self._is_spare_scratch)):
            _remove_scratch(scratch, self._place.result_in(scratch))

    def sweep(self) -> None:
        """Remove what is kept aside, by this runner or one before."""
        self._scratches.clear()
        self._logs.clear()
        for name in os.listdir(self._place.spares):
            path = f"{self._place.spares}/{name}"
            with contextlib.suppress(OSError):
                os.rmdir(path) if os.path.isdir(path) else os.unlink(path)

    def _keep(self, spares: list[str], path: str, is_spare: Callable[[str], bool]) -> bool:
        if len(spares) >= _MOST_SPARES:
            return False
        self._numbers += 1
        spare = f"{self._place.spares}/{self._numbers}"
        try:
            if not is_spare(path):
                return False
            os.rename(path, spare)
        except OSError:
            return False
        spares.append(spare)
        return True

    def _is_spare_scratch(self, path: str) -> bool:
        status = os.lstat(path)
        as_made = (status.st_mode, status.st_uid) == (_SCRATCH_MODE, self._user)
        return as_made and not os.listdir(path) and not os.listxattr(path)

    def _is_spare_log(self, path: str) -> bool:
        """Whether no process can write to it any more, which a lease proves; it is empty then.

        Who opens it just now waits until we close it, and the kernel tells us so by SIGIO, which the runner ignores."""
        status = os.lstat(path)
        if (status.st_mode, status.st_uid, status.st_nlink) != (_LOG_MODE, self._user, 1):
            return False
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)  # refused where another has the file open
            os.ftruncate(fd, 0)
        finally:
            os.close(fd)
        return True


def _reuse(spares: list[str], path: str) -> bool:
    if not spares:
        return False
    try:
        os.rename(spares.pop(), path)
    except OSError:
        return False
    return True


def _remove_scratch(scratch: str, result: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(result)
    try:
        os.rmdir(scratch)
    except FileNotFoundError:
        return
    except OSError:
        with contextlib.suppress(OSError):
            os.posix_spawnp("rm", ["rm", "-rf", "--", scratch], {"PATH": os.environ.get("PATH", os.defpath)})
