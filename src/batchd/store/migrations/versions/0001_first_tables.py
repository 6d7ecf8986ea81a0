"""The first tables: resources, jobs, journal, logs."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Text, UniqueConstraint

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_resources()
    _create_jobs()
    _create_counts()
    _create_journal()
    _create_logs()


def _text(name: str, *, primary_key: bool = False, nullable: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=primary_key, nullable=nullable)


def _big(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _number(name: str = "number") -> Column[int]:
    return Column(name, Integer, primary_key=True, nullable=False)


def _create_resources() -> None:
    op.create_table(
        "resources",
        _text("kind", primary_key=True),
        _text("region", primary_key=True),
        _text("name", primary_key=True),
        _text("body"),
    )


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        _number(),
        *[_text(name) for name in ("job_id", "region", "queue", "name", "name_key", "definition", "definition_key")],
        _big("created_at"),
        _big("submitted_at"),
        _text("status"),
        _text("status_reason", nullable=True),
        _big("started_at", nullable=True),
        _big("stopped_at", nullable=True),
        Column("exit_code", Integer, nullable=True),
        _text("reason", nullable=True),
        Column("is_cancelled", Integer, nullable=False),
        Column("is_terminated", Integer, nullable=False),
        _text("stop_reason", nullable=True),
        Column("clamped", Integer, nullable=False),
        _text("task_id", nullable=True),
        _text("environment", nullable=True),
        _text("attempts"),
    )
    op.create_index("jobs_by_id", "jobs", ["job_id"], unique=True)
    op.create_index("jobs_by_status", "jobs", ["queue", "status", "created_at", "job_id"])
    op.create_index("jobs_by_time", "jobs", ["queue", "created_at", "job_id", "name_key", "definition_key"])
    op.create_index("jobs_by_name", "jobs", ["queue", "name_key", "created_at", "job_id"])
    op.create_index("jobs_by_definition", "jobs", ["queue", "definition_key", "created_at", "job_id"])
    op.create_table(
        "job_documents",
        _number(),
        _text("document"),
        Column("task", LargeBinary, nullable=False),
        _text("tags"),
        _text("spec"),
    )


def _create_counts() -> None:
    op.create_table(
        "job_counts",
        _text("queue", primary_key=True),
        _text("status", primary_key=True),
        Column("jobs", Integer, nullable=False),
    )


def _create_journal() -> None:
    op.create_table("journal", _number(), _big("at"), _text("kind"), _text("body"))


def _create_logs() -> None:
    op.create_table("log_groups", _number(), _text("region"), _text("name"), UniqueConstraint("region", "name"))
    op.create_table(
        "log_streams",
        _number(),
        Column("group_number", Integer, nullable=False),
        _text("name"),
        _big("created_at"),
        _big("first_event_at", nullable=True),
        _big("last_event_at", nullable=True),
        _big("last_ingested_at", nullable=True),
        _big("next_seq"),
        UniqueConstraint("group_number", "name"),
    )
    op.create_table(
        "log_chunks",
        _number(),
        Column("group_number", Integer, nullable=False),
        Column("stream_number", Integer, nullable=False),
        _big("first_at"),
        _big("last_at"),
        _big("ingested_at"),
        _big("first_seq"),
        Column("size", Integer, nullable=False),
        Column("lines", LargeBinary, nullable=False),
    )
    op.create_index("log_chunks_forward", "log_chunks", ["stream_number", "first_at", "last_at"])
    op.create_index("log_chunks_backward", "log_chunks", ["stream_number", "last_at", "first_at"])
    op.create_index("log_chunks_of_group", "log_chunks", ["group_number", "first_at", "last_at"])
    op.create_table("log_cursors", _text("task_id", primary_key=True), _big("position"))
