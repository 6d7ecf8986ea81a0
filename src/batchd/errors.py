"""The family of errors that cross rooms.

BatchdError
├── ConfigError      the operator's settings cannot work
├── ApiError         a client's request cannot be served; carries AWS's code, text and status
├── StoreError       the store cannot do what was asked
│   ├── DuplicateKey     a row with this key exists already
│   └── EventsRefused    a reader of the journal broke down over what was appended
├── DeliveryError    something did not reach its target; it may yet
│   ├── Undeliverable    and never will
│   └── NotYet           it was not even tried: the target has no time before
└── EngineError      an engine cannot be reached or used
"""

from __future__ import annotations


class BatchdError(Exception):
    """Root of every error batchd raises on purpose; anything else is a bug."""


class ConfigError(BatchdError):
    """A setting is missing, malformed or contradicts another."""


class ApiError(BatchdError):
    """An answer in AWS's shape: `code` and `message` reach the client as they are.

    `status` is the HTTP status; None means "what the service's model says of this code, else 400".
    """

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class StoreError(BatchdError):
    """The store refused or failed; nothing of the unit of work remains."""


class DuplicateKey(StoreError):
    """A row with this key exists already."""


class EventsRefused(StoreError):
    """A reader of the journal broke down over the events of this unit, or of another in its group: our mistake."""


class DeliveryError(BatchdError):
    """A target was not reached; another attempt may reach it. `code` is a word for machines: TIMEOUT, THROTTLING …"""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Undeliverable(DeliveryError):
    """No further attempt can reach the target: it is gone, refuses us, or what we bring can never be accepted."""


class NotYet(DeliveryError):
    """Not an attempt: the target takes no more before a time (ms)."""

    def __init__(self, until_ms: int) -> None:
        super().__init__("THROTTLING", "the target's rate limit is reached")
        self.until_ms = until_ms


class EngineError(BatchdError):
    """The engine's backend cannot be reached or used at all (not: one task failed)."""
