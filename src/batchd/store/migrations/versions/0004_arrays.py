"""Array jobs."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "job_arrays",
        Column("number", Integer, primary_key=True, nullable=False),
        Column("counts", Text, nullable=False),
        Column("updated_at", BigInteger, nullable=False),
        Column("states", LargeBinary, nullable=False),
        Column("drops", Text, nullable=False),
        Column("runnable_at", BigInteger, nullable=True),
    )
    op.create_table(
        "job_children",
        Column("number", Integer, primary_key=True, nullable=False),
        Column("child", Integer, primary_key=True, nullable=False),
        Column("status", Text, nullable=False),
        Column("status_reason", Text, nullable=True),
        Column("started_at", BigInteger, nullable=True),
        Column("stopped_at", BigInteger, nullable=True),
        Column("exit_code", Integer, nullable=True),
        Column("reason", Text, nullable=True),
        Column("is_cancelled", Integer, nullable=False),
        Column("is_terminated", Integer, nullable=False),
        Column("stop_reason", Text, nullable=True),
        Column("clamped", Integer, nullable=False),
        Column("task_id", Text, nullable=True),
        Column("environment", Text, nullable=True),
        Column("attempts", Text, nullable=False),
        Column("runnable_at", BigInteger, nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "child_counts",
        Column("queue", Text, primary_key=True, nullable=False),
        Column("status", Text, primary_key=True, nullable=False),
        Column("jobs", Integer, nullable=False),
    )
