"""The runner's loop: orders in, processes begun and reaped, reports out.

One thread, one round at a time: read what has come, obey a few orders, reap, write the journal, then send. So the
journal knows before the server does, and a thousand starts at once do not delay the news of the first.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections import deque

from batchd.engines.runner.cgroups import Groups
from batchd.engines.runner.runs import Runs, now_ms
from batchd.engines.runner.table import EXITED, Table
from batchd.engines.runner.watch import Watch
from batchd.engines.runner.wire import PROTOCOL, Closed, Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchd.engines.runner.place import Place
    from batchd.engines.runner.wire import Message, Program

_ORDERS_A_ROUND = 4
_LAST_GRACE_S = 10.0
_COMPANY_S = 0.004  # how long a start waits for other news, where there is a lot of it
_LOT, _LOT_S = 6, 0.02  # a lot: so many reports in so short a time


class Runner:
    """Serves one server at a time, until there has been neither a server nor a child for `idle_s`."""

    def __init__(self, place: Place, table: Table, groups: Groups, notes: list[str]) -> None:
        self._place = place
        self._table = table
        self._groups = groups
        self._notes = notes
        self._watch = Watch()
        self._runs = Runs(place, table, groups, self._watch)
        self._orders: deque[Message] = deque()
        self._wire: Wire | None = None
        self._fresh: set[str] = set()  # starts of this round, in the journal but not begun
        self._written = False  # whether they really are
        self._told: deque[float] = deque(maxlen=_LOT)  # when the last reports were sent
        self._tell_at: float | None = None  # until when the starts in `news` wait
        self._wants_room = False
        self._open = False  # whether the server has said what it adopts
        self._ending = False

    def run(self, listener: socket.socket, idle_s: float) -> None:
        """Returns when there is nothing left to do."""
        self._catch_signals()
        self._runs.files.sweep()
        listener.setblocking(False)
        self._watch.add(listener.fileno(), lambda: self._accept(listener))
        lonely_since = time.monotonic()
        while True:
            due_s = self._runs.tick()
            if self._wire or self._runs:
                lonely_since = time.monotonic()
            elif time.monotonic() - lonely_since >= idle_s:
                return
            if self._ending and not self._runs:
                return
            self._watch.wait(self._timeout(due_s, idle_s))
            self._round()

    def _timeout(self, due_s: float | None, idle_s: float) -> float | None:
        if self._orders and not self._ending:
            return 0.0
        waits = [] if due_s is None else [due_s]
        if self._tell_at is not None:
            waits.append(max(0.0, self._tell_at - time.monotonic()))
        if not self._wire and not self._runs:
            waits.append(idle_s)
        return min(waits, default=None)

    def _round(self) -> None:
        if not self._ending:
            self._obey([self._orders.popleft() for _ in range(min(_ORDERS_A_ROUND, len(self._orders)))])
        self._table.flush()
        if self._wire is None:
            self._runs.news.clear()
            self._tell_at = None
            return
        self._tell(self._wire)
        try:
            unsent = not self._wire.flush()
            if unsent != self._wants_room:
                self._watch.want_room(self._wire.fileno(), unsent)
                self._wants_room = unsent
        except Closed:
            self._hang_up()

    def _tell(self, wire: Wire) -> None:
        """Send the news. Starts on the heels of other news wait a moment: the end of a short task goes with its start,
        and both in one commit. Each waking of the server costs the two of us 0.1 ms."""
        now = time.monotonic()
        news = self._runs.news
        if news and self._is_lot(now) and all(report[0] == "started" for report in news):
            self._tell_at = self._tell_at or now + _COMPANY_S
            if now < self._tell_at:
                return
        self._tell_at = None
        if self._open:
            for report in news:
                wire.send(report)
            self._told.extend([now] * len(news))
        self._runs.news = []

    def _is_lot(self, now: float) -> bool:
        return len(self._told) == _LOT and now < self._told[0] + _LOT_S

    def _catch_signals(self) -> None:
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, lambda number, frame: None)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGIO):
            signal.signal(number, signal.SIG_IGN)
        self._watch.add(read_end, lambda: self._on_signals(os.read(read_end, 4096)))

    def _on_signals(self, numbers: bytes) -> None:
        """SIGTERM to the runner (the machine goes down): every task is stopped, and the runner ends with the last."""
        if signal.SIGTERM in numbers:
            self._ending = True
            for task in self._table:
                self._runs.hurry(task, _LAST_GRACE_S)
        self._runs.reap()

    def _accept(self, listener: socket.socket) -> None:
        try:
            wire = Wire(listener.accept()[0])
        except OSError:
            return
        if not wire.of_our_user(os.geteuid()):
            wire.close()
        elif self._wire:
            wire.send(["busy"])
            _send_last(wire)
        else:
            self._wire = wire
            self._watch.add(wire.fileno(), self._receive)
            wire.send(["hello", self._facts()])

    def _facts(self) -> dict[str, object]:
        return {
            "protocol": PROTOCOL,
            "pid": os.getpid(),
            "limits_memory": self._groups.limits("memory"),
            "limits_cpu": self._groups.limits("cpu"),
            "notes": self._notes,
        }

    def _receive(self) -> None:
        assert self._wire
        try:
            self._orders += self._wire.receive()
        except Closed:
            self._hang_up()

    def _hang_up(self) -> None:
        """The server is gone. What it ordered is done all the same; what happens is kept for the next one."""
        assert self._wire
        self._watch.remove(self._wire.fileno())
        self._wire.close()
        self._wire = None
        self._open = self._wants_room = False

    def _obey(self, orders: list[Message]) -> None:
        """Do what was asked for. Every start is in the journal before the first of these processes is begun."""
        for kind, *rest in orders:
            if kind == "start" and self._table.get(rest[0]) is None:
                self._table.note("begin", rest[0], now_ms(), [process["name"] for process in rest[1]["containers"]])
                self._fresh.add(rest[0])
        self._written = self._table.flush()
        for kind, *rest in orders:
            if kind == "open":
                self._on_open(*rest)
            elif kind == "start":
                self._on_start(*rest)
            elif kind == "stop":
                self._on_stop(*rest)
            elif kind == "forget":
                self._forget(rest[0])
            else:
                sys.stderr.write(f"batchd runner: an order of an unknown kind: {kind}\n")

    def _on_open(self, adopt: list[str], keep: list[str], defaults: dict[str, str]) -> None:
        self._runs.defaults = defaults
        wanted = {*adopt, *keep}
        for task in self._table:
            if task.task_id not in wanted:
                self._forget(task.task_id)
        for task_id in adopt:
            self._report(task_id)
        if self._wire:
            self._wire.send(["opened"])
        self._open = True

    def _report(self, task_id: str) -> None:
        task = self._table.get(task_id)
        unknown: Message = ["lost", task_id, now_ms(), "The runner has no trace of the task", {}]
        for report in task.reports() if task else [unknown]:
            if self._wire:
                self._wire.send(report)

    def _on_start(self, task_id: str, program: Program) -> None:
        task = self._table.get(task_id)
        if task is None or task_id not in self._fresh:
            self._report(task_id)
            return
        self._fresh.remove(task_id)
        if program["refuse"]:
            self._runs.fail(task, program["refuse"])
        elif not self._written:
            self._runs.fail(task, f"CannotStartContainerError: {self._place.journal} cannot be written")
        else:
            self._runs.begin(task, program)

    def _on_stop(self, task_id: str, grace_s: float) -> None:
        task = self._table.get(task_id)
        if task and task.state != EXITED:
            self._runs.stop(task, grace_s)

    def _forget(self, task_id: str) -> None:
        """Stop knowing the task. One that still runs is killed first: nobody will ever ask for it."""
        task = self._table.get(task_id)
        if task is None:
            return
        self._runs.hurry(task, 0.0)
        self._table.note("forget", task_id)
        self._runs.files.remove(task)


def _send_last(wire: Wire) -> None:
    try:
        wire.flush()
    except Closed:
        return
    finally:
        wire.close()
