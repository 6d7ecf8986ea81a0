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
from batchd.cli.connect import Clients, access, complaint
from batchd.cli.follow import STATUSES
from batchd.cli.tables import console, cut, table

_EVERY_S = 0.5


def show(data_dir: Path | None, once: bool) -> None:
    """Until Ctrl-C, whether the server answers or not."""
    clients = Clients(access(data_dir))
    if once:
        console().print(_screen(clients.own.get_overview()))
        return
    seen = _screen(clients.own.get_overview())
    with Live(seen, screen=True, auto_refresh=False) as live:
        try:
            while True:
                time.sleep(_EVERY_S)
                seen, trouble = glance(clients, seen)
                live.update(Group(seen, "", Text(trouble, "red")), refresh=True)
        except KeyboardInterrupt:
            return


def glance(clients: Clients, before: RenderableType) -> tuple[RenderableType, str]:
    """The screen as it is now; while the server does not answer the one before, and what is the matter."""
    from botocore.exceptions import ConnectionError as NotReached
    from botocore.exceptions import HTTPClientError

    try:
        return _screen(clients.own.get_overview()), ""
    except (NotReached, HTTPClientError) as error:
        return before, complaint(error) or str(error)


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
