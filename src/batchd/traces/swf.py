"""The Standard Workload Format, version 2.2, in which the Parallel Workloads Archive keeps its logs.

A line a job, of 18 numbers; -1 where a value is unknown; lines that begin with `;` are comments, and those at the top
the header. Lines are sorted by submit time. (https://www.cs.huji.ac.il/labs/parallel/workload/swf.html)
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import IO, NamedTuple

from batchd.errors import BatchdError

UNKNOWN = -1


class TraceError(BatchdError):
    """A trace cannot be read, or not be replayed as asked; names the line where there is one."""


class SwfStatus(IntEnum):
    """What became of a job. A job in parts has a line for the whole, with 0 or 1, and one for each part."""

    UNKNOWN = -1
    FAILED = 0
    COMPLETED = 1
    PART_TO_BE_CONTINUED = 2
    LAST_PART_COMPLETED = 3
    LAST_PART_FAILED = 4
    CANCELLED = 5


class SwfJob(NamedTuple):
    """The 18 fields in their order. Times in seconds (whole or not), memory in KiB a processor."""

    number: int
    submit_time: float
    wait_time: float = UNKNOWN
    run_time: float = UNKNOWN
    processors: int = UNKNOWN
    cpu_time: float = UNKNOWN
    memory: float = UNKNOWN
    requested_processors: int = UNKNOWN
    requested_time: float = UNKNOWN
    requested_memory: float = UNKNOWN
    status: int = UNKNOWN
    user: int = UNKNOWN
    group: int = UNKNOWN
    executable: int = UNKNOWN
    queue: int = UNKNOWN
    partition: int = UNKNOWN
    preceding_job: int = UNKNOWN
    think_time: float = UNKNOWN


FIELDS = SwfJob._fields
_MAY_BE_FRACTIONS = frozenset(
    {"submit_time", "wait_time", "run_time", "cpu_time", "memory", "requested_time", "requested_memory", "think_time"}
)
_STATUSES = frozenset(SwfStatus)


@dataclass(frozen=True, slots=True)
class Header:
    """The labelled comments at the top, in order: (`MaxProcs`, `128`). Comments without a label have an empty one."""

    comments: tuple[tuple[str, str], ...] = ()

    def text(self, label: str) -> str | None:
        """The first comment with this label."""
        return next((text for found, text in self.comments if found == label), None)

    def count(self, label: str) -> int | None:
        """The whole number that this comment begins with; None where there is none, or it is unknown."""
        words = (self.text(label) or "").split()
        return int(words[0]) if words and words[0].isascii() and words[0].isdigit() else None


class SwfReader:
    """A trace as it is read: `header` at once, the jobs one by one as they are iterated over (once).

    Raises TraceError, with the number of the line, and the `name` of the file where there is one."""

    def __init__(self, lines: Iterable[str], name: str = "") -> None:
        self._name = name
        self._lines = enumerate(self._read(lines), 1)
        self._first: list[tuple[int, str]] = []
        self.header = self._read_header()

    def __iter__(self) -> Iterator[SwfJob]:
        before: float = 0
        for number, line in chain(self._first, self._lines):
            if line.startswith(";") or not line.strip():
                continue
            try:
                job = parse_job(line)
            except ValueError as error:
                raise self._fault(number, str(error)) from None
            if job.submit_time < before:
                raise self._fault(
                    number,
                    f"submitted at {job.submit_time}, but the job before it at {before}: "
                    "lines must be sorted by submit time",
                )
            before = job.submit_time
            yield job

    def _read(self, lines: Iterable[str]) -> Iterator[str]:
        try:
            yield from lines
        except (OSError, EOFError, zlib.error) as error:
            raise TraceError(f"cannot read {self._name}: {error}") from error

    def _read_header(self) -> Header:
        comments = []
        for number, line in self._lines:
            if line.startswith(";"):
                comments.append(_comment(line))
            elif line.strip():
                self._first.append((number, line))
                break
        return Header(tuple(comments))

    def _fault(self, number: int, text: str) -> TraceError:
        return TraceError(f"{self._name}, line {number}: {text}" if self._name else f"line {number}: {text}")


@contextmanager
def open_swf(path: Path) -> Iterator[SwfReader]:
    """A trace in a file, compressed where its name ends in `.gz`. Raises TraceError where it cannot be read."""
    try:
        file = _open(path)
    except OSError as error:
        raise TraceError(f"cannot read {path}: {error}") from error
    with file:
        yield SwfReader(file, str(path))


def parse_job(line: str) -> SwfJob:
    """One job's line. Raises ValueError with what is wrong."""
    words = line.split()
    if len(words) != len(FIELDS):
        raise ValueError(f"{len(words)} fields instead of {len(FIELDS)}")
    if not line.isascii() or "_" in line:  # which Python takes for parts of numbers
        raise ValueError("a character that is not of a number")
    try:
        values: Sequence[float] = [int(word) for word in words]
    except ValueError:
        values = [_value(name, word) for name, word in zip(FIELDS, words, strict=True)]
    job = SwfJob._make(values)
    if min(values) < UNKNOWN or job.number < 0 or job.submit_time < 0 or job.status not in _STATUSES:
        raise ValueError(_fault(job))
    return job


def write_swf(file: IO[str], header: Header, jobs: Iterable[SwfJob]) -> int:
    """Write a trace that `SwfReader` reads as the same header and jobs; returns how many jobs."""
    for label, text in header.comments:
        file.write(f"; {label}: {text}\n" if label else f"; {text}\n")
    count = 0
    for count, job in enumerate(jobs, 1):  # noqa: B007 - what is left of it is the answer
        file.write(" ".join(map(repr, job)) + "\n")
    return count


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", errors="replace")
    return path.open(encoding="utf-8", errors="replace")


def _comment(line: str) -> tuple[str, str]:
    """A label is one word before a colon."""
    text = line.lstrip(";").strip()
    label, colon, rest = text.partition(":")
    return (label, rest.strip()) if colon and label.isalnum() else ("", text)


def _value(name: str, word: str) -> float:
    """Where a line is not of whole numbers only."""
    try:
        return int(word)
    except ValueError:
        pass
    try:
        value = float(word)
    except ValueError:
        raise ValueError(f"{name} is {word!r}, not a number") from None
    if not isfinite(value):
        raise ValueError(f"{name} is {word!r}, not a number")
    if name in _MAY_BE_FRACTIONS:
        return value
    if value != int(value):
        raise ValueError(f"{name} is {word!r}, not a whole number")
    return int(value)


def _fault(job: SwfJob) -> str:
    """What is out of range."""
    for name, value in zip(FIELDS, job, strict=True):
        if value < UNKNOWN or (value < 0 and name in ("number", "submit_time")):
            return f"{name} is {value}"
    return f"status is {job.status}, not one of -1 to 5"
