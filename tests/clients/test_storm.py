"""The promise of the house: the server may be killed at any moment."""

from __future__ import annotations

from pathlib import Path

from tests.clients.storm import Plan, storm
from tests.docker_daemon import docker_host

__all__ = ["docker_host"]


def test_nothing_is_lost_and_nothing_runs_twice_when_the_server_is_killed_twenty_times(tmp_path: Path) -> None:
    outcome = storm(Plan("process", jobs=500, kills=20, seed=20261123), tmp_path)
    assert outcome.problems == []
    assert (outcome.acknowledged, outcome.kills) == (500, 20)


def test_arrays_keep_their_children_attempts_and_order_when_the_server_is_killed_ten_times(tmp_path: Path) -> None:
    outcome = storm(Plan("process", jobs=40, kills=10, seed=20261123, flags=("--vcpus", "8"), arrays=True), tmp_path)
    assert outcome.problems == []
    assert (outcome.acknowledged, outcome.kills) == (40, 10)


def test_gangs_start_whole_and_each_node_once_an_attempt_when_the_server_is_killed(tmp_path: Path) -> None:
    outcome = storm(Plan("process", jobs=10, kills=6, seed=20261129, flags=("--vcpus", "8"), gangs=True), tmp_path)
    assert outcome.problems == []
    assert (outcome.acknowledged, outcome.kills) == (10, 6)


def test_containers_survive_the_servers_death_just_as_well(tmp_path: Path, docker_host: str) -> None:
    flags = ("--docker-host", docker_host, "--vcpus", "8")
    outcome = storm(Plan("docker", 100, 10, 20261123, "batchd-test/busybox", flags), tmp_path)
    assert outcome.problems == []
    assert (outcome.acknowledged, outcome.kills) == (100, 10)
