"""The part of the client for gaps, the audit log and wall screens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crowdmask.client.asking import Asking, as_text, quoted
from crowdmask.client.site_values import AuditEntry, Link, SiteInfo, to_entry, to_gap, to_link, to_site
from crowdmask.store.records import Gap


class LogsClient(Asking):
    """What a service kept of itself; all methods raise `ServiceError` where it is not reached, or refuses."""

    def site(self) -> SiteInfo:
        """Return the name, time zone and mode of the site."""
        return to_site(self._get("/v1/site").json())

    def gaps(
        self, *, start: datetime | None = None, end: datetime | None = None, camera: str | None = None
    ) -> list[Gap]:
        """Return when cameras were down or frozen, in the order of time.

        Args:
            start, end: with a time zone; None: the last day.
            camera: only of this one.
        Raises:
            ServiceError: see the class.
            UsageError: a time has no time zone.
        """
        wish = {"start": as_text(start), "end": as_text(end), "camera": camera}
        return [to_gap(each) for each in self._get("/v1/gaps", wish).json()]

    def audit(
        self,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        who: str | None = None,
        limit: int = 1000,
    ) -> list[AuditEntry]:
        """Return who logged in, looked, exported or changed something, the newest first. For admins.

        Args:
            start, end: from, and before, with a time zone; None: no bound.
            who: only of this user.
            limit: so many at most, 1 to 10000.
        Raises:
            ServiceError: see the class.
            UsageError: a time has no time zone.
        """
        wish = {"start": as_text(start), "end": as_text(end), "who": who, "limit": limit}
        return [to_entry(each) for each in self._get("/v1/audit", wish).json()]

    def wall(self) -> Mapping[str, Any]:
        """Return the figures of now, as a wall screen shows them: plain values, as docs/api.md shows them."""
        return dict(self._get("/v1/wall").json())

    def links(self) -> list[Link]:
        """Return all links for wall screens, the newest first, also expired and revoked ones. For admins."""
        return [to_link(each) for each in self._get("/v1/links").json()]

    def add_link(self, name: str, *, days: int = 30) -> Link:
        """Make a link for a wall screen. For admins.

        Args:
            name: as people call it, for example "hall".
            days: after which it expires, 1 to 366.
        Returns:
            The link with its `token`, which cannot be had again.
        Raises:
            ServiceError: see the class.
        """
        return to_link(self._send("POST", "/v1/links", {"name": name, "days": days}).json())

    def revoke_link(self, link_id: str) -> None:
        """Revoke a link: from now on it lets nobody in. For admins.

        Raises:
            ServiceError: there is none with this id (status 404); see the class.
        """
        self._send("DELETE", f"/v1/links/{quoted(link_id)}")
