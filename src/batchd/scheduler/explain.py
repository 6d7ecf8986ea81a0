"""Why is this job where it is? Told by the predicates that decide, as data and as sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from batchd.scheduler import benches, deadlines, dependencies, gangs, identity, obstacles, policy, service
from batchd.scheduler.children import PENDING, Children
from batchd.scheduler.events import FINAL, IN_HAND, JobStatus
from batchd.scheduler.fronts import MOST_AHEAD, Front, Fronts, Standing, ahead_of
from batchd.scheduler.obstacles import Obstacle, count
from batchd.scheduler.state import Bench, Job, Queue, State


@dataclass(frozen=True, slots=True)
class Explanation:
    """`waits_for` are the live jobs a PENDING job depends on; `ahead` counts the jobs before a RUNNABLE one in its
    line (`is_far`: at least so many), `head` is the first of them (or the job itself) and `obstacles` what keeps that
    head from starting. `starts_at` is when (ms) it starts at the latest unless others come before it, None where that
    is not known. `stops_at` is a running attempt's deadline (ms). Of an array it is all said of its next child."""

    job_id: str
    status: JobStatus
    sentences: list[str]
    waits_for: tuple[str, ...] = ()
    ahead: int = 0
    is_far: bool = False
    head: str | None = None
    obstacles: tuple[Obstacle, ...] = ()
    starts_at: int | None = None
    stops_at: int | None = None
    share: Standing | None = None

    @property
    def gist(self) -> str:
        """The one sentence that says most."""
        return self.obstacles[0].sentence if self.obstacles and self.ahead == 0 else self.sentences[0]


def explanation(fronts: Fronts, job_id: str) -> Explanation | None:
    """None for a job that has ended or never was."""
    state = fronts.state
    job = state.jobs.get(job_id)
    if job is None:
        node = gangs.find(state, job_id)
        return _waiting_child(fronts, job_id) if node is None else _node(fronts, job_id, node)
    if job.children is not None and job.status is JobStatus.PENDING:
        return _array(fronts, job, job.children)
    if job.status is JobStatus.PENDING:
        return _pending(state, job)
    if job.status is JobStatus.RUNNABLE:
        return _runnable(fronts, job)
    if job.status is JobStatus.SUBMITTED:
        return Explanation(job_id, job.status, [f"Job {job_id} is SUBMITTED: the scheduler looks at it next."])
    return _placed(job)


def _node(fronts: Fronts, job_id: str, node: Job) -> Explanation | None:
    """Of a job of several nodes one of them: it is where the job is until the main node runs."""
    gang = node.whole
    if node.status in FINAL:
        return None
    if node.is_node and node.status in IN_HAND:
        return _placed(node)
    found = explanation(fronts, gang.job_id)
    if found is None or not node.is_node:
        return replace(found, job_id=job_id) if found else None
    first = f"Node {job_id} is {node.status}: it starts once the main node of its job runs."
    return replace(found, job_id=job_id, status=node.status, sentences=[first, *found.sentences])


def _pending(state: State, job: Job) -> Explanation:
    return _waiting_for(state, job.job_id, [(one.job_id, one.after_any) for one in job.spec.depends_on])


def _waiting_for(state: State, job_id: str, others: list[tuple[str, bool]]) -> Explanation:
    """PENDING, for those of the others that live; with each whether an end is enough."""
    live = {other: dependencies.status_of(state, other) for other, _ in others}
    waits_for = tuple(other for other, status in live.items() if status not in (None, *FINAL))
    strict = sum((other, False) in others for other in waits_for)
    wishes = [f"{count(strict, 'job')} to succeed"] if strict or not waits_for else []
    if strict < len(waits_for):
        wishes.append(f"{count(len(waits_for) - strict, 'job')} to end")
    sentences = [f"Job {job_id} is PENDING: it waits for {' and '.join(wishes)}."]
    sentences += [f"Job {other} is {live[other]}." for other in waits_for]
    return Explanation(job_id, JobStatus.PENDING, sentences, waits_for=waits_for)


def _array(fronts: Fronts, array: Job, children: Children) -> Explanation:
    """How its children are, and what the next one waits for."""
    counts = [f"{children.count(status)} {status}" for status in JobStatus if children.count(status)]
    first = f"Array job {array.job_id} is PENDING: of its {children.size} children are {', '.join(counts)}."
    if children.fresh:
        found = _runnable(fronts, array, children.next_fresh())
    elif (waiting := next(children.among(PENDING), None)) is not None:
        found = _pending_child(fronts.state, array, children, waiting)
    else:
        return Explanation(array.job_id, array.status, [first])
    return replace(found, job_id=array.job_id, status=array.status, sentences=[first, *found.sentences])


def _waiting_child(fronts: Fronts, job_id: str) -> Explanation | None:
    """A child that nothing has happened to; None for any other job."""
    state = fronts.state
    children, index = dependencies.array_of(state, job_id)
    if children is None or children.status(index) in FINAL:
        return None
    array = state.jobs[job_id.rpartition(":")[0]]
    if children.status(index) is JobStatus.RUNNABLE:
        return _runnable(fronts, array, index)
    return _pending_child(state, array, children, index)


def _pending_child(state: State, array: Job, children: Children, index: int) -> Explanation:
    """What a child waits for: what its array does, its counterparts, the child before it."""
    others = [
        (identity.child_id(one.job_id, index) if one.each else one.job_id, one.after_any)
        for one in array.spec.depends_on
    ]
    if array.spec.sequential and index:
        before = dependencies.predecessor(children, index, array.spec.after_any)
        others += [(identity.child_id(array.job_id, before), array.spec.after_any)] if before >= 0 else []
    return _waiting_for(state, identity.child_id(array.job_id, index), others)


def _placed(job: Job) -> Explanation:
    """STARTING or RUNNING."""
    tried = service.tried(job.whole) + (not job.whole.is_draining)
    number = f"attempt {tried} of {job.whole.spec.attempts}"
    what = "is being started" if job.status is JobStatus.STARTING else "runs"
    sentences = [f"Job {job.job_id} is {job.status}: {number} {what} in {job.environment} as task {job.task_id}."]
    if job.nodes:
        sentences.append(_nodes(job, job.nodes.values()))
    stops_at = deadlines.of(job)
    if job.clamped:
        sentences.append("It asked for more than the machine has, so it runs alone with all of it.")
    if job.stop_reason is not None:
        sentences.append(f"It was asked to stop: {job.stop_reason}")
    elif stops_at is not None:
        sentences.append(f"Its time is up at {stops_at} ms since the epoch.")
    return Explanation(job.job_id, job.status, sentences, stops_at=stops_at)


def _nodes(gang: Job, nodes: Iterable[Job]) -> str:
    """How those beside the main node are."""
    counts = Counter(node.status for node in nodes)
    found = ", ".join(f"{counts[status]} {status}" for status in JobStatus if counts[status])
    ended = "Its main node has ended, the others stop: " if gang.is_draining else "Of its other nodes are "
    return f"{ended}{found}."


def _runnable(fronts: Fronts, job: Job, index: int = 0) -> Explanation:
    """Of an array it is the child of this index."""
    if job.bench is not None and benches.is_aside(job):
        return _aside(fronts, job, job.bench, index)
    job_id, queue, front = _id_of(job, index), fronts.state.queue(job.spec.queue), fronts.of(job)
    ahead = ahead_of(front.ahead, job, index)
    starts_at = front.starts.get(job_id)
    share = f" in share {front.share.name}" if front.share is not None else ""
    sentences = [f"Job {job_id} is RUNNABLE in {queue.arn}, {_jobs(ahead, front.counted)} ahead of it{share}."]
    sentences += [] if front.share is None else _of_share(front.share)
    sentences += _of_line(fronts, queue, front, is_head=ahead == 0)
    if not queue.known:
        sentences.append(f"Queue {queue.arn} is not known to the scheduler.")
    elif not queue.environments:
        sentences.append(f"Queue {queue.arn} has no compute environment.")
    if front.misfit is not None:
        sentences.append(f"The head can never start as things are. {front.misfit}")
    sentences += [obstacle.sentence for obstacle in front.obstacles]
    if front.has_room:
        sentences.append("The head will be placed in the next round.")
    elif starts_at is not None:
        sentences.append(f"It starts by {starts_at} ms since the epoch at the latest, unless others come before it.")
    return Explanation(
        job_id,
        JobStatus.RUNNABLE,
        sentences,
        ahead=front.counted if ahead is None else ahead,
        is_far=ahead is None,
        head=front.head_id,
        obstacles=front.obstacles,
        starts_at=starts_at,
        share=front.share,
    )


def _of_line(fronts: Fronts, queue: Queue, front: Front, *, is_head: bool) -> Iterator[str]:
    """What holds for those behind the head."""
    if is_head:
        return
    if not queue.backfill:
        yield f"Nobody overtakes the head of a {'queue' if front.share is None else 'share'}: job {front.head_id}."
        return
    yield f"The head of the queue is job {front.head_id}: only those go before it that cannot delay its start."
    promise = policy.line_of(fronts.state, front.head).promise
    if promise is not None and promise[0] == front.head.job_id and promise[1] is not None:
        yield f"It was promised a start by {promise[1]} ms since the epoch."


def _of_share(share: Standing) -> Iterator[str]:
    yield (
        f"It is share {share.name}'s turn after {share.turn - 1} of {count(share.shares, 'share')}: it used "
        f"{share.used:.0f} vCPU-seconds and holds {share.held:g} vCPUs, at weight {share.weight:g}."
    )
    if share.is_reserved:
        yield "What is free is reserved for shares that are not active yet."
    if share.kept_for is not None:
        yield f"Room is kept for the head of share {share.kept_for}, which has waited for too long."


def _aside(fronts: Fronts, job: Job, bench: Bench, index: int) -> Explanation:
    """RUNNABLE, and out of its line because of a concurrency limit."""
    job_id = _id_of(job, index)
    ahead = ahead_of(fronts.on_bench(bench, benches.order(bench)), job, index)
    first = next(benches.order(bench)).job_id
    shortages = tuple(obstacles.shortages(fronts.state, job))
    sentences = [
        f"Job {job_id} is RUNNABLE in {job.spec.queue} and has stepped aside, {_jobs(ahead, MOST_AHEAD)} ahead of it "
        "there: those behind it go on.",
        *(obstacle.sentence for obstacle in shortages),
    ]
    if not shortages:
        sentences.append(f"Job {first} goes first.")
    return Explanation(
        job_id,
        JobStatus.RUNNABLE,
        sentences,
        ahead=MOST_AHEAD if ahead is None else ahead,
        is_far=ahead is None,
        head=first,
        obstacles=shortages,
    )


def _id_of(job: Job, index: int) -> str:
    return job.job_id if job.children is None else identity.child_id(job.job_id, index)


def _jobs(number: int | None, counted: int) -> str:
    return f"more than {count(counted, 'job')}" if number is None else count(number, "job")
