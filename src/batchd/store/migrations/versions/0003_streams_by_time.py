"""Log streams in order of their last event."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("CREATE INDEX log_streams_by_time ON log_streams (group_number, COALESCE(last_event_at, 0), name)")
