-- name: insert_job
-- The part of a new job that will change, with its number.
INSERT INTO jobs (
    job_id, region, queue, name, name_key, definition, definition_key, created_at, share,
    submitted_at, status, status_reason, started_at, stopped_at, exit_code, reason, is_cancelled, is_terminated,
    stop_reason, clamped, task_id, environment, attempts, runnable_at, scheduled_at
) VALUES (
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
);

-- name: insert_document
-- The part of a new job that stays as it is.
INSERT INTO job_documents (number, document, task, tags, spec)
SELECT number, ?, ?, ?, ? FROM jobs WHERE job_id = ?;

-- name: get_job
-- One job whole, in the order of JobRow's fields.
SELECT
    j.job_id, j.region, j.queue, j.name, j.definition, j.created_at, d.document, d.task, d.tags, j.status,
    j.status_reason, j.started_at, j.stopped_at, j.exit_code, j.reason, j.is_cancelled, j.is_terminated,
    j.task_id, j.environment, j.attempts, j.clamped, j.scheduled_at, a.counts, a.updated_at
FROM jobs j JOIN job_documents d ON d.number = j.number LEFT JOIN job_arrays a ON a.number = j.number
WHERE j.job_id = ?;

-- name: get_task
-- What a launch needs of a job.
SELECT d.task, j.region, j.queue FROM jobs j JOIN job_documents d ON d.number = j.number WHERE j.job_id = ?;

-- name: find_task
-- The job that a task is an attempt of, or the part (child or node) of it: of those whose ids begin alike, few.
SELECT j.job_id, c.child, a.number IS NOT NULL
FROM jobs j LEFT JOIN job_arrays a ON a.number = j.number
LEFT JOIN job_children c ON c.number = j.number AND c.child = ? AND (c.task_id = ? OR c.attempts LIKE ?)
WHERE j.job_id >= ? AND j.job_id < ? AND (c.number IS NOT NULL OR j.task_id = ? OR j.attempts LIKE ?);

-- name: get_spec
-- What the scheduler was told of a job.
SELECT d.spec FROM jobs j JOIN job_documents d ON d.number = j.number WHERE j.job_id = ?;

-- name: get_status
-- Where a job is in its life.
SELECT status FROM jobs WHERE job_id = ?;

-- name: get_place
-- Under which queue and status a job is counted.
SELECT queue, status FROM jobs WHERE job_id = ?;

-- name: page_jobs
-- A queue's jobs, newest first; the conditions and the index that suits them are filled in.
SELECT
    j.job_id, j.region, j.queue, j.name, j.definition, j.created_at, d.document, d.task, d.tags, j.status,
    j.status_reason, j.started_at, j.stopped_at, j.exit_code, j.reason, j.is_cancelled, j.is_terminated,
    j.task_id, j.environment, j.attempts, j.clamped, j.scheduled_at, a.counts, a.updated_at
FROM (
    SELECT number FROM jobs INDEXED BY {index} WHERE queue = ?{conditions} ORDER BY created_at DESC, job_id DESC LIMIT ?
) p JOIN jobs j ON j.number = p.number JOIN job_documents d ON d.number = p.number
LEFT JOIN job_arrays a ON a.number = p.number
ORDER BY j.created_at DESC, j.job_id DESC;

-- name: probe_names
-- How many jobs of a queue have names between two bounds, as far as it matters.
SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE queue = ? AND name_key >= ? AND name_key < ? LIMIT ?) found;

-- name: probe_definitions
-- How many jobs of a queue have definitions between two bounds, as far as it matters.
SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE queue = ? AND definition_key >= ? AND definition_key < ? LIMIT ?) found;

-- name: set_tags
-- The tags that a client gave a job.
UPDATE job_documents SET tags = ? WHERE number = (SELECT number FROM jobs WHERE job_id = ?);

-- name: set_document
-- What a client changed of a job, and what the scheduler restarts it from.
UPDATE job_documents SET document = ?, spec = ? WHERE number = (SELECT number FROM jobs WHERE job_id = ?);

-- name: save_job
-- What the scheduler says of a job.
UPDATE jobs SET
    submitted_at = ?, status = ?, status_reason = ?, started_at = ?, stopped_at = ?, exit_code = ?, reason = ?,
    is_cancelled = ?, is_terminated = ?, stop_reason = ?, clamped = ?, task_id = ?, environment = ?, attempts = ?,
    runnable_at = ?, scheduled_at = ?
WHERE job_id = ?;

-- name: live_jobs
-- Every job that has not ended, in order of submission.
SELECT
    d.spec, j.status, j.submitted_at, j.status_reason, j.attempts, j.task_id, j.environment, j.started_at, j.stopped_at,
    j.exit_code, j.reason, j.is_cancelled, j.is_terminated, j.stop_reason, j.clamped, j.runnable_at,
    j.scheduled_at
FROM job_counts c
CROSS JOIN jobs j ON j.queue = c.queue AND j.status = c.status
CROSS JOIN job_documents d ON d.number = j.number
WHERE c.jobs > 0 AND c.status NOT IN ('SUCCEEDED', 'FAILED')
ORDER BY j.number;

-- name: count_jobs
-- Jobs by queue and status.
SELECT queue, status, jobs FROM job_counts WHERE jobs > 0 ORDER BY queue, status;

-- name: move_count
-- There are so many more, or fewer, jobs of a queue and status.
INSERT INTO job_counts (queue, status, jobs) VALUES (?, ?, ?)
ON CONFLICT (queue, status) DO UPDATE SET jobs = job_counts.jobs + excluded.jobs;

-- name: ended_jobs
-- Jobs that ended before a time, arrays with their counts; none of them can have been created after it.
SELECT j.number, j.queue, j.status, a.counts FROM job_counts c
CROSS JOIN jobs j ON j.queue = c.queue AND j.status = c.status
LEFT JOIN job_arrays a ON a.number = j.number
WHERE c.jobs > 0 AND c.status IN ('SUCCEEDED', 'FAILED')
AND j.created_at < ? AND COALESCE(j.stopped_at, j.created_at) < ?
LIMIT ?;

-- name: delete_job
-- Forget a job.
DELETE FROM jobs WHERE number = ?;

-- name: delete_document
-- Forget what a job was submitted with.
DELETE FROM job_documents WHERE number = ?;
