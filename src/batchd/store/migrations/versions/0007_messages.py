"""Messages in queues, and ids that were used a moment ago."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "message_queues",
        Column("number", Integer, primary_key=True, nullable=False),
        Column("messages", BigInteger, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("is_closed", Integer, nullable=False),
    )
    op.create_table(
        "messages",
        Column("number", Integer, primary_key=True, nullable=False),
        Column("queue", Integer, nullable=False),
        Column("message_id", Text, nullable=False),
        Column("group_id", Text, nullable=True),
        Column("is_blocked", Integer, nullable=False),
        Column("due_at", BigInteger, nullable=False),
        Column("sent_at", BigInteger, nullable=False),
        Column("receives", Integer, nullable=False),
        Column("first_received_at", BigInteger, nullable=True),
        Column("received_at", BigInteger, nullable=True),
        Column("content", Text, nullable=False),
    )
    op.create_index("messages_ready", "messages", ["queue", "is_blocked", "due_at", "number", "receives"])
    op.execute("CREATE INDEX messages_of_group ON messages (queue, group_id, number) WHERE group_id IS NOT NULL")
    op.create_table(
        "recent_ids",
        Column("scope", Text, primary_key=True, nullable=False),
        Column("name", Text, primary_key=True, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("content", Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("recent_ids_by_time", "recent_ids", ["at"])
