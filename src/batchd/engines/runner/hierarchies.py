"""Where on this machine the runner may make control groups: found by trying, with a sentence where it may not."""

# No pathlib here: it would cost the runner a megabyte.
from __future__ import annotations

import contextlib
import os

from batchd.engines.runner.cgroups import Kind, read, sweep, write

_WANTED = ("memory", "cpu")
_DELEGATED = "user.delegate"  # systemd's mark on a group whose owner may arrange it


class Mount:
    """One line of /proc/self/mountinfo that is a cgroup hierarchy."""

    __slots__ = ("options", "point", "root", "version")

    def __init__(self, line: str) -> None:
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        self.root, self.point = left.split(" ")[3:5]
        self.version = {"cgroup": 1, "cgroup2": 2}.get(kind, 0)
        self.options = options.split(",")


def find(name: str) -> tuple[list[Kind], list[str]]:
    """Hierarchies with our own group `name` made in each, and notes on what is missing. Empties leftovers."""
    mounts = [Mount(line) for line in read("/proc/self/mountinfo").splitlines() if " - cgroup" in line]
    own = _own_groups(read("/proc/self/cgroup"))
    kinds: list[Kind] = []
    notes: list[str] = []
    missing = list(_WANTED)
    for mount in sorted(mounts, key=lambda mount: mount.version):
        controllers = tuple(c for c in missing if c in _controllers(mount))
        if not controllers:
            continue
        try:
            kinds.append(_kind(mount, own, controllers, name))
        except OSError as error:
            notes.append(f"control groups at {mount.point} cannot be used: {(error.strerror or '').lower()}")
            continue
        missing = [c for c in missing if c not in controllers]
    notes += [f"a task's {_words(c)} is not limited here: no control group for it" for c in missing]
    if not kinds:
        notes.append("without control groups, a process that leaves its task's process group outlives the task")
    return sorted(kinds, key=lambda kind: "memory" not in kind.controllers), notes


def _kind(mount: Mount, own: dict[str, str], controllers: tuple[str, ...], name: str) -> Kind:
    parent = home = _below(mount, own.get("" if mount.version == 2 else controllers[0], "/"))
    if mount.version == 2:
        parent, home = _arranged(mount, home, controllers)
    base = f"{parent}/{name}"
    sweep(base)
    with contextlib.suppress(FileExistsError):
        os.mkdir(base)
    processors = os.cpu_count() or 1
    if mount.version == 2:
        write(f"{base}/cgroup.subtree_control", " ".join(f"+{c}" for c in controllers))
        if "cpu" in controllers:
            write(f"{base}/cpu.weight", str(min(processors * 100, 10_000)))
    elif "cpu" in controllers:
        write(f"{base}/cpu.shares", str(processors * 1024))
    return Kind(home, base, controllers, mount.version)


def _arranged(mount: Mount, own: str, controllers: tuple[str, ...]) -> tuple[str, str]:
    """A version 2 group in which groups with these controllers can be made, and the runner's. Raises OSError.

    A group either holds processes or hands out controllers. In one that systemd delegated to us (Delegate=yes)
    the processes move to a leaf; else only root's top of the tree is left.
    """
    parent, home = mount.point, own
    if _delegated(own):
        parent, home = own, f"{own}/batchd"
        with contextlib.suppress(FileExistsError):
            os.mkdir(home)
        for pid in read(f"{own}/cgroup.procs").split():
            write(f"{home}/cgroup.procs", pid)
    enabled = read(f"{parent}/cgroup.subtree_control").split()
    lacking = [c for c in controllers if c not in enabled]
    if lacking:
        write(f"{parent}/cgroup.subtree_control", " ".join(f"+{c}" for c in lacking))
    return parent, home


def _delegated(group: str) -> bool:
    try:
        return os.getxattr(group, _DELEGATED) == b"1"
    except OSError:
        return False


def _below(mount: Mount, own: str) -> str:
    """Our group's directory, so that a limit on the service holds for its tasks too; else the top."""
    if mount.root != "/":
        own = own.removeprefix(mount.root)
    directory = f"{mount.point}/{own.strip('/')}".rstrip("/")
    return directory if os.path.isdir(directory) else mount.point


def _controllers(mount: Mount) -> list[str]:
    if mount.version == 2:
        return read(f"{mount.point}/cgroup.controllers").split()
    return mount.options if mount.version == 1 else []


def _own_groups(text: str) -> dict[str, str]:
    """Controller (empty for version 2) to path, of /proc/self/cgroup."""
    groups: dict[str, str] = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        groups |= dict.fromkeys(controllers.split(","), path)
    return groups


def _words(controller: str) -> str:
    return "memory" if controller == "memory" else "share of the processors"
