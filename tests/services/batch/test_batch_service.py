from __future__ import annotations

from batchd.services.batch import SERVICE
from tests.services.batch.worlds import OPERATIONS


def test_every_operation_is_served() -> None:
    assert {OPERATIONS[name] for name in SERVICE.operations} == set(OPERATIONS.values())


def test_reads_are_marked_as_reads() -> None:
    reads = {name for name, operation in SERVICE.operations.items() if not operation.writes}

    assert reads == {name for name in SERVICE.operations if name.startswith(("describe", "list", "get"))}
