"""Results of jobs, when they became runnable, and indexes of those that ended."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision = "0002"
down_revision = "0001"

_ENDED = "WHERE status IN ('SUCCEEDED', 'FAILED')"


def upgrade() -> None:
    op.add_column("jobs", Column("runnable_at", BigInteger, nullable=True))
    op.execute(f"CREATE INDEX jobs_ended ON jobs (stopped_at, job_id, queue, name_key, status, exit_code) {_ENDED}")
    op.execute(f"CREATE INDEX jobs_ended_by_name ON jobs (name_key, stopped_at, job_id) {_ENDED}")
    op.create_table(
        "job_results",
        Column("task_id", Text, primary_key=True, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("result", Text, nullable=True),
        Column("problem", Text, nullable=True),
    )
    op.create_index("job_results_by_time", "job_results", ["at"])
