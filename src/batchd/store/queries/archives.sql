-- name: archive_event
-- Keep an event in an archive.
INSERT INTO archived_events (archive, at, body) VALUES (?, ?, ?);

-- name: read_archive
-- Events of an archive from a place on, in order of their time.
SELECT at, number, body FROM archived_events
WHERE archive = ? AND (at, number) > (?, ?) AND at < ? ORDER BY at, number LIMIT ?;

-- name: measure_archive
-- How many there are, and how large they are.
SELECT COUNT(*), COALESCE(SUM(LENGTH(CAST(body AS BLOB))), 0) FROM archived_events WHERE archive = ?;

-- name: trim_archive
-- Forget events of an archive from before a time.
DELETE FROM archived_events
WHERE number IN (SELECT number FROM archived_events WHERE archive = ? AND at < ? LIMIT ?);
