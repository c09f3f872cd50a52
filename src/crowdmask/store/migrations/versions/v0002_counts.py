"""Counts by the minute, and events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_counts"
down_revision = "0001_alerts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of 0.2.0."""
    seconds = (
        "observed_s",
        "down_s",
        "frozen_s",
        "with_mask",
        "without_mask",
        "mask_worn_incorrect",
        "unknown",
    )
    op.create_table(
        "counts",
        sa.Column("camera", sa.String(255), primary_key=True),
        sa.Column("zone", sa.String(255), primary_key=True),
        sa.Column("minute", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Float, nullable=False) for name in seconds),
        sa.Column("people", sa.Integer, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column(
            "id",
            sa.Integer().with_variant(sa.BigInteger, "postgresql"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("time_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("camera", sa.String(255), nullable=False),
        sa.Column("source", sa.String(1024), nullable=False),
        sa.Column("run", sa.String(36), nullable=False),
        sa.Column("track", sa.Integer, nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("frame", sa.BigInteger, nullable=False),
        sa.Column("label", sa.String(32), nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("zone", sa.String(255)),
        sa.UniqueConstraint("camera", "run", "track", "event", "frame", name="events_once"),
    )
    op.create_index("events_time", "events", ["time_utc"])
