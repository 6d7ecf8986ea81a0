-- name: insert_array
-- An array's children, all as submitted.
INSERT INTO job_arrays (number, counts, updated_at, states, drops, runnable_at)
SELECT number, ?, ?, ?, '[]', NULL FROM jobs WHERE job_id = ?;

-- name: get_counts
-- How many children of an array are in each status, and in which queue.
SELECT a.number, j.queue, a.counts FROM jobs j JOIN job_arrays a ON a.number = j.number WHERE j.job_id = ?;

-- name: save_counts
-- Children of an array changed their status.
UPDATE job_arrays SET counts = ?, updated_at = ? WHERE number = ?;

-- name: save_states
-- Children of an array that have no rows changed.
UPDATE job_arrays SET states = ?, drops = ?, runnable_at = ? WHERE number = ?;

-- name: get_states
-- What the children of an array are that have no rows.
SELECT a.number, a.counts, a.states, a.drops, a.runnable_at
FROM jobs j JOIN job_arrays a ON a.number = j.number WHERE j.job_id = ?;

-- name: save_child
-- What the scheduler says of a child that something happened to.
INSERT INTO job_children (
    number, child, status, status_reason, started_at, stopped_at, exit_code, reason, is_cancelled, is_terminated,
    stop_reason, clamped, task_id, environment, attempts, runnable_at
)
SELECT number, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM jobs WHERE job_id = ?
ON CONFLICT (number, child) DO UPDATE SET
    status = excluded.status, status_reason = excluded.status_reason, started_at = excluded.started_at,
    stopped_at = excluded.stopped_at, exit_code = excluded.exit_code, reason = excluded.reason,
    is_cancelled = excluded.is_cancelled, is_terminated = excluded.is_terminated, stop_reason = excluded.stop_reason,
    clamped = excluded.clamped, task_id = excluded.task_id, environment = excluded.environment,
    attempts = excluded.attempts, runnable_at = excluded.runnable_at;

-- name: get_child
-- One child, in the order of JobRow's own fields from status on.
SELECT
    c.child, c.status, c.status_reason, c.started_at, c.stopped_at, c.exit_code, c.reason, c.is_cancelled,
    c.is_terminated, c.task_id, c.environment, c.attempts, c.clamped
FROM jobs j JOIN job_children c ON c.number = j.number WHERE j.job_id = ? AND c.child = ?;

-- name: get_child_status
-- Where a child is in its life, of an array or of another job.
SELECT c.status FROM jobs j JOIN job_children c ON c.number = j.number
LEFT JOIN job_arrays a ON a.number = j.number
WHERE j.job_id = ? AND c.child = ? AND (a.number IS NOT NULL) = ?;

-- name: page_children
-- Children of an array with a status, by index, in the order of get_child's columns.
SELECT
    child, status, status_reason, started_at, stopped_at, exit_code, reason, is_cancelled,
    is_terminated, task_id, environment, attempts, clamped
FROM job_children WHERE number = ? AND child > ? AND status = ? ORDER BY child LIMIT ?;

-- name: page_nodes
-- Nodes of a job with a status, by index, in the order of get_child's columns.
SELECT
    c.child, c.status, c.status_reason, c.started_at, c.stopped_at, c.exit_code, c.reason, c.is_cancelled,
    c.is_terminated, c.task_id, c.environment, c.attempts, c.clamped
FROM jobs j JOIN job_children c ON c.number = j.number
WHERE j.job_id = ? AND c.child > ? AND c.status = ? ORDER BY c.child LIMIT ?;

-- name: all_nodes
-- The nodes of a job, in the order of live_children's columns.
SELECT
    c.child, c.status, c.status_reason, c.attempts, c.task_id, c.environment, c.started_at, c.stopped_at, c.exit_code,
    c.reason, c.is_cancelled, c.is_terminated, c.stop_reason, c.clamped, c.runnable_at
FROM jobs j JOIN job_children c ON c.number = j.number WHERE j.job_id = ? ORDER BY c.child;

-- name: have_rows
-- The children of an array that have rows, beyond one.
SELECT child FROM job_children WHERE number = ? AND child > ?;

-- name: live_arrays
-- Every array that has not ended.
SELECT a.number, j.job_id, a.counts, a.states, a.drops, a.runnable_at
FROM job_counts n
CROSS JOIN jobs j ON j.queue = n.queue AND j.status = n.status
CROSS JOIN job_arrays a ON a.number = j.number
WHERE n.jobs > 0 AND n.status IN ('SUBMITTED', 'PENDING')
ORDER BY a.number;

-- name: ended_children
-- How the children of an array with rows ended.
SELECT child, status FROM job_children WHERE number = ? AND status IN ('SUCCEEDED', 'FAILED');

-- name: live_children
-- The children of an array that are under way or wait for another try, in the order of Job's fields from status on.
SELECT
    child, status, status_reason, attempts, task_id, environment, started_at, stopped_at, exit_code, reason,
    is_cancelled, is_terminated, stop_reason, clamped, runnable_at
FROM job_children WHERE number = ? AND status NOT IN ('SUCCEEDED', 'FAILED') ORDER BY child;

-- name: count_children
-- Children by queue and status, less the arrays themselves.
SELECT queue, status, jobs FROM child_counts WHERE jobs <> 0 ORDER BY queue, status;

-- name: move_child_count
-- There are so many more, or fewer, children of a queue and status.
INSERT INTO child_counts (queue, status, jobs) VALUES (?, ?, ?)
ON CONFLICT (queue, status) DO UPDATE SET jobs = child_counts.jobs + excluded.jobs;

-- name: delete_children
-- Forget some children of an array.
DELETE FROM job_children WHERE number = ? AND child IN (SELECT child FROM job_children WHERE number = ? LIMIT ?);

-- name: delete_array
-- Forget an array.
DELETE FROM job_arrays WHERE number = ?;
