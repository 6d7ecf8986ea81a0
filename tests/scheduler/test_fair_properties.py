"""In the long run shares get what their weights say, whatever their jobs are like; and none waits for ever."""

from __future__ import annotations

from collections import Counter
from heapq import heappop, heappush
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from batchd.scheduler.commands import StartTask
from batchd.scheduler.events import Event, FairShare, JobSubmitted, TaskExited, TaskStarted
from batchd.scheduler.scheduler import Scheduler
from tests.scheduler.worlds import environment, fair, machine, of, queue, spec

VCPUS = 12


class Rush:
    """Every share always has two jobs waiting, of `sizes` vCPUs and about `length_s`; `used` is what each share got, in
    vCPU-seconds, `waited` the longest time (s) between two of its starts."""

    def __init__(self, policy: FairShare, sizes: dict[str, int], length_s: float, seed: int) -> None:
        self.chance = Random(seed)
        self.scheduler = Scheduler()
        self.sizes = sizes
        self.length_s = length_s
        self.now = 0
        self.made = 0
        self.running: list[tuple[int, str]] = []
        self.since: dict[str, int] = {}
        self.used: Counter[str] = Counter()
        self.last: dict[str, int] = dict.fromkeys(sizes, 0)
        self.waited: Counter[str] = Counter()
        self.step(machine(VCPUS, 10**6), environment("main"), queue("q", "main", fair=policy))
        self.step(*[self.job(share) for share in sizes for _ in range(VCPUS)])

    def job(self, share: str) -> JobSubmitted:
        self.made += 1
        return JobSubmitted(of(share, spec(f"{share}.{self.made}", self.sizes[share], 1)))

    def run(self, ends: int) -> None:
        for _ in range(ends):
            self.now, task = heappop(self.running)
            job = self.scheduler.state.tasks[task]
            share = job.spec.share
            self.used[share] += (self.now - self.since.pop(task)) * self.sizes[share] // 1000
            self.step(TaskExited(task, self.now, 0), self.job(share))

    def step(self, *events: Event) -> None:
        for command in self.scheduler.step(events, self.now).commands:
            assert isinstance(command, StartTask)
            share = command.job_id.partition(".")[0]
            self.waited[share] = max(self.waited[share], (self.now - self.last[share]) // 1000)
            self.last[share] = self.since[command.task_id] = self.now
            length = self.chance.expovariate(1 / self.length_s)
            heappush(self.running, (self.now + 1000 + round(1000 * length), command.task_id))
            self.scheduler.step([TaskStarted(command.task_id, self.now)], self.now)


weights = st.lists(st.sampled_from([0.25, 0.5, 1.0, 2.0]), min_size=2, max_size=4)


@settings(max_examples=15, deadline=None)
@given(weights, st.sampled_from([5.0, 60.0]), st.sampled_from([0, 3600]), st.integers(0, 1000))
def test_shares_converge_to_the_inverse_of_their_weights(
    factors: list[float], length_s: float, decay_s: int, seed: int
) -> None:
    names = {f"s{number}": factor for number, factor in enumerate(factors)}
    rush = Rush(fair(decay_s, **names), dict.fromkeys(names, 1), length_s, seed)
    rush.run(200)
    rush.used.clear()
    rush.run(1200)
    whole = sum(1 / factor for factor in factors)
    for name, factor in names.items():
        due = 1 / factor / whole
        assert abs(rush.used[name] / rush.used.total() - due) < 0.05, (name, due, rush.used)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from([1, 2, 3]), min_size=2, max_size=5), st.integers(0, 1000))
def test_no_share_starves_beside_others_of_the_same_weight(sizes: list[int], seed: int) -> None:
    rush = Rush(fair(), {f"s{number}": size for number, size in enumerate(sizes)}, 20.0, seed)
    rush.run(800)
    for name in rush.sizes:
        assert max(rush.waited[name], (rush.now - rush.last[name]) // 1000) < 1200, (name, sizes, rush.waited)
