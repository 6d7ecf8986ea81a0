from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from batchd.services import iam, sts
from batchd.services.iam.keys import find_key_owner
from tests.services.wired import Wired, wired


@pytest.fixture
def cloud() -> Iterator[Wired]:
    with wired([iam.SERVICE, sts.SERVICE], find_key_owner) as made:
        yield made


@pytest.fixture
def client(cloud: Wired) -> Any:  # Any: botocore makes its methods up
    """IAM, as root."""
    return cloud.client("iam")


@pytest.fixture
def trust() -> str:
    """Batch may assume the role."""
    statement = {"Effect": "Allow", "Principal": {"Service": "batch.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def grant() -> str:
    """Jobs may be submitted."""
    return '{ "Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "batch:SubmitJob", "Resource": "*"}}'
