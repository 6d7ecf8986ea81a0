-- name: insert_claim
-- A new job needs so many units, or so many more, of a consumable resource.
INSERT INTO job_consumables (resource, number, quantity) SELECT ?, number, ? FROM jobs WHERE job_id = ?
ON CONFLICT (resource, number) DO UPDATE SET quantity = job_consumables.quantity + excluded.quantity;

-- name: delete_claims
-- Forget a job's claims.
DELETE FROM job_consumables WHERE number = ?;

-- name: floor
-- How far one call may look: the place behind so many jobs, latest submission first.
SELECT number FROM job_consumables WHERE resource = ? AND number < ? ORDER BY number DESC LIMIT 1 OFFSET ?;

-- name: page_claims
-- The jobs between two places that name a resource, latest submission first; further conditions are filled in.
SELECT c.number, j.job_id, c.quantity FROM job_consumables c CROSS JOIN jobs j ON j.number = c.number
WHERE c.resource = ? AND c.number < ? AND c.number >= ?{conditions}
ORDER BY c.number DESC LIMIT ?;

-- name: find_live
-- A job that has not ended and names a resource, if there is one.
SELECT 1 FROM job_consumables c CROSS JOIN jobs j ON j.number = c.number
WHERE c.resource = ? AND j.status NOT IN ('SUCCEEDED', 'FAILED')
ORDER BY c.number DESC LIMIT 1;
