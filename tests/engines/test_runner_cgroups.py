from __future__ import annotations

from pathlib import Path

import pytest

from batchd.engines.runner.cgroups import Group, Groups, Kind, Size, Used, limits
from batchd.engines.runner.hierarchies import Mount, _below, _own_groups

V1_MEMORY = Kind("/cg/memory", "/cg/memory/batchd", ("memory",), 1)
V1_CPU = Kind("/cg/cpu", "/cg/cpu/batchd", ("cpu",), 1)
V2 = Kind("/cg", "/cg/batchd", ("memory", "cpu"), 2)


@pytest.mark.parametrize(
    ("kind", "size", "files"),
    [
        (
            V1_MEMORY,
            Size(2048, None, 1.0),
            [("memory.limit_in_bytes", str(2 << 30)), ("memory.memsw.limit_in_bytes", str(4 << 30))],
        ),
        (
            V1_MEMORY,
            Size(1024, 0, 1.0),
            [("memory.limit_in_bytes", str(1 << 30)), ("memory.memsw.limit_in_bytes", str(1 << 30))],
        ),
        (V1_CPU, Size(64, None, 0.25), [("cpu.shares", "256")]),
        (V1_CPU, Size(64, None, 0.0001), [("cpu.shares", "2")]),
        (
            V2,
            Size(64, 32, 2.0),
            [("memory.max", str(64 << 20)), ("memory.swap.max", str(32 << 20)), ("cpu.weight", "200")],
        ),
        (V2, Size(0, None, 1000.0), [("cpu.weight", "10000")]),
    ],
)
def test_a_size_becomes_the_kernels_files(kind: Kind, size: Size, files: list[tuple[str, str]]) -> None:
    assert limits(kind, size) == files


def fake_kernel(base: Path, members: str = "", usage: int = 0) -> Kind:
    """Directories look like groups once these files are in them."""
    base.mkdir(parents=True)
    for number in range(1, 4):
        group = base / f"task-{number}"
        group.mkdir()
        for name in ("memory.max", "memory.swap.max", "cpu.weight", "cgroup.kill"):
            (group / name).touch()
        (group / "memory.current").write_text(f"{usage}\n")
        (group / "memory.events").write_text("low 0\nhigh 0\nmax 5\noom 1\noom_kill 0\noom_group_kill 0\n")
        (group / "cgroup.procs").write_text(members)
    return Kind(str(base), str(base), ("memory", "cpu"), 2)


def taken(groups: Groups, size: Size) -> Group:
    group = groups.take(size)
    assert group
    return group


def test_a_group_is_used_again_by_a_task_of_the_same_size_only(tmp_path: Path) -> None:
    groups = Groups([fake_kernel(tmp_path / "cg")])
    first = taken(groups, Size(64, None, 1.0))
    groups.give_back(first)

    other = taken(groups, Size(128, None, 1.0))
    same = taken(groups, Size(64, None, 1.0))

    assert same is first
    assert other is not first
    assert (tmp_path / "cg/task-1/memory.max").read_text() == str(64 << 20)
    assert (tmp_path / "cg/task-2/memory.max").read_text() == str(128 << 20)


def test_a_group_that_still_holds_much_memory_is_not_used_again(tmp_path: Path) -> None:
    groups = Groups([fake_kernel(tmp_path / "cg", usage=5 << 20)])
    first = taken(groups, Size(64, None, 1.0))

    groups.give_back(first)

    assert taken(groups, Size(64, None, 1.0)) is not first


def test_a_group_with_processes_in_it_is_drained_before_its_next_use(tmp_path: Path) -> None:
    gone = (1 << 22) + 1  # beyond the largest process id
    groups = Groups([fake_kernel(tmp_path / "cg", members=f"{gone}\n")])
    first = taken(groups, Size(64, None, 1.0))

    groups.give_back(first)
    assert groups.draining
    assert taken(groups, Size(64, None, 1.0)) is not first
    (tmp_path / "cg/task-1/cgroup.procs").write_text("")
    groups.drain()

    drained = not groups.draining
    assert drained
    assert taken(groups, Size(64, None, 1.0)) is first


def test_only_a_new_kill_for_memory_counts(tmp_path: Path) -> None:
    groups = Groups([fake_kernel(tmp_path / "cg")])
    group = taken(groups, Size(64, None, 1.0))
    assert not group.out_of_memory()

    (tmp_path / "cg/task-1/memory.events").write_text("oom 2\noom_kill 3\noom_group_kill 9\n")

    assert group.out_of_memory()
    assert not group.out_of_memory()


def test_without_control_groups_a_task_goes_without() -> None:
    groups = Groups([])

    assert groups.take(Size(64, None, 1.0)) is None
    assert not groups.limits("memory")


def test_a_mount_of_each_version_is_read() -> None:
    first = Mount("33 26 0:29 / /sys/fs/cgroup/memory rw,nosuid shared:14 - cgroup cgroup rw,memory")
    second = Mount("30 24 0:26 /docker/ab /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate")

    assert (first.version, first.root, first.point, first.options) == (
        1,
        "/",
        "/sys/fs/cgroup/memory",
        ["rw", "memory"],
    )
    assert (second.version, second.root, second.point) == (2, "/docker/ab", "/sys/fs/cgroup")


def test_our_own_groups_are_read_for_every_controller() -> None:
    text = "4:memory:/a/b\n2:cpu,cpuacct:/c\n0::/system.slice/batchd.service\n"

    assert _own_groups(text) == {
        "memory": "/a/b",
        "cpu": "/c",
        "cpuacct": "/c",
        "": "/system.slice/batchd.service",
    }


def test_tasks_groups_lie_in_the_runners_own_where_it_can_be_seen(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    whole = Mount(f"33 26 0:29 / {tmp_path} rw - cgroup cgroup rw,memory")
    part = Mount(f"33 26 0:29 /docker/ab {tmp_path} rw - cgroup cgroup rw,memory")

    assert _below(whole, "/a/b") == f"{tmp_path}/a/b"
    assert _below(whole, "/elsewhere") == str(tmp_path)
    assert _below(part, "/docker/ab/a") == f"{tmp_path}/a"
    assert _below(part, "/docker/ab") == str(tmp_path)


def first_version(base: Path, *controllers: str) -> Kind:
    """A hierarchy of version 1 with a group for one task."""
    group = base / "batchd/task-1"
    group.mkdir(parents=True)
    files = ("tasks", "cpu.shares", "memory.limit_in_bytes", "memory.max_usage_in_bytes")
    for name in files:
        (group / name).touch()
    (group / "cgroup.procs").write_text("")
    (base / "tasks").touch()
    return Kind(str(base), str(base / "batchd"), controllers, 1)


def test_a_task_is_born_into_its_memory_group_and_moved_into_that_of_its_share(tmp_path: Path) -> None:
    groups = Groups([first_version(tmp_path / "memory", "memory"), first_version(tmp_path / "cpu", "cpu")])
    group = taken(groups, Size(64, None, 1.0))
    memory, share = (tmp_path / name / "batchd/task-1" for name in ("memory", "cpu"))

    group.enter()
    group.leave()
    assert ((memory / "tasks").read_text(), (share / "tasks").read_text()) == ("0", "")
    assert ((tmp_path / "memory/tasks").read_text(), (tmp_path / "cpu/tasks").read_text()) == ("0", "")
    (memory / "cgroup.procs").write_text("7\n")
    group.settle()

    assert group.settles
    assert (share / "cgroup.procs").read_text() == "7"


def test_where_only_shares_can_be_given_a_task_is_born_into_that(tmp_path: Path) -> None:
    groups = Groups([first_version(tmp_path / "cpu", "cpu")])
    group = taken(groups, Size(64, None, 1.0))

    group.enter()

    assert not group.settles
    assert (tmp_path / "cpu/batchd/task-1/tasks").read_text() == "0"


@pytest.mark.parametrize(("leader_s", "used_s"), [(0.5, 2.0), (3.0, 3.0)])
def test_what_was_used_before_the_share_held_is_not_lost(tmp_path: Path, leader_s: float, used_s: float) -> None:
    groups = Groups([first_version(tmp_path / "memory", "memory"), first_version(tmp_path / "cpu", "cpu")])
    counter = tmp_path / "cpu/batchd/task-1/cpuacct.usage"
    counter.write_text("1000000000\n")
    group = taken(groups, Size(64, None, 1.0))
    group.begin()

    counter.write_text("3000000000\n")

    assert group.used(Used(0.0, leader_s)).cpu_s == used_s
