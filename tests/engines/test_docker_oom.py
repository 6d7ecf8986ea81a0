"""What the kernel's log says of containers that were killed for want of memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchd.engines.docker_oom import killed_for_memory

CONTAINER, OTHER, SCOPED = "c3471efb" * 8, "07508ee0" * 8, "5bd44a1c" * 8
LOG = f"""\
3,1201,1460572062,-;Tasks state (memory values in pages):
6,1202,1460572063,-;[  32581]     0 32581     6713     4158     4034      124        0    81920        0   0 sh
6,1203,1460572066,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={CONTAINER},mems_allowed=0,\
oom_memcg=/docker/{CONTAINER},task_memcg=/docker/{CONTAINER},task=sh,pid=32581,uid=0
3,1204,1460572079,-;Memory cgroup out of memory: Killed process 32581 (sh) total-vm:26852kB, anon-rss:16136kB
6,1205,1460580000,-;device veth of {OTHER} entered promiscuous mode
6,1206,1460590000,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=docker-{SCOPED}.scope,mems_allowed=0,\
oom_memcg=/system.slice/docker-{SCOPED}.scope,task_memcg=/system.slice/docker-{SCOPED}.scope,task=sh,pid=7,uid=0
"""


@pytest.mark.parametrize(("container", "killed"), [(CONTAINER, True), (SCOPED, True), (OTHER, False)])
def test_a_container_that_the_kernel_killed_is_named_in_its_log(tmp_path: Path, container: str, killed: bool) -> None:
    log = tmp_path / "kmsg"
    log.write_text(LOG)

    assert killed_for_memory(container, log) is killed


def test_a_log_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    assert not killed_for_memory(CONTAINER, tmp_path / "none")
    assert not killed_for_memory(CONTAINER, tmp_path)
