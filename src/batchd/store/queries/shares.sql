-- name: get_share
-- Whether a share has jobs, and as of when its usage is known.
SELECT is_live, used_at FROM job_shares WHERE queue = ? AND share = ?;

-- name: count_active
-- How many shares of a queue have jobs, or used something lately.
SELECT COUNT(*) FROM job_shares WHERE queue = ? AND (is_live = 1 OR used_at >= ?);

-- name: add_share
-- A share has a job.
INSERT INTO job_shares (queue, share, used, used_at, is_live) VALUES (?, ?, 0, ?, 1)
ON CONFLICT (queue, share) DO UPDATE SET is_live = 1;

-- name: save_share
-- What a share used as of a time.
INSERT INTO job_shares (queue, share, used, used_at, is_live) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (queue, share) DO UPDATE SET used = excluded.used, used_at = excluded.used_at, is_live = excluded.is_live;

-- name: delete_share
-- Nothing is left of it.
DELETE FROM job_shares WHERE queue = ? AND share = ?;

-- name: every_share
-- All of them.
SELECT queue, share, used, used_at, is_live FROM job_shares ORDER BY queue, share;
