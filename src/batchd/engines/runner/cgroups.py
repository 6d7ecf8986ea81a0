"""Control groups: a hard memory limit and a CPU weight for a task, and a sure hold on all its processes.

Version 1 and version 2 of the kernel's interface. A task's group is made with its limits set and kept for the next
task of the same size: making and removing one costs about 0.2 ms, taking one from the pool nothing.
"""

# No pathlib here: it would cost the runner a megabyte.
from __future__ import annotations

import contextlib
import os
import signal

_MOST_IDLE = 64  # groups kept for later
_CLEAN_BYTES = 4 << 20  # a group charged with more than this (page cache, files in /dev/shm) is not used again
_WEIGHT_PER_VCPU = 100
_MOST_LOOKS = 8  # for processes that are still outside
_PAGE = 4096  # as much as the kernel gives at once; a buffer of a megabyte costs ten times the read


class Kind:
    """One mounted hierarchy and the names of its files; version 2 has all controllers in one.

    `home` is the directory of the group that the runner itself is in, `base` the one that tasks' groups are made in.
    """

    def __init__(self, home: str, base: str, controllers: tuple[str, ...], version: int) -> None:
        self.home = home
        self.base = base
        self.controllers = controllers
        self.version = version
        # Writing 0 to `tasks` moves the writing thread without the lock that cgroup.procs takes, which costs an
        # idle machine some 10 ms. Version 2 has no such file.
        self.join = "tasks" if version == 1 else "cgroup.procs"
        # A runner that has stepped into a group of processor shares waits there for its turn like any task, and a short
        # task is over before shares matter. Version 2 has all in one group, and needs it from the first instruction.
        self.at_birth = version == 2 or "memory" in controllers
        self._way_home = -1
        self.usage = "memory.usage_in_bytes" if version == 1 else "memory.current"
        self.peak = "memory.max_usage_in_bytes" if version == 1 else "memory.peak"
        self.ooms = "memory.oom_control" if version == 1 else "memory.events"

    def go_home(self) -> None:
        """Move the calling process, the runner, back to where it belongs. Its way stays open: that halves the cost."""
        if self._way_home < 0:
            self._way_home = os.open(f"{self.home}/{self.join}", os.O_WRONLY)
        os.write(self._way_home, b"0")


class Used:
    """What a process and its like took: MiB at the most, seconds of CPU."""

    __slots__ = ("cpu_s", "memory_mib")

    def __init__(self, memory_mib: float = 0.0, cpu_s: float = 0.0) -> None:
        self.memory_mib = memory_mib
        self.cpu_s = cpu_s


class Size:
    """What a task may use. `swap_mib` None is as much again as its memory, which is Docker's rule too."""

    __slots__ = ("memory_mib", "swap_mib", "vcpus")

    def __init__(self, memory_mib: int, swap_mib: int | None, vcpus: float) -> None:
        self.memory_mib = memory_mib
        self.swap_mib = memory_mib if swap_mib is None else swap_mib
        self.vcpus = vcpus

    def key(self) -> tuple[int, int, float]:
        return self.memory_mib, self.swap_mib, self.vcpus


class Group:
    """One group: a directory in each hierarchy. The first is the one that has the memory controller, if any has; its
    processes are born into that. Into a hierarchy that is not `at_birth` they are moved by `settle`.

    With `keeps_open` its files stay open: to open and close them is most of what a short task costs here."""

    __slots__ = ("_late", "_open", "cpu_s", "directories", "keeps_open", "key", "kinds", "ooms", "peak")

    def __init__(self, name: str, kinds: list[Kind], size: Size, *, keeps_open: bool = False) -> None:
        self.kinds = kinds
        self.key = size.key()
        self.directories = [f"{kind.base}/{name}" for kind in kinds]
        self.ooms = 0
        self.peak = 0  # bytes, and seconds: what was counted here before
        self.cpu_s = 0.0
        self._late = [] if len(kinds) == 1 else [f"{kind.base}/{name}" for kind in kinds if not kind.at_birth]
        self.keeps_open = keeps_open
        self._open: dict[str, int] = {}
        for directory, kind in zip(self.directories, kinds, strict=True):
            with contextlib.suppress(FileExistsError):
                os.mkdir(directory)
            for file, value in limits(kind, size):
                write(f"{directory}/{file}", value)

    def enter(self) -> None:
        """Move the calling process in."""
        for directory, kind in zip(self.directories, self.kinds, strict=True):
            if directory not in self._late:
                self._write(f"{directory}/{kind.join}", "0")

    def leave(self) -> None:
        """Move the calling process, the runner, back to where it belongs."""
        for directory, kind in zip(self.directories, self.kinds, strict=True):
            if directory not in self._late:
                kind.go_home()

    @property
    def settles(self) -> bool:
        """Whether `settle` has anything to do."""
        return bool(self._late)

    def settle(self) -> None:
        """Move in what is not yet in every hierarchy; whoever is born later is born there."""
        for directory in self._late:
            for _ in range(_MOST_LOOKS):  # some may have been born outside meanwhile
                inside = set(read(f"{directory}/cgroup.procs").split())
                outside = [pid for pid in read(f"{self.directories[0]}/cgroup.procs").split() if pid not in inside]
                if not outside:
                    break
                for pid in outside:
                    with contextlib.suppress(OSError):  # it has ended
                        write(f"{directory}/cgroup.procs", pid)

    def out_of_memory(self) -> bool:
        """Whether the kernel has killed for memory here since the last question."""
        if "memory" not in self.kinds[0].controllers:
            return False
        before, self.ooms = self.ooms, _counter(self._read(f"{self.directories[0]}/{self.kinds[0].ooms}"), "oom_kill")
        return self.ooms > before

    def begin(self) -> None:
        """From now on it is counted for somebody else."""
        if self.kinds[0].version == 1 and "memory" in self.kinds[0].controllers:
            self._write(f"{self.directories[0]}/{self.kinds[0].peak}", "0")
        else:
            self.peak = self._peak()
        self.cpu_s = self._cpu_s() or 0.0

    def used(self, leader: Used) -> Used:
        """What was used since `begin`; of what the kernel does not count here, what it says of the first process.

        Version 2 cannot forget a peak: one below an earlier task's is not seen."""
        peak, cpu_s = self._peak(), self._cpu_s()
        return Used(
            peak / (1 << 20) if peak > self.peak else leader.memory_mib,
            leader.cpu_s if cpu_s is None else max(cpu_s - self.cpu_s, leader.cpu_s if self._late else 0.0),
        )

    def _peak(self) -> int:
        """Bytes; 0 where it is not counted."""
        if "memory" not in self.kinds[0].controllers:
            return 0
        return int(self._read(f"{self.directories[0]}/{self.kinds[0].peak}") or 0)

    def _cpu_s(self) -> float | None:
        for directory, kind in zip(self.directories, self.kinds, strict=True):
            if "cpu" in kind.controllers and kind.version == 2:
                return _counter(self._read(f"{directory}/cpu.stat"), "usage_usec") / 1e6
            if "cpu" in kind.controllers and (text := self._read(f"{directory}/cpuacct.usage")):
                return int(text) / 1e9
        return None

    def kill(self) -> bool:
        """SIGKILL for whatever is in it; True when it is empty."""
        return _kill_all(self._read(f"{self.directories[0]}/cgroup.procs"))

    def clean(self) -> bool:
        if "memory" not in self.kinds[0].controllers:
            return True
        return int(self._read(f"{self.directories[0]}/{self.kinds[0].usage}") or 0) <= _CLEAN_BYTES

    def _read(self, path: str) -> str:
        """As `read`."""
        if not self.keeps_open:
            return read(path)
        try:
            text = os.pread(self._fd(path, os.O_RDONLY), _PAGE, 0)
        except OSError:
            return ""
        return text.decode(errors="replace") if len(text) < _PAGE else read(path)

    def _write(self, path: str, value: str) -> None:
        """As `write`."""
        if self.keeps_open:
            os.write(self._fd(path, os.O_WRONLY), value.encode())
        else:
            write(path, value)

    def _fd(self, path: str, mode: int) -> int:
        name = f"{mode}{path}"
        if name not in self._open:
            self._open[name] = os.open(path, mode)
        return self._open[name]

    def remove(self) -> None:
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()
        for directory in self.directories:
            with contextlib.suppress(OSError):
                os.rmdir(directory)


class Groups:
    """The pool. `kinds` empty: the machine grants no limits, and every task goes without a group."""

    def __init__(self, kinds: list[Kind]) -> None:
        self._kinds = kinds
        self._idle: dict[tuple[int, int, float], list[Group]] = {}
        self._idle_count = 0
        self._draining: list[Group] = []
        self._made = 0
        self._open = 0  # groups that keep their files open

    def limits(self, controller: str) -> bool:
        return any(controller in kind.controllers for kind in self._kinds)

    def take(self, size: Size) -> Group | None:
        """A group of this size with nobody in it. Raises OSError when the kernel refuses."""
        if not self._kinds:
            return None
        idle = self._idle.get(size.key())
        if idle:
            self._idle_count -= 1
            group = idle.pop()
            group.begin()
            return group
        self._made += 1
        group = Group(f"task-{self._made}", self._kinds, size, keeps_open=self._open < _MOST_IDLE)
        self._open += group.keeps_open
        return group

    def give_back(self, group: Group) -> bool:
        """The task has ended: whatever is left of it is killed, now or in `drain`. Whether there was nothing."""
        if not group.kill():
            self._draining.append(group)
            return False
        if self._idle_count < _MOST_IDLE and group.clean():
            self._idle_count += 1
            self._idle.setdefault(group.key, []).append(group)
        else:
            self._open -= group.keeps_open
            group.remove()
        return True

    @property
    def draining(self) -> bool:
        """Whether some groups still hold processes of ended tasks."""
        return bool(self._draining)

    def drain(self) -> None:
        """Look again at the groups that were not empty yet."""
        groups, self._draining = self._draining, []
        for group in groups:
            self.give_back(group)

    def close(self) -> None:
        """Remove all that is empty."""
        for kind in self._kinds:
            sweep(kind.base)


def limits(kind: Kind, size: Size) -> list[tuple[str, str]]:
    """The files to write and what into them, in the order that the kernel wants."""
    files: list[tuple[str, str]] = []
    memory, both = size.memory_mib << 20, (size.memory_mib + size.swap_mib) << 20
    if "memory" in kind.controllers and size.memory_mib > 0:
        if kind.version == 1:
            files += [("memory.limit_in_bytes", str(memory)), ("memory.memsw.limit_in_bytes", str(both))]
        else:
            files += [("memory.max", str(memory)), ("memory.swap.max", str(size.swap_mib << 20))]
    if "cpu" in kind.controllers:
        weight = round(size.vcpus * _WEIGHT_PER_VCPU)
        if kind.version == 1:
            files.append(("cpu.shares", str(min(max(round(size.vcpus * 1024), 2), 262_144))))
        else:
            files.append(("cpu.weight", str(min(max(weight, 1), 10_000))))
    return files


def write(path: str, value: str) -> None:
    """Raises OSError, except that a machine without swap accounting has no file for it."""
    try:
        fd = os.open(path, os.O_WRONLY)
    except FileNotFoundError:
        if "swap" in path or "memsw" in path:
            return
        raise
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)


def read(path: str) -> str:
    """The text of a kernel's file; empty when there is none."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    text = b""
    try:
        while piece := os.read(fd, _PAGE):
            text += piece
    except OSError:
        return ""
    finally:
        os.close(fd)
    return text.decode(errors="replace")


def sweep(base: str) -> None:
    """Kill all that is in groups below `base`, and remove it with them as far as they are empty."""
    try:
        names = [entry.name for entry in os.scandir(base) if entry.is_dir()]
    except FileNotFoundError:
        return
    for name in names:
        _kill_all(read(f"{base}/{name}/cgroup.procs"))
        with contextlib.suppress(OSError):
            os.rmdir(f"{base}/{name}")
    with contextlib.suppress(OSError):
        os.rmdir(base)


def _kill_all(processes: str) -> bool:
    members = processes.split()
    for pid in members:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    return not members


def _counter(text: str, name: str) -> int:
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0
