"""The tasks that run: each an ensemble of containers, and a child for each of those that have begun."""

# No pathlib here: it would cost the runner a megabyte.
from __future__ import annotations

import os
import sys
import time

from batchd.engines.ensemble import Ensemble, Part
from batchd.engines.gate import NEVER_BEGUN, Gate
from batchd.engines.runner.cgroups import Groups, Size, Used
from batchd.engines.runner.children import REFUSED, Child, Children
from batchd.engines.runner.files import Files
from batchd.engines.runner.leftovers import started_ticks
from batchd.engines.runner.spawn import CannotExec, Plan
from batchd.engines.runner.users import NoSuchUser, other_user

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchd.engines.runner.place import Place
    from batchd.engines.runner.table import Table, Task
    from batchd.engines.runner.users import User
    from batchd.engines.runner.watch import Watch
    from batchd.engines.runner.wire import Message, Process, Program


class Run:
    """One task that has begun and is not over."""

    __slots__ = ("children", "ensemble", "grace_s", "processes", "task", "used")

    def __init__(self, task: Task, program: Program) -> None:
        self.task = task
        self.grace_s = program["stop_timeout_s"]
        self.processes: dict[str, Process] = {p["name"]: p for p in program["containers"]}
        self.ensemble = Ensemble(
            [Part(p["name"], p["essential"], [(n, c) for n, c in p["depends_on"]]) for p in program["containers"]]
        )
        self.children: dict[str, Child] = {}  # of the containers that run
        self.used = Used()  # by those that have ended

    def grace_of(self, name: str) -> float:
        own = self.processes[name]["stop_timeout_s"]
        return self.grace_s if own is None else own


class Runs:
    """Begins and ends tasks. Reports of tasks that run now, have exited or failed to start go to `news`.

    What a task needs at the `gate` is free for others when it is over."""

    def __init__(self, place: Place, table: Table, groups: Groups, watch: Watch) -> None:
        self.defaults: dict[str, str] = {}
        self.gate = Gate()
        self.files = Files(place)
        self.news: list[Message] = []
        self._place = place
        self._table = table
        self._children = Children(groups, watch)
        self._runs: dict[Task, Run] = {}  # by the task and not its id: a forgotten one may still be dying
        self._give_up_at: dict[tuple[Run, str], float] = {}  # monotonic second at which who waits for it despairs

    def __len__(self) -> int:
        return len(self._children)

    def begin(self, task: Task, program: Program) -> None:
        """Begin the task's first containers, or fail the task."""
        run = self._runs[task] = Run(task, program)
        try:
            self._make_scratch(run)
        except OSError as error:
            del self._runs[task]
            self.fail(task, REFUSED + str(error))
            return
        self._go_on(run)

    def fail(self, task: Task, reason: str, containers: object = ()) -> None:
        """The task shall never run."""
        self.gate.leave(task.task_id)
        self._table.note("fail", task.task_id, now_ms(), reason, _more(containers))
        self.news.append(task.reports()[-1])

    def stop(self, task: Task, grace_s: float) -> None:
        """What runs is stopped, what has not begun never will. A task that is over: nothing."""
        run = self._runs.get(task)
        if run:
            run.grace_s = grace_s
            run.ensemble.stop()
            self._go_on(run)

    def hurry(self, task: Task, grace_s: float) -> None:
        """`stop` with this grace for every container, whatever its own is."""
        run = self._runs.get(task)
        if run:
            for child in list(run.children.values()):
                self._children.stop(child, grace_s)
            self.stop(task, grace_s)

    def reap(self) -> None:
        """Take note of every process that has ended."""
        self._children.reap()

    def tick(self) -> float | None:
        """Do what is due by now. Seconds until there is more to do; None: nothing is planned."""
        now = time.monotonic()
        due = [key for key, at in self._give_up_at.items() if at <= now]
        if due:
            self._children.reap()  # where the machine stalls, who ended in time is heard of late
        for run, name in due:
            if self._give_up_at.pop((run, name), None) is None:
                continue
            run.ensemble.give_up(run.ensemble.part(name), run.processes[name]["start_timeout_s"] or 0.0)
            self._go_on(run)
        waits = [max(0.0, at - now) for at in self._give_up_at.values()]
        due_s = self._children.tick()
        return min(waits if due_s is None else [*waits, due_s], default=None)

    def _go_on(self, run: Run) -> None:
        """Begin who may, stop who must, and end the task when all of it has ended."""
        ensemble = run.ensemble
        while part := ensemble.next_due():
            self._begin_part(run, part)
        if ensemble.stopping:
            for name, child in list(run.children.items()):
                self._children.stop(child, run.grace_of(name))
        if ensemble.over:
            self._finish(run)

    def _begin_part(self, run: Run, part: Part) -> None:
        process = run.processes[part.name]
        child = Child(lambda: self._on_up(run, part), lambda code, reason: self._on_end(run, part, code, reason))
        try:
            if process["refuse"]:
                raise CannotExec(process["refuse"])
            size = Size(process["memory_mib"], process["swap_mib"], process["vcpus"])
            self._children.begin(child, self._plan(run, process), size)
        except (NoSuchUser, CannotExec, OSError) as error:
            run.ensemble.fail(part, REFUSED + str(error))
            return
        except Exception as error:  # noqa: BLE001 (our mistake with one task must not end all the others)
            sys.excepthook(type(error), error, error.__traceback__)
            run.ensemble.fail(part, REFUSED + str(error))
            return
        run.children[part.name] = child
        self._table.note("run", run.task.task_id, child.pid, started_ticks(child.pid))
        limit_s = process["start_timeout_s"]
        if limit_s is not None and run.ensemble.is_awaited(part):
            self._give_up_at[run, part.name] = time.monotonic() + limit_s
        if child.up:
            self._up(run, part)

    def _on_up(self, run: Run, part: Part) -> None:
        self._up(run, part)
        self._go_on(run)

    def _up(self, run: Run, part: Part) -> None:
        first = not run.ensemble.ran
        run.ensemble.up(part)
        if first and self._table.get(run.task.task_id) is run.task:
            self._table.note("up", run.task.task_id, now_ms())
            self.news.append(run.task.reports()[-1])

    def _on_end(self, run: Run, part: Part, code: int | None, reason: str | None) -> None:
        child = run.children.pop(part.name, None)
        if child:
            run.used = Used(run.used.memory_mib + child.used.memory_mib, run.used.cpu_s + child.used.cpu_s)
            run.task.is_clean = child.is_clean and len(run.processes) == 1
        self._give_up_at.pop((run, part.name), None)
        if code is None:
            run.ensemble.fail(part, reason or "")
        else:
            run.ensemble.end(part, code, reason)
        self._go_on(run)

    def _finish(self, run: Run) -> None:
        task = run.task
        if self._runs.pop(task, None) is None:
            return
        self.gate.leave(task.task_id)
        code, reason = run.ensemble.verdict()
        exits = run.ensemble.exits()
        if self._table.get(task.task_id) is not task:
            self.files.remove(task)  # forgotten while it ran
        elif task.started_at:
            usage = [round(run.used.memory_mib, 2), round(run.used.cpu_s, 3)]
            self._table.note("exit", task.task_id, now_ms(), code, reason, {**_more(exits), "usage": usage})
            self.news.append(task.reports()[-1])
        else:
            self.fail(task, reason or NEVER_BEGUN, exits)

    def _make_scratch(self, run: Run) -> None:
        """A directory for each container: the task's own where there is but one."""
        if len(run.processes) > 1:
            os.mkdir(self._place.scratch(run.task.task_id), 0o711)

    def _plan(self, run: Run, process: Process) -> Plan:
        task_id, name = run.task.task_id, process["name"]
        user = other_user(process["user"])
        scratch = self._place.scratch(task_id, name if len(run.processes) > 1 else "")
        self.files.make_scratch(scratch)
        if user:
            os.chown(scratch, user.uid, user.gid)
        plan = Plan(process["argv"], self._environment(process, scratch, user), scratch)
        plan.user = user
        plan.ulimits = process["ulimits"]
        if process["log"]:
            plan.log = self._place.log(task_id, name)
            self.files.make_log(plan.log)
        return plan

    def _environment(self, process: Process, scratch: str, user: User | None) -> dict[str, str]:
        result = self._place.result_in(scratch)
        home = {"HOME": user.home} if user else {}
        return {**self.defaults, "TMPDIR": scratch, **home, **process["env"], "BATCHD_OUTPUT": result}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def _more(containers: object) -> dict[str, object]:
    return {"containers": containers} if containers else {}
