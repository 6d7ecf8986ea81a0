"""`batchd top`: the whole at a glance."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from batchd.cli.connect import Clients, access
from batchd.cli.follow import STATUSES

_EVERY_S = 0.5


def show(data_dir: Path | None, once: bool) -> None:
    clients = Clients(access(data_dir))
    if once:
        Console().print(_screen(clients.own.get_overview()))
        return
    with Live(_screen(clients.own.get_overview()), screen=True, auto_refresh=False) as live:
        try:
            while True:
                time.sleep(_EVERY_S)
                live.update(_screen(clients.own.get_overview()), refresh=True)
        except KeyboardInterrupt:
            return


def _screen(overview: dict[str, Any]) -> RenderableType:
    used, capacity = overview["used"], overview["capacity"]
    title = Text.assemble(
        ("batchd ", "bold"),
        f"{overview['version']}  engine {overview['engine']}  ",
        f"vCPU {used['vcpus']:g}/{capacity['vcpus']:g}  memory {used['memoryMiB']}/{capacity['memoryMiB']} MiB",
    )
    return Group(title, "", _queues(overview["queues"]), "", _environments(overview["environments"]))


def _queues(queues: list[dict[str, Any]]) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column("QUEUE")
    table.add_column("REGION")
    for status in STATUSES:
        table.add_column(status, justify="right")
    for queue in queues:
        counts = queue["counts"]
        table.add_row(queue["queue"], queue["region"], *(str(counts.get(status, 0)) for status in STATUSES))
    return table


def _environments(environments: list[dict[str, Any]]) -> Table:
    table = Table(box=None, header_style="bold")
    for column in ("ENVIRONMENT", "VCPUS IN USE", "MAX VCPUS", "AVAILABLE"):
        table.add_column(column)
    for environment in environments:
        most = environment.get("maxVcpus")
        table.add_row(
            environment["environment"],
            f"{environment['vcpusInUse']:g}",
            "-" if most is None else f"{most:g}",
            "yes" if environment["available"] else "no",
        )
    return table
