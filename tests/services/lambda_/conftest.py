from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from batchd.services.lambda_ import SERVICE
from tests.contexts import ACCOUNT
from tests.services.direct import Direct, direct
from tests.zips import zipped

ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"
CODE = zipped({"app.py": "def handler(event, context):\n    return event\n"})
OTHER = zipped({"app.py": "def handler(event, context):\n    return 1\n"})


@pytest.fixture
def service() -> Iterator[Direct]:
    with direct(SERVICE) as made:
        yield made


@pytest.fixture
def made(service: Direct) -> dict[str, Any]:
    """The answer of CreateFunction."""
    return create(service)


def create(service: Direct, name: str = "f", **more: Any) -> dict[str, Any]:
    request = {"FunctionName": name, "Runtime": "python3.12", "Role": ROLE, "Handler": "app.handler"}
    answer: dict[str, Any] = service("create_function", **{**request, "Code": {"ZipFile": CODE}, **more})
    return answer
