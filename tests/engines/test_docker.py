"""The Docker engine on a real daemon: what is Docker's own. What every engine promises is in tests/contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from socket import create_server

import pytest

from batchd.engines.docker import DockerSettings
from batchd.engines.engine import Exited, FailedToStart, Lost, Started
from batchd.errors import EngineError
from batchd.task import Device, Mount, TaskSpec, Tmpfs, Ulimit
from tests.docker_daemon import GREETER, WORKER, docker, docker_host
from tests.docker_desk import Desk, a_container, a_task, clean_up, open_desk, settings_for

__all__ = ["docker_host"]


@pytest.fixture
def settings(docker_host: str, tmp_path: Path) -> DockerSettings:
    return settings_for(docker_host, tmp_path / "docker")


@pytest.fixture
async def desk(settings: DockerSettings) -> AsyncIterator[Desk]:
    async with open_desk(settings) as desk:
        yield desk
    clean_up(settings)


async def output_of(desk: Desk, task: TaskSpec) -> str:
    """What it printed until it ended well."""
    desk.engine.start(task)
    end = await desk.until(task, Exited)
    text = desk.output(task).decode()
    assert end.exit_code == 0, text
    return text


def ids_of(settings: DockerSettings, task: TaskSpec) -> list[str]:
    return docker(settings.url, "ps", "-aq", "--filter", f"label=batchd.task={task.task_id}").split()


# --- the container is made as the job asks ---


async def test_the_images_entry_point_stays_and_its_command_is_replaced(desk: Desk) -> None:
    assert await output_of(desk, a_task("batch", image=GREETER)) == "hello batch\n"
    assert await output_of(desk, a_task(image=GREETER)) == "hello world\n"


async def test_the_job_works_in_the_images_directory_with_the_images_variables(desk: Desk) -> None:
    assert await output_of(desk, a_task("-c", "pwd; echo $FROM_IMAGE", image=WORKER)) == "/tmp\nyes\n"


async def test_the_jobs_variables_are_set(desk: Desk) -> None:
    task = a_task("sh", "-c", 'echo "$A/$B"', environment={"A": "one two", "B": "x=y"})
    assert await output_of(desk, task) == "one two/x=y\n"


@pytest.mark.parametrize(("user", "ids"), [("nobody", "65534:65534"), ("1234:99", "1234:99"), (None, "0:0")])
async def test_the_job_runs_as_its_user(desk: Desk, user: str | None, ids: str) -> None:
    assert await output_of(desk, a_task("sh", "-c", "echo $(id -u):$(id -g)", user=user)) == f"{ids}\n"


async def test_a_read_only_root_cannot_be_written(desk: Desk) -> None:
    task = a_task("sh", "-c", "touch /x 2>&1 || echo refused", readonly_root=True)
    assert "refused" in await output_of(desk, task)


async def test_a_tmpfs_has_its_size_and_options(desk: Desk) -> None:
    task = a_task("sh", "-c", "grep ' /scratch ' /proc/mounts", tmpfs=(Tmpfs("/scratch", 3, ("noexec",)),))
    mounted = await output_of(desk, task)
    assert "tmpfs /scratch tmpfs" in mounted
    assert "size=3072k" in mounted
    assert "noexec" in mounted


async def test_ulimits_hold(desk: Desk) -> None:
    task = a_task("sh", "-c", "ulimit -Sn; ulimit -Hn", ulimits=(Ulimit("nofile", 77, 88),))
    assert await output_of(desk, task) == "77\n88\n"


async def test_a_path_of_the_host_is_seen_and_written(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/data").write_text("from the host\n")
    mounts = (Mount(str(tmp_path / "in"), "/in", read_only=True), Mount(str(tmp_path / "made/for it"), "/out"))
    task = a_task(
        "sh", "-c", "cat /in/data; touch /in/x 2>/dev/null || echo refused; echo result > /out/r", mounts=mounts
    )
    assert await output_of(desk, task) == "from the host\nrefused\n"
    assert (tmp_path / "made/for it/r").read_text() == "result\n"


async def test_an_anonymous_volume_goes_with_its_task(desk: Desk, settings: DockerSettings) -> None:
    before = set(docker(settings.url, "volume", "ls", "-q").split())
    task = a_task("sh", "-c", "echo x > /scratch/x && cat /scratch/x", mounts=(Mount("", "/scratch"),))
    assert await output_of(desk, task) == "x\n"
    assert set(docker(settings.url, "volume", "ls", "-q").split()) > before
    desk.engine.forget(task.task_id)
    await gone(desk, settings, task)
    assert set(docker(settings.url, "volume", "ls", "-q").split()) == before


async def test_devices_are_passed_through(desk: Desk) -> None:
    task = a_task("sh", "-c", "head -c 3 /dev/nil | wc -c", devices=(Device("/dev/zero", "/dev/nil"),))
    assert await output_of(desk, task) == "3\n"


async def test_shared_memory_has_its_size(desk: Desk) -> None:
    assert "size=8192k" in await output_of(desk, a_task("grep", " /dev/shm ", "/proc/mounts", shm_mib=8))


async def test_with_init_the_job_is_not_process_one(desk: Desk) -> None:
    assert await output_of(desk, a_task("sh", "-c", "echo $$", init=True)) != "1\n"
    assert await output_of(desk, a_task("sh", "-c", "echo $$")) == "1\n"


async def test_the_daemon_is_told_limits_labels_and_network(desk: Desk, settings: DockerSettings) -> None:
    container = a_container("true", vcpus=0.5, memory_mib=64, max_swap_mib=0)
    task = TaskSpec(a_task().task_id, (container,), labels={"team": "night"})
    await output_of(desk, task)
    form = "{{.HostConfig.Memory}} {{.HostConfig.CpuShares}} {{.HostConfig.NetworkMode}} {{.Config.Labels.team}}"
    assert docker(settings.url, "inspect", f"batchd-{task.task_id}-default", "-f", form) == "67108864 512 host night"


# --- how it ends ---


async def test_a_job_that_takes_too_much_memory_is_killed_with_awss_reason(desk: Desk) -> None:
    task = a_task("sh", "-c", "x=a; while true; do x=$x$x; done", memory_mib=16, max_swap_mib=0)
    desk.engine.start(task)
    end = await desk.until(task, Exited)
    assert (end.exit_code, end.reason) == (137, "OutOfMemoryError: Container killed due to memory usage")


async def test_an_image_that_is_not_to_be_had_fails_with_awss_reason(desk: Desk) -> None:
    task = a_task("true", image="127.0.0.1:9/batchd-test/none:1")
    desk.engine.start(task)
    report = await desk.until(task, FailedToStart)
    assert report.reason.startswith("CannotPullContainerError: Error response from daemon: ")
    assert "127.0.0.1:9" in report.reason


async def test_a_name_that_is_no_image_fails_with_awss_reason(desk: Desk) -> None:
    task = a_task("true", image="Not An Image")
    desk.engine.start(task)
    report = await desk.until(task, FailedToStart)
    assert report.reason.startswith("CannotPullContainerError: Error response from daemon: ")
    assert "invalid reference format" in report.reason


async def test_a_command_that_is_not_in_the_image_fails_with_awss_reason(desk: Desk) -> None:
    task = a_task("/no/such/program")
    desk.engine.start(task)
    report = await desk.until(task, FailedToStart)
    assert report.reason.startswith("CannotStartContainerError: Error response from daemon: ")
    assert "/no/such/program" in report.reason
    assert desk.of(task) == [report]


async def test_a_container_that_cannot_be_made_fails_with_awss_reason(desk: Desk) -> None:
    task = a_task("true", mounts=(Mount("relative/path", "/in"),))
    desk.engine.start(task)
    report = await desk.until(task, FailedToStart)
    assert report.reason.startswith("CannotStartContainerError: Error response from daemon: ")


async def test_a_container_that_somebody_removed_is_lost(desk: Desk, settings: DockerSettings) -> None:
    task = a_task("sleep", "1000")
    desk.engine.start(task)
    await desk.until(task, Started)
    docker(settings.url, "rm", "-f", *ids_of(settings, task))
    report = await desk.until(task, Lost)
    assert report.reason == "ContainerVanishedError: The container was removed while it was running"


async def test_a_task_stopped_while_its_image_is_pulled_never_runs(settings: DockerSettings) -> None:
    with create_server(("127.0.0.1", 0)) as registry:  # takes the connection and says nothing
        registry.setblocking(False)
        task = a_task("true", image=f"127.0.0.1:{registry.getsockname()[1]}/batchd-test/slow")
        async with open_desk(settings) as desk:
            desk.engine.start(task)
            connection, _ = await asyncio.get_running_loop().sock_accept(registry)
            desk.engine.stop(task.task_id, 30)
            end = await desk.until(task, Exited)
            connection.close()
    assert end.exit_code is None
    assert end.reason == "The task was stopped before its container started"
    assert desk.of(task) == [end]
    assert ids_of(settings, task) == []


async def test_output_arrives_while_the_job_runs(desk: Desk) -> None:
    task = a_task("sh", "-c", "echo ready; sleep 1000")
    desk.engine.start(task)
    await desk.until_output(task, b"ready\n")
    assert not [report for report in desk.of(task) if isinstance(report, Exited)]


async def test_all_of_a_long_output_is_there_when_the_end_is_reported(desk: Desk) -> None:
    task = a_task("sh", "-c", "seq 1 30000; seq 1 30000 >&2; echo end")
    desk.engine.start(task)
    await desk.until(task, Exited)
    numbers = [str(number).encode() for number in range(1, 30_001)]
    assert sorted(desk.output(task).splitlines()) == sorted([*numbers, *numbers, b"end"])


async def test_a_long_line_and_bytes_that_are_no_text_are_kept(desk: Desk) -> None:
    task = a_task("sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; printf '\\nA\\303\\251\\n'")
    desk.engine.start(task)
    await desk.until(task, Exited)
    assert desk.output(task) == b"x" * 100_000 + b"\nA\xc3\xa9\n"


async def test_a_forgotten_task_leaves_no_container_and_no_file(desk: Desk, settings: DockerSettings) -> None:
    task = a_task("echo", "x")
    desk.engine.start(task)
    await desk.until(task, Exited)
    assert desk.output(task) == b"x\n"
    desk.engine.forget(task.task_id)
    assert not desk.engine.log_path(task.task_id, "default").parent.exists()
    await gone(desk, settings, task)


async def gone(desk: Desk, settings: DockerSettings, task: TaskSpec) -> None:
    """A task started under the same id waits until the old container is gone: that is the signal."""
    desk.engine.start(TaskSpec(task.task_id, (a_container("true", name="after"),)))
    ends = len([report for report in desk.of(task) if isinstance(report, Exited)])
    await desk.until(task, Exited, ends + 1)
    assert len(ids_of(settings, task)) == 1


# --- several containers ---


async def test_the_end_of_an_essential_container_stops_the_others(desk: Desk, settings: DockerSettings) -> None:
    worker = a_container("sh", "-c", "echo work; exit 4", name="worker")
    sidecar = a_container("sh", "-c", "trap 'echo bye; exit 0' TERM; while true; do sleep 0.1; done", name="sidecar")
    task = TaskSpec(a_task().task_id, (sidecar, worker), 5.0)
    desk.engine.start(task)
    end = await desk.until(task, Exited)
    assert end.exit_code == 4
    assert desk.output(task, "worker") == b"work\n"
    assert desk.output(task, "sidecar") in (b"bye\n", b"")
    assert docker(settings.url, "ps", "-q", "--filter", f"label=batchd.task={task.task_id}") == ""


async def test_the_end_of_a_container_that_is_not_essential_does_not_matter(desk: Desk) -> None:
    helper = a_container("false", name="helper", essential=False)
    worker = a_container("sh", "-c", "sleep 0.5; echo done", name="worker")
    task = TaskSpec(a_task().task_id, (helper, worker))
    desk.engine.start(task)
    end = await desk.until(task, Exited)
    assert end.exit_code == 0
    assert desk.output(task, "worker") == b"done\n"


async def test_when_one_container_cannot_start_none_runs_on(desk: Desk, settings: DockerSettings) -> None:
    first = a_container("sleep", "1000", name="first", init=True)
    second = a_container("/no/such/program", name="second")
    task = TaskSpec(a_task().task_id, (first, second))
    desk.engine.start(task)
    end = await desk.until(task, Exited)
    assert (end.exit_code, (end.reason or "").startswith("CannotStartContainerError")) == (None, True)
    assert docker(settings.url, "ps", "-q", "--filter", f"label=batchd.task={task.task_id}") == ""
    desk.engine.forget(task.task_id)
    await gone(desk, settings, task)


async def test_containers_share_a_volume_by_its_name_and_it_goes_with_the_task(
    desk: Desk, settings: DockerSettings
) -> None:
    before = docker(settings.url, "volume", "ls", "-q")
    shared = (Mount("", "/shared", volume="between"),)
    first = a_container("sh", "-c", "echo word > /shared/it", name="first", essential=False, mounts=shared)
    second = a_container("cat", "/shared/it", name="second", mounts=shared, depends_on=(("first", "SUCCESS"),))
    task = TaskSpec(a_task().task_id, (first, second))
    desk.engine.start(task)
    assert (await desk.until(task, Exited)).exit_code == 0
    assert desk.output(task, "second") == b"word\n"
    desk.engine.forget(task.task_id)
    await gone(desk, settings, task)
    assert docker(settings.url, "volume", "ls", "-q") == before


async def test_an_entry_point_of_the_task_replaces_the_images(desk: Desk) -> None:
    assert await output_of(desk, a_task("b", image=GREETER, entry_point=("echo", "a"))) == "a b\n"
    assert await output_of(desk, a_task(image=GREETER, entry_point=("echo", "a"))) == "a\n"


async def test_a_container_may_share_the_hosts_process_numbers(desk: Desk) -> None:
    assert await output_of(desk, a_task("sh", "-c", "echo $$")) == "1\n"
    assert await output_of(desk, a_task("sh", "-c", "echo $$", host_pid=True)) != "1\n"


# --- the daemon's other users ---


async def test_two_servers_on_one_daemon_leave_each_others_tasks_alone(
    desk: Desk, docker_host: str, tmp_path: Path
) -> None:
    task = a_task("sleep", "1000")
    desk.engine.start(task)
    await desk.until(task, Started)
    async with open_desk(settings_for(docker_host, tmp_path / "other"), [task]) as other:
        assert isinstance((await other.until(task, Lost)), Lost)
        other.engine.forget(task.task_id)
    desk.engine.stop(task.task_id, 0)
    assert (await desk.until(task, Exited)).exit_code == 137


async def test_a_daemon_that_is_not_there_is_said_when_the_engine_opens(tmp_path: Path) -> None:
    settings = settings_for(f"unix://{tmp_path}/none.sock", tmp_path / "docker")
    with pytest.raises(EngineError, match=r"not to be reached at unix://.*none\.sock"):
        async with open_desk(settings):
            pass
