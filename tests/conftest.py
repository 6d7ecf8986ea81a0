"""What tests of the whole share: a real server on a free port, and real clients that talk to it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from hypothesis import HealthCheck, settings

from batchd.clock import Clock
from batchd.config import Settings
from tests.patience import LONG_S

if TYPE_CHECKING:
    from batchd.server import Server

# A machine that stalls says nothing about the code: an example may take its time.
settings.register_profile("patient", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_configure() -> None:
    """Hear Ctrl-C even in the background of a script: all that the tests begin would ignore it as well."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@dataclass(frozen=True)
class Running:
    """A server that runs, and how to reach it."""

    server: Server
    endpoint: str
    access_key: str
    secret_key: str

    def client(self, service: str, region: str = "us-east-1", **more: Any) -> Any:
        """A real boto3 client that does not retry, so that a fault shows."""
        config = Config(
            retries={"max_attempts": 0},
            parameter_validation=more.pop("parameter_validation", True),
            connect_timeout=LONG_S,
            read_timeout=LONG_S,
        )
        keys = {"aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret_key, **more}
        session = _session(os.environ.get("AWS_DATA_PATH", ""))
        return session.client(service, endpoint_url=self.endpoint, region_name=region, config=config, **keys)

    @property
    def environ(self) -> dict[str, str]:
        """For real command-line clients."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_PAGER": "",
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        }


@cache
def _session(models: str) -> boto3.session.Session:
    """One for all clients that look for models in the same places: it keeps those that it has read."""
    return boto3.session.Session()


@contextmanager
def serving(settings: Settings, clock: Clock | None = None) -> Iterator[Running]:
    """A server on a thread with a loop of its own, and with the machine's clock unless another is given."""
    from batchd.server import Server

    server = Server(settings, clock)
    with asyncio.Runner() as runner, ThreadPoolExecutor(1, "server") as thread:
        loop = runner.get_loop()
        thread.submit(loop.run_until_complete, server.start()).result(LONG_S)
        finished = thread.submit(loop.run_until_complete, server.wait())
        try:
            yield Running(server, server.endpoint, server.keyring.access_key, server.keyring.secret_key)
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(LONG_S)
            finished.result(LONG_S)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start a server with these settings (process engine, free port, data of its own); stopped at the end."""
    with ExitStack() as stack:

        def start(clock: Clock | None = None, **settings: Any) -> Running:
            values = {"port": 0, "engine": "process", "data_dir": tmp_path / "data", **settings}
            return stack.enter_context(serving(Settings(**values).checked(), clock))

        yield start


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for all tests of a module: they must not mind each other's resources."""
    data = tmp_path_factory.mktemp("server")
    with serving(Settings(port=0, engine="process", data_dir=data, vcpus=8, memory_mib=16384)) as running:
        yield running
