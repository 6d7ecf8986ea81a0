"""What is kept of a job's work, beside the columns of its row, for those who describe it. Pure."""

from __future__ import annotations

from dataclasses import replace

from batchd.services.batch.kinds import CONSUMABLES, NODES
from batchd.services.batch.task_template import CONTAINER
from batchd.services.batch.work import Nodes, Work
from batchd.store.store import Body, JobRow

_OF_ALL = (NODES, CONSUMABLES)  # members that a node does not have, or has its own of


def work_document(work: Work) -> Body:
    """Where its output goes, the task id still lacking; of a job of several nodes what each group of them is."""
    if work.nodes is not None:
        return {"nodes": _nodes_document(work.nodes)}
    if "eksProperties" in work.shape:
        return {}
    prefixes = {container.name: container.log.stream for container in work.task.containers if container.log}
    return {"log_prefixes": prefixes} if "ecsProperties" in work.shape else {"log_prefix": prefixes[CONTAINER]}


def _nodes_document(nodes: Nodes) -> Body:
    groups = [{"aws": group.shape, **work_document(group)} for group in nodes.groups]
    return {"main": nodes.main, "members": list(nodes.members), "groups": groups}


def is_main_node(row: JobRow) -> bool:
    main: int = row.document["nodes"]["main"]
    return row.node == main


def as_one(row: JobRow) -> JobRow:
    """The row as if it were of a job by itself: of a node its own, of a job of several nodes that of its main node."""
    nodes = row.document.get("nodes")
    if nodes is None:
        return row
    node = nodes["main"] if row.node is None else row.node
    group = nodes["groups"][nodes["members"][node]]
    whole = () if row.node is None else _OF_ALL
    shape = {member: value for member, value in row.document["aws"].items() if member not in whole}
    return replace(row, document={**row.document, **group, "aws": {**group["aws"], **shape}})
