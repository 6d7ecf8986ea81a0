"""The code of functions."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, LargeBinary, Text

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "blobs",
        Column("name", Text, primary_key=True, nullable=False),
        Column("data", LargeBinary, nullable=False),
    )
