"""Why is this job where it is? Told by the predicates that decide, as data and as sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from batchd.scheduler import (
    benches,
    deadlines,
    dependencies,
    gangs,
    identity,
    lines,
    placement,
    policy,
    pool_sentences,
    pools,
    quota,
    quota_sentences,
    service,
)
from batchd.scheduler.children import PENDING, Children
from batchd.scheduler.events import FINAL, IN_HAND, JobStatus, Resources, ServiceSpec
from batchd.scheduler.placement import Hurdle
from batchd.scheduler.state import Bench, Environment, Job, Machine, PoolKind, Queue, State


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One hurdle: `subject` is an environment's ARN or a pool's name, empty for the machine."""

    hurdle: Hurdle | PoolKind
    subject: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """`waits_for` are the live jobs a PENDING job depends on; `ahead` counts the jobs before a RUNNABLE one in its
    queue, `head` is the first of them (or the job itself) and `obstacles` what keeps that head from starting.
    `stops_at` is a running attempt's deadline (ms). Of an array it is all said of its next child."""

    job_id: str
    status: JobStatus
    sentences: list[str]
    waits_for: tuple[str, ...] = ()
    ahead: int = 0
    head: str | None = None
    obstacles: tuple[Obstacle, ...] = ()
    stops_at: int | None = None


def explanation(state: State, job_id: str) -> Explanation | None:
    """None for a job that has ended or never was."""
    job = state.jobs.get(job_id)
    if job is None:
        node = gangs.find(state, job_id)
        return _waiting_child(state, job_id) if node is None else _node(state, job_id, node)
    if job.children is not None and job.status is JobStatus.PENDING:
        return _array(state, job, job.children)
    if job.status is JobStatus.PENDING:
        return _pending(state, job)
    if job.status is JobStatus.RUNNABLE:
        return _runnable(state, job)
    if job.status is JobStatus.SUBMITTED:
        return Explanation(job_id, job.status, [f"Job {job_id} is SUBMITTED: the scheduler looks at it next."])
    return _placed(job)


def _node(state: State, job_id: str, node: Job) -> Explanation | None:
    """Of a job of several nodes one of them: it is where the job is until the main node runs."""
    gang = node.whole
    if node.status in FINAL:
        return None
    if node.is_node and node.status in IN_HAND:
        return _placed(node)
    found = explanation(state, gang.job_id)
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
    wishes = [f"{_count(strict, 'job')} to succeed"] if strict or not waits_for else []
    if strict < len(waits_for):
        wishes.append(f"{_count(len(waits_for) - strict, 'job')} to end")
    sentences = [f"Job {job_id} is PENDING: it waits for {' and '.join(wishes)}."]
    sentences += [f"Job {other} is {live[other]}." for other in waits_for]
    return Explanation(job_id, JobStatus.PENDING, sentences, waits_for=waits_for)


def _array(state: State, array: Job, children: Children) -> Explanation:
    """How its children are, and what the next one waits for."""
    counts = [f"{children.count(status)} {status}" for status in JobStatus if children.count(status)]
    first = f"Array job {array.job_id} is PENDING: of its {children.size} children are {', '.join(counts)}."
    if children.fresh:
        found = _runnable(state, array, children.next_fresh())
    elif (waiting := next(children.among(PENDING), None)) is not None:
        found = _pending_child(state, array, children, waiting)
    else:
        return Explanation(array.job_id, array.status, [first])
    return replace(found, job_id=array.job_id, status=array.status, sentences=[first, *found.sentences])


def _waiting_child(state: State, job_id: str) -> Explanation | None:
    """A child that nothing has happened to; None for any other job."""
    children, index = dependencies.array_of(state, job_id)
    if children is None or children.status(index) in FINAL:
        return None
    array = state.jobs[job_id.rpartition(":")[0]]
    if children.status(index) is JobStatus.RUNNABLE:
        return _runnable(state, array, index)
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


def _runnable(state: State, job: Job, index: int = 0) -> Explanation:
    """Of an array it is the child of this index."""
    job_id = job.job_id if job.children is None else identity.child_id(job.job_id, index)
    queue, line = state.queue(job.spec.queue), policy.line_of(state, job)
    if job.bench is not None and benches.is_aside(job):
        return _aside(state, job, job.bench, index)
    head, head_id = next(lines.members(line))
    ahead = lines.ahead(lines.order(line), job, index)
    obstacles = tuple(_obstacles(state, queue, head))
    sentences = [f"Job {job_id} is RUNNABLE in {queue.arn}, {_count(ahead, 'job')} ahead of it."]
    if ahead:
        sentences.append(f"Nobody overtakes the head of a queue: job {head_id}.")
    if not queue.known:
        sentences.append(f"Queue {queue.arn} is not known to the scheduler.")
    elif not queue.environments:
        sentences.append(f"Queue {queue.arn} has no compute environment.")
    misfit = (placement if queue.quota is None else quota).misfit(state, queue, head)
    if misfit is not None:
        sentences.append(f"The head can never start as things are. {misfit}")
    sentences += [obstacle.sentence for obstacle in obstacles]
    if placement.find(state, queue, head) is not None and (queue.quota is None or not obstacles):
        sentences.append("The head will be placed in the next round.")
    return Explanation(job_id, JobStatus.RUNNABLE, sentences, ahead=ahead, head=head_id, obstacles=obstacles)


def _aside(state: State, job: Job, bench: Bench, index: int) -> Explanation:
    """RUNNABLE, and out of its line because of a concurrency limit."""
    job_id = job.job_id if job.children is None else identity.child_id(job.job_id, index)
    ahead = lines.ahead(benches.order(bench), job, index)
    first = next(benches.order(bench)).job_id
    obstacles = tuple(_shortages(state, job))
    sentences = [
        f"Job {job_id} is RUNNABLE in {job.spec.queue} and has stepped aside, {_count(ahead, 'job')} ahead of it "
        "there: those behind it go on.",
        *(obstacle.sentence for obstacle in obstacles),
    ]
    if not obstacles:
        sentences.append(f"Job {first} goes first.")
    return Explanation(job_id, JobStatus.RUNNABLE, sentences, ahead=ahead, head=first, obstacles=obstacles)


def _shortages(state: State, job: Job) -> Iterator[Obstacle]:
    """The pools that have too few units for the job."""
    for pool, quantity in pools.of(state, job.spec):
        if pool.lacks(quantity):
            yield Obstacle(pool.kind, pool.name, pool_sentences.shortage(pool, quantity))


def _obstacles(state: State, queue: Queue, job: Job) -> list[Obstacle]:
    """What keeps the job from its pools, from each environment of its queue, and from the machine."""
    need = job.spec.resources
    found = [*_shortages(state, job)]
    for arn in queue.environments:
        environment = state.environments.get(arn) or Environment(arn)
        hurdle = placement.environment_hurdle(environment, job.spec)
        if hurdle is not None:
            found.append(Obstacle(hurdle, arn, _of_environment(hurdle, environment, job)))
    hurdle = placement.machine_hurdle(state.machine, need)
    if hurdle is not None:
        found.append(Obstacle(hurdle, "", _of_machine(hurdle, state.machine, need)))
    if queue.quota is not None and (share := quota_sentences.obstacle(state, queue, job)):
        found.append(Obstacle(share[0], job.spec.share, share[1]))
    return found


def _of_environment(hurdle: Hurdle, environment: Environment, job: Job) -> str:
    need = job.spec.resources
    if job.spec.service is not None:
        name = f"Service environment {environment.arn}"
    else:
        name = f"Compute environment {environment.arn}"
    if hurdle is Hurdle.ENVIRONMENT_UNKNOWN:
        return f"{name} is not known to the scheduler."
    if hurdle is Hurdle.ENVIRONMENT_INVALID:
        return f"{name} is INVALID."
    if hurdle is Hurdle.ENVIRONMENT_DISABLED:
        return f"{name} is DISABLED: it takes no new job until it is enabled."
    if hurdle is Hurdle.ENVIRONMENT_LACKS_INSTANCE:
        who = "the job" if job.spec.gang is None else "a node of the job"
        part = placement.too_large(environment, job.spec) or need
        return f"{name} has no instance type that is large enough, {who} needs {_amount(part)}."
    if job.spec.service is not None:
        return f"{name} {_of_capacity(hurdle, environment, job.spec.service)}"
    most = _vcpus(environment.max_vcpus_milli or 0)
    if hurdle is Hurdle.ENVIRONMENT_TOO_SMALL:
        return f"{name} has at most {most} vCPUs, the job needs {_vcpus(need.vcpus_milli)}."
    used = _vcpus(environment.used_vcpus_milli)
    return f"{name} is full: {used} of {most} vCPUs are in use, the job needs {_vcpus(need.vcpus_milli)}."


def _of_capacity(hurdle: Hurdle, environment: Environment, wanted: ServiceSpec) -> str:
    most, need = service.most(environment, wanted.unit), f"the job needs {wanted.quantity} of {wanted.unit}."
    if hurdle is Hurdle.CAPACITY_TOO_SMALL:
        return f"allows at most {_count(most, 'instance')}, {need}"
    return f"is full: {service.in_use(environment, wanted.unit)} of {_count(most, 'instance')} are in use, {need}"


def _of_machine(hurdle: Hurdle, machine: Machine, need: Resources) -> str:
    capacity = machine.capacity or Resources(0, 0)
    if hurdle is Hurdle.MACHINE_UNKNOWN:
        return "The size of the machine is not known yet."
    if hurdle is Hurdle.MACHINE_LACKS_GPUS:
        return f"The machine has {_count(capacity.gpus, 'GPU')}, the job needs {need.gpus}."
    if hurdle is Hurdle.MACHINE_TAKEN:
        return f"The machine is taken by job {machine.taken}, which asked for more than it has and runs alone."
    if hurdle is Hurdle.MACHINE_NOT_IDLE:
        return f"The job needs the whole machine, and {_count(machine.running, 'task')} still on it."
    return (
        f"The machine is full: {_vcpus(machine.used_vcpus_milli)} of {_vcpus(capacity.vcpus_milli)} vCPUs, "
        f"{machine.used_memory_mib} of {capacity.memory_mib} MiB and {machine.used_gpus} of {capacity.gpus} GPUs are "
        f"in use; the job needs {_amount(need)}."
    )


def _amount(need: Resources) -> str:
    gpus = f" and {_count(need.gpus, 'GPU')}" if need.gpus else ""
    return f"{_vcpus(need.vcpus_milli)} vCPUs, {need.memory_mib} MiB{gpus}"


def _vcpus(milli: int) -> str:
    return f"{milli / 1000:g}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
