"""What the shares of a queue have used: vCPU time that fades, and what it is worth. [batch.md 7.2, 7.3]

Usage is a whole number, thousandths of a vCPU times milliseconds, as it was at one moment; how much it is at a later
one follows from it and from what the share's jobs hold since. So what is stored says exactly what is remembered.
"""

from __future__ import annotations

from math import exp

from batchd.scheduler.events import FairShare
from batchd.scheduler.state import Draft, Job, Line, Queue, State

LEAST_WINDOW_S = 600
LOOK_AHEAD_MS = 60_000  # what a job holds counts from its start as if it had held it for so long
_WINDOWS_REMEMBERED = 10  # of a share that has gone quiet; then less than a ten-thousandth of its usage is left


def window_ms(queue: Queue) -> int:
    """The time constant of the decay."""
    decay_s = queue.fair.policy.decay_s if queue.fair is not None else 0
    return 1000 * max(LEAST_WINDOW_S, decay_s)


def usage(line: Line, window: int, now: int) -> int:
    """What the share has used as of now: what it had used fades, what it holds since is added and fades as well."""
    since = max(0, now - line.used_at)
    fading = exp(-since / window)
    return round(line.used * fading + line.held * window * (1.0 - fading))


def charge(line: Line, window: int, now: int) -> float:
    """What the share is charged with: its usage and what it holds now, times its weight. The least is served first."""
    return line.weight * (usage(line, window, now) + LOOK_AHEAD_MS * line.held)


def vcpus_of(job: Job) -> int:
    """What a job counts for (thousandths): nothing is for nothing."""
    return max(1, job.spec.resources.vcpus_milli)


def arrive(state: State, draft: Draft, job: Job) -> None:
    """A job of a share came to life."""
    queue = state.queue(job.spec.queue)
    line = queue.line(job.spec.share)
    was_active = is_active(line, window_ms(queue), draft.now)
    line.live += 1
    if line.live == 1:
        _settle(draft, queue, line)
    if queue.fair is not None and not was_active:
        queue.fair.tick = -1  # one more share is active: weights change, and there is less of a reservation
        state.awake[queue.arn] = None


def depart(state: State, draft: Draft, job: Job) -> None:
    """A job of a share is final."""
    queue = state.queue(job.spec.queue)
    line = queue.line(job.spec.share)
    line.live -= 1
    if not line.live:
        _settle(draft, queue, line)


def hold(state: State, draft: Draft, job: Job, sign: int = 1) -> None:
    """A job of a share was placed; with -1: it gave its place back."""
    queue = state.queue(job.spec.queue)
    _settle(draft, queue, queue.line(job.spec.share))
    take_back(state, job, sign)


def take_back(state: State, job: Job, sign: int = 1) -> None:
    """The same without usage: after a restart that is as it was stored."""
    queue = state.queue(job.spec.queue)
    line = queue.line(job.spec.share)
    line.held += sign * vcpus_of(job)
    queue.held += sign * vcpus_of(job)
    if queue.fair is not None:
        queue.fair.touched[line.name] = line


def lose_policy(draft: Draft, queue: Queue) -> None:
    """The queue is deleted, and its tasks have yet to stop: what its shares use is still told, for a queue of its name
    that is made meanwhile. After a restart nobody knows the policy any more, so nobody goes by it from now on."""
    for line in queue.lines.values():
        if line.live:
            _settle(draft, queue, line)
    queue.fair = None


def _settle(draft: Draft, queue: Queue, line: Line) -> None:
    """Usage matters to fair-share policies only; of a queue that had one it is still told until it is forgotten."""
    if queue.fair is None and not line.used_at:
        return
    line.used = usage(line, window_ms(queue), draft.now)
    line.used_at = draft.now
    draft.shares[queue.arn, line.name] = line


def utilization(queue: Queue, most: int) -> tuple[int, list[tuple[str, float]]]:
    """How many shares are active, and those that hold most: names and vCPUs, most first. [batch.md 5.5]"""
    holders = sorted((-line.held, line.name) for line in queue.lines.values() if line.held)
    active = 0 if queue.fair is None else queue.fair.active
    return active, [(name, -held / 1000) for held, name in holders[:most]]


# Weights and activity, which change when shares come and go and with time: they are looked at anew every second.


def is_active(line: Line, window: int, now: int) -> bool:
    """Whether the share has a job, or its usage has not decayed yet. [batch.md 7.3]"""
    return line.live > 0 or (line.used_at > 0 and now - line.used_at <= window)


def is_forgotten(line: Line, window: int, now: int) -> bool:
    """Whether nothing is left of the share that would matter."""
    return not line.live and not line.standing and now - line.used_at > _WINDOWS_REMEMBERED * window


def weigh(queue: Queue, policy: FairShare, active: list[Line]) -> None:
    """Give each of a queue's shares its weight: those under one prefix have that one's together. [batch.md 7.2]"""
    rules = [(name.removesuffix("*"), name.endswith("*"), factor) for name, factor in policy.weights]
    exact = {name: factor for name, is_prefix, factor in rules if not is_prefix}
    prefixes = [(name, factor) for name, is_prefix, factor in rules if is_prefix]
    for line in queue.lines.values():
        line.weight = exact.get(line.name, 1.0)
    for prefix, factor in prefixes:
        number = sum(line.name.startswith(prefix) for line in active)
        for line in queue.lines.values():
            if line.name.startswith(prefix):
                line.weight = factor * max(1, number)


def limit(state: State, queue: Queue, policy: FairShare, active: int) -> int | None:
    """How many vCPUs (thousandths) the queue's jobs may hold so that those reserved for shares that are not active yet
    stay free; None: all there are. [batch.md 7.3]"""
    if not policy.reservation:
        return None
    environments = [state.environments.get(arn) for arn in queue.environments]
    sizes = [found.max_vcpus_milli for found in environments if found is not None]
    known = [size for size in sizes if size is not None]
    if len(known) < len(environments) or not known or state.machine.capacity is None:
        return None
    most = min(sum(known), state.machine.capacity.vcpus_milli)
    return most - round(most * (policy.reservation / 100.0) ** max(1, active))
