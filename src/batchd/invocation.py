"""A function's invocation: what is asked of it, and what comes back. Services ask, `sandboxes` runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from batchd.errors import BatchdError


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """A function that is a container image. Empty members are the image's own."""

    uri: str
    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One version of a function: all that its sandboxes are made from.

    `revision` changes with the code and the configuration; a sandbox serves one revision. `code` and `layers` are names
    of blobs that hold zips. `reserved` is how many invocations of the function (all versions) may run at once.
    """

    arn: str  # without a qualifier
    name: str
    region: str
    version: str  # `$LATEST` or a number
    revision: str
    runtime: str
    handler: str
    code: str
    role: str
    log_group: str
    memory_mib: int = 128
    timeout_s: int = 3
    layers: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    reserved: int | None = None
    image: ImageSpec | None = None


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event for a function. `invoked_arn` is as the caller named it; `client_context` is JSON or empty."""

    function: FunctionSpec
    request_id: str
    payload: bytes
    invoked_arn: str
    client_context: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: JSON, the caller's result or an error object. `error` is `Unhandled` if the function failed.

    `log_tail` is the end of what was logged on the way. [lambda.md 6]
    """

    payload: bytes
    error: str = ""
    log_tail: bytes = b""


class Throttled(BatchdError):
    """No sandbox may be had for this now; `reason` is AWS's word for which limit it was."""

    def __init__(self, reason: str) -> None:
        super().__init__("Rate Exceeded.")
        self.reason = reason
