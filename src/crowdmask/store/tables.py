"""The tables of what cameras saw and of who changed what; those of alerts stand in `alert_tables`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from crowdmask.store import alert_tables as alert_tables
from crowdmask.store.columns import UtcDateTime, metadata

__all__ = [
    "audit", "camera_switches", "counts", "events", "gaps", "metadata", "quarters", "sessions", "tracks",
    "wall_links",
]  # fmt: skip

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
    Index("counts_minute", "minute"),
)

# The same by quarters of an hour, summed up with every minute: a year is drawn of a fifteenth of the rows.
# Hours and days begin at quarters everywhere. Time comes first in the key, since charts are of a span of it.
quarters = Table(
    "counts_quarters",
    metadata,
    Column("minute", Integer, primary_key=True, autoincrement=False),
    Column("camera", String(255), primary_key=True),
    Column("zone", String(255), primary_key=True),
    Column("observed_s", Float, nullable=False),
    Column("down_s", Float, nullable=False),
    Column("frozen_s", Float, nullable=False),
    Column("with_mask", Float, nullable=False),
    Column("without_mask", Float, nullable=False),
    Column("mask_worn_incorrect", Float, nullable=False),
    Column("unknown", Float, nullable=False),
    Column("people", Integer, nullable=False),
    sqlite_with_rowid=False,
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

# A row a minute of each track, without a picture: what a survey needs. Track -1: faces that no track held.
tracks = Table(
    "tracks",
    metadata,
    Column("minute", Integer, primary_key=True, autoincrement=False),
    Column("camera", String(255), primary_key=True),
    Column("run", String(36), primary_key=True),
    Column("track", Integer, primary_key=True, autoincrement=False),
    Column("source", String(1024), nullable=False),
    Column("zone", String(255)),
    # Seconds by label; by the detector's own word while the track was not judged yet.
    Column("with_mask", Float, nullable=False),
    Column("without_mask", Float, nullable=False),
    Column("mask_worn_incorrect", Float, nullable=False),
    Column("unjudged_s", Float, nullable=False),
    # Means over the frames of a label; none where there are no frames of it.
    Column("with_mask_confidence", Float),
    Column("without_mask_confidence", Float),
    Column("mask_worn_incorrect_confidence", Float),
    Column("width_px", Float, nullable=False),
    Column("lost_s", Float, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("model_hash", String(64), nullable=False),
    sqlite_with_rowid=False,
)

# Spans in which a camera was not looked at.
gaps = Table(
    "gaps",
    metadata,
    Column("camera", String(255), primary_key=True),
    Column("why", String(32), primary_key=True),  # down, frozen
    Column("began_utc", UtcDateTime, primary_key=True),
    Column("last_utc", UtcDateTime, nullable=False),
    Column("error", Text),
    Index("gaps_last", "last_utc"),
)

# Who logged in, looked at live pictures, exported, or changed something.
audit = Table(
    "audit",
    metadata,
    Column("id", _KEY, primary_key=True, autoincrement=True),
    Column("time_utc", UtcDateTime, nullable=False),
    Column("who", String(255), nullable=False),
    Column("address", String(64), nullable=False),
    Column("what", String(255), nullable=False),
    Column("thing", Text, nullable=False),
    Index("audit_time", "time_utc"),
)

# Links that show figures on a wall screen. The token itself is in the link only.
wall_links = Table(
    "wall_links",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("created_utc", UtcDateTime, nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("expires_utc", UtcDateTime, nullable=False),
    Column("revoked_utc", UtcDateTime),
    Column("revoked_by", String(255)),
)

# Users who logged in. The key itself is in their browser only.
sessions = Table(
    "sessions",
    metadata,
    Column("key_hash", String(64), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("role", String(16), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("password_mark", String(64), nullable=False),
    Column("ends_utc", UtcDateTime, nullable=False),
)
