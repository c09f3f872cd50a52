"""Privacy switches of cameras."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_switches"
down_revision = "0002_counts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of 0.2.0."""
    op.create_table(
        "camera_switches",
        sa.Column("camera", sa.String(255), primary_key=True),
        sa.Column("private", sa.Boolean, nullable=False),
        sa.Column("changed_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(255), nullable=False),
    )
