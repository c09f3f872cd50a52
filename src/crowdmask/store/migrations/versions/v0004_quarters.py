"""Sums by quarters of an hour, tracks by the minute, gaps, and who changed what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_quarters"
down_revision = "0003_switches"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_SECONDS = ("observed_s", "down_s", "frozen_s", "with_mask", "without_mask", "mask_worn_incorrect", "unknown")


def upgrade() -> None:
    """Make the tables of 0.2.0, and the sums of what is kept already."""
    op.create_index("counts_minute", "counts", ["minute"])
    _make_quarters()
    _make_tracks()
    op.create_table(
        "gaps",
        sa.Column("camera", sa.String(255), primary_key=True),
        sa.Column("why", sa.String(32), primary_key=True),
        sa.Column("began_utc", _MOMENT, primary_key=True),
        sa.Column("last_utc", _MOMENT, nullable=False),
        sa.Column("error", sa.Text),
    )
    op.create_index("gaps_last", "gaps", ["last_utc"])
    op.create_table(
        "audit",
        sa.Column(
            "id",
            sa.Integer().with_variant(sa.BigInteger, "postgresql"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("time_utc", _MOMENT, nullable=False),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("what", sa.String(255), nullable=False),
        sa.Column("thing", sa.Text, nullable=False),
    )
    op.create_index("audit_time", "audit", ["time_utc"])


def _make_quarters() -> None:
    op.create_table(
        "counts_quarters",
        sa.Column("minute", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("camera", sa.String(255), primary_key=True),
        sa.Column("zone", sa.String(255), primary_key=True),
        *(sa.Column(name, sa.Float, nullable=False) for name in _SECONDS),
        sa.Column("people", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    columns = ", ".join((*_SECONDS, "people"))
    sums = ", ".join(f"sum({name})" for name in (*_SECONDS, "people"))
    op.execute(
        f"INSERT INTO counts_quarters (minute, camera, zone, {columns}) "
        f"SELECT (minute / 15) * 15, camera, zone, {sums} FROM counts GROUP BY 1, 2, 3"
    )


def _make_tracks() -> None:
    op.create_table(
        "tracks",
        sa.Column("minute", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("camera", sa.String(255), primary_key=True),
        sa.Column("run", sa.String(36), primary_key=True),
        sa.Column("track", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("source", sa.String(1024), nullable=False),
        sa.Column("zone", sa.String(255)),
        sa.Column("with_mask", sa.Float, nullable=False),
        sa.Column("without_mask", sa.Float, nullable=False),
        sa.Column("mask_worn_incorrect", sa.Float, nullable=False),
        sa.Column("unjudged_s", sa.Float, nullable=False),
        sa.Column("with_mask_confidence", sa.Float),
        sa.Column("without_mask_confidence", sa.Float),
        sa.Column("mask_worn_incorrect_confidence", sa.Float),
        sa.Column("width_px", sa.Float, nullable=False),
        sa.Column("lost_s", sa.Float, nullable=False),
        sa.Column("frames", sa.Integer, nullable=False),
        sa.Column("model_hash", sa.String(64), nullable=False),
        sqlite_with_rowid=False,
    )
