from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchd.engines.docker_config import container_name, create_body, labels_of, tag_of
from batchd.engines.names import safe_name
from batchd.task import ContainerSpec, Device, LogDestination, Mount, TaskSpec, Tmpfs, Ulimit

MIB = 1024 * 1024


def body_of(**more: Any) -> dict[str, Any]:
    container = ContainerSpec(**{"name": "main", "image": "busybox", **more})
    return create_body(TaskSpec("0" * 32, (container,)), container, "here", "host")


def host_of(**more: Any) -> dict[str, Any]:
    host: dict[str, Any] = body_of(**more)["HostConfig"]
    return host


def test_a_command_replaces_the_images_command_and_leaves_its_entry_point() -> None:
    body = body_of(command=("echo", "a b"))
    assert body["Cmd"] == ["echo", "a b"]
    assert "Entrypoint" not in body
    assert "WorkingDir" not in body


def test_without_a_command_the_images_own_is_kept() -> None:
    assert "Cmd" not in body_of()


def test_a_user_is_set_only_where_the_job_names_one() -> None:
    assert body_of(user="1000:100")["User"] == "1000:100"
    assert "User" not in body_of()


def test_variables_are_written_as_docker_reads_them() -> None:
    assert body_of(environment={"A": "1", "B": "x=y"})["Env"] == ["A=1", "B=x=y"]


@pytest.mark.parametrize(("vcpus", "shares"), [(1, 1024), (0.25, 256), (4, 4096), (0.001, 2), (1000, 262144)])
def test_a_vcpu_is_1024_shares_within_the_kernels_bounds(vcpus: float, shares: int) -> None:
    assert host_of(vcpus=vcpus)["CpuShares"] == shares


def test_memory_is_a_hard_limit_and_swap_is_left_to_the_daemon() -> None:
    host = host_of(memory_mib=64, swappiness=10)
    assert host["Memory"] == 64 * MIB
    assert "MemorySwap" not in host
    assert "MemorySwappiness" not in host


def test_memory_is_never_less_than_docker_takes() -> None:
    assert host_of(memory_mib=4)["Memory"] == 6 * MIB


@pytest.mark.parametrize(("max_swap", "total"), [(0, 64), (128, 192)])
def test_max_swap_comes_on_top_of_the_memory(max_swap: int, total: int) -> None:
    host = host_of(memory_mib=64, max_swap_mib=max_swap, swappiness=10)
    assert host["MemorySwap"] == total * MIB
    assert host["MemorySwappiness"] == 10


def test_a_host_path_is_bound_so_that_the_daemon_makes_it_when_it_is_missing() -> None:
    host = host_of(mounts=(Mount("/data", "/in", True), Mount("/out", "/out")))
    assert host["Binds"] == ["/data:/in:ro", "/out:/out"]
    assert host["Mounts"] == []


def test_a_mount_without_a_source_is_an_anonymous_volume() -> None:
    host = host_of(mounts=(Mount("", "/scratch"),))
    assert host["Mounts"] == [{"Type": "volume", "Target": "/scratch", "ReadOnly": False}]
    assert host["Binds"] == []


def test_linux_parameters_reach_the_daemon() -> None:
    host = host_of(
        init=True,
        shm_mib=128,
        tmpfs=(Tmpfs("/run", 16, ("noexec", "mode=1777")),),
        devices=(Device("/dev/fuse", "/dev/fuse0", "rw"),),
        ulimits=(Ulimit("nofile", 100, 200),),
        privileged=True,
        readonly_root=True,
    )
    assert host["Init"] is True
    assert host["ShmSize"] == 128 * MIB
    assert host["Tmpfs"] == {"/run": "size=16m,noexec,mode=1777"}
    assert host["Devices"] == [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse0", "CgroupPermissions": "rw"}]
    assert host["Ulimits"] == [{"Name": "nofile", "Soft": 100, "Hard": 200}]
    assert host["Privileged"] is True
    assert host["ReadonlyRootfs"] is True


def test_gpus_are_asked_for_by_count() -> None:
    assert host_of(gpus=2)["DeviceRequests"] == [{"Driver": "", "Count": 2, "Capabilities": [["gpu"]]}]
    assert "DeviceRequests" not in host_of()


def test_the_daemon_keeps_every_line_and_every_ended_container() -> None:
    host = host_of(log=LogDestination("r", "g", "s"))
    assert host["LogConfig"] == {"Type": "json-file", "Config": {}}
    assert host["AutoRemove"] is False
    assert host["RestartPolicy"] == {"Name": "no"}


def test_output_that_nobody_wants_is_not_recorded() -> None:
    assert host_of(log=None)["LogConfig"] == {"Type": "none", "Config": {}}


def test_the_network_is_the_engines_choice() -> None:
    assert host_of()["NetworkMode"] == "host"


@pytest.mark.parametrize("labels", [{}, {"batchd.task": "x"}, {"batchd.task": "x", "batchd.containers": "many"}])
def test_labels_that_somebody_else_made_are_no_tag(labels: dict[str, str]) -> None:
    assert tag_of(labels) is None


@given(
    st.text("0123456789abcdef", min_size=32, max_size=32),
    st.text(min_size=1, max_size=20),
    st.booleans(),
    st.floats(0, 1e6),
    st.integers(1, 10),
    st.booleans(),
)
def test_a_restarted_server_reads_from_the_labels_what_was_written(
    task_id: str, name: str, essential: bool, timeout_s: float, count: int, logged: bool
) -> None:
    log = LogDestination("r", "g", "s") if logged else None
    row: dict[str, Any] = {"depends_on": ((name, "START"),), "start_timeout_s": timeout_s} if essential else {}
    container = ContainerSpec(name, "busybox", essential=essential, log=log, stop_timeout_s=timeout_s, **row)
    task = TaskSpec(task_id, (container,) * count, timeout_s, {"batchd.task": "not this", "team": "night"})
    labels = labels_of(task, container, "here")
    tag = tag_of(labels)
    assert tag is not None
    assert (tag.task_id, tag.container, tag.essential) == (task_id, name, essential)
    assert (tag.containers, tag.stop_timeout_s, tag.logged) == (count, timeout_s, logged)
    assert (tag.depends_on, tag.start_timeout_s) == (container.depends_on, container.start_timeout_s)
    assert tag.own_stop_timeout_s == timeout_s
    assert labels["team"] == "night"
    assert all(isinstance(value, str) for value in labels.values())


@given(st.text(max_size=50))
def test_every_container_name_becomes_one_that_docker_and_file_systems_take(name: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", container_name("0" * 32, name))
    assert "/" not in safe_name(name)


@given(st.floats(0, 10_000), st.integers(0, 10**6), st.none() | st.integers(0, 10**6))
def test_limits_stay_within_what_docker_takes(vcpus: float, memory_mib: int, max_swap: int | None) -> None:
    host = host_of(vcpus=vcpus, memory_mib=memory_mib, max_swap_mib=max_swap)
    assert 2 <= host["CpuShares"] <= 262144
    assert host["Memory"] >= 6 * MIB
    assert host.get("MemorySwap", host["Memory"]) >= host["Memory"]


def result_body(result: str) -> dict[str, Any]:
    container = ContainerSpec("main", "busybox", environment={"BATCHD_OUTPUT": "mine", "A": "1"})
    return create_body(TaskSpec("0" * 32, (container,)), container, "here", "host", Path(result))


def test_a_file_of_the_host_takes_the_result() -> None:
    body = result_body("/data/t/main.result")
    assert body["Env"][-1] == "BATCHD_OUTPUT=/batchd-output.json"
    assert body["HostConfig"]["Binds"] == ["/data/t/main.result:/batchd-output.json"]


def test_a_path_that_docker_would_misread_takes_none() -> None:
    assert result_body("/da:ta/main.result")["HostConfig"]["Binds"] == []
