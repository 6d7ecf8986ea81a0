"""What a real client is told when the service says no."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError


@contextmanager
def refused(text: str, code: str = "ClientException", status: int = 400) -> Iterator[None]:
    """The call inside is refused with this code, this HTTP status, and this in its text."""
    with pytest.raises(ClientError) as refusal:
        yield
    response = refusal.value.response
    assert text in response["Error"]["Message"]
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
