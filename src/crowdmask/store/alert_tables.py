"""The tables of alerts and of messages on their way."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from crowdmask.store.columns import UtcDateTime, metadata

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("rule", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("camera", String(255), nullable=False),
    Column("zone", String(255)),
    Column("raised_utc", UtcDateTime, nullable=False),
    Column("recovered_utc", UtcDateTime),
    Column("message", Text, nullable=False),
    Column("recovery", Text),
    Column("figures", Text, nullable=False),  # JSON, of its beginning
    Column("acknowledged_utc", UtcDateTime),
    Column("acknowledged_by", String(255)),
    Column("wrong", Boolean),
    Column("marked_utc", UtcDateTime),
    Column("marked_by", String(255)),
    Index("alerts_raised", "raised_utc"),
    Index("alerts_recovered", "recovered_utc"),
)

# SQLite numbers rows by itself only where the key is an INTEGER.
alert_messages = Table(
    "alert_messages",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("alert_id", String(36), ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("channel", String(64), nullable=False),
    Column("record", Text, nullable=False),  # JSON of the alert, so that each try sends the same
    Column("created_utc", UtcDateTime, nullable=False),
    Column("due_utc", UtcDateTime, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("done_utc", UtcDateTime),
    Column("outcome", String(16)),  # delivered, skipped, gave up
    Column("last_error", Text),
    UniqueConstraint("alert_id", "state", "channel", name="alert_messages_once"),
    Index("alert_messages_due", "channel", "done_utc", "due_utc"),
)

alert_snoozes = Table(
    "alert_snoozes",
    metadata,
    Column("rule", String(64), primary_key=True),
    Column("camera", String(255), primary_key=True),
    Column("zone", String(255), primary_key=True),  # empty: the whole picture
    Column("until_utc", UtcDateTime, nullable=False),
    Column("snoozed_by", String(255), nullable=False),
)
