"""What must always hold, as a function: run after every step of every test and simulation, and by `doctor`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain

from batchd.scheduler import (
    arrays,
    deadlines,
    dependencies,
    fair,
    gangs,
    identity,
    lines,
    placement,
    policy,
    pool_invariants,
    quota,
    service,
    shares,
)
from batchd.scheduler.children import PENDING, RECORDED, RUNNABLE, Children
from batchd.scheduler.commands import StartTask, StopTask
from batchd.scheduler.events import FINAL, IN_HAND, JobStatus, Resources
from batchd.scheduler.state import Job, Line, Queue, State, Step


def check(state: State) -> list[str]:
    """A sentence for each thing that is wrong between two steps; empty when all is well."""
    return [
        *_jobs(state),
        *_arrays(state),
        *_gangs(state),
        *_lines(state),
        *_dependencies(state),
        *_usage(state),
        *_quotas(state),
        *pool_invariants.check(state),
        *_shares(state),
        *_deadlines(state),
        *_idleness(state),
    ]


def check_step(state: State, step: Step) -> list[str]:
    """A sentence for each thing that is wrong with what the step just taken did."""
    wrong = []
    ids = [job.job_id for job in step.changed]
    if len(dict.fromkeys(ids)) != len(ids):
        wrong.append("a job is reported as changed twice")
    last = {moved.job_id: moved.status for moved in step.transitions if not moved.children}
    for command in step.commands:
        job = state.tasks.get(command.task_id)
        if job is None and isinstance(command, StopTask) and last.get(command.job_id) in FINAL:
            continue  # it ended by itself before anybody could be told
        if job is None:
            wrong.append(f"{command} is for no task in hand")
        elif isinstance(command, StopTask) and job.stop_reason is None:
            wrong.append(f"{command} has no reason")
        elif isinstance(command, StartTask) and not job.is_node:
            wrong += _room(state, job)
    wrong += [f"{job.job_id} moved to {job.status} unseen" for job in step.changed if _unseen(job, last)]
    return wrong


def _unseen(job: Job, last: dict[str, JobStatus]) -> bool:
    return last.get(job.job_id, job.status) is not job.status


def _room(state: State, job: Job) -> list[str]:
    """A job that has just been started must not have filled anything beyond its brim."""
    environment, machine = state.environments[str(job.environment)], state.machine
    most = environment.max_vcpus_milli
    wrong = _reservation(state.queues[job.spec.queue], job)
    if most is not None and environment.used_vcpus_milli > most:
        wrong.append(f"{environment.arn} is overfull: {environment.used_vcpus_milli} of {most}")
    if placement.lacks_instance(environment, job.spec):
        wrong.append(f"{job.job_id} is larger than every instance type of {environment.arn}")
    wanted = job.spec.service
    if wanted is not None and service.in_use(environment, wanted.unit) > service.most(environment, wanted.unit):
        wrong.append(f"{environment.arn} is overfull: {environment.instances}")
    shares = state.queue(job.spec.queue).quota
    if wanted is not None and shares is not None:
        used = policy.line_of(state, job).instances[wanted.unit]
        if used > quota.most(shares, job.spec.share, wanted.unit):
            wrong.append(f"share {job.spec.share} of {job.spec.queue} is overfull: {used} of {wanted.unit}")
    if not environment.available:
        wrong.append(f"{environment.arn} was given a job although it is not available")
    capacity = machine.capacity
    if capacity is None:
        wrong.append("a job was started on a machine of unknown size")
    elif _is_overfull(state, capacity):
        wrong.append(f"the machine is overfull: {machine}")
    if machine.taken is not None and machine.running > 1:
        wrong.append(f"{machine.taken} does not run alone")
    return wrong + pool_invariants.check_start(state, job)


def _is_overfull(state: State, capacity: Resources) -> bool:
    """Beside tasks that the engine has been given ahead of the room for them."""
    machine = state.machine
    if machine.used_gpus > capacity.gpus:
        return True
    if machine.used_vcpus_milli <= capacity.vcpus_milli and machine.used_memory_mib <= capacity.memory_mib:
        return False
    return sum(job.status is JobStatus.STARTING for job in state.tasks.values()) > machine.ahead


def _reservation(queue: Queue, job: Job) -> list[str]:
    """Nor taken what is reserved for other shares, unless nothing else of its queue was under way."""
    most = queue.fair.limit if queue.fair is not None else None
    if most is None or queue.held <= max(most, shares.vcpus_of(job)):
        return []
    return [f"{job.job_id} took what is reserved in {queue.arn}: {queue.held} of {most} are held"]


def _jobs(state: State) -> list[str]:
    """Every job is live, and in hand exactly while it is STARTING or RUNNING."""
    wrong = []
    for job_id, job in state.jobs.items():
        if job.status in FINAL:
            wrong.append(f"{job_id} is {job.status} and still remembered")
        in_hand = job.status in IN_HAND and not job.is_draining
        if in_hand and state.tasks.get(str(job.task_id)) is not job:
            wrong.append(f"{job_id} is {job.status} and not in hand")
        if in_hand and job.task_id != identity.task_id(job_id, len(job.attempts) + 1):
            wrong.append(f"{job_id} runs under another attempt's task id")
        if service.tried(job) >= job.spec.attempts and not job.is_draining:
            wrong.append(f"{job_id} has used up its attempts and is {job.status}")
        if job.status is JobStatus.RUNNING and job.started_at is None:
            wrong.append(f"{job_id} is RUNNING since never")
    for task_id, job in state.tasks.items():
        if job.task_id != task_id or state.jobs.get(job.whole.job_id) is not job.whole:
            wrong.append(f"task {task_id} is of no live job")
    return wrong


def _gangs(state: State) -> list[str]:
    """A gang's nodes run only while its main node does, or have been told to stop; before that they wait with it."""
    wrong = []
    for job_id, gang in state.jobs.items():
        if list(gang.nodes or ()) != gangs.others(gang.spec) or (gang.nodes is None) != (gang.spec.gang is None):
            wrong.append(f"{job_id} does not have its nodes")
        for node in gang.other_nodes():
            wrong += _node(state, gang, node)
        if gang.is_draining and not _stopping(gang):
            wrong.append(f"{job_id} waits for nodes to stop and there are none")
    return wrong


def _node(state: State, gang: Job, node: Job) -> list[str]:
    wrong = []
    in_hand = node.status in IN_HAND
    if node.status not in (*_node_may_be(gang), *FINAL):
        wrong.append(f"{node.job_id} is {node.status} while its gang is {gang.status}")
    if in_hand and (gang.is_draining or gang.stop_reason) and node.stop_reason is None:
        wrong.append(f"{node.job_id} goes on although its gang does not")
    if in_hand and state.tasks.get(str(node.task_id)) is not node:
        wrong.append(f"{node.job_id} is {node.status} and not in hand")
    tried = len(gang.attempts) + (not gang.is_draining)
    if in_hand and node.task_id != identity.task_id(node.job_id, tried):
        wrong.append(f"{node.job_id} runs under another attempt's task id")
    return wrong


def _node_may_be(gang: Job) -> tuple[JobStatus, ...]:
    if gang.status is JobStatus.STARTING:
        return (JobStatus.RUNNABLE,)
    if gang.status is JobStatus.RUNNING:
        return (*IN_HAND, JobStatus.RUNNABLE) if gang.stop_reason else IN_HAND
    return (gang.status,)


def _stopping(gang: Job) -> list[Job]:
    return [node for node in gang.other_nodes() if node.status in IN_HAND]


def _arrays(state: State) -> list[str]:
    """The bytes of an array's children, its counts and the children's records agree."""
    wrong = []
    arrived = _arrived(state)
    for job_id, job in state.jobs.items():
        if job.children is not None:
            wrong += _array(state, job, job.children)
            wrong += _children(state, job, job.children, is_new=job_id in arrived)
        elif job.parent is not None and state.jobs.get(job.parent.job_id) is not job.parent:
            wrong.append(f"{job_id} is the child of no live array")
    return wrong


def _array(state: State, array: Job, children: Children) -> list[str]:
    wrong = []
    found = dict.fromkeys(JobStatus, 0)
    statuses = [children.status(index) for index in range(children.size)]
    for status in (*statuses, *[child.status for child in arrays.recorded(state, array)]):
        if status is not None:
            found[status] += 1
    if list(found.values()) != children.counts:
        wrong.append(f"{array.job_id} miscounts its children: {children.counts}, not {found}")
    if children.states.count(RUNNABLE) != children.fresh or RUNNABLE in children.states[: children.first]:
        wrong.append(f"{array.job_id} miscounts its children that are ready")
    if children.in_line != any(job is array for job in _places(state, array)):
        wrong.append(f"{array.job_id} does not know whether it stands in line")
    return wrong


def _children(state: State, array: Job, children: Children, *, is_new: bool) -> list[str]:
    wrong = [
        f"child {index} of {array.job_id} waits for nothing"
        for index in children.among(PENDING)
        if not is_new and not dependencies.is_held(state, array, index)
    ]
    return wrong + [
        f"child {index} of {array.job_id} did not wait"
        for index in chain(children.among(RUNNABLE), children.among(RECORDED))
        if dependencies.is_held(state, array, index)
    ]


def _places(state: State, array: Job) -> Iterator[Job]:
    tiers = policy.line_of(state, array).tiers
    return chain(*(part for tier in tiers for part in (tier.retried, tier.waiting)))


def _arrived(state: State) -> dict[str, None]:
    return dict.fromkeys(job.job_id for job in state.arrivals)


def _lines(state: State) -> list[str]:
    """Every RUNNABLE job stands in its queue's line once; the queues' counts are right."""
    wrong = []
    live: dict[str, int] = {}
    standing: dict[str, int] = {}
    for job in state.jobs.values():
        live[job.spec.queue] = live.get(job.spec.queue, 0) + 1
    for arn, queue in state.queues.items():
        for job in policy.order(queue):
            standing[job.job_id] = standing.get(job.job_id, 0) + 1
            if job.spec.queue != arn:
                wrong.append(f"{job.job_id} stands in {arn}, not in its own queue")
        for line in queue.lines.values():
            if line.standing or line.stale or lines.places(line):
                wrong += _line(arn, line)
        if queue.live != live.get(arn, 0):
            wrong.append(f"{arn} counts {queue.live} live jobs of {live.get(arn, 0)}")
        if not queue.known and not queue.live:
            wrong.append(f"{arn} is gone and still remembered")
    for job in pool_invariants.aside(state):
        standing[job.job_id] = standing.get(job.job_id, 0) + 1
    for job in state.jobs.values():
        if lines.stands(job) != (standing.pop(job.job_id, 0) == 1):
            wrong.append(f"{job.job_id} is {job.status} and stands in line wrongly")
    return wrong + [f"{job_id} stands in line and is not live" for job_id in standing]


def _line(arn: str, line: Line) -> list[str]:
    wrong = []
    place = f"{arn} {line.name}".rstrip()
    if lines.places(line) - line.stale != len(list(lines.order(line))):
        wrong.append(f"{place} miscounts the jobs that left its line")
    if line.standing != len(list(lines.members(line))):
        wrong.append(f"{place} miscounts the jobs that stand in its line")
    priorities = [tier.priority for tier in line.tiers]
    if priorities != sorted(set(priorities), reverse=True):
        wrong.append(f"{place} is not in order of priority")
    for tier in line.tiers:
        places = (*tier.retried, *tier.waiting)
        strangers = [job for job in places if (job.spec.share, job.spec.priority) != (line.name, tier.priority)]
        wrong += [f"{job.job_id} stands among those of another share or priority" for job in strangers]
    return wrong


def _dependencies(state: State) -> list[str]:
    """A PENDING job waits for at least one live job, an array perhaps for none; each of those knows of it."""
    wrong = []
    arrived = _arrived(state)
    for job_id, job in state.jobs.items():
        if job_id in arrived:
            continue
        others = dict.fromkeys(dependency.job_id for dependency in job.spec.depends_on if not dependency.each)
        live = [other for other in others if _is_live(state, other)]
        counted = state.unmet.get(job_id, 0)
        if job.status is JobStatus.PENDING and (counted != len(live) or (not live and job.children is None)):
            wrong.append(f"{job_id} waits for {len(live)} jobs and counts {counted}")
        if job.status not in (JobStatus.SUBMITTED, JobStatus.PENDING) and live:
            wrong.append(f"{job_id} is {job.status} and did not wait for {live}")
        if job.status is not JobStatus.PENDING and job_id in state.unmet:
            wrong.append(f"{job_id} is {job.status} and still waits for others")
    for other_id, waiting in state.dependents.items():
        if not _is_live(state, other_id) or not waiting:
            wrong.append(f"somebody waits for {other_id}, which is over")
        wrong += [f"{job_id} waits and is not PENDING" for job_id in waiting if job_id not in state.unmet]
    for array_id, following in state.followers.items():
        if not _is_live(state, array_id) or not following:
            wrong.append(f"somebody follows {array_id}, which is over")
        wrong += [f"{job_id} follows {array_id} and is over" for job_id in following if job_id not in state.jobs]
    return wrong


def _is_live(state: State, job_id: str) -> bool:
    return dependencies.status_of(state, job_id) not in (None, *FINAL)


def _usage(state: State) -> list[str]:
    """What counts as used is what the jobs in hand asked for."""
    wrong = []
    machine, placed = state.machine, state.placed()
    shared = [job.spec.resources for job in placed if not job.clamped]
    used = (
        sum(need.vcpus_milli for need in shared),
        sum(need.memory_mib for need in shared),
        sum(need.gpus for need in shared),
        len(placed),
    )
    if used != (machine.used_vcpus_milli, machine.used_memory_mib, machine.used_gpus, machine.running):
        wrong.append(f"the machine miscounts what is used: {machine}, not {used}")
    alone = [job.job_id for job in placed if job.clamped]
    if alone != ([] if machine.taken is None else [machine.taken]) or (alone and machine.running > 1):
        wrong.append(f"{alone} should run alone")
    for arn, environment in state.environments.items():
        inside = [job.spec.resources.vcpus_milli for job in placed if job.environment == arn]
        if (sum(inside), len(inside)) != (environment.used_vcpus_milli, environment.running):
            wrong.append(f"{arn} miscounts what is used")
        if _instances(job for job in placed if job.environment == arn) != environment.instances:
            wrong.append(f"{arn} miscounts its instances")
        if not environment.known and not environment.running:
            wrong.append(f"{arn} is gone and still remembered")
    return wrong


def _instances(jobs: Iterable[Job]) -> dict[str, int]:
    """How many of each type the service jobs among these take."""
    found: Counter[str] = Counter()
    for job in jobs:
        if job.spec.service is not None:
            found[job.spec.service.unit] += job.spec.service.quantity
    return dict(found)


def _shares(state: State) -> list[str]:
    """What shares hold, and how many jobs they have, is what their jobs say."""
    wrong = []
    held = Counter[tuple[str, str]]()
    live = Counter((job.spec.queue, job.spec.share) for job in state.jobs.values() if job.spec.share and not job.parent)
    for job in state.placed():
        held[job.spec.queue, job.spec.share] += shares.vcpus_of(job) if job.spec.share else 0
    for arn, queue in state.queues.items():
        for name, line in queue.lines.items():
            if (line.live, line.held) != (live.pop((arn, name), 0), held.pop((arn, name), 0)):
                wrong.append(f"share {name} of {arn} miscounts its jobs: {line.live} live, {line.held} held")
        if queue.held != sum(line.held for line in queue.lines.values()):
            wrong.append(f"{arn} miscounts what its shares hold")
    return wrong + [f"share {name} of {arn} is gone and has jobs" for arn, name in (*live, *(+held))]


def _quotas(state: State) -> list[str]:
    """Quota shares count what their jobs use, and nobody waits that could start."""
    wrong = []
    for arn, queue in state.queues.items():
        for name, line in queue.lines.items():
            inside = (job for job in state.tasks.values() if (job.spec.queue, job.spec.share) == (arn, name))
            if _instances(inside) != line.instances:
                wrong.append(f"{name} of {arn} miscounts its instances")
        place = quota.next_place(state, queue) if queue.quota is not None and arn not in state.awake else None
        if place is not None:
            wrong.append(f"{place[1].job_id} waits in {arn} although there is room")
    return wrong


def _deadlines(state: State) -> list[str]:
    """Every running attempt with a limit is watched, unless it is being stopped."""
    watched = dict.fromkeys(task_id for _, _, task_id in state.deadlines)
    return [
        f"nobody watches the time of {job.job_id}"
        for task_id, job in state.tasks.items()
        if deadlines.of(job) is not None and job.stop_reason is None and task_id not in watched
    ]


def _idleness(state: State) -> list[str]:
    """No head waits that could start, unless its queue is to be looked at next."""
    wrong = []
    for arn, queue in state.queues.items():
        if queue.quota is not None:
            continue
        kept_for = queue.fair.kept_for if queue.fair is not None else None
        contenders = queue.lines.values() if kept_for is None else [kept_for]
        heads = [head for line in contenders if (head := next(lines.order(line), None))]
        wrong += [
            f"{head.job_id} waits at the head of {arn} although there is room"
            for head in heads
            if arn not in state.awake and fair.find(state, queue, head) is not None
        ]
    return wrong
