"""Links for wall screens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_links"
down_revision = "0004_quarters"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table of 0.2.0."""
    op.create_table(
        "wall_links",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("created_utc", _MOMENT, nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("expires_utc", _MOMENT, nullable=False),
        sa.Column("revoked_utc", _MOMENT),
        sa.Column("revoked_by", sa.String(255)),
    )
