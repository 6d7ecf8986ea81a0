"""The runner's children: begin one, learn that it runs or failed, stop it, reap it, kill what it left.

A child is one container's process; which of them make a task, and what a task is, only `runs` knows.
"""

# No pathlib here: it would cost the runner a megabyte.
from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections import deque

from batchd.engines.runner.cgroups import Groups, Size, Used
from batchd.engines.runner.spawn import Plan, spawn_carefully, spawn_quickly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from batchd.engines.runner.cgroups import Group
    from batchd.engines.runner.watch import Watch

REFUSED = "CannotStartContainerError: "
_OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"  # [batch.md 1.2]
_DRAIN_AGAIN_S = 0.02
_SETTLE_S, _TOGETHER_S = 1.0, 0.25


class Child:
    """One process. It is `up` once its command runs and not only a copy of the runner; `on_up` is then called, and
    `on_end(code, reason)` when it has ended: without a code if it never was up. `used` is known by then, and
    `is_clean`: whether its control group says that it has left no other process."""

    __slots__ = ("group", "is_clean", "on_end", "on_up", "pid", "pipe", "reason", "up", "used")

    def __init__(self, on_up: Callable[[], None], on_end: Callable[[int | None, str | None], None]) -> None:
        self.on_up = on_up
        self.on_end = on_end
        self.pid = 0
        self.pipe = -1
        self.up = False
        self.reason: str | None = None
        self.group: Group | None = None
        self.used = Used()
        self.is_clean = False


class Children:
    """Owns every process."""

    def __init__(self, groups: Groups, watch: Watch) -> None:
        self._groups = groups
        self._watch = watch
        self._by_pid: dict[int, Child] = {}
        self._kill_at: dict[int, float] = {}  # pid to the monotonic second of its SIGKILL
        self._unsettled: deque[tuple[float, Child]] = deque()  # the monotonic second at which it is worth it

    def __len__(self) -> int:
        return len(self._by_pid)

    def begin(self, child: Child, plan: Plan, size: Size) -> None:
        """Begin the process; it may be up on return, without a call. Raises CannotExec, OSError: it never will be."""
        plan.group, plan.memory_mib = self._groups.take(size), size.memory_mib
        try:
            if plan.quick:
                child.pid, child.up = spawn_quickly(plan), True
            else:
                child.pid, child.pipe = spawn_carefully(plan)
        except BaseException:
            if plan.group:
                self._groups.give_back(plan.group)
            raise
        child.group = plan.group
        self._by_pid[child.pid] = child
        if child.group is not None and child.group.settles:
            self._unsettled.append((time.monotonic() + _SETTLE_S, child))
        if child.pipe >= 0:
            self._watch.add(child.pipe, lambda: self._proceed(child))

    def stop(self, child: Child, grace_s: float) -> None:
        """SIGTERM once, SIGKILL at the earliest deadline that was asked for. One that has ended: nothing."""
        if self._by_pid.get(child.pid) is not child:
            return
        deadline = time.monotonic() + grace_s
        if child.pid not in self._kill_at:
            _signal_group(child.pid, signal.SIGTERM)
            self._kill_at[child.pid] = deadline
        self._kill_at[child.pid] = min(deadline, self._kill_at[child.pid])

    def reap(self) -> None:
        """Take note of every child that has ended."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            child = self._by_pid.pop(ended.si_pid, None)
            if child:
                self._kill_rest(child)
            _, _, usage = os.wait4(ended.si_pid, 0)  # only now may the kernel use the number again
            if child:
                code = ended.si_status if ended.si_code == os.CLD_EXITED else 128 + ended.si_status
                child.used = Used(usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime)
                self._end(child, code)

    def tick(self) -> float | None:
        """Do what is due by now. Seconds until there is more to do; None: nothing is planned."""
        now = time.monotonic()
        for pid in [pid for pid, at in self._kill_at.items() if at <= now]:
            del self._kill_at[pid]
            self._kill(self._by_pid[pid])
        self._groups.drain()
        self._settle(now)
        waits = [_DRAIN_AGAIN_S] if self._groups.draining else []
        if self._unsettled:
            waits.append(max(0.0, self._unsettled[0][0] - now))
        if self._kill_at:
            waits.append(max(0.0, min(self._kill_at.values()) - now))
        return min(waits, default=None)

    def _settle(self, now: float) -> None:
        """Groups of those that have run for a while, several at once: it is the first that costs (10 ms)."""
        until = now
        while self._unsettled and (self._unsettled[0][1].group is None or self._unsettled[0][0] <= until):
            group = self._unsettled.popleft()[1].group
            if group is not None:
                group.settle()
                until = now + _TOGETHER_S

    def _proceed(self, child: Child) -> None:
        """The pipe has closed or holds a reason: the command runs, or it never will."""
        refusal = os.read(child.pipe, 1 << 16).decode(errors="replace")
        self._watch.remove(child.pipe)
        os.close(child.pipe)
        child.pipe = -1
        if refusal:
            child.reason = REFUSED + refusal  # the failed copy of the runner is reaped like any child
            return
        child.up = True
        child.on_up()

    def _kill_rest(self, child: Child) -> None:
        """What the ended process left of its process group."""
        if child.pipe >= 0:
            self._proceed(child)
        self._kill_at.pop(child.pid, None)
        _signal_group(child.pid, signal.SIGKILL)  # surely its own: the leader is not reaped yet

    def _end(self, child: Child, code: int) -> None:
        reason = child.reason
        if child.group:
            child.used = child.group.used(child.used)
            if child.group.out_of_memory() and code:
                reason = reason or _OUT_OF_MEMORY
            child.is_clean = self._groups.give_back(child.group)
            child.group = None
        if child.up:
            child.on_end(code, reason)
        else:
            child.on_end(None, reason or f"{REFUSED}the process ended with {code} before it ran")

    def _kill(self, child: Child) -> None:
        _signal_group(child.pid, signal.SIGKILL)
        if child.group:
            child.group.kill()


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)  # it has not called setsid yet
    except PermissionError as error:
        sys.stderr.write(f"batchd runner: no right to signal {pid}: {error}\n")
