"""Messages that wait in queues, and ids that were used a moment ago.

What is ready is found by one index, (queue, is_blocked, due_at), so a receive costs as much as it returns whatever
waits behind. A message in flight is one whose `due_at` is moved; a message behind another one of its group is blocked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from batchd.store.named import named_queries
from batchd.store.queued import Content, Depth, NewMessage, QueuedMessage
from batchd.store.session import Row, Session

_SQL = named_queries("messages")
_NEW_QUEUE_NUMBER = _SQL["new_queue_number"]
_OPEN_QUEUE = _SQL["open_queue"]
_CLOSE_QUEUE = _SQL["close_queue"]
_GET_SEQUENCE = _SQL["get_sequence"]
_COUNT_ADDED = _SQL["count_added"]
_COUNT_REMOVED = _SQL["count_removed"]
_INSERT = _SQL["insert_message"]
_EXPIRED = _SQL["expired_messages"]
_HAS_GROUP = _SQL["has_group"]
_READY = _SQL["ready_messages"]
_GROUP = _SQL["group_messages"]
_FIND = _SQL["find_message"]
_HIDE = _SQL["hide_message"]
_SET_DUE = _SQL["set_due"]
_DELETE = _SQL["delete_message"]
_UNBLOCK = _SQL["unblock_group"]
_NEXT_DUE = _SQL["next_due"]
_COUNT = _SQL["count_messages"]
_COUNT_NOT_DUE = _SQL["count_not_due"]
_CLOSED_QUEUE = _SQL["closed_queue"]
_SWEEP = _SQL["sweep_messages"]
_DELETE_QUEUE = _SQL["delete_queue"]
_GET_RECENT = _SQL["get_recent"]
_PUT_RECENT = _SQL["put_recent"]
_TRIM_RECENT = _SQL["trim_recent"]
_AT_ONCE = 10  # how many messages one receive can have of a group


class MessageRows:
    """`queued.MessageTable` over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open_queue(self, sequence: int = 0) -> int:
        number: int = self._number(_NEW_QUEUE_NUMBER)
        self._session.change(_OPEN_QUEUE, (number, sequence))
        return number

    def close_queue(self, queue: int) -> None:
        self._session.change(_CLOSE_QUEUE, (queue,))

    def sequence(self, queue: int) -> int:
        return self._number(_GET_SEQUENCE, queue)

    def add(self, queue: int, messages: Sequence[NewMessage]) -> None:
        here: set[str] = set()  # groups
        rows = []
        for message in messages:
            group = message.group
            is_blocked = group is not None and (group in here or self._has_group(queue, group))
            if group is not None:
                here.add(group)
            rows.append(_row_of(queue, message, is_blocked))
        self._session.change_many(_INSERT, rows)
        self._session.change(_COUNT_ADDED, (len(rows), len(rows), queue))

    def ready(self, queue: int, now: int, limit: int) -> list[QueuedMessage]:
        heads = [_message(row) for row in self._session.rows(_READY, (queue, now, limit))]
        found: list[QueuedMessage] = []
        for head in heads:
            if len(found) >= limit:
                break
            found += [head] if head.group is None else self._ready_of_group(queue, head.group, now, limit - len(found))
        return found

    def hide(self, messages: Iterable[QueuedMessage]) -> None:
        rows = [(m.due_at, m.receives, m.first_received_at, m.received_at, m.number) for m in messages]
        self._session.change_many(_HIDE, rows)

    def find(self, queue: int, number: int, message_id: str) -> QueuedMessage | None:
        row = self._session.row(_FIND, (number, queue, message_id))
        return _message(row) if row else None

    def set_due(self, message: QueuedMessage, due_at: int) -> None:
        self._session.change(_SET_DUE, (due_at, message.number))

    def remove(self, queue: int, messages: Sequence[QueuedMessage]) -> None:
        self._remove(queue, [(message.number, message.group) for message in messages])

    def next_due(self, queue: int, now: int) -> int | None:
        row = self._session.row(_NEXT_DUE, (queue, now))
        return row[0] if row else None

    def depth(self, queue: int, now: int) -> Depth:
        waiting = {bool(received): count for received, count in self._session.rows(_COUNT_NOT_DUE, (queue, now))}
        in_flight, delayed = waiting.get(True, 0), waiting.get(False, 0)
        return Depth(self._number(_COUNT, queue) - in_flight - delayed, in_flight, delayed)

    def expire(self, queue: int, before: int, limit: int) -> int:
        expired = [(number, group) for number, group in self._session.rows(_EXPIRED, (queue, before, limit))]
        self._remove(queue, expired)
        return len(expired)

    def sweep(self, limit: int) -> int:
        row = self._session.row(_CLOSED_QUEUE)
        if row is None:
            return 0
        gone = self._session.change(_SWEEP, (row[0], limit))
        if gone < limit:
            self._session.change(_DELETE_QUEUE, (row[0],))
        return gone

    def _remove(self, queue: int, messages: Sequence[tuple[int, str | None]]) -> None:
        """By number and group."""
        if not messages:
            return
        self._session.change_many(_DELETE, [(number,) for number, _ in messages])
        self._session.change(_COUNT_REMOVED, (len(messages), queue))
        for group in dict.fromkeys(group for _, group in messages):
            if group is not None:
                self._session.change(_UNBLOCK, (queue, group))

    def _ready_of_group(self, queue: int, group: str, now: int, limit: int) -> list[QueuedMessage]:
        """Those in flight of a group were received together: they are among its first ones."""
        first = [_message(row) for row in self._session.rows(_GROUP, (queue, group, max(limit, _AT_ONCE)))]
        if any(message.is_in_flight(now) for message in first):
            return []
        due: list[QueuedMessage] = []
        for message in first[:limit]:
            if message.due_at > now:
                break
            due.append(message)
        return due

    def _has_group(self, queue: int, group: str) -> bool:
        return self._session.row(_HAS_GROUP, (queue, group)) is not None

    def _number(self, sql: str, *params: int) -> int:
        row = self._session.row(sql, params)
        return row[0] if row else 0


class RecentRows:
    """`queued.RecentTable` over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, scope: str, name: str, since: int) -> Content | None:
        row = self._session.row(_GET_RECENT, (scope, name, since))
        return _content(row[0]) if row else None

    def put(self, scope: str, name: str, at: int, content: Content) -> None:
        self._session.change(_PUT_RECENT, (scope, name, at, _text(content)))

    def trim(self, before: int, limit: int) -> int:
        return self._session.change(_TRIM_RECENT, (before, limit))


def _row_of(queue: int, message: NewMessage, is_blocked: bool) -> tuple[Any, ...]:
    return (
        queue,
        message.message_id,
        message.group,
        int(is_blocked),
        message.due_at,
        message.sent_at,
        message.receives,
        message.first_received_at,
        _text(message.content),
    )


def _message(row: Row) -> QueuedMessage:
    columns: list[Any] = [*row[:-1], _content(row[-1])]
    return QueuedMessage(*columns)


def _text(content: Content) -> str:
    return orjson.dumps(content).decode()


def _content(text: str) -> Content:
    content: Content = orjson.loads(text)
    return content
