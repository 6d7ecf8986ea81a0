"""The model of Lublin and Feitelson: reproducible, and shaped as published."""

from __future__ import annotations

import io
from collections import Counter
from itertools import pairwise
from statistics import fmean

import pytest

from batchd.traces.lublin import BATCH, INTERACTIVE, Model, generate, header
from batchd.traces.swf import SwfReader, write_swf

JOBS = 20_000


def test_the_same_seed_gives_the_same_jobs_and_another_one_others() -> None:
    assert list(generate(Model(seed=5), 200)) == list(generate(Model(seed=5), 200))
    assert list(generate(Model(seed=5), 200)) != list(generate(Model(seed=6), 200))


def test_more_jobs_begin_with_the_same_ones() -> None:
    assert list(generate(Model(load=0.5), 300))[:100] == list(generate(Model(load=0.5), 100))


def test_a_trace_of_the_model_is_read_as_it_was_written() -> None:
    model = Model(vcpus=512, load=0.9)
    jobs = list(generate(model, 100))
    file = io.StringIO()
    write_swf(file, header(model, 100), jobs)
    reader = SwfReader(io.StringIO(file.getvalue()))
    assert list(reader) == jobs
    assert (reader.header.count("MaxProcs"), reader.header.count("MaxJobs")) == (512, 100)


def test_sizes_and_run_times_are_as_published() -> None:
    jobs = list(generate(Model(), JOBS))
    for queue, serial, powers, largest in ((BATCH, 0.2927, 0.6686, 128), (INTERACTIVE, 0.1541, 0.625, 45)):
        sizes = [job.processors for job in jobs if job.queue == queue]
        assert max(sizes) <= largest
        assert fmean(size == 1 for size in sizes) == pytest.approx(serial, abs=0.03)
        # and a few of those that are drawn as fractions are powers of two by chance
        assert fmean(size.bit_count() == 1 and size > 1 for size in sizes) >= powers - 0.03
    batch = [job.run_time for job in jobs if job.queue == BATCH]
    interactive = [job.run_time for job in jobs if job.queue == INTERACTIVE]
    assert max(batch) < 162_755  # e to the 12th seconds
    assert fmean(batch) > 10 * fmean(interactive)


def test_larger_jobs_run_longer() -> None:
    jobs = [job for job in generate(Model(), JOBS) if job.queue == BATCH]
    small = fmean(job.run_time for job in jobs if job.processors <= 4)
    large = fmean(job.run_time for job in jobs if job.processors >= 64)
    assert large > 1.2 * small


def test_jobs_arrive_in_order_and_mostly_by_day() -> None:
    jobs = list(generate(Model(), JOBS))
    assert all(one.submit_time <= other.submit_time for one, other in pairwise(jobs))
    hours = Counter(int(job.submit_time // 3600 % 24) for job in jobs)
    assert sum(hours[hour] for hour in range(9, 18)) > 3 * sum(hours[hour] for hour in range(9))


def test_a_load_is_met_and_the_day_stays_a_day() -> None:
    jobs = list(generate(Model(load=0.6, vcpus=2000), 50_000))
    work = sum(job.processors * job.run_time for job in jobs)
    assert work / (2000 * jobs[-1].submit_time) == pytest.approx(0.6, rel=0.15)
    hours = Counter(int(job.submit_time // 3600 % 24) for job in jobs)
    assert sum(hours[hour] for hour in range(9, 18)) > 3 * sum(hours[hour] for hour in range(9))


@pytest.mark.parametrize("largest", [1, 2, 3, 1000, 4096])
def test_no_job_is_larger_than_the_largest(largest: int) -> None:
    sizes = [job.processors for job in generate(Model(largest=largest), 2000)]
    assert 1 == min(sizes) <= max(sizes) <= largest


def test_the_first_user_is_the_busiest_of_those_asked_for() -> None:
    users = Counter(job.user for job in generate(Model(users=5), 2000))
    assert sorted(users) == [1, 2, 3, 4, 5]
    assert users.most_common(1)[0][0] == 1
