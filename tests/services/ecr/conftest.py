from __future__ import annotations

from collections.abc import Iterator

import pytest

from batchd.services.ecr import SERVICE
from tests.services.direct import Direct, direct


@pytest.fixture
def ecr() -> Iterator[Direct]:
    with direct(SERVICE) as service:
        yield service
