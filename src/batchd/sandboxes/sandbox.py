"""One sandbox: a task that serves one event after the other, and is thrown away when it has failed to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from batchd.engines.engine import Engine, Exited, Report, Returned, Started
from batchd.invocation import Invocation
from batchd.sandboxes.answers import Answer, exited, not_started, timed_out, too_large
from batchd.sandboxes.code import Code
from batchd.sandboxes.runtime_api import MAX_ANSWER, Headers, RuntimeApi, WrongState
from batchd.task import TaskSpec

INIT_S = 10.0  # an initialisation may take as long, or the function's own time if that is more


class Sandbox:
    """Its runtime asks for events (`runtime_api.Desk`); `serve` has one to give. One at a time.

    `init_ms` is how long the runtime took to ask for its first event, None before; `duration_ms` how long it had the
    last one, `peak_mib` the most memory it has told of. `born` and `idle_since` are readings of the monotonic clock.
    `is_over` is set once the engine has told the task's end.
    """

    def __init__(self, task_id: str, revision: str, code: Code, engine: Engine) -> None:
        self.task_id = task_id
        self.revision = revision
        self.code = code
        self.born = self.idle_since = time.monotonic()
        self.init_ms: float | None = None
        self.duration_ms = 0.0
        self.peak_mib: int | None = None
        self.is_over = False
        self._engine = engine
        self._api = RuntimeApi(self)
        self._invocation: Invocation | None = None
        self._deadline_ms = 0
        self._began = self.born
        self._offered = asyncio.Event()
        self._asked = asyncio.Event()
        self._answer: asyncio.Future[Answer] | None = None

    @property
    def is_busy(self) -> bool:
        return self._answer is not None

    @property
    def address(self) -> str:
        """Host and port of its Runtime API, once `open`ed."""
        return self._api.address

    async def open(self) -> None:
        await self._api.open()

    def close(self) -> None:
        """Nobody is to ask for events."""
        self._api.close()

    def start(self, task: TaskSpec) -> None:
        """`open` must have been called: the task's environment has the address."""
        self.born = time.monotonic()
        self._engine.start(task)

    def stop(self) -> None:
        """At once: nothing in it is worth waiting for."""
        self.close()
        self._engine.stop(self.task_id, 0)

    async def serve(self, invocation: Invocation, begin: Callable[[], None]) -> Answer:
        """Give it the event. `begin` is called when that is about to happen, or has failed. Never raises for the
        function's sake."""
        answer = self._answer = asyncio.get_running_loop().create_future()
        self._invocation = invocation
        try:
            limit_s = max(INIT_S, invocation.function.timeout_s)
            is_up = self._asked.is_set() or self.is_over or await self._initialised(answer, limit_s)
            self._began = time.monotonic()
            begin()
            if self.is_over and not answer.done():
                return exited(invocation.request_id, None, None)
            if not is_up:
                return timed_out(invocation.request_id, limit_s, time.time())
            return answer.result() if answer.done() else await self._served(answer, invocation)
        finally:
            self._invocation, self._answer = None, None
            self.idle_since = time.monotonic()
            self.duration_ms = (self.idle_since - self._began) * 1000

    async def _initialised(self, answer: asyncio.Future[Answer], limit_s: float) -> bool:
        """False if the time was not enough; True if it asks for events, or has failed to."""
        asked = asyncio.ensure_future(self._asked.wait())
        done, _ = await asyncio.wait((asked, answer), timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        return bool(done)

    async def _served(self, answer: asyncio.Future[Answer], invocation: Invocation) -> Answer:
        limit_s = invocation.function.timeout_s
        self._deadline_ms = round(time.time() * 1000) + limit_s * 1000
        self._offered.set()
        done, _ = await asyncio.wait((answer,), timeout=limit_s)
        return answer.result() if done else timed_out(invocation.request_id, limit_s, time.time())

    # What the runtime says

    async def next_event(self) -> tuple[Headers, bytes]:
        if self.init_ms is None:
            self.init_ms = (time.monotonic() - self.born) * 1000
        self._asked.set()
        await self._offered.wait()
        self._offered.clear()
        invocation = self._invocation
        assert invocation is not None, "what is offered is there"
        headers = [
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(self._deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", invocation.invoked_arn),
            ("Lambda-Runtime-Trace-Id", trace_id(invocation)),
        ]
        if invocation.client_context:
            headers.append(("Lambda-Runtime-Client-Context", invocation.client_context))
        return headers, invocation.payload

    def answered(self, request_id: str, body: bytes, peak_mib: int | None) -> None:
        self._check(request_id)
        self.peak_mib = peak_mib
        self._settle(Answer(body) if len(body) <= MAX_ANSWER else too_large(MAX_ANSWER))

    def failed(self, request_id: str, error_type: str, body: bytes) -> None:
        self._check(request_id)
        self._settle(Answer(body, failed=True))

    def init_failed(self, error_type: str, body: bytes) -> None:
        self._settle(Answer(body, failed=True, fatal=True))

    def _check(self, request_id: str) -> None:
        if self._invocation is None or self._invocation.request_id != request_id:
            raise WrongState("there is no such invocation in hand")

    def _settle(self, answer: Answer) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    # What the engine says

    def on_report(self, report: Report) -> None:
        """Whatever ends the task ends the invocation in hand."""
        if isinstance(report, Started | Returned):  # none is returned: a sandbox counts for nothing on the machine
            return
        self.is_over = True
        self.close()
        request_id = self._invocation.request_id if self._invocation else ""
        if isinstance(report, Exited):
            self._settle(exited(request_id, report.exit_code, report.reason))
        else:
            self._settle(not_started(request_id, report.reason))


def trace_id(invocation: Invocation) -> str:
    """In X-Ray's form; nobody traces here. The request's own digits, so that it is the same each time."""
    digits = invocation.request_id.replace("-", "")
    return f"Root=1-{digits[:8]}-{digits[8:]};Parent={digits[:16]};Sampled=0"
