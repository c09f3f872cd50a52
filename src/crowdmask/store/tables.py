"""The tables of what cameras saw; those of alerts stand in `alert_tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, UniqueConstraint

from crowdmask.store import alert_tables as alert_tables
from crowdmask.store.columns import UtcDateTime, metadata

__all__ = ["camera_switches", "counts", "events", "metadata"]

# A row a minute, camera and zone (empty: the whole picture). Labels are columns, so a chart reads few rows.
counts = Table(
    "counts",
    metadata,
    Column("camera", String(255), primary_key=True),
    Column("zone", String(255), primary_key=True),
    Column("minute", Integer, primary_key=True, autoincrement=False),  # since 1970, UTC
    Column("observed_s", Float, nullable=False),
    Column("down_s", Float, nullable=False),
    Column("frozen_s", Float, nullable=False),
    # Seconds that people were in view, by state.
    Column("with_mask", Float, nullable=False),
    Column("without_mask", Float, nullable=False),
    Column("mask_worn_incorrect", Float, nullable=False),
    Column("unknown", Float, nullable=False),
    # Different people who were in view.
    Column("people", Integer, nullable=False),
)

# Cameras that look at nothing for now: kept, since a restart must not open them.
camera_switches = Table(
    "camera_switches",
    metadata,
    Column("camera", String(255), primary_key=True),
    Column("private", Boolean, nullable=False),
    Column("changed_utc", UtcDateTime, nullable=False),
    Column("changed_by", String(255), nullable=False),
)

_KEY = Integer().with_variant(BigInteger, "postgresql")

events = Table(
    "events",
    metadata,
    Column("id", _KEY, primary_key=True, autoincrement=True),
    Column("time_utc", UtcDateTime, nullable=False),
    Column("camera", String(255), nullable=False),
    Column("source", String(1024), nullable=False),
    Column("run", String(36), nullable=False),
    Column("track", Integer, nullable=False),
    Column("event", String(32), nullable=False),
    Column("frame", BigInteger, nullable=False),
    Column("label", String(32), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("zone", String(255)),
    # An event is one however often it is written.
    UniqueConstraint("camera", "run", "track", "event", "frame", name="events_once"),
    Index("events_time", "time_utc"),
)
