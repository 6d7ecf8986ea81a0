"""Stores for the behaviour suite: every test runs on each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from batchd.clock import ManualClock
from batchd.store.store import Store
from tests.contract.stores import FACTORIES


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(5_000)


@pytest.fixture(params=list(FACTORIES))
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    with closing(FACTORIES[request.param](tmp_path, clock)) as store:
        yield store


@pytest.fixture(scope="module", params=list(FACTORIES))
def lasting_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all examples of a property: each example uses names of its own."""
    with closing(FACTORIES[request.param](tmp_path_factory.mktemp("store"), ManualClock(5_000))) as store:
        yield store
