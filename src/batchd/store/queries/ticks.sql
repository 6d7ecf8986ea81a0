-- name: put_tick
-- When something of a source is due next.
INSERT INTO ticks (source, name, due_at) VALUES (?, ?, ?)
ON CONFLICT (source, name) DO UPDATE SET due_at = excluded.due_at;

-- name: delete_tick
-- It is never due again.
DELETE FROM ticks WHERE source = ? AND name = ?;

-- name: get_tick
-- When it is due.
SELECT due_at FROM ticks WHERE source = ? AND name = ?;

-- name: due_ticks
-- What is due, the longest overdue first.
SELECT source, name, due_at FROM ticks WHERE due_at <= ? ORDER BY due_at, source, name LIMIT ?;

-- name: next_tick
-- When anything is due next.
SELECT MIN(due_at) FROM ticks;
