"""Jobs of several nodes in the simulation, and a naive second opinion on their lives, made from nothing but the state
changes as they are stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random

from batchd.scheduler.events import FINAL, IN_HAND, Gang, JobSpec, JobStatus, Resources
from batchd.scheduler.identity import gang_of, node_id
from batchd.scheduler.state import Transition
from batchd.store.store import Tx
from batchd.task import ContainerSpec, TaskSpec, encode_nodes, encode_task

SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING, SUCCEEDED, FAILED = JobStatus
_MOVES = {
    SUBMITTED: (PENDING, RUNNABLE, FAILED),
    PENDING: (RUNNABLE, FAILED),
    RUNNABLE: (STARTING, FAILED),
    STARTING: (RUNNING, FAILED),
    RUNNING: (SUCCEEDED, FAILED),
    SUCCEEDED: (RUNNABLE,),
    FAILED: (RUNNABLE,),
}


def some_gang(chance: Random, spec: JobSpec) -> JobSpec:
    """The job; some that are no arrays have two or three nodes, or a single one, that share what it asks for."""
    if spec.size or chance.random() < 0.75:
        return spec
    size, all_ = chance.choice((1, 2, 2, 3)), spec.resources
    need = Resources(all_.vcpus_milli // size, all_.memory_mib // size)
    return replace(spec, gang=Gang(size, chance.randrange(size), (need,)))


def some_part(chance: Random, spec: JobSpec) -> str:
    """What names one part of the job behind its id, if that has any: a child, a node."""
    if spec.gang is not None:
        return f"#{chance.randrange(spec.gang.size)}"
    return f":{chance.randrange(spec.size)}" if spec.size else ""


def template(spec: JobSpec, behaviour: dict[str, str], of_others: dict[str, str]) -> bytes:
    """The job's task; nodes beside the main one behave otherwise."""
    lead, follow = (TaskSpec("", (ContainerSpec("default", "busybox", (), one),)) for one in (behaviour, of_others))
    if spec.gang is None:
        return encode_task(lead)
    return encode_nodes([lead, follow], [int(index != spec.gang.main) for index in range(spec.gang.size)])


@dataclass
class GangOracle:
    """`specs` are all that clients submitted."""

    specs: dict[str, JobSpec]
    _status: dict[str, JobStatus] = field(default_factory=dict)
    _attempts: dict[str, int] = field(default_factory=dict)  # of gangs, begun
    _started: dict[tuple[str, int], None] = field(default_factory=dict)

    def read(self, moved: list[Transition]) -> list[str]:
        """A sentence for each thing that no server may do to nodes."""
        return [wrong for one in moved if not one.is_blocked for wrong in self._take(one.job_id, one)]

    def check_ended(self, tx: Tx, gang_id: str) -> Iterator[str]:
        """The nodes of a job that has ended: each has as well, and is listed once."""
        gang, row = self.specs[gang_id].gang, tx.jobs.get(gang_id)
        if gang is None or row is None:
            return
        listed = {one.node: one.status for status in JobStatus for one in tx.jobs.children(row, status, -1, gang.size)}
        told = {index: tx.jobs.status_of(node_id(gang_id, index)) for index in range(gang.size)}
        if listed != told or not all(status in FINAL for status in told.values()) or told[gang.main] != row.status:
            yield f"{gang_id} is {row.status}; its nodes are listed as {listed}, and are {told}"
        if any(self._status[node_id(gang_id, index)] != status for index, status in told.items()):
            yield f"the nodes of {gang_id} are {told}, and that was not told"

    def _take(self, job_id: str, moved: Transition) -> Iterator[str]:
        place = gang_of(job_id)
        if place is not None:
            yield from self._node(job_id, *place, moved)
        elif job_id in self.specs and self.specs[job_id].gang is not None:
            yield from self._gang(job_id, moved)
        self._status[job_id] = moved.status

    def _gang(self, gang_id: str, moved: Transition) -> Iterator[str]:
        """A job that waits or has ended has no node under way."""
        gang = self.specs[gang_id].gang
        self._attempts[gang_id] = moved.attempt
        if gang is None or moved.status is RUNNING:
            return
        for index in range(gang.size):
            status = self._status.get(node_id(gang_id, index))
            if index != gang.main and status in IN_HAND:
                yield f"{gang_id} is {moved.status} while node {index} is {status}"

    def _node(self, job_id: str, gang_id: str, index: int, moved: Transition) -> Iterator[str]:
        """The main one is as its job is; the others start while it runs, once an attempt."""
        gang, whole = self.specs[gang_id].gang, self._status.get(gang_id)
        if gang is None or index >= gang.size:
            yield f"there is no node {job_id}"
        elif index == gang.main:
            if moved.status is not whole:
                yield f"the main node {job_id} is {moved.status}, its job {whole}"
        elif moved.status not in _MOVES[self._status.get(job_id, SUBMITTED)]:
            yield f"{job_id} went from {self._status.get(job_id)} to {moved.status}"
        elif moved.status is STARTING:
            attempt = job_id, self._attempts[gang_id]
            if whole is not RUNNING or attempt in self._started:
                yield f"{job_id} starts in attempt {attempt[1]} while its job is {whole}"
            self._started[attempt] = None
