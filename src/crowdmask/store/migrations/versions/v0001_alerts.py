"""Alerts, their messages, and what is snoozed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001_alerts"
down_revision = None
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables of 0.2.0."""
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("camera", sa.String(255), nullable=False),
        sa.Column("zone", sa.String(255)),
        sa.Column("raised_utc", _MOMENT, nullable=False),
        sa.Column("recovered_utc", _MOMENT),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("recovery", sa.Text),
        sa.Column("figures", sa.Text, nullable=False),
        sa.Column("acknowledged_utc", _MOMENT),
        sa.Column("acknowledged_by", sa.String(255)),
        sa.Column("wrong", sa.Boolean),
        sa.Column("marked_utc", _MOMENT),
        sa.Column("marked_by", sa.String(255)),
    )
    op.create_index("alerts_raised", "alerts", ["raised_utc"])
    op.create_index("alerts_recovered", "alerts", ["recovered_utc"])
    op.create_table(
        "alert_messages",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("alert_id", sa.String(36), sa.ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("created_utc", _MOMENT, nullable=False),
        sa.Column("due_utc", _MOMENT, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("done_utc", _MOMENT),
        sa.Column("outcome", sa.String(16)),
        sa.Column("last_error", sa.Text),
        sa.UniqueConstraint("alert_id", "state", "channel", name="alert_messages_once"),
    )
    op.create_index("alert_messages_due", "alert_messages", ["channel", "done_utc", "due_utc"])
    op.create_table(
        "alert_snoozes",
        sa.Column("rule", sa.String(64), primary_key=True),
        sa.Column("camera", sa.String(255), primary_key=True),
        sa.Column("zone", sa.String(255), primary_key=True),
        sa.Column("until_utc", _MOMENT, nullable=False),
        sa.Column("snoozed_by", sa.String(255), nullable=False),
    )
