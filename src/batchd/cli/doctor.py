"""`batchd doctor`: what this machine allows, honestly."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from batchd import __version__
from batchd.cli.connect import Clients, NotConnected, complaint, local_access
from batchd.cli.tables import console
from batchd.config import Settings, load_settings
from batchd.engines.docker_api import docker_available
from batchd.engines.engine import Abilities
from batchd.engines.process import ProcessEngine
from batchd.errors import EngineError

_ENOUGH_DISK_MIB = 1024
_IDLE_S = 5.0  # how long the runner that is asked waits for its question


@dataclass(frozen=True, slots=True)
class Finding:
    """`ok` None is neither good nor bad: something to know."""

    ok: bool | None
    text: str


def examine(data_dir: Path | None) -> int:
    """Print every finding; 1 if batchd cannot work here."""
    settings = load_settings({"data_dir": data_dir}, os.environ)
    out = console()
    marks = {True: "[green]ok[/]  ", False: "[red]bad[/] ", None: "[yellow]note[/]"}
    failed = False
    for finding in _findings(settings):
        out.print(marks[finding.ok], end=" ")
        out.print(finding.text, markup=False)
        failed = failed or finding.ok is False
    return int(failed)


def _findings(settings: Settings) -> Iterator[Finding]:
    yield Finding(True, f"batchd {__version__}, Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}")
    yield from _data(settings.data_dir)
    yield from _capacity(settings)
    yield from _docker(settings)
    yield from _processes()
    yield from _server(settings)


def _data(path: Path) -> Iterator[Finding]:
    existing = next(p for p in (path, *path.parents) if p.exists())
    writable = os.access(existing, os.W_OK)
    yield Finding(writable, f"data directory {path}" + ("" if writable else " cannot be written by this user"))
    free = shutil.disk_usage(existing).free // (1024 * 1024)
    yield Finding(free >= _ENOUGH_DISK_MIB, f"{free} MiB free there")


def _capacity(settings: Settings) -> Iterator[Finding]:
    capacity = settings.capacity()
    yield Finding(True, f"jobs may use {capacity.vcpus_milli / 1000:g} vCPU and {capacity.memory_mib} MiB")


def _docker(settings: Settings) -> Iterator[Finding]:
    reason = docker_available(settings.docker_host or None)
    if reason is None:
        yield Finding(True, "Docker answers: `--engine auto` runs jobs in containers")
    else:
        yield Finding(None, f"no Docker ({reason}): `--engine auto` runs jobs as processes of this machine")


def _processes() -> Iterator[Finding]:
    """Asked of a runner of its own, in a directory of its own: nothing that runs is touched."""
    with tempfile.TemporaryDirectory(prefix="batchd-doctor-") as folder:
        try:
            abilities = asyncio.run(_abilities(Path(folder)))
        except EngineError as error:
            yield Finding(False, f"process engine: {error}")
            return
    yield Finding(abilities.limits_memory or None, f"process engine: memory limits {_yes(abilities.limits_memory)}")
    yield Finding(abilities.limits_cpu or None, f"process engine: CPU shares {_yes(abilities.limits_cpu)}")
    for note in abilities.notes:
        yield Finding(None, f"process engine: {note}")


async def _abilities(folder: Path) -> Abilities:
    engine = ProcessEngine(folder, idle_s=1.0)
    await engine.open(lambda report: None, [])
    try:
        return engine.abilities
    finally:
        await engine.close()


def _server(settings: Settings) -> Iterator[Finding]:
    try:
        clients = Clients(local_access(settings))
        overview = clients.own.get_overview()
    except NotConnected as error:
        yield Finding(None, str(error))
    except Exception as error:
        if (text := complaint(error)) is None:
            raise
        yield Finding(False, text)
    else:
        yield Finding(True, f"server answers on {clients.access.endpoint}, engine {overview['engine']}")


def _yes(able: bool) -> str:
    return "are enforced" if able else "cannot be enforced here"
