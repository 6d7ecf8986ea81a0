"""Service jobs."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("jobs", Column("scheduled_at", BigInteger, nullable=True))
