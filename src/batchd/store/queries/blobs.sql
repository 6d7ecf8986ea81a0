-- name: put_blob
-- A name is made from the content, or is its owner's alone: what is there may be replaced.
INSERT INTO blobs (name, data) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET data = excluded.data;

-- name: get_blob
-- All of it.
SELECT data FROM blobs WHERE name = ?;

-- name: delete_blob
-- Nobody wants it any more.
DELETE FROM blobs WHERE name = ?;
