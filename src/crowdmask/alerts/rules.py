"""Rules over time: an alert is raised once, goes on while it is wrong, and ends after a while of right."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crowdmask.alerts.conditions import Condition, Verdict, make_condition
from crowdmask.alerts.judging import Judge
from crowdmask.alerts.settings import AlertRule, EventRule
from crowdmask.alerts.snapshot import Snapshot
from crowdmask.store.alert_records import Alert


@dataclass(eq=False)
class _Place:
    condition: Condition
    open: Alert | None = None
    better_since: datetime | None = None
    silent_until: datetime | None = None
    share: float | None = None


class RuleState:
    """The state of one rule for all of its cameras.

    Pure: it knows no clock and sends nothing, so a forecast asks the same questions as the running service.
    """

    def __init__(self, rule: AlertRule, judge: Judge) -> None:
        """Begin without an alert.

        Args:
            rule: what is looked for.
            judge: knows how sure a share is.
        """
        self.rule, self.judge = rule, judge
        self._places: dict[str, _Place] = {}

    def restore(self, alerts: Iterable[Alert]) -> None:
        """Continue after a restart: open alerts are not raised again, and the cool-down still holds.

        Args:
            alerts: open ones, and others that ended not long ago.
        """
        for alert in alerts:
            if alert.rule != self.rule.name or alert.zone != getattr(self.rule, "zone", None):
                continue
            place = self._place(alert.camera)
            if alert.recovered_utc is None:
                place.open = alert
            else:
                until = alert.recovered_utc + timedelta(seconds=self.rule.cooldown_s)
                place.silent_until = max(until, place.silent_until or until)

    def follows(self, snapshot: Snapshot) -> bool:
        """Return whether the rule applies to the camera and zone of a snapshot."""
        zone = getattr(self.rule, "zone", None)
        return snapshot.zone == zone and (not self.rule.cameras or snapshot.camera in self.rule.cameras)

    def update(self, now: datetime, snapshot: Snapshot) -> list[Alert]:
        """Process the next step of a camera or zone.

        Args:
            now: UTC.
            snapshot: what was seen; one that the rule is not for changes nothing.
        Returns:
            The alert that began or ended with it, if one did.
        """
        if not self.follows(snapshot):
            return []
        place = self._place(snapshot.camera)
        verdict = place.condition.look(snapshot, place.open is not None)
        share = verdict.values.get("share")
        place.share = share if isinstance(share, float) else None
        if place.open is not None:
            return self._go_on(now, place, place.open, verdict)
        if not verdict.bad or (place.silent_until is not None and now < place.silent_until):
            return []
        place.better_since = None
        place.open = Alert(
            id=str(uuid.uuid4()), rule=self.rule.name, kind=self.rule.when, camera=snapshot.camera,
            zone=snapshot.zone, state="raised", raised_utc=now, recovered_utc=None, message=verdict.message,
            values=verdict.values,
        )  # fmt: skip
        return [place.open]

    def end(self, camera: str, now: datetime, why: str) -> list[Alert]:
        """End the open alerts of a camera that is no longer followed.

        Returns:
            The alert that has ended, if one was open.
        """
        place = self._places.pop(camera, None)
        if place is None or place.open is None:
            return []
        return [replace(place.open, state="recovered", recovered_utc=now, message=why)]

    @property
    def open(self) -> tuple[Alert, ...]:
        """The alerts that have not ended."""
        return tuple(place.open for place in self._places.values() if place.open is not None)

    def share(self, camera: str) -> float | None:
        """Return the newest share of a camera; None: no share rule, or too few people."""
        place = self._places.get(camera)
        return None if place is None else place.share

    def _go_on(self, now: datetime, place: _Place, alert: Alert, verdict: Verdict) -> list[Alert]:
        if verdict.good is None:
            return []
        if not verdict.good:
            place.better_since = None
            return []
        place.better_since = place.better_since or now
        wait_s = 0.0 if isinstance(self.rule, EventRule) else self.rule.recover_after_s
        if (now - place.better_since).total_seconds() < wait_s:
            return []
        place.open, place.better_since = None, None
        place.silent_until = now + timedelta(seconds=self.rule.cooldown_s)
        return [
            replace(
                alert, state="recovered", recovered_utc=now, message=verdict.message, values=verdict.values
            )
        ]

    def _place(self, camera: str) -> _Place:
        if camera not in self._places:
            self._places[camera] = _Place(make_condition(self.rule, self.judge))
        return self._places[camera]
