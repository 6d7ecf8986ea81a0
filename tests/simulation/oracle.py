"""A second, naive opinion on what the scheduler decided: it reads the state changes as they are stored, and knows only
what was submitted. What it finds wrong no server may do, whatever befell it in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from batchd.scheduler.events import FINAL, IN_HAND, Dependency, JobSpec, JobStatus
from batchd.scheduler.reasons import DEPENDENCY_FAILED, PREEMPTIONS
from batchd.scheduler.state import Transition
from tests.simulation.fairness import FairOracle
from tests.simulation.pools import PoolOracle

SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING, SUCCEEDED, FAILED = JobStatus
_MOVES = {
    SUBMITTED: (PENDING, RUNNABLE, FAILED),
    PENDING: (RUNNABLE, SUCCEEDED, FAILED),  # SUCCEEDED: an array
    RUNNABLE: (STARTING, FAILED),
    STARTING: (RUNNING, RUNNABLE, FAILED),
    RUNNING: (RUNNABLE, SUCCEEDED, FAILED),
}


@dataclass
class _Seen:
    """What is known of a job, or of a child of an array."""

    status: JobStatus = SUBMITTED
    attempts: int = 0  # started
    preempted: int = 0  # of them
    runnable_at: int = 0
    came_back: bool = False  # it was placed before


@dataclass
class Oracle:
    """`specs` are all that clients submitted, answered or not. `loose` are queues whose order nobody promises. `pools`
    knows who may be overtaken because a limit holds it, `fairness` whose turn it is among shares."""

    pools: PoolOracle
    fairness: FairOracle
    specs: dict[str, JobSpec] = field(default_factory=dict)
    loose: set[str] = field(default_factory=set)
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _waiting: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)  # RUNNABLE jobs, no arrays

    def read(self, moved: list[Transition], now: int) -> list[str]:
        """A sentence for each thing that is wrong with what was decided in one step, taken `now`."""
        wrong: list[str] = []
        for transition in moved:
            for job_id in transition.job_ids():
                if transition.is_blocked:
                    wrong += self._take_blocked(job_id)
                    continue
                wrong += self._take(job_id, transition)
                wrong += self.fairness.take(job_id, transition, now)
                wrong += self.pools.take(job_id, transition)
        return wrong

    def _take(self, job_id: str, moved: Transition) -> Iterator[str]:
        if "#" in job_id:
            return  # of nodes there is an oracle of their own
        seen = self._seen.setdefault(job_id, _Seen(self._status(job_id)))
        spec = self.specs[job_id.partition(":")[0]]
        if moved.status not in _MOVES.get(seen.status, ()):
            yield f"{job_id} went from {seen.status} to {moved.status}"
        if moved.status is RUNNABLE:
            seen.runnable_at = moved.at
            seen.came_back = seen.status in IN_HAND
            if moved.attempt < seen.attempts:  # the engine returned it: it was not tried
                seen.attempts -= 1
            seen.preempted += moved.status_reason in PREEMPTIONS
            yield from self._check_dependencies(job_id, spec)
        if moved.status is STARTING:
            yield from self._check_order(job_id, spec)
            seen.attempts += 1
            if seen.attempts - seen.preempted > spec.attempts or moved.attempt != seen.attempts:
                yield f"{job_id} starts attempt {moved.attempt} after {seen.attempts - 1} of {spec.attempts}"
        if moved.status_reason == DEPENDENCY_FAILED and moved.status is FAILED and not self._is_doomed(job_id, spec):
            yield f"{job_id} failed of a dependency that did not fail, or whose failure it bears"
        if moved.status is FAILED and moved.status_reason in PREEMPTIONS and not _is_enough_room(spec, seen.preempted):
            yield f"{job_id} made room {seen.preempted + 1} times and was not tried again"
        if moved.status is SUCCEEDED and self._failed_children(job_id, spec):
            yield f"array {job_id} succeeded without its children"
        seen.status = moved.status
        self._line_up(job_id, spec)

    def _take_blocked(self, job_id: str) -> Iterator[str]:
        if self._status(job_id) is not RUNNABLE:
            yield f"{job_id} is blocked at the head of its line and {self._status(job_id)}"
        yield from self._check_order(job_id, self.specs[job_id.partition(":")[0]])

    def _line_up(self, job_id: str, spec: JobSpec) -> None:
        """A child's turn is its array's affair."""
        if not spec.size:
            line = self._waiting.setdefault((spec.queue, spec.share), {})
            line.pop(job_id, None)
            if self._seen[job_id].status is RUNNABLE:
                line[job_id] = None

    def _check_order(self, job_id: str, spec: JobSpec) -> Iterator[str]:
        """In a share of a queue: the higher priority first, then what is retried, then what was RUNNABLE first."""
        if spec.size or spec.queue in self.loose:
            return
        mine = self._rank(job_id)
        for other in self._waiting.get((spec.queue, spec.share), ()):
            if self._rank(other) < mine and not self.pools.is_held(other):
                yield f"{job_id} overtook {other} in {spec.queue}"

    def _rank(self, job_id: str) -> tuple[int, bool, int]:
        seen = self._seen[job_id]
        return -self.specs[job_id].priority, not seen.came_back, seen.runnable_at

    def _check_dependencies(self, job_id: str, spec: JobSpec) -> Iterator[str]:
        _, _, index = job_id.partition(":")
        for dependency in spec.depends_on:
            if not self._is_met(dependency, index):
                yield f"{job_id} is RUNNABLE before {dependency} is met"
        if spec.sequential and index and int(index):
            before = f"{spec.job_id}:{int(index) - 1}"
            if not _is_enough(self._status(before), spec.after_any):
                yield f"{job_id} is RUNNABLE before {before} was over"

    def _is_doomed(self, job_id: str, spec: JobSpec) -> bool:
        _, _, index = job_id.partition(":")
        strict = [one for one in spec.depends_on if not one.after_any]
        if any(self._status(_other(one, index)) is FAILED for one in strict):
            return True
        earlier = range(int(index)) if index and spec.sequential and not spec.after_any else ()
        return any(self._status(f"{spec.job_id}:{number}") is FAILED for number in earlier)

    def _is_met(self, dependency: Dependency, index: str) -> bool:
        return _is_enough(self._status(_other(dependency, index)), dependency.after_any)

    def _status(self, job_id: str) -> JobStatus:
        seen = self._seen.get(job_id)
        if seen is not None:
            return seen.status
        array_id, _, index = job_id.partition(":")
        born = self.specs[array_id].succeeded if index else ()
        return SUCCEEDED if any(first <= int(index) < behind for first, behind in born) else SUBMITTED

    def _failed_children(self, job_id: str, spec: JobSpec) -> bool:
        if not spec.size or ":" in job_id:
            return False
        return any(self._status(f"{job_id}:{index}") is not SUCCEEDED for index in range(spec.size))

    def unfinished(self) -> list[str]:
        """Jobs that the state changes leave alive."""
        return [job_id for job_id, seen in self._seen.items() if seen.status not in FINAL]


def _other(dependency: Dependency, index: str) -> str:
    """Whom the job waits for; of an array its child of this index."""
    return f"{dependency.job_id}:{index}" if dependency.each and index else dependency.job_id


def _is_enough_room(spec: JobSpec, preempted: int) -> bool:
    """Whether a job that had made room so often before need not come back once it has to again."""
    most = None if spec.service is None else spec.service.preemptions
    return most is not None and preempted >= most


def _is_enough(status: JobStatus, after_any: bool) -> bool:
    return status in FINAL if after_any else status is SUCCEEDED
