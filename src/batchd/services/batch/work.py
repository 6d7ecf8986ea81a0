"""What a submit and its definition come to, whatever kind of definition it is. Pure. [batch.md 2.2]"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from batchd.scheduler.events import Resources
from batchd.services.batch.faults import Invalid, client_exception, unsupported
from batchd.services.batch.images import chosen_images
from batchd.services.batch.merge import validate_environment
from batchd.services.batch.substitute import Substitution
from batchd.store.store import Body
from batchd.task import LogDestination, TaskSpec

Shape = Mapping[str, Any]  # Any: an AWS shape, checked by the gateway against the model


@dataclass(frozen=True, slots=True)
class Order:
    """A submit that is to be resolved: `definition` as described, `params` of SubmitJob.

    `fill` replaces placeholders; None where there are none.
    """

    definition: Body
    params: Shape
    region: str
    fill: Substitution | None = None

    @property
    def name(self) -> str:
        """Of the definition."""
        name: str = self.definition["jobDefinitionName"]
        return name

    def images(self, names: Collection[str]) -> dict[str, str]:
        """Those that the submit chooses, by container. Raises Invalid or ClientException."""
        tags = self.params.get("tags")
        return chosen_images(tags, names) if tags else {}

    def filled(self, shape: Body, validate: Callable[[Body], None]) -> Body:
        """What runs, with every placeholder replaced; then it must keep the rules that could not be held against the
        definition. Raises Invalid or ClientException."""
        if self.fill is None:
            return shape
        filled: Body = self.fill(shape)
        validate(filled)
        return filled


@dataclass(frozen=True, slots=True)
class Work:
    """`shape` are the members of DescribeJobs that say what runs, whatever happens to it; `task` is its template: it
    has no id, and where its containers log to lacks the id as well. Of a job of several `nodes` it is the main node's.
    """

    shape: Body
    wanted: Resources
    task: TaskSpec
    nodes: Nodes | None = None

    def logs(self) -> list[LogDestination]:
        """Where the output of all its containers goes."""
        parts = (self,) if self.nodes is None else self.nodes.groups
        return [container.log for part in parts for container in part.task.containers if container.log]


@dataclass(frozen=True, slots=True)
class Nodes:
    """The work of each group of nodes, for each node the number of its group, and the index of the main node."""

    groups: tuple[Work, ...]
    members: tuple[int, ...]
    main: int


def matched(overrides: list[Shape], names: Collection[str], member: str) -> dict[str, Shape]:
    """Overrides of containers by name. The only container of a job needs no name. Raises Invalid."""
    found: dict[str, Shape] = {}
    for override in overrides:
        name = override.get("name") or (next(iter(names)) if len(names) == 1 else "")
        if name not in names:
            raise client_exception(f"{member}: there is no container {name}" if name else f"{member} must have a name")
        if name in found:
            raise Invalid(f"{member}: container {name} must not be named twice")
        if "" in override.get("command", ()):
            raise Invalid(f"{member}.command must not contain an empty string")
        validate_environment(override.get("environment", override.get("env", ())))
        found[name] = override
    return found


def refuse_unservable_volumes(volumes: list[Shape], where: str) -> None:
    """Sources that no engine here can honour: running the job without them would be wrong."""
    for volume in volumes:
        for member in ("efsVolumeConfiguration", "s3filesVolumeConfiguration"):
            if volume.get(member):
                unsupported(f"{where}.volumes.{member}")
