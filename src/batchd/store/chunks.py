"""Chunks: runs of log lines as one row holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter

import orjson

Line = tuple[int, str]  # timestamp, message

SPAN_MS = 60_000  # no chunk crosses a multiple of it, so a reader knows how far back a chunk may begin
_LINES = 512
_CHARACTERS = 64 * 1024


def runs(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Cut lines, in order of their timestamps, into runs for one chunk each."""
    run: list[Line] = []
    characters, end = 0, 0
    for line in sorted(lines, key=itemgetter(0)):
        if run and (line[0] >= end or len(run) == _LINES or characters > _CHARACTERS):
            yield run
            run, characters = [], 0
        if not run:
            end = (line[0] // SPAN_MS + 1) * SPAN_MS
        run.append(line)
        characters += len(line[1])
    if run:
        yield run


def pack(run: Sequence[Line]) -> bytes:
    """JSON: the messages, or where they differ in time [ms since the first, messages]."""
    first, last = run[0][0], run[-1][0]
    messages = [message for _, message in run]
    return orjson.dumps(messages if first == last else [[at - first for at, _ in run], messages])


def unpack(first: int, last: int, packed: bytes) -> Iterable[Line]:
    """The run that `pack` wrote; `first` and `last` are its first and last timestamps."""
    if first == last:
        return [(first, message) for message in orjson.loads(packed)]
    times, messages = orjson.loads(packed)
    return zip([first + time for time in times], messages, strict=True)
