"""Where the runner and its tasks keep their files, below one directory of the server's data.

    runner.sock  runner.lock  journal  groups  runner.log  logs/<task id>.<container>.log  scratch/<task id>/  spare/

The engine and the runner both use this; plain strings, because the runner imports as little as it can.
"""

# No pathlib here: it would cost the runner a megabyte.
from __future__ import annotations

import os

from batchd.engines.names import safe_name

_LONGEST_SOCKET_PATH = 100  # sun_path holds 108 bytes, the closing zero included


class Place:
    """The paths below `directory`."""

    def __init__(self, directory: str) -> None:
        self.directory = os.path.abspath(directory)
        self.socket = self.directory + "/runner.sock"
        self.lock = self.directory + "/runner.lock"
        self.journal = self.directory + "/journal"
        self.groups = self.directory + "/groups"
        self.errors = self.directory + "/runner.log"
        self.logs = self.directory + "/logs"
        self.scratches = self.directory + "/scratch"
        self.spares = self.directory + "/spare"

    def log(self, task_id: str, container: str) -> str:
        return f"{self.logs}/{task_id}.{safe_name(container)}.log"

    def scratch(self, task_id: str, container: str = "") -> str:
        """The task's; with a container that one's within it."""
        return f"{self.scratches}/{task_id}" + (f"/{safe_name(container)}" if container else "")

    def result(self, task_id: str, container: str = "") -> str:
        """What BATCHD_OUTPUT names: a file in that scratch directory."""
        return self.result_in(self.scratch(task_id, container))

    def result_in(self, scratch: str) -> str:
        return f"{scratch}/.batchd-output"

    def make(self) -> None:
        """Make the directories. Others may pass through to their own scratch, but see no list and no log."""
        os.makedirs(self.directory, 0o711, exist_ok=True)
        os.makedirs(self.logs, 0o700, exist_ok=True)
        os.makedirs(self.scratches, 0o711, exist_ok=True)
        os.makedirs(self.spares, 0o700, exist_ok=True)


class ShortPath:
    """`with ShortPath(path) as short`: a name of the socket that fits into sun_path, however deep the directory."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1

    def __enter__(self) -> str:
        if len(os.fsencode(self._path)) <= _LONGEST_SOCKET_PATH:
            return self._path
        directory, name = os.path.split(self._path)
        self._fd = os.open(directory, os.O_PATH | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._fd}/{name}"

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)
