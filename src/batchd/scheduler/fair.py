"""Whose turn it is among the shares of a queue: the one that is charged with least, of those whose head has a place.

Shares whose heads are of one kind stand in one heap, since they have room or not together: to find the next one costs
as much as there are kinds, and the logarithm of the shares. Charges grow with time; they are looked at anew once
a second (a tick), and within one when something happens to a share. [batch.md 7.3]
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from heapq import heapify, heappop, heappush, heapreplace

from batchd.scheduler import accusation, benches, lines, placement, pools, shares
from batchd.scheduler.events import FairShare
from batchd.scheduler.state import Draft, Environment, Fair, Job, Line, Queue, State, Turn

TICK_MS = 1000
PATIENCE_MS = 600_000  # how long a head whose turn it is lets other shares go on while it waits for room


def next_one(state: State, draft: Draft, queue: Queue, fair: Fair) -> tuple[Line, Job, Environment] | None:
    """The head whose turn it is, and its place. None: nobody waits, or no share's head has one."""
    _refresh(state, draft, queue, fair)
    while (first := _first(queue, fair)) is not None:
        kind, line = first
        if state.pools and benches.step_aside(state, draft, line):
            _enter(state, draft, queue, fair, line)
            continue
        job = lines.head(line)
        assert job is not None, "a line has a turn while somebody stands in it"
        environment = find(state, queue, job)
        if environment is not None and _leaves_room(state, fair, job, environment):
            return line, job, environment
        _close(state, draft, queue, kind, job)
        if fair.kept_for is None and _has_lost_patience(state, queue, line, job):
            fair.kept_for = line
    return None


def renewed(queue: Queue, policy: FairShare) -> Fair:
    """The queue has this policy from now on; what its shares have used stays."""
    return Fair(policy, misfits={} if queue.fair is None else queue.fair.misfits)


def open_round(fair: Fair) -> None:
    """There may be room again."""
    fair.closed.clear()
    fair.kept_for = None


def find(state: State, queue: Queue, job: Job) -> Environment | None:
    """Where the job may run now: not in what is reserved for shares that are not active yet."""
    return None if is_reserved(queue, job) else placement.find(state, queue, job)


def is_reserved(queue: Queue, job: Job) -> bool:
    """Whether the job would take what is kept free. With nothing of the queue under way it may: a reservation must not
    keep everybody out."""
    most = queue.fair.limit if queue.fair is not None else None
    if most is None:
        return False
    return queue.held > 0 and queue.held + shares.vcpus_of(job) > most


def order(queue: Queue, fair: Fair) -> Iterator[Line]:
    """The lines in which somebody stands, in the order of their turns."""
    return (queue.lines[turn[2]] for turn in sorted(_turns(queue, fair)))


def members(queue: Queue, fair: Fair) -> Iterator[tuple[Job, str]]:
    """Who waits, in the order in which they will be placed if all of them find room and nobody else comes."""
    heap = list(_turns(queue, fair))
    heapify(heap)
    waiting = {name: lines.members(queue.lines[name]) for _, _, name in heap}
    while heap:
        charge, since, name = heap[0]
        found = next(waiting[name], None)
        if found is None:
            heappop(heap)
            continue
        yield found
        more = queue.lines[name].weight * shares.LOOK_AHEAD_MS * shares.vcpus_of(found[0])
        heapreplace(heap, (charge + more, since, name))


def _turns(queue: Queue, fair: Fair) -> Iterator[Turn]:
    window, at = shares.window_ms(queue), max(0, fair.tick) * TICK_MS
    for line in queue.lines.values():
        head = next(lines.order(line), None) if line.standing else None
        if head is not None:
            yield shares.charge(line, window, at), lines.since(head), line.name


# The contest


def _has_lost_patience(state: State, queue: Queue, line: Line, job: Job) -> bool:
    """Whether the head of this line, whose turn it is, has been waiting for room for so long that the room is kept for
    it from now on: smaller jobs of other shares would take each piece that is given back, for ever."""
    at = 0 if queue.fair is None else queue.fair.tick * TICK_MS
    waiting = at - max(lines.since(job), line.used_at)
    return waiting > PATIENCE_MS and (is_reserved(queue, job) or placement.waits_for_room(state, queue, job))


def _leaves_room(state: State, fair: Fair, job: Job, environment: Environment) -> bool:
    """Whether this job takes nothing there that the head needs for which room is kept, if there is one."""
    head = None if fair.kept_for is None else lines.head(fair.kept_for)
    if head is None:
        return True
    if placement.could_take(environment, head):
        return False
    machine = replace(state.machine)
    placement.occupy(machine, job, alone=placement.needs_whole(machine, job.spec.resources))
    return placement.machine_hurdle(machine, head.spec.resources) is None


def _refresh(state: State, draft: Draft, queue: Queue, fair: Fair) -> None:
    """Every share whose charge or head may have changed gets its turn anew."""
    tick = draft.now // TICK_MS
    if fair.tick != tick:
        fair.tick = tick
        _survey(state, draft, queue, fair)
        fair.touched = dict(queue.lines)
        fair.heaps.clear()
    if not fair.touched:
        return
    for line in fair.touched.values():
        _enter(state, draft, queue, fair, line)
    fair.touched.clear()


def _survey(state: State, draft: Draft, queue: Queue, fair: Fair) -> None:
    """Who is active, and what follows from that: weights and the reservation."""
    window, at = shares.window_ms(queue), fair.tick * TICK_MS
    for line in [line for line in queue.lines.values() if shares.is_forgotten(line, window, at)]:
        del queue.lines[line.name]
        draft.shares[queue.arn, line.name] = None
    active = [line for line in queue.lines.values() if shares.is_active(line, window, at)]
    fair.active = len(active)
    shares.weigh(queue, fair.policy, active)
    fair.limit = shares.limit(state, queue, fair.policy, fair.active)


def _enter(state: State, draft: Draft, queue: Queue, fair: Fair, line: Line) -> None:
    head = lines.head(line)
    if line.accused is not None and line.accused is not head:
        accusation.accuse(draft, line, line.accused, None)
    line.turn = None
    if head is not None:
        line.turn = (shares.charge(line, shares.window_ms(queue), fair.tick * TICK_MS), lines.since(head), line.name)
        heappush(fair.heaps.setdefault(placement.kind(state, head.spec), []), line.turn)


def _first(queue: Queue, fair: Fair) -> tuple[Hashable, Line] | None:
    """The line whose turn it is and the kind of its head, of those whose kind has not been found to have no room in
    this round."""
    best: tuple[Turn, Hashable] | None = None
    for kind, heap in fair.heaps.items():
        if kind in fair.closed:
            continue
        while heap and not _holds(queue, heap[0]):
            heappop(heap)
        if heap and (best is None or heap[0] < best[0]):
            best = heap[0], kind
    return None if best is None else (best[1], queue.lines[best[0][2]])


def _holds(queue: Queue, turn: Turn) -> bool:
    """Whether nothing happened to the share since it got this turn."""
    line = queue.lines.get(turn[2])
    return line is not None and line.turn is turn


def _close(state: State, draft: Draft, queue: Queue, kind: Hashable, job: Job) -> None:
    """No head of this one's kind has room: they wait until something is given back, and the others go on."""
    fair = queue.fair
    assert fair is not None, "only shares contend"
    fair.closed[kind] = None
    if is_reserved(queue, job):
        state.machine.sleepers[queue.arn] = None
        pools.sleep(state, queue.arn, job.spec)
    else:
        placement.sleep(state, queue, job)
    misfit = placement.misfit(state, queue, job)
    if misfit is None and kind not in fair.misfits:
        return
    for turn in fair.heaps[kind]:
        head = lines.head(queue.lines[turn[2]]) if _holds(queue, turn) else None
        if head is not None:
            accusation.accuse(draft, queue.lines[turn[2]], head, misfit)
    if misfit is None:
        del fair.misfits[kind]
    else:
        fair.misfits[kind] = None
