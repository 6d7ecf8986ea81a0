"""The family of errors that cross rooms.

BatchdError
├── ConfigError      the operator's settings cannot work
├── ApiError         a client's request cannot be served; carries AWS's code, text and status
├── StoreError       the store cannot do what was asked
│   ├── DuplicateKey     a row with this key exists already
│   └── EventsRefused    a reader of the journal broke down over what was appended
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


class EngineError(BatchdError):
    """The engine's backend cannot be reached or used at all (not: one task failed)."""
