-- name: add_delivery
-- Something must reach a place.
INSERT INTO deliveries (lane, due_at, first_due_at, attempts, body) VALUES (?, ?, ?, 0, ?);

-- name: lanes
-- Every lane that something waits in, and since when: one step of an index for each lane, however long it is.
WITH RECURSIVE lanes (lane) AS (
    SELECT MIN(lane) FROM deliveries WHERE due_at IS NOT NULL
    UNION ALL
    SELECT (SELECT MIN(lane) FROM deliveries WHERE due_at IS NOT NULL AND lane > lanes.lane) FROM lanes
    WHERE lanes.lane IS NOT NULL
)
SELECT lane, (SELECT MIN(due_at) FROM deliveries WHERE deliveries.lane = lanes.lane AND due_at IS NOT NULL)
FROM lanes WHERE lane IS NOT NULL;

-- name: due_deliveries
-- The first of a lane.
SELECT number, lane, due_at, first_due_at, attempts, body, problem FROM deliveries
WHERE lane = ? AND due_at IS NOT NULL AND due_at <= ? ORDER BY due_at, number LIMIT ?;

-- name: put_off_delivery
-- It failed, and is tried again later.
UPDATE deliveries SET due_at = ?, attempts = attempts + 1, problem = ? WHERE number = ?;

-- name: hold_delivery
-- It was not tried, and waits.
UPDATE deliveries SET due_at = ? WHERE number = ?;

-- name: bury_delivery
-- It is not tried any more, and kept for somebody to look at.
UPDATE deliveries SET due_at = NULL, dead_at = ?, attempts = attempts + 1, problem = ? WHERE number = ?;

-- name: revive_delivery
-- A dead one starts anew.
UPDATE deliveries SET due_at = ?, first_due_at = ?, dead_at = NULL, attempts = 0
WHERE number = ? AND dead_at IS NOT NULL;

-- name: remove_delivery
-- It is done, or nobody wants it any more.
DELETE FROM deliveries WHERE number = ?;

-- name: dead_deliveries
-- Those that were given up, in order.
SELECT number, lane, due_at, first_due_at, attempts, body, problem FROM deliveries
WHERE dead_at IS NOT NULL AND number > ? ORDER BY number LIMIT ?;

-- name: get_delivery
-- One.
SELECT number, lane, due_at, first_due_at, attempts, body, problem FROM deliveries WHERE number = ?;

-- name: trim_dead
-- Forget what was given up before a time.
DELETE FROM deliveries
WHERE number IN (SELECT number FROM deliveries WHERE dead_at IS NOT NULL AND dead_at < ? LIMIT ?);

-- name: count_deliveries
-- How many wait, and how many were given up.
SELECT COUNT(due_at), COUNT(dead_at) FROM deliveries;
