"""What must reach somebody, what is due at a time, and what happened on the event buses."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "deliveries",
        Column("number", Integer, primary_key=True, nullable=False),
        Column("lane", Text, nullable=False),
        Column("due_at", BigInteger, nullable=True),
        Column("first_due_at", BigInteger, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("body", Text, nullable=False),
        Column("problem", Text, nullable=True),
        Column("dead_at", BigInteger, nullable=True),
    )
    op.execute("CREATE INDEX deliveries_due ON deliveries (lane, due_at) WHERE due_at IS NOT NULL")
    op.execute("CREATE INDEX deliveries_dead ON deliveries (number, dead_at) WHERE dead_at IS NOT NULL")
    op.create_table(
        "ticks",
        Column("source", Text, primary_key=True, nullable=False),
        Column("name", Text, primary_key=True, nullable=False),
        Column("due_at", BigInteger, nullable=False),
    )
    op.create_index("ticks_due", "ticks", ["due_at"])
    op.create_table(
        "bus_records",
        Column("number", Integer, primary_key=True, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("region", Text, nullable=False),
        Column("bus", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("body", Text, nullable=False),
    )
    op.create_table(
        "archived_events",
        Column("number", Integer, primary_key=True, nullable=False),
        Column("archive", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("body", Text, nullable=False),
    )
    op.create_index("archived_events_by_time", "archived_events", ["archive", "at"])
