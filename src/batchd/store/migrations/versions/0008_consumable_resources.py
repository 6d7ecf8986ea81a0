"""Claims of jobs on consumable resources."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "job_consumables",
        Column("resource", Text, primary_key=True, nullable=False),
        Column("number", Integer, primary_key=True, nullable=False),
        Column("quantity", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("job_consumables_by_number", "job_consumables", ["number"])
