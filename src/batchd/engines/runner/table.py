"""The tasks the runner knows, each change written to the journal as it is made."""

from __future__ import annotations

from batchd.engines.runner.journal import Journal, boot_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from batchd.engines.runner.wire import Message

BEGUN, RUNNING, EXITED, FAILED, LOST = "begun", "running", "exited", "failed", "lost"


class Task:
    """One task. `processes` are (pid, ticks) of every process that was begun for it, `names` its containers;
    `more` is what else there is to say of its end (see `wire`). `is_clean` once its one process has ended and nothing
    of its control group was left: what it had is free for others."""

    __slots__ = ("at", "code", "is_clean", "more", "names", "processes", "reason", "started_at", "state", "task_id")

    def __init__(self, task_id: str, at: int = 0, names: list[str] | None = None) -> None:
        self.task_id = task_id
        self.state = BEGUN
        self.at = at
        self.names: list[str] = names or []
        self.started_at = 0
        self.code: int | None = None
        self.reason: str | None = None
        self.more: dict[str, Any] = {}
        self.is_clean = False
        self.processes: list[tuple[int, int]] = []

    @property
    def over(self) -> bool:
        return self.state in (EXITED, FAILED, LOST)

    def reports(self) -> list[Message]:
        """What the engine is told of it: an exit comes after its start, as it did when it happened."""
        started: Message = ["started", self.task_id, self.started_at]
        if self.state == RUNNING:
            return [started]
        if self.state == EXITED:
            ended: Message = ["exited", self.task_id, self.at, self.code, self.reason, self.more]
            return [started, ended] if self.started_at else [ended]
        return [[self.state, self.task_id, self.at, self.reason, self.more]] if self.over else []

    def records(self) -> list[Message]:
        """The journal's lines that make this task anew."""
        lines: list[Message] = [["begin", self.task_id, self.at, self.names]]
        lines += [["run", self.task_id, pid, ticks] for pid, ticks in self.processes]
        if self.started_at:
            lines.append(["up", self.task_id, self.started_at])
        if self.state == EXITED:
            lines.append(["exit", self.task_id, self.at, self.code, self.reason, self.more])
        elif self.over:
            lines.append([{FAILED: "fail", LOST: "lost"}[self.state], self.task_id, self.at, self.reason, self.more])
        return lines


class Table:
    """All tasks by id. What it remembers is what the journal says, so a new runner knows as much."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._tasks: dict[str, Task] = {}

    def restore(self) -> None:
        """Read the journal of the runners before. Processes of another boot of the machine are not looked for."""
        same_boot = True
        for record in self._journal.load():
            if record[0] == "boot":
                same_boot = record[1] == boot_id()
            elif record[0] != "run" or same_boot:
                self._apply(record)
        self._journal.rewrite(self._records())

    def get(self, task_id: str) -> Task | None:
        return self._tasks.get(task_id)

    def __iter__(self) -> Iterator[Task]:
        return iter(list(self._tasks.values()))

    def note(self, *record: object) -> None:
        """One thing happened: change the task and queue the journal's line."""
        self._apply(list(record))
        self._journal.write(list(record))

    def flush(self) -> bool:
        """Bring the journal's file up to date; False when the disk refuses."""
        flushed = self._journal.flush()
        if flushed and self._journal.wants_compacting(len(self._tasks)):
            try:
                self._journal.rewrite(self._records())
            except OSError:
                return False
        return flushed

    def _records(self) -> list[Message]:
        return [line for task in self._tasks.values() for line in task.records()]

    def _apply(self, record: Message) -> None:
        kind, task_id, *rest = record
        if kind == "begin":
            self._tasks[task_id] = Task(task_id, *rest)
            return
        if kind == "forget":
            self._tasks.pop(task_id, None)
            return
        task = self._tasks.get(task_id)
        if task is None:
            return
        if kind == "run":
            task.processes.append((rest[0], rest[1]))
        elif kind == "up":
            task.state, task.started_at = RUNNING, rest[0]
        elif kind == "exit":
            task.state, (task.at, task.code, task.reason) = EXITED, rest[:3]
            task.more = rest[3] if len(rest) > 3 else {}
        else:
            task.state, (task.at, task.reason) = {"fail": FAILED, "lost": LOST}[kind], rest[:2]
            task.more = rest[2] if len(rest) > 2 else {}
