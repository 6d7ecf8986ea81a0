"""The same events give the same answers: twice in one process, and in processes that hash differently."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from batchd.scheduler.commands import StartTask
from batchd.scheduler.events import (
    CancelRequested,
    Dependency,
    Event,
    JobSubmitted,
    QueueDeleted,
    TaskExited,
    TaskLost,
    TaskStarted,
    TerminateRequested,
)
from batchd.scheduler.scheduler import Scheduler
from tests.scheduler.worlds import after, environment, fair, limited, machine, of, queue, retrying, spec


def life(seed: int) -> str:
    """A digest of all that a scheduler answers in a long random life."""
    chance = random.Random(seed)
    scheduler = Scheduler()
    digest = hashlib.sha256()
    tasks: list[str] = []
    now = 0
    events: list[Event] = [machine(8, 8192), *(environment(f"e{n}", 3 + n) for n in range(3))]
    policies = [None, None, None, None, fair(), fair(decay_s=900, reservation=30, a=0.5)]
    events += [queue(f"q{n}", f"e{n % 3}", f"e{(n + 1) % 3}", priority=n // 3, fair=policies[n]) for n in range(6)]
    for number in range(400):
        now += chance.randrange(20_000)
        step = scheduler.step(events, now)
        digest.update(repr((step, scheduler.next_deadline(), scheduler.wanted())).encode())
        tasks += [command.task_id for command in step.commands if isinstance(command, StartTask)]
        events = [_event(chance, number, tasks, now) for _ in range(chance.randrange(4))]
        job = retrying(spec(f"j{number}", chance.randrange(4), on=f"q{chance.randrange(6)}"), chance.randrange(1, 3))
        job = limited(job, 60) if chance.random() < 0.3 else job
        job = replace(job, size=3, sequential=chance.random() < 0.3) if chance.random() < 0.3 else job
        if job.queue in ("q4", "q5"):
            job = of(chance.choice("abc"), job, chance.randrange(3))
        other = Dependency(f"j{number - 1}", each=job.size > 0 and chance.random() < 0.5)
        events.append(JobSubmitted(after(job, other) if chance.random() < 0.2 else job))
    return digest.hexdigest()


def _event(chance: random.Random, number: int, tasks: list[str], now: int) -> Event:
    job_id = f"j{chance.randrange(number + 1)}{chance.choice(('', '', ':1'))}"
    task_id = chance.choice(tasks or ["none"])
    roll = chance.random()
    if roll < 0.4:
        return TaskStarted(task_id, now)
    if roll < 0.8:
        return TaskExited(task_id, now, chance.randrange(2))
    if roll < 0.85:
        return TaskLost(task_id, now, "gone")
    if roll < 0.99:
        return (CancelRequested if roll < 0.9 else TerminateRequested)(job_id, "no")
    return QueueDeleted("q5")


def test_the_same_events_give_the_same_answers() -> None:
    assert life(1) == life(1) != life(2)


def test_answers_do_not_depend_on_how_this_process_hashes() -> None:
    root = Path(__file__).parents[2]
    code = "from tests.scheduler.test_determinism import life; print(life(3))"
    answers = []
    for hash_seed in ("0", "1", "4242"):
        environ = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": f"{root}{os.pathsep}{root / 'src'}"}
        ran = subprocess.run(
            [sys.executable, "-c", code], env=environ, cwd=root, capture_output=True, text=True, check=True
        )
        answers.append(ran.stdout.strip())
    assert answers == [life(3)] * 3
