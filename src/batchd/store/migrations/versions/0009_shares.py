"""Shares of queues: what they used, and which jobs are theirs."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text, text

revision = "0009"
down_revision = "0008"

_OF_A_SHARE = text("share IS NOT NULL")


def upgrade() -> None:
    op.add_column("jobs", Column("share", Text, nullable=True))
    op.create_index("jobs_by_share", "jobs", ["queue", "share", "created_at", "job_id"], sqlite_where=_OF_A_SHARE)
    op.create_index(
        "jobs_by_share_and_status",
        "jobs",
        ["queue", "share", "status", "created_at", "job_id"],
        sqlite_where=_OF_A_SHARE,
    )
    op.create_table(
        "job_shares",
        Column("queue", Text, primary_key=True, nullable=False),
        Column("share", Text, primary_key=True, nullable=False),
        Column("used", BigInteger, nullable=False),
        Column("used_at", BigInteger, nullable=False),
        Column("is_live", Integer, nullable=False),
    )
