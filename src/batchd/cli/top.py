"""`batchd top`: the whole at a glance."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from batchd.arns import parse_arn
from batchd.cli.connect import Clients, access
from batchd.cli.follow import STATUSES
from batchd.cli.tables import console, cut, table

_EVERY_S = 0.5


def show(data_dir: Path | None, once: bool) -> None:
    clients = Clients(access(data_dir))
    if once:
        console().print(_screen(clients.own.get_overview()))
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
    made = table("QUEUE", *STATUSES, "REGION", right=STATUSES, cut=("QUEUE", "REGION"))
    made.padding = (0, 1, 0, 0)
    for queue in queues:
        counts = (str(queue["counts"].get(status, 0)) for status in STATUSES)
        made.add_row(cut(queue["queue"]), *counts, cut(queue["region"]))
    return made


def _environments(environments: list[dict[str, Any]]) -> Table:
    made = table("ENVIRONMENT", "VCPUS IN USE", "MAX VCPUS", "AVAILABLE", "REGION", cut=("ENVIRONMENT", "REGION"))
    for environment in environments:
        most = environment.get("maxVcpus")
        arn = parse_arn(environment["environment"])
        made.add_row(
            cut(arn.name if arn else environment["environment"]),
            f"{environment['vcpusInUse']:g}",
            "no limit" if most is None else f"{most:g}",
            "yes" if environment["available"] else "no",
            cut(arn.region if arn else ""),
        )
    return made
