"""Stores and engines for the behaviour suites: every test runs on each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from batchd.clock import ManualClock
from batchd.store.store import Store
from tests.contract.engines import RIGS, Rig, Server
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


@pytest_asyncio.fixture(params=RIGS)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    rig = RIGS[request.param](tmp_path / "engine")
    yield rig
    await rig.close()


@pytest_asyncio.fixture
async def server(rig: Rig) -> AsyncIterator[Server]:
    server = Server(rig)
    await server.open()
    yield server
    await server.engine.close()
