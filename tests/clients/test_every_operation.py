"""A promise about the tests themselves: no operation of Batch is served that no real client has called here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from batchd.gateway.operation import Service
from batchd.services import batch, batchd_

CALLS = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__))


@pytest.mark.parametrize("service", [batch.SERVICE, batchd_.SERVICE], ids=lambda service: service.name)
def test_every_operation_is_called_through_a_client(service: Service) -> None:
    uncalled = [name for name in service.operations if not is_called(name)]
    assert uncalled == [], "add a call through boto3 to a test beside this one"


def is_called(operation: str) -> bool:
    """As a method of a client, by a paginator, or by its name in a list of calls to make."""
    return re.search(rf'\.{operation}\b|"{operation}"', CALLS) is not None


def test_what_nobody_calls_is_found_out() -> None:
    assert not is_called("submit_jobs_by_telegram")
