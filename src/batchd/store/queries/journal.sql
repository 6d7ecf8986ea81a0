-- name: append_event
-- Write down what happened.
INSERT INTO journal (at, kind, body) VALUES (?, ?, ?);

-- name: read_events
-- What happened after an entry, but for what came of it.
SELECT number, at, kind, body FROM journal WHERE number > ? AND kind <> ? ORDER BY number LIMIT ?;

-- name: read_kind
-- The entries of one kind after an entry.
SELECT number, body FROM journal WHERE number > ? AND kind = ? ORDER BY number LIMIT ?;

-- name: last_event
-- The newest entry's number.
SELECT MAX(number) FROM journal;

-- name: trim_events
-- Forget what is older than a time, but the newest entry, whose number must not be given out again.
DELETE FROM journal
WHERE number < COALESCE(
    (SELECT number FROM journal WHERE at >= ? ORDER BY number LIMIT 1), (SELECT MAX(number) FROM journal)
);
