-- name: floor
-- How far one search may look: the place behind so many ended jobs, latest end first.
SELECT stopped_at, job_id FROM jobs INDEXED BY jobs_ended
WHERE status IN ('SUCCEEDED', 'FAILED') AND stopped_at >= ? AND (stopped_at, job_id) < (?, ?)
ORDER BY stopped_at DESC, job_id DESC LIMIT 1 OFFSET ?;

-- name: search
-- Ended jobs between two places, latest end first; further conditions are filled in.
SELECT stopped_at, job_id, number FROM jobs INDEXED BY jobs_ended
WHERE status IN ('SUCCEEDED', 'FAILED') AND stopped_at >= ?
AND (stopped_at, job_id) < (?, ?) AND (stopped_at, job_id) >= (?, ?) AND queue >= ? AND queue < ?{conditions}
ORDER BY stopped_at DESC, job_id DESC;

-- name: floor_of_name
-- As floor, among the jobs of one name.
SELECT stopped_at, job_id FROM jobs INDEXED BY jobs_ended_by_name
WHERE status IN ('SUCCEEDED', 'FAILED') AND name_key = ? AND stopped_at >= ? AND (stopped_at, job_id) < (?, ?)
ORDER BY stopped_at DESC, job_id DESC LIMIT 1 OFFSET ?;

-- name: search_name
-- As search, among the jobs of one name.
SELECT stopped_at, job_id, number FROM jobs INDEXED BY jobs_ended_by_name
WHERE status IN ('SUCCEEDED', 'FAILED') AND name_key = ? AND stopped_at >= ?
AND (stopped_at, job_id) < (?, ?) AND (stopped_at, job_id) >= (?, ?) AND queue >= ? AND queue < ?{conditions}
ORDER BY stopped_at DESC, job_id DESC;

-- name: tags
-- A job's tags.
SELECT tags FROM job_documents WHERE number = ?;

-- name: live_places
-- A queue's jobs of one status, newest first, after a place.
SELECT created_at, job_id FROM jobs INDEXED BY jobs_by_status
WHERE queue = ? AND status = ? AND (created_at, job_id) < (?, ?)
ORDER BY created_at DESC, job_id DESC LIMIT ?;
