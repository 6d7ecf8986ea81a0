"""The process engine beyond what every engine does: its runner's life and death, and the machine's own means."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from batchd.engines import process_line
from batchd.engines.engine import Exited, FailedToStart, Lost, Started
from batchd.engines.process import ProcessEngine
from batchd.engines.runner.place import Place
from batchd.errors import EngineError
from batchd.task import TaskSpec, Ulimit
from tests.contract.engines import ProcessRig, Server, Work, alive, processes_below, until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may start processes of others")


@pytest_asyncio.fixture
async def rig(tmp_path: Path) -> AsyncIterator[ProcessRig]:
    rig = ProcessRig(tmp_path / "engine")
    yield rig
    await rig.close()


@pytest_asyncio.fixture
async def server(rig: ProcessRig) -> AsyncIterator[Server]:
    server = Server(rig)
    await server.open()
    yield server
    await server.engine.close()


def runner_pid(server: Server) -> int:
    assert isinstance(server.engine, ProcessEngine)
    assert server.engine.runner_pid
    return server.engine.runner_pid


def shell(server: Server, text: str, number: int = 1) -> TaskSpec:
    spec = server.task(Work(), f"{number:032x}")
    return replace(spec, containers=(replace(spec.containers[0], command=("/bin/sh", "-c", text)),))


def place(rig: ProcessRig) -> Place:
    return Place(str(rig.directory))


def exists(path: str) -> bool:
    return Path(path).exists()


def read(path: str) -> str:
    return Path(path).read_text()


def mode(path: str) -> int:
    return Path(path).stat().st_mode & 0o777


def open_files(pid: int) -> set[str]:
    return {str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()}


def groups(pid: int) -> dict[str, str]:
    """Controller to control group, of a process; of version 2 all are called so."""
    lines = (line.split(":", 2) for line in read(f"/proc/{pid}/cgroup").splitlines())
    return {name: path for _, names, path in lines for name in names.split(",")}


async def run(server: Server, spec: TaskSpec) -> Exited:
    server.engine.start(spec)
    exited = await server.report(Exited, spec)
    assert isinstance(exited, Exited)
    return exited


async def refused(server: Server, spec: TaskSpec) -> str:
    server.engine.start(spec)
    failed = await server.report(FailedToStart, spec)
    assert isinstance(failed, FailedToStart)
    return failed.reason


async def test_a_killed_runner_takes_its_tasks_along_and_they_are_lost(server: Server, rig: ProcessRig) -> None:
    running = shell(server, "sleep 600 & echo ready; wait", 1)
    over = shell(server, "exit 3", 2)
    await run(server, over)
    server.engine.start(running)
    await server.until_output(running, "ready")
    first = runner_pid(server)

    os.kill(first, signal.SIGKILL)

    lost = await server.report(Lost, running)
    assert isinstance(lost, Lost)
    assert lost.reason == "The runner of this task died, and the task with it"
    scratch = Path(place(rig).scratch(running.task_id))
    await until(lambda: processes_below(scratch) == [])  # killed they are, and gone as soon as the kernel comes to it
    await until(lambda: isinstance(server.engine, ProcessEngine) and server.engine.runner_pid not in (None, first))
    assert len(server.of(over.task_id, Exited)) == 1
    assert server.of(over.task_id, Lost) == []


async def test_after_the_runner_died_a_new_one_runs_new_tasks(server: Server) -> None:
    os.kill(runner_pid(server), signal.SIGKILL)

    exited = await run(server, shell(server, "exit 4"))

    assert exited.exit_code == 4
    assert [type(report) for report in server.reports] == [Started, Exited]


async def test_exits_that_the_dead_runner_wrote_down_are_reported_to_the_next_server(rig: ProcessRig) -> None:
    server = Server(rig)
    await server.open()
    spec = shell(server, "exit 9")
    exited = await run(server, spec)
    os.kill(runner_pid(server), signal.SIGKILL)
    await server.engine.close()

    again = Server(rig)
    await again.open(spec.task_id)

    assert again.reports[-1] == exited
    await again.engine.close()


async def test_the_runner_ends_when_it_has_neither_server_nor_task(rig: ProcessRig) -> None:
    server = Server(rig)
    await server.open()
    await run(server, shell(server, "true"))
    pid = runner_pid(server)

    await server.engine.close()

    await until(lambda: not alive(pid))
    assert not exists(place(rig).socket)


async def test_the_runner_stays_while_a_task_runs(rig: ProcessRig) -> None:
    server = Server(rig)
    await server.open()
    spec = shell(server, "sleep 0.5; echo done")
    server.engine.start(spec)
    await server.report(Started, spec)
    pid = runner_pid(server)

    await server.engine.close()

    await server.until_output(spec, "done")
    await until(lambda: not alive(pid))


async def test_a_runner_about_to_end_leaves_alone_who_begins_anew_in_its_place(tmp_path: Path) -> None:
    """As after `rm -rf data; batchd serve`, within the ten seconds that a runner waits for another server."""
    directory = tmp_path / "engine"
    before = ProcessEngine(directory, idle_s=2.0)
    await before.open(lambda report: None, [])
    old = before.runner_pid or 0
    await before.close()
    for path in directory.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    rig = ProcessRig(directory)
    server = Server(rig)
    await server.open()
    spec = shell(server, "trap 'exit 7' TERM; echo ready; sleep 600 & wait")
    server.engine.start(spec)
    await server.until_output(spec, "ready")
    assert runner_pid(server) != old

    await until(lambda: not alive(old))

    await server.engine.close()
    again = Server(rig)
    await again.open(spec.task_id)
    assert [type(report) for report in again.reports] == [Started]
    again.engine.stop(spec.task_id, 20.0)
    exited = await again.report(Exited, spec)
    assert isinstance(exited, Exited)
    assert exited.exit_code == 7
    await again.engine.close()
    await rig.close()


async def test_sigterm_to_the_runner_stops_its_tasks_and_writes_down_how_they_ended(rig: ProcessRig) -> None:
    server = Server(rig)
    await server.open()
    spec = shell(server, "trap 'exit 7' TERM; echo ready; sleep 600 & wait")
    server.engine.start(spec)
    await server.until_output(spec, "ready")

    os.kill(runner_pid(server), signal.SIGTERM)

    exited = await server.report(Exited, spec)
    assert isinstance(exited, Exited)
    assert exited.exit_code == 7
    await server.engine.close()


async def test_a_second_server_is_turned_away(server: Server, rig: ProcessRig) -> None:
    second = rig.engine()

    with pytest.raises(EngineError, match="serves another server"):
        await second.open(lambda report: None, [])

    assert (await run(server, shell(server, "exit 2"))).exit_code == 2


async def test_a_directory_too_deep_for_a_socket_will_do(tmp_path: Path) -> None:
    rig = ProcessRig(tmp_path / ("d" * 100) / ("e" * 100))
    server = Server(rig)
    await server.open()

    assert (await run(server, shell(server, "exit 6"))).exit_code == 6

    await server.engine.close()
    await rig.close()


async def test_what_a_task_leaves_behind_ends_with_it(server: Server, rig: ProcessRig) -> None:
    spec = shell(server, "sleep 600 & echo ready")

    await run(server, spec)

    scratch = Path(place(rig).scratch(spec.task_id))
    await until(lambda: processes_below(scratch) == [])


async def test_not_even_a_daemon_outlives_its_task(server: Server, rig: ProcessRig) -> None:
    if not server.engine.abilities.limits_memory:
        pytest.skip("no control groups here")
    spec = shell(server, "mkfifo up; setsid sh -c 'echo up > up; exec sleep 600' & read word < up")

    await run(server, spec)

    scratch = Path(place(rig).scratch(spec.task_id))
    await until(lambda: processes_below(scratch) == [])


@pytest_asyncio.fixture
async def background(rig: ProcessRig) -> AsyncIterator[Server]:
    """A server begun by a script, in whose background nothing hears of Ctrl-C and Ctrl-\\."""
    numbers = (signal.SIGINT, signal.SIGQUIT)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    server = Server(rig)
    try:
        await server.open()
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    yield server
    await server.engine.close()


@pytest.mark.parametrize("memory_mib", [64, 8], ids=["quick", "careful"])
async def test_a_task_ignores_no_signal_that_the_runner_does(background: Server, memory_mib: int) -> None:
    spec = shell(background, "exec grep SigIgn /proc/self/status")
    spec = replace(spec, containers=(replace(spec.containers[0], memory_mib=memory_mib),))

    await run(background, spec)

    ignored = int(background.output(spec).split()[1], 16)
    assert ignored & 0x7FFFFFFF == 0  # of those beyond the first 31 the C library keeps two for itself


async def test_a_death_by_signal_is_128_and_the_signal(server: Server) -> None:
    assert (await run(server, shell(server, "kill -TERM $$"))).exit_code == 143


async def test_the_working_directory_is_private_and_goes_with_the_task(server: Server, rig: ProcessRig) -> None:
    spec = shell(server, 'mkdir -p a/b; echo x > a/b/c; pwd; echo "$TMPDIR"')
    await run(server, spec)
    scratch = place(rig).scratch(spec.task_id)
    assert server.output(spec).split() == [scratch, scratch]
    assert mode(scratch) == 0o700

    server.engine.forget(spec.task_id)

    await until(lambda: rig.traces(spec.task_id) == [])


async def test_the_environment_is_the_tasks_own_and_five_variables_of_ours(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the server's own")
    spec = shell(server, "env")
    spec = replace(spec, containers=(replace(spec.containers[0], environment={"LANG": "fr_FR", "X": "y"}),))

    await run(server, spec)

    variables = dict(line.split("=", 1) for line in server.output(spec).splitlines())
    ours = {"PATH", "HOME", "LANG", "TMPDIR", "BATCHD_OUTPUT"}
    assert variables.keys() - {"PWD", "SHLVL", "_", "OLDPWD"} == {*ours, "X"}
    assert (variables["LANG"], variables["X"]) == ("fr_FR", "y")


async def test_standard_input_is_empty_and_sigpipe_ends_a_pipeline(server: Server) -> None:
    spec = shell(server, "cat; yes | head -n 1")

    await run(server, spec)

    assert server.output(spec) == "y\n"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ((), "CannotStartContainerError: the process engine runs the command of the job definition"),
        (("nosuch",), 'CannotStartContainerError: exec: "nosuch": executable file not found in $PATH'),
        (("/no/such",), 'CannotStartContainerError: exec: "/no/such": stat /no/such: no such file or directory'),
        (("/etc/passwd",), 'CannotStartContainerError: exec: "/etc/passwd": permission denied'),
        (("/etc",), 'CannotStartContainerError: exec: "/etc": permission denied'),
    ],
)
async def test_a_command_that_cannot_run_says_why(server: Server, command: tuple[str, ...], reason: str) -> None:
    spec = server.task(Work())

    told = await refused(server, replace(spec, containers=(replace(spec.containers[0], command=command),)))

    assert told.startswith(reason)


async def test_a_script_without_an_interpreter_says_so_on_both_roads(server: Server, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("no interpreter\n")
    broken.chmod(0o755)
    quick = shell(server, "", 1)
    quick = replace(quick, containers=(replace(quick.containers[0], command=(str(broken),)),))
    careful = replace(quick, task_id=f"{2:032x}", containers=(replace(quick.containers[0], memory_mib=8),))

    reasons = [await refused(server, spec) for spec in (quick, careful)]

    assert reasons == [f'CannotStartContainerError: exec: "{broken}": exec format error'] * 2


async def test_two_containers_of_one_name_are_refused(server: Server) -> None:
    spec = server.task(Work())

    told = await refused(server, replace(spec, containers=spec.containers * 2))

    assert told == "CannotStartContainerError: two containers of the task have the same name"


async def test_each_of_several_containers_has_a_directory_of_its_own(server: Server, rig: ProcessRig) -> None:
    spec = shell(server, "pwd; touch mine; ls ..")
    first = spec.containers[0]
    second = replace(first, name="other", depends_on=(("main", "SUCCESS"),))
    spec = replace(spec, containers=(replace(first, essential=False), second))

    await run(server, spec)

    scratch = place(rig).scratch(spec.task_id)
    assert server.output(spec).split() == [f"{scratch}/main", "main"]
    assert server.output(spec, "other").split() == [f"{scratch}/other", "main", "other"]


async def test_forgetting_a_task_of_several_containers_kills_them_all(server: Server, rig: ProcessRig) -> None:
    spec = shell(server, "echo ready; sleep 600")
    slow = replace(
        spec.containers[0],
        name="slow",
        stop_timeout_s=60.0,
        command=("/bin/sh", "-c", "trap '' TERM; read x; sleep 600"),
    )
    spec = replace(spec, containers=(*spec.containers, slow))
    server.engine.start(spec)
    await server.until_output(spec, "ready")
    scratch = Path(place(rig).scratch(spec.task_id))

    server.engine.forget(spec.task_id)

    await until(lambda: processes_below(scratch) == [] and rig.traces(spec.task_id) == [])


@as_root
@pytest.mark.parametrize(
    ("user", "ids"), [("nobody", "65534:{gid}"), ("1234", "1234:0"), ("1234:77", "1234:77"), ("0", "0:0")]
)
async def test_a_task_runs_as_its_user(server: Server, user: str, ids: str) -> None:
    spec = shell(server, "echo $(id -u):$(id -g); touch mine; ls -ln mine | cut -d' ' -f3")
    spec = replace(spec, containers=(replace(spec.containers[0], user=user),))

    await run(server, spec)

    expected = ids.format(gid=pwd.getpwnam("nobody").pw_gid)
    assert server.output(spec).split() == [expected, expected.split(":")[0]]


async def test_a_user_that_does_not_exist_is_refused(server: Server) -> None:
    spec = server.task(Work())

    told = await refused(server, replace(spec, containers=(replace(spec.containers[0], user="no-such-user"),)))

    assert told == ("CannotStartContainerError: unable to find user no-such-user: no matching entries in passwd file")


async def test_ulimits_hold_for_the_task(server: Server) -> None:
    spec = shell(server, "ulimit -Sn; ulimit -Hn; ulimit -c")
    limits = (Ulimit("nofile", 77, 88), Ulimit("core", 0, 0))

    await run(server, replace(spec, containers=(replace(spec.containers[0], ulimits=limits),)))

    assert server.output(spec).split() == ["77", "88", "0"]


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        (Ulimit("nosuch", 1, 1), "CannotStartContainerError: invalid ulimit type: nosuch"),
        (Ulimit("nofile", 9, 8), "CannotStartContainerError: ulimit nofile=9:8: "),
    ],
)
async def test_a_ulimit_that_cannot_be_set_is_refused(server: Server, limit: Ulimit, reason: str) -> None:
    spec = server.task(Work())

    told = await refused(server, replace(spec, containers=(replace(spec.containers[0], ulimits=(limit,)),)))

    assert told.startswith(reason)


async def test_a_tiny_memory_limit_kills_the_task_and_not_the_runner(server: Server) -> None:
    if not server.engine.abilities.limits_memory:
        pytest.skip("no control groups here")
    before = runner_pid(server)
    spec = shell(server, "a=x; while :; do a=$a$a; done")

    exited = await run(server, replace(spec, containers=(replace(spec.containers[0], memory_mib=4),)))

    assert exited.exit_code == 137
    assert exited.reason == "OutOfMemoryError: Container killed due to memory usage"
    assert runner_pid(server) == before


async def test_memory_taken_by_one_task_is_not_held_against_the_next(server: Server) -> None:
    for number in range(1, 7):
        exited = await run(server, shell(server, "head -c 40000000 /dev/zero > big; exit 3", number))
        assert (exited.exit_code, exited.reason) == (3, None)


async def test_a_stop_right_behind_the_start_reaches_the_task(server: Server) -> None:
    quick = shell(server, "sleep 600", 1)
    careful = shell(server, "sleep 600", 2)
    careful = replace(careful, containers=(replace(careful.containers[0], memory_mib=8),))

    for spec in (quick, careful):
        server.engine.start(spec)
        server.engine.stop(spec.task_id, grace_s=20.0)

    for spec in (quick, careful):
        exited = await server.report(Exited, spec)
        assert isinstance(exited, Exited)
        assert exited.exit_code == 143


async def test_forgetting_a_running_task_kills_it(server: Server, rig: ProcessRig) -> None:
    spec = shell(server, "echo ready; sleep 600")
    server.engine.start(spec)
    await server.until_output(spec, "ready")
    scratch = Path(place(rig).scratch(spec.task_id))

    server.engine.forget(spec.task_id)

    await until(lambda: processes_below(scratch) == [] and rig.traces(spec.task_id) == [])


async def test_the_runner_holds_nothing_of_the_server_open(server: Server) -> None:
    read_end, write_end = os.pipe()
    os.close(write_end)
    targets = open_files(runner_pid(server))

    assert f"pipe:[{os.fstat(read_end).st_ino}]" not in targets
    os.close(read_end)
    regular = {target for target in targets if target.startswith("/") and not target.startswith("/dev/")}
    assert {Path(target).name for target in regular} == {"runner.lock", "journal", "runner.log"}


async def test_the_runner_writes_no_complaint(server: Server, rig: ProcessRig) -> None:
    specs = [shell(server, "true", number) for number in range(1, 30)]
    for spec in specs:
        server.engine.start(spec)
        server.engine.stop(spec.task_id, 0.0)
    await asyncio.gather(*(server.report(Exited, spec) for spec in specs))

    assert read(place(rig).errors) == ""


@pytest.mark.parametrize("kills", [0.0, 0.005, 0.02, 0.05])
async def test_whenever_the_runner_dies_no_task_runs_twice_and_each_one_ends(
    server: Server, rig: ProcessRig, tmp_path: Path, kills: float
) -> None:
    ran = tmp_path / "ran"
    specs = [shell(server, f"echo {number} >> {ran}; sleep 0.02", number) for number in range(1, 61)]
    for spec in specs:
        server.engine.start(spec)
    await asyncio.sleep(kills)  # the fault comes at its own time

    os.kill(runner_pid(server), signal.SIGKILL)
    await until(lambda: all(server.of(spec.task_id, Exited, Lost) for spec in specs))

    assert [len(server.of(spec.task_id, Exited, Lost)) for spec in specs] == [1] * len(specs)
    numbers = read(str(ran)).split() if exists(str(ran)) else []
    assert len(numbers) == len(set(numbers))
    exited = {int(spec.task_id, 16) for spec in specs if server.of(spec.task_id, Exited)}
    assert exited <= set(map(int, numbers))
    await until(lambda: processes_below(Path(place(rig).scratches)) == [])


async def test_all_of_a_task_has_its_share_of_the_processors_once_it_has_run_for_a_while(
    server: Server, rig: ProcessRig
) -> None:
    if not (server.engine.abilities.limits_cpu and server.engine.abilities.limits_memory):
        pytest.skip("no control groups can be used here")
    spec = shell(server, "sleep 600 & sleep 600 & wait")
    server.engine.start(spec)
    await until(lambda: len(processes_below(rig.directory / "scratch" / spec.task_id)) == 3)

    def are_inside() -> bool:
        found = [groups(pid) for pid in processes_below(rig.directory / "scratch" / spec.task_id)]
        return all("/batchd-" in of.get("cpu", of.get("", "")) for of in found)

    await until(are_inside)

    assert "/batchd-" not in groups(runner_pid(server)).get("cpu", "")


FORMER_RUNNER = """
import json, os, socket, sys, time
os.chdir(sys.argv[1])
listener = socket.socket(socket.AF_UNIX)
listener.bind("runner.sock")
listener.listen(1)
print("up", flush=True)
connection, _ = listener.accept()
connection.send(json.dumps(["hello", {"protocol": 1, "pid": os.getpid()}]).encode() + b"\\n")
connection.recv(1)
if sys.argv[2] == "idle":
    os.unlink("runner.sock")
else:
    time.sleep(600)
"""


async def former_runner(rig: ProcessRig, state: str) -> asyncio.subprocess.Process:
    """One of an earlier version, that is up; `idle`: it ends when its server has gone."""
    place(rig).make()
    command = (sys.executable, "-c", FORMER_RUNNER, str(rig.directory), state)
    runner = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert runner.stdout
    assert await runner.stdout.readline() == b"up\n"
    return runner


async def test_an_idle_runner_of_another_version_is_waited_for(rig: ProcessRig) -> None:
    former = await former_runner(rig, "idle")
    server = Server(rig)

    await server.open()

    assert await former.wait() == 0
    exited = await run(server, server.task(Work(exit_code=3)))
    assert exited.exit_code == 3
    await server.engine.close()


async def test_a_runner_of_another_version_that_has_jobs_is_left_alone(
    rig: ProcessRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_line, "_MARGIN_S", 0.2)
    former = await former_runner(rig, "busy")

    with pytest.raises(EngineError, match=rf"the runner \(pid {former.pid}\) is of another version .* and has jobs"):
        await Server(rig).open()

    assert former.returncode is None
    former.kill()
    await former.wait()
