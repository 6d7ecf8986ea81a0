"""What a store would have of a scheduler's jobs: copies, of which a scheduler can start again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from batchd.scheduler.arrays import child_spec
from batchd.scheduler.children import DROPPED, FAILED, RECORDED, SUCCEEDED, Children
from batchd.scheduler.events import FINAL, Dependency, JobStatus
from batchd.scheduler.gangs import node_spec, others
from batchd.scheduler.identity import array_of, gang_of, node_id
from batchd.scheduler.state import Job, Share, Step


class Rows:
    """`jobs` are rows of jobs, arrays and those children that something happened to, each as last saved; `shares` are
    by queue and name."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self._children: dict[str, Children] = {}
        self.shares: dict[tuple[str, str], Share] = {}

    def save(self, step: Step) -> None:
        for job in step.changed:
            self.jobs[job.job_id] = replace(
                job, attempts=list(job.attempts), children=None, bench=None, stepped=0, nodes=None, placed_at=None
            )
        for array in step.counted:
            assert array.children is not None
            self._of(array.job_id, array.children).counts = list(array.children.counts)
        for array in step.reshaped:
            assert array.children is not None
            kept = self._of(array.job_id, array.children)
            kept.states, kept.drops = bytearray(array.children.states), list(array.children.drops)
            kept.runnable_at = array.children.runnable_at
        self.shares.update({(share.queue, share.name): share for share in step.shares})
        for gone in step.forgotten:
            self.shares.pop(gone, None)

    def live(self) -> list[Job]:
        """As a store restores them: arrays with the bytes that were saved, over which the children's rows prevail."""
        found = {
            job_id: replace(row, attempts=list(row.attempts), children=self._restored(job_id), parent=None)
            for job_id, row in self.jobs.items()
            if row.status not in FINAL and gang_of(job_id) is None
        }
        for job in found.values():
            if job.spec.gang is not None:
                job.nodes = {index: self._node(job, index) for index in others(job.spec)}
        for job_id, job in found.items():
            place = array_of(job_id)
            if place is not None:
                job.parent = found[place[0]]
                assert job.spec == child_spec(job.parent.spec, place[1])
        return list(found.values())

    def _node(self, gang: Job, index: int) -> Job:
        row = self.jobs[node_id(gang.job_id, index)]
        assert row.spec == node_spec(gang.spec, index)
        return replace(row, attempts=list(row.attempts), parent=gang)

    def dependency(self, job_id: str, *, each: bool = False, after_any: bool = False) -> Dependency:
        """As a service resolves it."""
        status = self.status(job_id)
        failed = tuple(self._failed(job_id)) if each and status is JobStatus.FAILED else ()
        return Dependency(job_id, status if status in FINAL else None, each, failed, after_any)

    def status(self, job_id: str) -> JobStatus | None:
        if job_id in self.jobs:
            return self.jobs[job_id].status
        place = array_of(job_id)
        children = self._children.get(place[0]) if place else None
        return children.status(place[1]) if place and children else None

    def _failed(self, array_id: str) -> Iterator[tuple[int, int]]:
        for index, state in enumerate(self._children[array_id].states):
            if state == FAILED or state >= DROPPED:
                yield index, index + 1

    def _of(self, array_id: str, now: Children) -> Children:
        return self._children.setdefault(array_id, Children(bytearray(now.size), list(now.counts)))

    def _restored(self, array_id: str) -> Children | None:
        kept = self._children.get(array_id)
        if kept is None:
            return None
        children = Children(bytearray(kept.states), list(kept.counts), list(kept.drops), kept.runnable_at)
        for index in range(children.size):
            row = self.jobs.get(f"{array_id}:{index}")
            if row is not None:
                ended = SUCCEEDED if row.status is JobStatus.SUCCEEDED else FAILED
                children.states[index] = ended if row.status in FINAL else RECORDED
        return children
