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

from batchd.engines.gate import NEVER_BEGUN
from batchd.engines.runner.cgroups import Groups
from batchd.engines.runner.runs import Runs, now_ms
from batchd.engines.runner.table import EXITED, Table
from batchd.engines.runner.watch import Watch
from batchd.engines.runner.wire import PROTOCOL, Closed, Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchd.engines.gate import Amount
    from batchd.engines.runner.place import Place
    from batchd.engines.runner.wire import Message, Program

_ORDERS_A_ROUND = 4
_LAST_GRACE_S = 10.0
_COMPANY_S = 0.004  # how long a start waits for other news, where there is a lot of it
_LEISURE_S, _FEW = 0.02, 12  # how long any news waits while more tasks are at hand than so few
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
        self._given: dict[str, Message] = {}  # starts that wait at the gate
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
        if (until := self._runs.gate.next_at()) is not None:
            waits.append(max(0.0, (until - _tick_ms()) / 1000))
        if self._tell_at is not None:
            waits.append(max(0.0, self._tell_at - time.monotonic()))
        if not self._wire and not self._runs:
            waits.append(idle_s)
        return min(waits, default=None)

    def _round(self) -> None:
        if not self._ending:
            self._pass_the_gate()
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

    def _pass_the_gate(self) -> None:
        """Tasks that were given ahead of the room for them begin before what was ordered later, or are returned."""
        if not self._given:
            return
        gate, now = self._runs.gate, _tick_ms()
        self._orders.extendleft(self._given.pop(task_id) for task_id in reversed(gate.admit(now)))
        for task_id in gate.give_up(now):
            del self._given[task_id]
            self._runs.news.append(["returned", task_id, now_ms()])

    def _tell(self, wire: Wire) -> None:
        """Send the news. Starts on the heels of other news wait a moment: the end of a short task goes with its start,
        and both in one commit. Each waking of the server costs the two of us 0.1 ms."""
        now = time.monotonic()
        news = self._runs.news
        if news and (patience_s := self._patience(now)):
            self._tell_at = self._tell_at or now + patience_s
            if now < self._tell_at:
                return
        self._tell_at = None
        if self._open:
            for report in news:
                wire.send(report)
            self._told.extend([now] * len(news))
        self._runs.news = []

    def _patience(self, now: float) -> float:
        """How long (seconds) the news may wait for more."""
        if not self._is_lot(now):
            return 0.0
        if len(self._given) + sum(order[0] == "start" for order in self._orders) > _FEW:
            return _LEISURE_S
        return _COMPANY_S if all(report[0] == "started" for report in self._runs.news) else 0.0

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
        for order in orders:
            if order[0] == "start" and self._table.get(order[1]) is None and self._may_begin(order):
                self._note_begin(order)
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

    def _may_begin(self, start: Message) -> bool:
        """Whether there is room for the task; else it is kept until there is."""
        _, task_id, program = start
        if task_id in self._given:
            return False
        if self._runs.gate.enter(task_id, program["needs"], _tick_ms()):
            return True
        self._given[task_id] = start
        return False

    def _note_begin(self, start: Message) -> None:
        _, task_id, program = start
        self._table.note("begin", task_id, now_ms(), [process["name"] for process in program["containers"]])
        self._fresh.add(task_id)

    def _on_open(self, adopt: list[str], keep: list[str], defaults: dict[str, str], room: Amount | None) -> None:
        self._runs.defaults, self._runs.gate.room = defaults, room
        wanted = {*adopt, *keep}
        for task_id in [*self._given, *(task.task_id for task in self._table)]:
            if task_id not in wanted:
                self._forget(task_id)
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
        if task_id in self._given:
            return
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
        if start := self._given.pop(task_id, None):
            self._note_begin(start)
            self._fresh.remove(task_id)
        task = self._table.get(task_id)
        if start and task:
            self._runs.fail(task, NEVER_BEGUN)
        elif task and task.state != EXITED:
            self._runs.stop(task, grace_s)

    def _forget(self, task_id: str) -> None:
        """Stop knowing the task. One that still runs is killed first: nobody will ever ask for it."""
        self._given.pop(task_id, None)
        self._runs.gate.leave(task_id)
        task = self._table.get(task_id)
        if task is None:
            return
        self._runs.hurry(task, 0.0)
        self._table.note("forget", task_id)
        self._runs.files.remove(task)


def _tick_ms() -> int:
    """Of a clock that nobody sets."""
    return time.monotonic_ns() // 1_000_000


def _send_last(wire: Wire) -> None:
    try:
        wire.flush()
    except Closed:
        return
    finally:
        wire.close()
