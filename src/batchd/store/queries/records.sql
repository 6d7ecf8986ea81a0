-- name: add_record
-- What happened on a bus.
INSERT INTO bus_records (at, region, bus, kind, body) VALUES (?, ?, ?, ?, ?);

-- name: read_records
-- After a record, of one region.
SELECT number, at, bus, kind, body FROM bus_records WHERE number > ? AND region = ? ORDER BY number LIMIT ?;

-- name: last_record
-- The newest one's number.
SELECT MAX(number) FROM bus_records;

-- name: trim_records
-- Keep only those after a record.
DELETE FROM bus_records WHERE number <= ?;
