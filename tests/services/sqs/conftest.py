from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from batchd.services import sqs
from tests.services.direct import Direct, direct
from tests.services.wired import Wired, wired


@pytest.fixture
def cloud() -> Iterator[Wired]:
    with wired([sqs.SERVICE], lambda tx, account, key: None) as made:
        yield made


@pytest.fixture
def client(cloud: Wired) -> Any:  # Any: botocore makes its methods up
    return cloud.client("sqs")


@pytest.fixture
def timed() -> Iterator[Direct]:
    """The service with a clock that can be moved."""
    with direct(sqs.SERVICE) as made:
        yield made
