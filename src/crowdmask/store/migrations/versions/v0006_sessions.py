"""Sessions of users who logged in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_sessions"
down_revision = "0005_links"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of 0.2.0."""
    op.create_table(
        "sessions",
        sa.Column("key_hash", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("csrf", sa.String(64), nullable=False),
        sa.Column("password_mark", sa.String(64), nullable=False),
        sa.Column("ends_utc", sa.DateTime(timezone=True), nullable=False),
    )
