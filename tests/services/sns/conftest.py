from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from batchd.services import sns, sqs
from tests.services.sns.posts import Mail
from tests.services.wired import Wired, wired


@pytest.fixture
def cloud() -> Iterator[Wired]:
    with wired([sns.SERVICE, sqs.SERVICE], lambda tx, account, key: None) as made:
        yield made


@pytest.fixture
def client(cloud: Wired) -> Any:  # Any: botocore makes its methods up
    return cloud.client("sns")


@pytest.fixture
def mail(cloud: Wired) -> Mail:
    return Mail(cloud)
