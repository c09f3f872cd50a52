"""The part of the client for alerts, their rules and channels."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crowdmask.client.asking import Asking, as_text, quoted
from crowdmask.client.site_values import (
    Alert,
    Preview,
    Rule,
    Snooze,
    to_alert,
    to_preview,
    to_rule,
    to_snooze,
)


class AlertsClient(Asking):
    """Alerts of a service; all methods raise `ServiceError` where it cannot be reached, or refuses."""

    def alerts(
        self,
        *,
        only_open: bool = False,
        rule: str | None = None,
        camera: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 100,
    ) -> list[Alert]:
        """Return alerts, the newest first.

        Args:
            only_open: only those that go on.
            rule, camera: only of this one.
            start, end: raised from, and before, with a time zone; None: no bound.
            limit: so many at most, 1 to 1000.
        Raises:
            ServiceError: see the class.
            UsageError: a time has no time zone.
        """
        wish = {
            "open": "true" if only_open else None, "rule": rule, "camera": camera,
            "start": as_text(start), "end": as_text(end), "limit": limit,
        }  # fmt: skip
        return [to_alert(each) for each in self._get("/v1/alerts", wish).json()]

    def alert(self, alert_id: str) -> Alert:
        """Return one alert.

        Raises:
            ServiceError: there is none with this id (status 404); see the class.
        """
        return to_alert(self._get(f"/v1/alerts/{quoted(alert_id)}").json())

    def acknowledge(self, alert_id: str) -> Alert:
        """Note that somebody has seen an alert; the first one who does counts. For admins.

        Raises:
            ServiceError: there is none with this id (status 404); see the class.
        """
        return to_alert(self._send("POST", f"/v1/alerts/{quoted(alert_id)}/acknowledge").json())

    def snooze(self, alert_id: str, minutes: int) -> Snooze:
        """Send no messages of an alert's rule at its camera and zone for a while. For admins.

        Args:
            alert_id: of the alert.
            minutes: for how long, 1 to 10080 (a week).
        Raises:
            ServiceError: there is none with this id (status 404); see the class.
        """
        body = {"minutes": minutes}
        return to_snooze(self._send("POST", f"/v1/alerts/{quoted(alert_id)}/snooze", body).json())

    def mark(self, alert_id: str, wrong: bool | None) -> Alert:
        """Say whether an alert was wrong. For admins.

        Args:
            alert_id: of the alert.
            wrong: None takes back what was said.
        Raises:
            ServiceError: there is none with this id (status 404); see the class.
        """
        return to_alert(self._send("POST", f"/v1/alerts/{quoted(alert_id)}/mark", {"wrong": wrong}).json())

    def rules(self) -> list[Rule]:
        """Return the rules, and how many of their alerts were marked wrong."""
        return [to_rule(each) for each in self._get("/v1/rules").json()]

    def add_rule(self, rule: Mapping[str, Any]) -> dict[str, Any]:
        """Add a rule, which is followed from the next second on. For admins.

        Args:
            rule: as in the site file, for example `{"name": "down", "when": "camera_down"}`.
        Returns:
            The whole rule, with all defaults.
        Raises:
            ServiceError: there is one of this name already, or it does not fit; see the class.
        """
        return _rule(self._send("POST", "/v1/rules", {"rule": dict(rule)}).json())

    def replace_rule(self, rule: Mapping[str, Any]) -> dict[str, Any]:
        """Replace the rule of the same name. For admins.

        Args:
            rule: the whole rule, as in the site file.
        Returns:
            The whole rule, with all defaults.
        Raises:
            ServiceError: there is none of this name (status 404), or it does not fit; see the class.
        """
        name = quoted(str(rule.get("name", "")))
        return _rule(self._send("PUT", f"/v1/rules/{name}", {"rule": dict(rule)}).json())

    def remove_rule(self, name: str) -> None:
        """Remove a rule; its open alerts end, and what is kept of it stays. For admins.

        Raises:
            ServiceError: there is none of this name (status 404); see the class.
        """
        self._send("DELETE", f"/v1/rules/{quoted(name)}")

    def preview_rule(self, rule: Mapping[str, Any], *, days: int = 7) -> Preview:
        """Return how many alerts a rule, saved or not, would have given on the last days.

        Args:
            rule: as in the site file.
            days: how many to look back, 1 to 31.
        Raises:
            ServiceError: the rule does not fit; see the class.
        """
        return to_preview(self._send("POST", "/v1/rules/preview", {"rule": dict(rule), "days": days}).json())

    def channels(self) -> dict[str, str]:
        """Return the kind of each channel by its name: "mqtt", "webhook", "email" or "apprise"."""
        return {each["name"]: each["kind"] for each in self._get("/v1/channels").json()}

    def test_alert(self, name: str) -> dict[str, str | None]:
        """Send a test message now. For admins.

        Args:
            name: of a rule, for all its channels, or of one channel.
        Returns:
            By the name of each channel why the message did not arrive, in one line; None: it did.
        Raises:
            ServiceError: there is no such rule or channel (status 404), or the rule has no channel (409);
                see the class.
        """
        return {
            each["channel"]: each["error"]
            for each in self._send("POST", "/v1/test-alert", {"name": name}).json()
        }


def _rule(answer: dict[str, Any]) -> dict[str, Any]:
    return dict(answer["rule"])
