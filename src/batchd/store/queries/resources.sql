-- name: get_resource
-- One document.
SELECT body FROM resources WHERE kind = ? AND region = ? AND name = ?;

-- name: insert_resource
-- Write a document whose key must be new: no row is changed where it is not.
INSERT INTO resources (kind, region, name, body) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, region, name) DO NOTHING;

-- name: put_resource
-- Write a document, new or not.
INSERT INTO resources (kind, region, name, body) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, region, name) DO UPDATE SET body = excluded.body;

-- name: delete_resource
-- Forget a document.
DELETE FROM resources WHERE kind = ? AND region = ? AND name = ?;

-- name: page_resources
-- Documents of a kind whose names lie between two bounds, the upper excluded.
SELECT name, body FROM resources
WHERE kind = ? AND region = ? AND name >= ? AND name < ?
ORDER BY name LIMIT ?;

-- name: count_resources
-- How many of a kind a region has.
SELECT COUNT(*) FROM resources WHERE kind = ? AND region = ?;

-- name: every_resource
-- All of a kind, whatever the region.
SELECT region, name, body FROM resources WHERE kind = ? ORDER BY region, name;
