"""A server for the commands to talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.command import Batchd, serving


@pytest.fixture(scope="module")
def batchd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batchd]:
    """Commands, and a server that all tests of a module share."""
    with serving(tmp_path_factory.mktemp("server") / "data", "--vcpus", "4", "--memory-mib", "8192") as running:
        yield running
