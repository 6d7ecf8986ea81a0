"""Rigid jobs as Lublin and Feitelson model them: sizes, run times and arrivals with a daily cycle.

U. Lublin, D. G. Feitelson: The Workload on Parallel Supercomputers: Modeling the Characteristics of Rigid Jobs.
Journal of Parallel and Distributed Computing 63(11), 2003, pp. 1105-1122. The two kinds of jobs, interactive and
batch, have a stream of arrivals each; the parameters are the published ones, fitted to machines of 128 and more nodes.

- Size: one processor with probability `serial`; else 2 to a power from a two-stage uniform distribution, whole with
  probability `power_of_two`.
- Run time: e to a power from one of two gamma distributions; the larger the job, the likelier the longer.
- Arrival: e to a gamma-distributed power is the time between two arrivals at the rush hours; in the other half hours
  of the day time goes by faster or slower, as the gamma distribution of the daily cycle has it.

Ours, not the model's: `largest` moves the bounds of the sizes, `pace` stretches the time between arrivals (the day
stays a day), and jobs have users, whose activity follows Zipf's law.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import merge
from itertools import accumulate, islice
from math import exp, inf, lgamma, log, log2
from random import Random

from batchd.traces.swf import Header, SwfJob, SwfStatus

NAME = "lublin"
INTERACTIVE, BATCH = 0, 1  # queue numbers, as the format wants them
LARGEST = 128  # the size of the machines of the published parameters
_BUCKETS = 48  # half hours of a day
_BUCKET_S = 1800
_DAY_STARTS = 11  # the bucket, counted from 1, in which the daily cycle begins: 5 o'clock
_LONGEST_LOG = 12  # no run time above e**12 s, 45 hours
_RAREST_LOG = 13  # no two arrivals further apart than e**13 s of rush hour, 5 days
_SAMPLE = 20_000  # jobs of each kind from which the load is estimated
_GROUPS = 4


@dataclass(frozen=True, slots=True)
class Model:
    """What is asked for. `load` is the work offered, as a part of what `vcpus` processors can do in the same time;
    None leaves arrivals as published."""

    seed: int = 1
    largest: int = LARGEST
    users: int = 16
    load: float | None = None
    vcpus: int = LARGEST


@dataclass(frozen=True, slots=True)
class _Kind:
    """The parameters of one kind of job, in the paper's order; sizes as powers of 2, for a largest of 128."""

    queue: int
    serial: float
    power_of_two: float
    low: float
    medium: float
    high: float
    first_stage: float
    short: tuple[float, float]
    long: tuple[float, float]
    short_slope: float
    short_base: float
    arrival: tuple[float, float]
    cycle: tuple[float, float]


_KINDS = (
    _Kind(
        queue=INTERACTIVE,
        serial=0.1541,
        power_of_two=0.625,
        low=1.0,
        medium=3.0,
        high=5.5,
        first_stage=0.705,
        short=(3.8351, 0.6605),
        long=(7.073, 0.6856),
        short_slope=-0.0118,
        short_base=0.9156,
        arrival=(6.5510 * 0.9797, 0.6621),
        cycle=(8.9186, 3.6680),
    ),
    _Kind(
        queue=BATCH,
        serial=0.2927,
        power_of_two=0.6686,
        low=1.2,
        medium=5.0,
        high=7.0,
        first_stage=0.875,
        short=(6.57, 0.823),
        long=(639.1, 0.0156),
        short_slope=-0.003,
        short_base=0.6986,
        arrival=(6.0415 * 1.0519, 0.8531),
        cycle=(6.1271, 5.2740),
    ),
)


def generate(model: Model, count: int) -> Iterator[SwfJob]:
    """So many jobs in order of submission; the same model gives the same jobs."""
    return islice(_jobs(model, 1.0 if model.load is None else _pace(model, model.load)), count)


def header(model: Model, count: int) -> Header:
    """What a file of these jobs says of itself."""
    load = "" if model.load is None else f" --load {model.load:g}"
    options = f"--jobs {count} --seed {model.seed} --vcpus {model.vcpus} --largest {model.largest}{load}"
    return Header(
        (
            ("Version", "2.2"),
            ("Computer", "none: jobs as Lublin and Feitelson model them (2003)"),
            ("Note", f"made by batchd simulate --model {NAME} {options}"),
            ("MaxJobs", str(count)),
            ("MaxRecords", str(count)),
            ("MaxProcs", str(model.vcpus)),
            ("MaxRuntime", str(int(exp(_LONGEST_LOG)))),
            ("Queue", f"{INTERACTIVE} interactive"),
            ("Queue", f"{BATCH} batch"),
        )
    )


def _jobs(model: Model, pace: float) -> Iterator[SwfJob]:
    shift = log2(model.largest / LARGEST)
    streams = [_stream(model.seed, _resized(kind, shift), pace) for kind in _KINDS]
    chance = Random(f"users {model.seed}")
    shares = list(accumulate(1 / rank for rank in range(1, model.users + 1)))
    users = range(1, model.users + 1)
    for number, (at, queue, size, seconds) in enumerate(merge(*streams), 1):
        user = chance.choices(users, cum_weights=shares)[0]
        yield SwfJob(
            number,
            at,
            run_time=seconds,
            processors=size,
            requested_processors=size,
            status=SwfStatus.COMPLETED.value,
            user=user,
            group=1 + user % _GROUPS,
            queue=queue,
        )


def _stream(seed: int, kind: _Kind, pace: float) -> Iterator[tuple[int, int, int, int]]:
    """(submit time, queue, processors, run time) of one kind."""
    chance = Random(f"jobs {kind.queue} {seed}")
    for at in _arrivals(Random(f"arrivals {kind.queue} {seed}"), kind, pace):
        size = _size(chance, kind)
        yield at, kind.queue, size, _run_time(chance, kind, size)


def _resized(kind: _Kind, shift: float) -> _Kind:
    """For a larger or smaller largest job: the stages keep their distance from the top, and stay in order."""
    high = max(kind.high + shift, 0.0)
    medium = max(kind.medium + shift, 0.0)
    return replace(kind, low=min(kind.low, medium), medium=medium, high=high)


def _size(chance: Random, kind: _Kind) -> int:
    which = chance.random()
    if which <= kind.serial:
        return 1
    in_first = chance.random() <= kind.first_stage
    bounds = (kind.low, kind.medium) if in_first else (kind.medium, kind.high)
    power = chance.uniform(*bounds)
    if which <= kind.serial + kind.power_of_two:
        power = min(int(power + 0.5), kind.high)
    return int(2**power + 0.5)


def _run_time(chance: Random, kind: _Kind, size: int) -> int:
    is_short = chance.random() <= kind.short_slope * size + kind.short_base
    return int(exp(_gamma_below(chance, kind.short if is_short else kind.long, _LONGEST_LOG)))


def _arrivals(chance: Random, kind: _Kind, pace: float) -> Iterator[int]:
    """Seconds since the first midnight. A half hour of the cycle's mean lasts as long as one of the rush hours."""
    cycle = _daily_cycle(kind.cycle)
    bucket, gone = 0, 0.0  # buckets since the first midnight; what is used up of this one
    while True:
        gone += pace * exp(_gamma_below(chance, kind.arrival, _RAREST_LOG)) / _BUCKET_S
        while gone > cycle[bucket % _BUCKETS]:
            gone -= cycle[bucket % _BUCKETS]
            bucket += 1
        yield int(_BUCKET_S * (bucket + gone / cycle[bucket % _BUCKETS]))


def _daily_cycle(shape: tuple[float, float]) -> list[float]:
    """How many arrivals each half hour of the day has, from midnight, in units of their mean."""
    weights = [0.0] * _BUCKETS
    for number in range(_DAY_STARTS, _DAY_STARTS + _BUCKETS):
        part = _gamma_below_x(number + 0.5, shape) - _gamma_below_x(number - 0.5, shape)
        weights[(number - 1) % _BUCKETS] = part
    mean = sum(weights) / _BUCKETS
    return [weight / mean for weight in weights]


def _gamma_below(chance: Random, shape: tuple[float, float], most: float) -> float:
    """Gamma-distributed, drawn again where it is too large."""
    value = inf
    while value > most:
        value = chance.gammavariate(*shape)
    return value


def _gamma_below_x(x: float, shape: tuple[float, float]) -> float:
    """The gamma distribution's probability of a value below x: the series of the incomplete gamma function."""
    alpha, beta = shape
    x /= beta
    term = total = 1 / alpha
    step = alpha
    while term > total * 1e-15:
        step += 1
        term *= x / step
        total += term
    return total * exp(alpha * log(x) - x - lgamma(alpha))


def _pace(model: Model, load: float) -> float:
    """How far apart arrivals must be for this load, estimated from the first jobs of each kind."""
    offered = 0.0
    for kind in _KINDS:
        sample = list(islice(_stream(model.seed, _resized(kind, log2(model.largest / LARGEST)), 1.0), _SAMPLE))
        work = sum(size * seconds for _, _, size, seconds in sample)
        offered += work / sample[-1][0]
    return offered / (model.vcpus * load)
