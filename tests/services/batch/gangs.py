"""Definitions of several nodes: what the tests of nodeProperties begin with."""

from __future__ import annotations

from typing import Any

from batchd.store.store import Body
from tests.services.batch.worlds import CONTAINER, World


def of(targets: str, container: Body | None = None, **members: Any) -> Body:
    """An entry of nodeRangeProperties; members of `container` come over those of CONTAINER."""
    return {"targetNodes": targets, "container": {**CONTAINER, **(container or {})}, **members}


def entry(targets: str, **members: Any) -> Body:
    """One of another kind."""
    return {"targetNodes": targets, **members}


def definition(*ranges: Body, size: int = 3, main: int = 0, **params: Any) -> Body:
    """A RegisterJobDefinition request."""
    properties = {"numNodes": size, "mainNode": main, "nodeRangeProperties": list(ranges)}
    return {"jobDefinitionName": "nodes", "type": "multinode", "nodeProperties": properties, **params}


def register(world: World, *ranges: Body, size: int = 3, main: int = 0, **params: Any) -> None:
    world.ask("register_job_definition", **definition(*ranges, size=size, main=main, **params))
