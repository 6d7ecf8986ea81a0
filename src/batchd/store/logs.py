"""Log streams and their lines.

Lines are kept in chunks (`chunks.py`), which only `expire` ever changes. Chunks overlap in time where an append came
late or streams are read together, so readers merge them.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Generic, TypeVar

from batchd.errors import DuplicateKey
from batchd.store.chunks import SPAN_MS, Line, pack, runs, unpack
from batchd.store.named import name_range, named_queries, prefix_range
from batchd.store.session import Row, Session
from batchd.store.store import LogEvent, LogStream, StreamKey, TimeWindow

_SQL = named_queries("logs")
_FIND_GROUP = _SQL["find_group"]
_INSERT_GROUP = _SQL["insert_group"]
_INSERT_STREAM = _SQL["insert_stream"]
_FIND_STREAM = _SQL["find_stream"]
_GET_STREAM = _SQL["get_stream"]
_PAGE_STREAMS = _SQL["page_streams"]
_PAGE_BACKWARD = _SQL["page_streams_backward"]
_NEWEST_FIRST = (_SQL["earlier_streams_of_moment"], _SQL["streams_before_moment"])
_OLDEST_FIRST = (_SQL["later_streams_of_moment"], _SQL["streams_after_moment"])
_TOUCH_STREAM = _SQL["touch_stream"]
_INSERT_CHUNK = _SQL["insert_chunk"]
_FORWARD = _SQL["chunks_forward"]
_BACKWARD = _SQL["chunks_backward"]
_OF_GROUP = _SQL["chunks_of_group"]
_EXPIRED = _SQL["expired_chunks"]
_DELETE_EXPIRED = _SQL["delete_expired_chunks"]
_EXPIRING = _SQL["expiring_chunks"]
_SHORTEN_CHUNK = _SQL["shorten_chunk"]
_RESTART_STREAM = _SQL["restart_stream"]
_DELETE_STREAM = (_SQL["delete_stream_chunks"], _SQL["delete_stream"])
_DELETE_GROUP = (_SQL["delete_group_chunks"], _SQL["delete_group_streams"], _SQL["delete_group"])

_GET_CURSOR = _SQL["get_cursor"]
_PUT_CURSOR = _SQL["put_cursor"]
_DELETE_CURSOR = _SQL["delete_cursor"]

_END = 2**62
_SEQ_BITS = 32  # of the number that an event has in its group; the stream's number stands above

P = TypeVar("P", tuple[int, int], tuple[int, int, int])


class LogRows:
    """`store.LogTable` over a session. Positions may be any integers; (0, 0) is before the first line."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def create_stream(self, key: StreamKey, now: int) -> None:
        self._session.change(_INSERT_GROUP, (key.region, key.group))
        row = self._session.row(_FIND_GROUP, (key.region, key.group))
        assert row is not None
        if not self._session.change(_INSERT_STREAM, (row[0], key.stream, now)):
            raise DuplicateKey(f"log stream {key.stream} exists")

    def stream(self, key: StreamKey) -> LogStream | None:
        row = self._session.row(_GET_STREAM, _params(key))
        return LogStream(*row) if row else None

    def streams(
        self, region: str, group: str, *, prefix: str = "", after: str = "", limit: int = 50
    ) -> list[LogStream]:
        rows = self._session.rows(_PAGE_STREAMS, (region, group, *name_range(prefix, after), limit))
        return [LogStream(*row) for row in rows]

    def streams_backward(
        self, region: str, group: str, *, prefix: str = "", before: str = "", limit: int = 50
    ) -> list[LogStream]:
        lower, upper = prefix_range(prefix)
        upper = min(before, upper) if before else upper
        return [LogStream(*row) for row in self._session.rows(_PAGE_BACKWARD, (region, group, lower, upper, limit))]

    def streams_by_time(
        self, region: str, group: str, after: tuple[int, str] | None, *, newest_first: bool, limit: int
    ) -> list[LogStream]:
        found = self._session.row(_FIND_GROUP, (region, group))
        if found is None:
            return []
        at, name = after or (_END if newest_first else -_END, "")
        of_moment, beyond = _NEWEST_FIRST if newest_first else _OLDEST_FIRST
        streams = [LogStream(*row) for row in self._session.rows(of_moment, (found[0], at, name, limit))]
        rows = self._session.rows(beyond, (found[0], at, limit - len(streams)))
        return streams + [LogStream(*row) for row in rows]

    def delete_stream(self, key: StreamKey) -> bool:
        found = self._session.row(_FIND_STREAM, _params(key))
        if found is None:
            return False
        for sql in _DELETE_STREAM:
            self._session.change(sql, (found[0],))
        return True

    def delete_group(self, region: str, group: str) -> None:
        found = self._session.row(_FIND_GROUP, (region, group))
        if found is not None:
            for sql in _DELETE_GROUP:
                self._session.change(sql, (found[0],))

    def append(self, key: StreamKey, events: Sequence[Line], now: int) -> None:
        found = self._session.row(_FIND_STREAM, _params(key))
        if found is None:
            self.create_stream(key, now)
            found = self._session.row(_FIND_STREAM, _params(key))
            assert found is not None
        if not events:
            return
        number, group_number, seq, first, last = found
        for run in runs(events):
            begin, end = run[0][0], run[-1][0]
            row = (group_number, number, begin, end, now, seq, len(run), pack(run))
            self._session.change(_INSERT_CHUNK, row)
            seq += len(run)
            first = begin if first is None else min(first, begin)
            last = end if last is None else max(last, end)
        self._session.change(_TOUCH_STREAM, (first, last, now, seq, number))

    def forward(self, key: StreamKey, after: tuple[int, int], until: int | None, limit: int) -> list[LogEvent]:
        found = self._session.row(_FIND_STREAM, _params(key))
        if found is None:
            return []
        end = _END if until is None else until
        merge: _Merge[tuple[int, int]] = _Merge(limit)
        bounds = (_minute(after[0]), end, after[0], after[0], after[1] + 1)
        for chunk in self._session.rows(_FORWARD, (found[0], *bounds)):
            first, last, ingested_at, seq, lines = chunk
            if merge.is_full_before((first, seq)):
                break
            for at, message in unpack(first, last, lines):
                if at < end and (at, seq) > after:
                    merge.found.append(((at, seq), LogEvent(key.stream, seq, at, ingested_at, message)))
                seq += 1
        return merge.events()

    def backward(self, key: StreamKey, before: tuple[int, int], since: int | None, limit: int) -> list[LogEvent]:
        found = self._session.row(_FIND_STREAM, _params(key))
        if found is None:
            return []
        start = -_END if since is None else since
        merge: _Merge[tuple[int, int]] = _Merge(limit)
        bounds = (start, _minute(before[0]) + SPAN_MS, before[0], before[0], before[1])
        for chunk in self._session.rows(_BACKWARD, (found[0], *bounds)):
            first, last, ingested_at, seq, size, lines = chunk
            if merge.is_full_before((-last, -(seq + size - 1))):
                break
            for at, message in unpack(first, last, lines):
                if at >= start and (at, seq) < before:
                    merge.found.append(((-at, -seq), LogEvent(key.stream, seq, at, ingested_at, message)))
                seq += 1
        return merge.events()[::-1]

    def scan(
        self, region: str, group: str, after: tuple[int, int, int], window: TimeWindow, limit: int
    ) -> list[tuple[tuple[int, int, int], LogEvent]]:
        found = self._session.row(_FIND_GROUP, (region, group))
        if found is None:
            return []
        start = max(after[0], -_END if window.since is None else window.since)
        end = _END if window.until is None else window.until
        merge: _Merge[tuple[int, int, int]] = _Merge(limit)
        for chunk in self._session.rows(_OF_GROUP, (found[0], _minute(start), end, start)):
            first, last, ingested_at, seq, size, lines, stream_number, stream = chunk
            number = stream_number << _SEQ_BITS | seq
            if merge.is_full_before((first, ingested_at, number)):
                break
            if (last, ingested_at, number + size - 1) <= after:
                continue
            for at, message in unpack(first, last, lines):
                place = (at, ingested_at, stream_number << _SEQ_BITS | seq)
                if start <= at <= end and place > after:
                    merge.found.append((place, LogEvent(stream, seq, at, ingested_at, message)))
                seq += 1
        return merge.placed()

    def expire(self, region: str, group: str, before: int) -> int:
        found = self._session.row(_FIND_GROUP, (region, group))
        if found is None:
            return 0
        expired = list(self._session.rows(_EXPIRED, (found[0], before, before)))
        expiring = list(self._session.rows(_EXPIRING, (found[0], _minute(before), before, before)))
        if not expired and not expiring:
            return 0
        self._session.change(_DELETE_EXPIRED, (found[0], before, before))
        deleted: int = sum(size for _, size in expired) + sum(self._shorten(chunk, before) for chunk in expiring)
        streams = dict.fromkeys([row[0] for row in expired] + [row[1] for row in expiring])
        self._session.change_many(_RESTART_STREAM, [(number,) for number in streams])
        return deleted

    def _shorten(self, chunk: Row, before: int) -> int:
        """Drop the lines of a chunk that are older; returns how many."""
        number, _, first, last, seq, packed = chunk
        lines = list(unpack(first, last, packed))
        kept = [line for line in lines if line[0] >= before]
        dropped = len(lines) - len(kept)
        self._session.change(_SHORTEN_CHUNK, (kept[0][0], seq + dropped, len(kept), pack(kept), number))
        return dropped


class LogCursorRows:
    """`store.LogCursors` over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, task_id: str) -> int:
        """0 where nothing has been read."""
        row = self._session.row(_GET_CURSOR, (task_id,))
        return int(row[0]) if row else 0

    def put(self, task_id: str, offset: int) -> None:
        self._session.change(_PUT_CURSOR, (task_id, offset))

    def delete(self, task_id: str) -> None:
        self._session.change(_DELETE_CURSOR, (task_id,))


class _Merge(Generic[P]):
    """The first `limit` events by their place, out of chunks that come ordered by their own first place."""

    def __init__(self, limit: int) -> None:
        self.found: list[tuple[P, LogEvent]] = []
        self._limit = limit

    def is_full_before(self, place: P) -> bool:
        """True if no chunk that begins at this place or behind it can change the answer."""
        if len(self.found) < self._limit:
            return False
        self.placed()
        return not self.found or self.found[-1][0] < place

    def placed(self) -> list[tuple[P, LogEvent]]:
        self.found.sort(key=itemgetter(0))
        del self.found[self._limit :]
        return self.found

    def events(self) -> list[LogEvent]:
        return [event for _, event in self.placed()]


def _params(key: StreamKey) -> tuple[str, str, str]:
    return key.region, key.group, key.stream


def _minute(at: int) -> int:
    """Where the span that holds this time begins."""
    return at // SPAN_MS * SPAN_MS
