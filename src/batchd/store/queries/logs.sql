-- name: find_group
-- A group's number.
SELECT number FROM log_groups WHERE region = ? AND name = ?;

-- name: insert_group
-- Give a group a number.
INSERT INTO log_groups (region, name) VALUES (?, ?) ON CONFLICT (region, name) DO NOTHING;

-- name: insert_stream
-- A new stream: no row is changed where the group has it.
INSERT INTO log_streams (group_number, name, created_at, next_seq) VALUES (?, ?, ?, 1)
ON CONFLICT (group_number, name) DO NOTHING;

-- name: find_stream
-- A stream's number, its group's, the number of its next line, and the times of its first and last.
SELECT s.number, s.group_number, s.next_seq, s.first_event_at, s.last_event_at
FROM log_groups g JOIN log_streams s ON s.group_number = g.number
WHERE g.region = ? AND g.name = ? AND s.name = ?;

-- name: get_stream
-- One stream, in the order of LogStream's fields.
SELECT s.name, s.created_at, s.first_event_at, s.last_event_at, s.last_ingested_at
FROM log_groups g JOIN log_streams s ON s.group_number = g.number
WHERE g.region = ? AND g.name = ? AND s.name = ?;

-- name: page_streams
-- Streams whose names lie between two bounds, the upper excluded.
SELECT s.name, s.created_at, s.first_event_at, s.last_event_at, s.last_ingested_at
FROM log_groups g JOIN log_streams s ON s.group_number = g.number
WHERE g.region = ? AND g.name = ? AND s.name >= ? AND s.name < ?
ORDER BY s.name LIMIT ?;

-- name: page_streams_backward
-- Streams whose names lie between two bounds, the upper excluded, the last first.
SELECT s.name, s.created_at, s.first_event_at, s.last_event_at, s.last_ingested_at
FROM log_groups g JOIN log_streams s ON s.group_number = g.number
WHERE g.region = ? AND g.name = ? AND s.name >= ? AND s.name < ?
ORDER BY s.name DESC LIMIT ?;

-- name: earlier_streams_of_moment
-- A group's streams with their last line at one moment and names before one, the last first.
SELECT name, created_at, first_event_at, last_event_at, last_ingested_at FROM log_streams
WHERE group_number = ? AND COALESCE(last_event_at, 0) = ? AND name < ?
ORDER BY name DESC LIMIT ?;

-- name: later_streams_of_moment
-- A group's streams with their last line at one moment and names after one.
SELECT name, created_at, first_event_at, last_event_at, last_ingested_at FROM log_streams
WHERE group_number = ? AND COALESCE(last_event_at, 0) = ? AND name > ?
ORDER BY name LIMIT ?;

-- name: streams_before_moment
-- A group's streams with their last line before a moment, the newest first.
SELECT name, created_at, first_event_at, last_event_at, last_ingested_at FROM log_streams
WHERE group_number = ? AND COALESCE(last_event_at, 0) < ?
ORDER BY COALESCE(last_event_at, 0) DESC, name DESC LIMIT ?;

-- name: streams_after_moment
-- A group's streams with their last line after a moment, the oldest first.
SELECT name, created_at, first_event_at, last_event_at, last_ingested_at FROM log_streams
WHERE group_number = ? AND COALESCE(last_event_at, 0) > ?
ORDER BY COALESCE(last_event_at, 0), name LIMIT ?;

-- name: touch_stream
-- Lines were added to a stream.
UPDATE log_streams SET first_event_at = ?, last_event_at = ?, last_ingested_at = ?, next_seq = ? WHERE number = ?;

-- name: insert_chunk
-- A run of lines.
INSERT INTO log_chunks (group_number, stream_number, first_at, last_at, ingested_at, first_seq, size, lines)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: chunks_forward
-- A stream's runs that may hold lines behind a place, up to a time, by their first line.
SELECT first_at, last_at, ingested_at, first_seq, lines FROM log_chunks
WHERE stream_number = ? AND first_at >= ? AND first_at < ? AND (last_at > ? OR last_at = ? AND first_seq + size > ?)
ORDER BY first_at, first_seq;

-- name: chunks_backward
-- A stream's runs that may hold lines before a place, since a time, by their last line, latest first.
SELECT first_at, last_at, ingested_at, first_seq, size, lines FROM log_chunks
WHERE stream_number = ? AND last_at >= ? AND last_at < ? AND (first_at < ? OR first_at = ? AND first_seq < ?)
ORDER BY last_at DESC, first_seq DESC;

-- name: chunks_of_group
-- A group's runs that may hold lines of a stretch of time, by their first line.
SELECT c.first_at, c.last_at, c.ingested_at, c.first_seq, c.size, c.lines, c.stream_number, s.name
FROM log_chunks c JOIN log_streams s ON s.number = c.stream_number
WHERE c.group_number = ? AND c.first_at >= ? AND c.first_at <= ? AND c.last_at >= ?
ORDER BY c.first_at, c.ingested_at, c.stream_number, c.first_seq;

-- name: expired_chunks
-- How many lines each stream of a group has in runs that are wholly older than a time.
SELECT stream_number, SUM(size) FROM log_chunks
WHERE group_number = ? AND first_at < ? AND last_at < ?
GROUP BY stream_number;

-- name: delete_expired_chunks
-- Forget a group's runs that are wholly older than a time.
DELETE FROM log_chunks WHERE group_number = ? AND first_at < ? AND last_at < ?;

-- name: expiring_chunks
-- A group's runs that are partly older than a time.
SELECT number, stream_number, first_at, last_at, first_seq, lines FROM log_chunks
WHERE group_number = ? AND first_at >= ? AND first_at < ? AND last_at >= ?;

-- name: shorten_chunk
-- Forget a run's first lines.
UPDATE log_chunks SET first_at = ?, first_seq = ?, size = ?, lines = ? WHERE number = ?;

-- name: restart_stream
-- A stream's first lines are gone.
UPDATE log_streams SET
    first_event_at = (SELECT MIN(first_at) FROM log_chunks WHERE stream_number = log_streams.number)
WHERE number = ?;

-- name: delete_stream
-- Forget a stream.
DELETE FROM log_streams WHERE number = ?;

-- name: delete_stream_chunks
-- Forget a stream's lines.
DELETE FROM log_chunks WHERE stream_number = ?;

-- name: delete_group
-- Forget a group's number.
DELETE FROM log_groups WHERE number = ?;

-- name: delete_group_streams
-- Forget a group's streams.
DELETE FROM log_streams WHERE group_number = ?;

-- name: delete_group_chunks
-- Forget a group's lines.
DELETE FROM log_chunks WHERE group_number = ?;

-- name: get_cursor
-- How far a task's output has been read.
SELECT position FROM log_cursors WHERE task_id = ?;

-- name: put_cursor
-- A task's output has been read this far.
INSERT INTO log_cursors (task_id, position) VALUES (?, ?)
ON CONFLICT (task_id) DO UPDATE SET position = excluded.position;

-- name: delete_cursor
-- A task's output has been read whole.
DELETE FROM log_cursors WHERE task_id = ?;
