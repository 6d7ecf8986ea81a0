"""How an invocation ended, and the error objects of those that the function could not answer. Pure. [lambda.md 6]"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

_OUT_OF_MEMORY = "OutOfMemoryError"  # how engines begin the reason
_SIGNALS = {134: "aborted", 137: "killed", 139: "segmentation fault", 143: "terminated"}


@dataclass(frozen=True, slots=True)
class Answer:
    """`payload` is JSON. `failed`: the function is to blame; `fatal`: its sandbox is of no more use. `note` is a line
    for the log."""

    payload: bytes
    failed: bool = False
    fatal: bool = False
    note: str = ""


def timed_out(request_id: str, after_s: float, now_s: float) -> Answer:
    told = f"Task timed out after {after_s:.2f} seconds"
    at = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return _broken("Sandbox.Timedout", f"RequestId: {request_id} Error: {told}", f"{at}Z {request_id} {told}")


def exited(request_id: str, exit_code: int | None, reason: str | None) -> Answer:
    """The runtime's process ended while it had an event, or before it asked for one."""
    if (reason or "").startswith(_OUT_OF_MEMORY):
        return _exit_error("Runtime.OutOfMemory", request_id, "Runtime exited with error: signal: killed")
    if not exit_code:
        return _exit_error("Runtime.ExitError", request_id, "Runtime exited without providing a reason")
    how = f"signal: {_SIGNALS[exit_code]}" if exit_code in _SIGNALS else f"exit status {exit_code}"
    return _exit_error("Runtime.ExitError", request_id, f"Runtime exited with error: {how}")


def not_started(request_id: str, reason: str) -> Answer:
    """The engine could not bring the sandbox up, or lost it."""
    return _exit_error("Runtime.InvalidEntrypoint", request_id, reason)


def too_large(limit: int) -> Answer:
    text = f"Response payload size exceeded maximum allowed payload size ({limit} bytes)."
    body = {"errorMessage": text, "errorType": "Function.ResponseSizeTooLarge"}
    return Answer(orjson.dumps(body), failed=True)


def _exit_error(error_type: str, request_id: str, text: str) -> Answer:
    told = f"RequestId: {request_id} Error: {text}"
    return _broken(error_type, told, f"{told}\n{error_type}")


def _broken(error_type: str, message: str, note: str) -> Answer:
    body = {"errorType": error_type, "errorMessage": message}
    return Answer(orjson.dumps(body), failed=True, fatal=True, note=note)
