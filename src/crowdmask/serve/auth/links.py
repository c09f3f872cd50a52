"""Links that show the figures of a site on a wall screen, without a login."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from crowdmask.serve.auth.sessions import Identity
from crowdmask.store.links import LinkStore, WallLink

PREFIX = "wall_"


class Links:
    """Makes, checks and revokes links; for any thread.

    Only a hash of each token is stored: who reads the database cannot use the links in it. A token has 256
    random bits, so one round of SHA-256 is enough; slow hashes are for passwords that people choose.
    """

    def __init__(self, store: LinkStore, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Use the links of a store.

        Args:
            store: where they are kept.
            now: the clock, UTC.
        """
        self._store, self._now = store, now

    def create(self, name: str, days: float, by: str) -> tuple[WallLink, str]:
        """Create a link; return it and its token, which cannot be shown again.

        Args:
            name: as people call it.
            days: after which it expires.
            by: who makes it.
        """
        token, now = PREFIX + secrets.token_urlsafe(32), self._now()
        link = WallLink(
            id=str(uuid.uuid4()), name=name, created_utc=now, created_by=by,
            expires_utc=now + timedelta(days=days),
        )  # fmt: skip
        self._store.add(link, _hash(token))
        return link, token

    def all(self) -> list[WallLink]:
        """Return all links, newest first, including expired and revoked ones."""
        return self._store.all()

    def revoke(self, link_id: str, by: str) -> WallLink | None:
        """Revoke a link; None: no link has this id."""
        return self._store.revoke(link_id, by, self._now())

    def identify(self, token: str) -> Identity | None:
        """Return the identity of a token; None: it is unknown, expired or revoked."""
        link = self._store.find(_hash(token)) if token.startswith(PREFIX) else None
        if link is None or link.revoked_utc is not None or self._now() >= link.expires_utc:
            return None
        return Identity(f"link {link.name}", "wall")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
