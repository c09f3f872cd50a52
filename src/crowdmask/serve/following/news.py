"""Plain values of what followers of a site are told."""

from __future__ import annotations

from typing import Any

from crowdmask.alerts.snapshot import Snapshot
from crowdmask.live.health import Health
from crowdmask.store.alert_records import to_text
from crowdmask.tracking.mask_state import STATES


def now_record(snapshot: Snapshot) -> dict[str, Any]:
    """Return the number of people in view now, by state; null: not observed."""
    seen = snapshot.observed_s > 0
    return {
        "time_utc": to_text(snapshot.time_utc),
        "camera": snapshot.camera,
        "zone": snapshot.zone,
        "people": {state: snapshot.people.get(state, 0) for state in STATES} if seen else None,
        "online": snapshot.online,
        "frozen": snapshot.frozen_s > 0,
    }


def health_record(health: Health) -> dict[str, Any]:
    """Return the health of a camera, and the reason for the report."""
    return {
        "camera": health.camera,
        "source": health.source,
        "state": health.state,
        "fps": health.fps,
        "frozen": health.frozen,
        "reconnects": health.reconnects,
        "restarts": health.restarts,
        "down_since": None if health.down_since is None else to_text(health.down_since),
        "last_error": health.last_error,
        "news": health.news,
        "message": health.message,
    }
