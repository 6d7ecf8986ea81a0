"""The runner's children: begin one, learn that it runs or failed, stop it, reap it, remove what it left."""

# No pathlib here: it would cost the runner a megabyte.
from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

from batchd.engines.runner.cgroups import Groups, Size
from batchd.engines.runner.leftovers import started_ticks
from batchd.engines.runner.spawn import CannotExec, Plan, spawn_carefully, spawn_quickly
from batchd.engines.runner.users import NoSuchUser, other_user

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchd.engines.runner.place import Place
    from batchd.engines.runner.table import Table, Task
    from batchd.engines.runner.users import User
    from batchd.engines.runner.watch import Watch
    from batchd.engines.runner.wire import Message, Program

_OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"  # [batch.md 1.2]
_DRAIN_AGAIN_S = 0.02
_REFUSED = "CannotStartContainerError: "


class Children:
    """Owns every process. Reports of tasks that run now, have exited or failed to start go to `news`."""

    def __init__(self, place: Place, table: Table, groups: Groups, watch: Watch) -> None:
        self.defaults: dict[str, str] = {}
        self.news: list[Message] = []
        self._place = place
        self._table = table
        self._groups = groups
        self._watch = watch
        self._by_pid: dict[int, Task] = {}
        self._kill_at: dict[int, float] = {}  # pid to the monotonic second of its SIGKILL

    def __len__(self) -> int:
        return len(self._by_pid)

    def begin(self, task: Task, program: Program) -> None:
        """Begin the task's process, or fail the task."""
        try:
            plan = self._plan(task, program)
            if plan.quick:
                task.pid = spawn_quickly(plan)
            else:
                task.pid, task.pipe = spawn_carefully(plan)
        except (NoSuchUser, CannotExec, OSError) as error:
            self.fail(task, _REFUSED + str(error))
            return
        self._by_pid[task.pid] = task
        self._table.note("run", task.task_id, task.pid, started_ticks(task.pid))
        if task.pipe >= 0:
            self._watch.add(task.pipe, lambda: self._proceed(task))
        else:
            self._up(task)

    def fail(self, task: Task, reason: str) -> None:
        """The task shall never run."""
        if task.group:
            self._groups.give_back(task.group)
            task.group = None
        self._table.note("fail", task.task_id, now_ms(), reason)
        self.news.append(task.reports()[-1])

    def stop(self, task: Task, grace_s: float) -> None:
        """SIGTERM once, SIGKILL at the earliest deadline that was asked for."""
        if task.pid not in self._by_pid:
            return
        deadline = time.monotonic() + grace_s
        if task.pid not in self._kill_at:
            _signal_group(task.pid, signal.SIGTERM)
            self._kill_at[task.pid] = deadline
        self._kill_at[task.pid] = min(deadline, self._kill_at[task.pid])

    def reap(self) -> None:
        """Take note of every child that has ended."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            task = self._by_pid.pop(ended.si_pid, None)
            if task:
                code = ended.si_status if ended.si_code == os.CLD_EXITED else 128 + ended.si_status
                self._end(task, code)
            os.waitpid(ended.si_pid, 0)  # only now may the kernel use the number again

    def tick(self) -> float | None:
        """Do what is due by now. Seconds until there is more to do; None: nothing is planned."""
        now = time.monotonic()
        for pid in [pid for pid, at in self._kill_at.items() if at <= now]:
            del self._kill_at[pid]
            self._kill(self._by_pid[pid])
        self._groups.drain()
        waits = [_DRAIN_AGAIN_S] if self._groups.draining else []
        if self._kill_at:
            waits.append(max(0.0, min(self._kill_at.values()) - now))
        return min(waits, default=None)

    def remove_files(self, task_id: str) -> None:
        """Remove the log and the scratch directory; a full one by a child, since that may take long."""
        with contextlib.suppress(OSError):
            os.unlink(self._place.log(task_id))
        scratch = self._place.scratch(task_id)
        try:
            os.rmdir(scratch)
        except FileNotFoundError:
            return
        except OSError:
            with contextlib.suppress(OSError):
                os.posix_spawnp("rm", ["rm", "-rf", "--", scratch], {"PATH": os.environ.get("PATH", os.defpath)})

    def _plan(self, task: Task, program: Program) -> Plan:
        user = other_user(program["user"])
        scratch = self._place.scratch(task.task_id)
        os.mkdir(scratch, 0o700)
        if user:
            os.chown(scratch, user.uid, user.gid)
        plan = Plan(program["argv"], self._environment(program, scratch, user), scratch)
        plan.user = user
        plan.ulimits = program["ulimits"]
        if program["log"]:
            plan.log = self._place.log(task.task_id)
        task.group = self._groups.take(Size(program["memory_mib"], program["swap_mib"], program["vcpus"]))
        plan.group, plan.memory_mib = task.group, program["memory_mib"]
        return plan

    def _environment(self, program: Program, scratch: str, user: User | None) -> dict[str, str]:
        home = {"HOME": user.home} if user else {}
        return {**self.defaults, "TMPDIR": scratch, **home, **program["env"]}

    def _proceed(self, task: Task) -> None:
        """The pipe has closed or holds a reason: the task runs, or it never will."""
        refusal = os.read(task.pipe, 1 << 16).decode(errors="replace")
        self._watch.remove(task.pipe)
        os.close(task.pipe)
        task.pipe = -1
        if refusal:
            task.reason = _REFUSED + refusal  # the failed copy of the runner is reaped like any child
            return
        self._up(task)

    def _up(self, task: Task) -> None:
        self._table.note("up", task.task_id, now_ms())
        self.news.append(task.reports()[-1])

    def _end(self, task: Task, code: int) -> None:
        if task.pipe >= 0:
            self._proceed(task)
        self._kill_at.pop(task.pid, None)
        _signal_group(task.pid, signal.SIGKILL)  # surely its own: the leader is not reaped yet
        reason = task.reason
        if task.group:
            if task.group.out_of_memory() and code:
                reason = reason or _OUT_OF_MEMORY
            self._groups.give_back(task.group)
            task.group = None
        if self._table.get(task.task_id) is not task:
            self.remove_files(task.task_id)  # forgotten while it ran
        elif task.started_at:
            self._table.note("exit", task.task_id, now_ms(), code, reason)
            self.news.append(task.reports()[-1])
        else:
            self.fail(task, reason or f"{_REFUSED}the process ended with {code} before it ran")

    def _kill(self, task: Task) -> None:
        _signal_group(task.pid, signal.SIGKILL)
        if task.group:
            task.group.kill()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)  # it has not called setsid yet
    except PermissionError as error:
        sys.stderr.write(f"batchd runner: no right to signal {pid}: {error}\n")
