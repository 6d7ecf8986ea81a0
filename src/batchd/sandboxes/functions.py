"""Runs functions: keeps their sandboxes warm, begins new ones, and gives each event to one that is free."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from batchd.clock import Clock
from batchd.engines.engine import Engine, Report
from batchd.errors import StoreError
from batchd.gateway.credentials import SessionCredentials
from batchd.invocation import FunctionSpec, Invocation, Outcome, Throttled
from batchd.sandboxes.answers import Answer, not_started
from batchd.sandboxes.code import CodeFolders, CodeMissing
from batchd.sandboxes.environment import environment_of
from batchd.sandboxes.runtimes import CONTAINER, NoRuntime, contained_task, sandbox_task
from batchd.sandboxes.sandbox import Sandbox
from batchd.sandboxes.sandbox_log import Line, Ran, SandboxLog
from batchd.store.store import Body, Key, Store, StreamKey, Tx
from batchd.store.writer import Writer
from batchd.task import TaskSpec

log = logging.getLogger(__name__)
KEYS_S = 12 * 3600  # how long a sandbox's credentials are good for
_OLDEST_S = 6 * 3600  # so that no sandbox outlives them
_IDLE_S = 600.0
_LOOK_S = 10.0
_LOG_GROUP = "logs.group"


def _unobserved(function: FunctionSpec, result: str, seconds: float) -> None:
    """Nobody looks."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What sandboxes are told of the server, and what it lends them.

    `credentials` makes those of (role ARN, session name, seconds). `new_group` is the document of a log group made at
    a time (ms). `limit` is how many invocations run at once in all; more wait for their turn. `observe` hears of each:
    the function, `succeeded`, `failed` or `throttled`, and the seconds it took.
    """

    endpoint: str
    folder: Path
    limit: int
    credentials: Callable[[str, str, int], SessionCredentials]
    new_group: Callable[[int], Body]
    observe: Callable[[FunctionSpec, str, float], None] = _unobserved


class Functions:
    """Belongs to one event loop. Nothing of a sandbox is durable: after a restart there are none."""

    def __init__(self, store: Store, writer: Writer, engine: Engine, clock: Clock, surroundings: Surroundings) -> None:
        self._writer = writer
        self._engine = engine
        self._clock = clock
        self._around = surroundings
        self._code = CodeFolders(store, surroundings.folder)
        self._code.clear()
        self._sandboxes: dict[str, Sandbox] = {}  # by task id
        self._logs: dict[str, SandboxLog] = {}
        self._idle: dict[tuple[str, str], deque[Sandbox]] = {}  # by function and version
        self._running: Counter[str] = Counter()  # by function
        self._places = asyncio.Semaphore(surroundings.limit)
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._writes: set[asyncio.Task[None]] = set()

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Runs it to its end, even if the caller goes away. Raises Throttled."""
        function = invocation.function
        if function.reserved is not None and self._running[function.arn] >= function.reserved:
            self._around.observe(function, "throttled", 0)
            raise Throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        self._running[function.arn] += 1
        task = asyncio.create_task(self._run(invocation))
        self._tasks.add(task)
        task.add_done_callback(partial(self._end, function.arn))
        return await asyncio.shield(task)

    def on_report(self, report: Report) -> bool:
        """Whether the engine speaks of a sandbox."""
        sandbox = self._sandboxes.get(report.task_id)
        if sandbox is None:
            return False
        sandbox.on_report(report)
        if sandbox.is_over and not sandbox.is_busy:
            self._forget(sandbox)
        return True

    async def run(self) -> None:
        """For ever: stops sandboxes that nobody has needed for a while. At the end it stops them all."""
        try:
            while True:
                await asyncio.sleep(_LOOK_S)
                self.reap(time.monotonic())
        finally:
            for sandbox in list(self._sandboxes.values()):
                self._discard(sandbox)

    def reap(self, now: float) -> None:
        """`now` is a reading of the monotonic clock."""
        for line in self._idle.values():
            for sandbox in [one for one in line if now - one.idle_since > _IDLE_S or now - one.born > _OLDEST_S]:
                line.remove(sandbox)
                self._discard(sandbox)
        self._code.prune((sandbox.code for sandbox in self._sandboxes.values()), now)

    def _end(self, arn: str, task: asyncio.Task[Outcome]) -> None:
        self._tasks.discard(task)
        self._running[arn] -= 1
        if not self._running[arn]:
            del self._running[arn]

    async def _run(self, invocation: Invocation) -> Outcome:
        async with self._places:
            try:
                sandbox = self._take(invocation.function) or await self._begin(invocation.function)
            except (NoRuntime, CodeMissing) as error:
                answer = not_started(invocation.request_id, str(error))
                return Outcome(answer.payload, "Unhandled", answer.note.encode())
            return await self._serve(sandbox, invocation)

    def _take(self, function: FunctionSpec) -> Sandbox | None:
        """The warmest one; those of an older revision are thrown away."""
        line = self._idle.get((function.arn, function.version))
        while line:
            sandbox = line.pop()
            if sandbox.revision == function.revision and not sandbox.is_over:
                return sandbox
            self._discard(sandbox)
        return None

    async def _begin(self, function: FunctionSpec) -> Sandbox:
        task_id = secrets.token_hex(16)
        sandbox = Sandbox(task_id, function.revision, await self._code.code_of(function), self._engine)
        await sandbox.open()
        stream = f"{self._today()}/[{function.version}]{task_id}"
        try:
            task = self._task(sandbox, function, stream)
        except NoRuntime:
            sandbox.close()
            raise
        self._sandboxes[task_id] = sandbox
        path = self._engine.log_path(task_id, CONTAINER)
        self._logs[task_id] = SandboxLog(path, stream, self._clock.now_ms)
        self._logs[task_id].initialised(function.runtime or "container image")
        sandbox.start(task)
        return sandbox

    def _task(self, sandbox: Sandbox, function: FunctionSpec, stream: str) -> TaskSpec:
        keys = self._around.credentials(function.role, function.name, KEYS_S)
        environment = environment_of(function, sandbox.address, stream, self._around.endpoint, keys)
        make = contained_task if self._engine.abilities.containers else sandbox_task
        return make(sandbox.task_id, function, sandbox.code, environment)

    async def _serve(self, sandbox: Sandbox, invocation: Invocation) -> Outcome:
        function, record = invocation.function, self._logs[sandbox.task_id]
        is_first = sandbox.init_ms is None
        answer = await sandbox.serve(invocation, partial(record.began, invocation))
        ran = Ran(sandbox.duration_ms, sandbox.init_ms if is_first else None, sandbox.peak_mib)
        lines, tail = record.ended(invocation, ran, answer.note)
        self._write(function, record.stream, lines)
        self._give_back(sandbox, function, answer)
        self._around.observe(function, "failed" if answer.failed else "succeeded", sandbox.duration_ms / 1000)
        return Outcome(answer.payload, "Unhandled" if answer.failed else "", tail)

    def _give_back(self, sandbox: Sandbox, function: FunctionSpec, answer: Answer) -> None:
        if answer.fatal or sandbox.is_over:
            self._discard(sandbox)
        else:
            self._idle.setdefault((function.arn, function.version), deque()).append(sandbox)

    def _discard(self, sandbox: Sandbox) -> None:
        """It serves nobody any more; it is forgotten once the engine has told its end."""
        if sandbox.is_over:
            self._forget(sandbox)
        else:
            sandbox.stop()

    def _forget(self, sandbox: Sandbox) -> None:
        if self._sandboxes.pop(sandbox.task_id, None) is not None:
            del self._logs[sandbox.task_id]
            self._engine.forget(sandbox.task_id)

    def _write(self, function: FunctionSpec, stream: str, lines: list[Line]) -> None:
        """Nobody waits for it. The order of lines is that of the calls."""
        key, group = StreamKey(function.region, function.log_group, stream), self._around.new_group

        def work(tx: Tx) -> None:
            now = self._clock.now_ms()
            place = Key(_LOG_GROUP, key.region, key.group)
            if tx.resources.get(place) is None:
                tx.resources.put(place, group(now))
            tx.logs.append(key, lines, now)

        task = asyncio.create_task(self._log(work))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    async def _log(self, work: Callable[[Tx], None]) -> None:
        try:
            await self._writer.write(work)
        except StoreError as error:
            log.warning("lines of a function's log are lost: %s", error)

    def _today(self) -> str:
        return time.strftime("%Y/%m/%d", time.gmtime(self._clock.now_ms() / 1000))
