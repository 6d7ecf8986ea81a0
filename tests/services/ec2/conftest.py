from __future__ import annotations

from collections.abc import Iterator

import pytest

from batchd.services.ec2 import SERVICE
from tests.services.direct import Direct, direct


@pytest.fixture
def ec2() -> Iterator[Direct]:
    with direct(SERVICE) as service:
        yield service
