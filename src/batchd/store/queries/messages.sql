-- name: new_queue_number
-- The number of the next queue.
SELECT COALESCE(MAX(number), 0) + 1 FROM message_queues;

-- name: open_queue
-- A queue without messages.
INSERT INTO message_queues (number, messages, sequence, is_closed) VALUES (?, 0, ?, 0);

-- name: close_queue
-- From now on nobody looks for its messages but who sweeps.
UPDATE message_queues SET is_closed = 1 WHERE number = ?;

-- name: get_sequence
-- How many messages have come into a queue.
SELECT sequence FROM message_queues WHERE number = ?;

-- name: count_added
-- Messages have come in.
UPDATE message_queues SET messages = messages + ?, sequence = sequence + ? WHERE number = ?;

-- name: count_removed
-- Messages are gone.
UPDATE message_queues SET messages = messages - ? WHERE number = ?;

-- name: insert_message
-- At the end of its queue.
INSERT INTO messages
    (queue, message_id, group_id, is_blocked, due_at, sent_at, receives, first_received_at, received_at, content)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?);

-- name: has_group
-- Whether a message of the group waits already.
SELECT 1 FROM messages WHERE queue = ? AND group_id = ? LIMIT 1;

-- name: ready_messages
-- What is due and behind nobody of its group, the longest due first.
SELECT number, message_id, sent_at, due_at, receives, first_received_at, received_at, group_id, content FROM messages
WHERE queue = ? AND is_blocked = 0 AND due_at <= ?
ORDER BY due_at, number LIMIT ?;

-- name: expired_messages
-- What has been due since before a time, and so was sent before it.
SELECT number, group_id FROM messages
WHERE queue = ? AND is_blocked = 0 AND due_at < ?
ORDER BY due_at, number LIMIT ?;

-- name: group_messages
-- The first messages of a group.
SELECT number, message_id, sent_at, due_at, receives, first_received_at, received_at, group_id, content FROM messages
WHERE queue = ? AND group_id = ?
ORDER BY number LIMIT ?;

-- name: find_message
-- One message.
SELECT number, message_id, sent_at, due_at, receives, first_received_at, received_at, group_id, content FROM messages
WHERE number = ? AND queue = ? AND message_id = ?;

-- name: hide_message
-- It was received.
UPDATE messages SET due_at = ?, receives = ?, first_received_at = ?, received_at = ? WHERE number = ?;

-- name: set_due
-- When it is ready again.
UPDATE messages SET due_at = ? WHERE number = ?;

-- name: delete_message
-- For ever.
DELETE FROM messages WHERE number = ?;

-- name: unblock_group
-- The first one of a group is behind nobody.
UPDATE messages SET is_blocked = 0
WHERE number = (SELECT number FROM messages WHERE queue = ? AND group_id = ? ORDER BY number LIMIT 1)
AND is_blocked = 1;

-- name: next_due
-- When something becomes ready that is not.
SELECT due_at FROM messages WHERE queue = ? AND is_blocked = 0 AND due_at > ? ORDER BY due_at LIMIT 1;

-- name: count_messages
-- Those of a queue, whatever they wait for.
SELECT messages FROM message_queues WHERE number = ?;

-- name: count_not_due
-- Those that are not due, by whether they have been received.
SELECT receives > 0, COUNT(*) FROM messages
WHERE queue = ? AND is_blocked IN (0, 1) AND due_at > ?
GROUP BY receives > 0;

-- name: closed_queue
-- One to be swept.
SELECT number FROM message_queues WHERE is_closed = 1 LIMIT 1;

-- name: sweep_messages
-- Some of its messages.
DELETE FROM messages WHERE number IN (SELECT number FROM messages WHERE queue = ? LIMIT ?);

-- name: delete_queue
-- One that holds nothing any more.
DELETE FROM message_queues WHERE number = ?;

-- name: get_recent
-- What came of an id that was used lately.
SELECT content FROM recent_ids WHERE scope = ? AND name = ? AND at >= ?;

-- name: put_recent
-- An id is used.
INSERT INTO recent_ids (scope, name, at, content) VALUES (?, ?, ?, ?)
ON CONFLICT (scope, name) DO UPDATE SET at = excluded.at, content = excluded.content;

-- name: trim_recent
-- Forget ids that were used before a time.
DELETE FROM recent_ids WHERE (scope, name) IN (SELECT scope, name FROM recent_ids WHERE at < ? LIMIT ?);
