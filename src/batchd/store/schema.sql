-- What all migrations together make (a test proves it). A new database is made from this file.

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

-- Control-plane documents; region is empty for global services.
CREATE TABLE resources (
    kind TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, region, name)
);

-- What changes of a job and what lists are made from; number is the order of submission.
CREATE TABLE jobs (
    number INTEGER NOT NULL,
    job_id TEXT NOT NULL,
    region TEXT NOT NULL,
    queue TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    definition TEXT NOT NULL,
    definition_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    submitted_at BIGINT NOT NULL,
    status TEXT NOT NULL,
    status_reason TEXT,
    started_at BIGINT,
    stopped_at BIGINT,
    exit_code INTEGER,
    reason TEXT,
    is_cancelled INTEGER NOT NULL,
    is_terminated INTEGER NOT NULL,
    stop_reason TEXT,
    clamped INTEGER NOT NULL,
    task_id TEXT,
    environment TEXT,
    attempts TEXT NOT NULL,
    runnable_at BIGINT,
    scheduled_at BIGINT,
    share TEXT,
    PRIMARY KEY (number)
);
CREATE UNIQUE INDEX jobs_by_id ON jobs (job_id);
CREATE INDEX jobs_by_status ON jobs (queue, status, created_at, job_id);
CREATE INDEX jobs_by_time ON jobs (queue, created_at, job_id, name_key, definition_key);
CREATE INDEX jobs_by_name ON jobs (queue, name_key, created_at, job_id);
CREATE INDEX jobs_by_definition ON jobs (queue, definition_key, created_at, job_id);
CREATE INDEX jobs_by_share ON jobs (queue, share, created_at, job_id) WHERE share IS NOT NULL;
CREATE INDEX jobs_by_share_and_status ON jobs (queue, share, status, created_at, job_id) WHERE share IS NOT NULL;

-- The history: only ended jobs are in these, so that a submit does not pay for them.
CREATE INDEX jobs_ended ON jobs (stopped_at, job_id, queue, name_key, status, exit_code)
WHERE status IN ('SUCCEEDED', 'FAILED');
CREATE INDEX jobs_ended_by_name ON jobs (name_key, stopped_at, job_id)
WHERE status IN ('SUCCEEDED', 'FAILED');

-- What a job was submitted with; only tags ever change.
CREATE TABLE job_documents (
    number INTEGER NOT NULL,
    document TEXT NOT NULL,
    task BLOB NOT NULL,
    tags TEXT NOT NULL,
    spec TEXT NOT NULL,
    PRIMARY KEY (number)
);

-- Jobs by queue and status; also the way to all jobs of a status.
CREATE TABLE job_counts (
    queue TEXT NOT NULL,
    status TEXT NOT NULL,
    jobs INTEGER NOT NULL,
    PRIMARY KEY (queue, status)
);

-- Shares of queues: what they used as of a time, and whether they have jobs that have not ended.
CREATE TABLE job_shares (
    queue TEXT NOT NULL,
    share TEXT NOT NULL,
    used BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    is_live INTEGER NOT NULL,
    PRIMARY KEY (queue, share)
);

-- What tasks wrote to BATCHD_OUTPUT, or why it is no result.
CREATE TABLE job_results (
    task_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    result TEXT,
    problem TEXT,
    PRIMARY KEY (task_id)
);
CREATE INDEX job_results_by_time ON job_results (at);

-- The children of array jobs: how many are in each status, and packed a byte each what those are that have no row.
CREATE TABLE job_arrays (
    number INTEGER NOT NULL,
    counts TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    states BLOB NOT NULL,
    drops TEXT NOT NULL,
    runnable_at BIGINT,
    PRIMARY KEY (number)
);

-- A child that something happened to, or a node of a multi-node parallel job; the rest is in the rows of the whole.
CREATE TABLE job_children (
    number INTEGER NOT NULL,
    child INTEGER NOT NULL,
    status TEXT NOT NULL,
    status_reason TEXT,
    started_at BIGINT,
    stopped_at BIGINT,
    exit_code INTEGER,
    reason TEXT,
    is_cancelled INTEGER NOT NULL,
    is_terminated INTEGER NOT NULL,
    stop_reason TEXT,
    clamped INTEGER NOT NULL,
    task_id TEXT,
    environment TEXT,
    attempts TEXT NOT NULL,
    runnable_at BIGINT,
    PRIMARY KEY (number, child)
) WITHOUT ROWID;

-- Children by queue and status, less the arrays themselves.
CREATE TABLE child_counts (
    queue TEXT NOT NULL,
    status TEXT NOT NULL,
    jobs INTEGER NOT NULL,
    PRIMARY KEY (queue, status)
);

-- Which jobs were submitted with claims on which consumable resources (ARNs).
CREATE TABLE job_consumables (
    resource TEXT NOT NULL,
    number INTEGER NOT NULL,
    quantity BIGINT NOT NULL,
    PRIMARY KEY (resource, number)
) WITHOUT ROWID;
CREATE INDEX job_consumables_by_number ON job_consumables (number);

-- What happened, in order.
CREATE TABLE journal (
    number INTEGER NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (number)
);

-- Numbers for log groups that have streams; the groups themselves are resources.
CREATE TABLE log_groups (
    number INTEGER NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (region, name)
);
CREATE TABLE log_streams (
    number INTEGER NOT NULL,
    group_number INTEGER NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    first_event_at BIGINT,
    last_event_at BIGINT,
    last_ingested_at BIGINT,
    next_seq BIGINT NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (group_number, name)
);
CREATE INDEX log_streams_by_time ON log_streams (group_number, COALESCE(last_event_at, 0), name);

-- Runs of lines of one stream: in order, numbered from first_seq on, all of one append and one minute.
CREATE TABLE log_chunks (
    number INTEGER NOT NULL,
    group_number INTEGER NOT NULL,
    stream_number INTEGER NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    ingested_at BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    size INTEGER NOT NULL,
    lines BLOB NOT NULL,
    PRIMARY KEY (number)
);
CREATE INDEX log_chunks_forward ON log_chunks (stream_number, first_at, last_at);
CREATE INDEX log_chunks_backward ON log_chunks (stream_number, last_at, first_at);
CREATE INDEX log_chunks_of_group ON log_chunks (group_number, first_at, last_at);

-- How far a task's output has been read into the log tables.
CREATE TABLE log_cursors (
    task_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (task_id)
);

-- What must reach somebody: due at a time, or given up at one. A lane is a target of its own.
CREATE TABLE deliveries (
    number INTEGER NOT NULL,
    lane TEXT NOT NULL,
    due_at BIGINT,
    first_due_at BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    body TEXT NOT NULL,
    problem TEXT,
    dead_at BIGINT,
    PRIMARY KEY (number)
);
CREATE INDEX deliveries_due ON deliveries (lane, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_dead ON deliveries (number, dead_at) WHERE dead_at IS NOT NULL;

-- When something with a schedule is due next.
CREATE TABLE ticks (
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    PRIMARY KEY (source, name)
);
CREATE INDEX ticks_due ON ticks (due_at);

-- What happened on the event buses of late.
CREATE TABLE bus_records (
    number INTEGER NOT NULL,
    at BIGINT NOT NULL,
    region TEXT NOT NULL,
    bus TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (number)
);

-- Events that are kept to be replayed.
CREATE TABLE archived_events (
    number INTEGER NOT NULL,
    archive TEXT NOT NULL,
    at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (number)
);
CREATE INDEX archived_events_by_time ON archived_events (archive, at);

-- Queues of messages: how many each holds, and how many have ever come in. What they are called is in resources.
CREATE TABLE message_queues (
    number INTEGER NOT NULL,
    messages BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    is_closed INTEGER NOT NULL,
    PRIMARY KEY (number)
);

-- Messages in the order in which they came in. Not handed out before due_at, nor while blocked: behind another one of
-- their group.
CREATE TABLE messages (
    number INTEGER NOT NULL,
    queue INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    group_id TEXT,
    is_blocked INTEGER NOT NULL,
    due_at BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,
    receives INTEGER NOT NULL,
    first_received_at BIGINT,
    received_at BIGINT,
    content TEXT NOT NULL,
    PRIMARY KEY (number)
);
CREATE INDEX messages_ready ON messages (queue, is_blocked, due_at, number, receives);
CREATE INDEX messages_of_group ON messages (queue, group_id, number) WHERE group_id IS NOT NULL;

-- Ids that were used a moment ago, and what came of them: how duplicates are known.
CREATE TABLE recent_ids (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    at BIGINT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (scope, name)
) WITHOUT ROWID;
CREATE INDEX recent_ids_by_time ON recent_ids (at);

-- The zips of functions and layers.
CREATE TABLE blobs (
    name TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (name)
);
