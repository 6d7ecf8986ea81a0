"""What the tests with real clients share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.worlds import Gate, World


@pytest.fixture
def world(server: Any) -> World:
    """A fresh queue and environment on the module's server."""
    return World.of(server)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """Opened at the latest when the test ends, so that nothing waits for ever."""
    made = Gate(tmp_path / "gate")
    yield made
    made.open()
