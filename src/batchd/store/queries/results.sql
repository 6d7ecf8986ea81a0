-- name: put_result
-- What a task left, or why it is no result.
INSERT INTO job_results (task_id, at, result, problem) VALUES (?, ?, ?, ?)
ON CONFLICT (task_id) DO UPDATE SET at = excluded.at, result = excluded.result, problem = excluded.problem;

-- name: get_result
-- One task's.
SELECT result, problem FROM job_results WHERE task_id = ?;

-- name: trim_results
-- Forget what was left before a time.
DELETE FROM job_results WHERE task_id IN (SELECT task_id FROM job_results WHERE at < ? LIMIT ?);
