"""Calls a service's operations on an empty store, without a gateway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from batchd.clock import ManualClock
from batchd.errors import ApiError
from batchd.gateway.operation import Service
from batchd.store.sqlite import MEMORY, open_sqlite
from batchd.store.store import Store
from tests.contexts import context


class Direct:
    """`service("create_log_group", logGroupName="g")`: each call is a transaction or a snapshot of its own."""

    def __init__(self, service: Service, store: Store, clock: ManualClock) -> None:
        self._service = service
        self.store = store
        self.clock = clock
        self.region = "us-east-1"

    def __call__(self, operation: str, **params: Any) -> Any:
        served = self._service.operations[operation]
        surroundings = {"now_ms": self.clock.now_ms(), "region": self.region}
        if served.writes:
            return self.store.transact(lambda tx: served.function(params, context(tx, **surroundings)))
        with self.store.read() as tx:
            return served.function(params, context(tx, **surroundings))

    def error(self, operation: str, **params: Any) -> tuple[str, str]:
        """Code and text of the refusal that a call must meet."""
        try:
            self(operation, **params)
        except ApiError as refused:
            return refused.code, refused.message
        raise AssertionError(f"{operation} was not refused")


@contextmanager
def direct(service: Service) -> Iterator[Direct]:
    """The service over a fresh store."""
    clock = ManualClock()
    store = open_sqlite(MEMORY, clock)
    try:
        yield Direct(service, store, clock)
    finally:
        store.close()
