"""Links for wall screens: who made them, until when they are valid, and which were revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, insert, select, update

from crowdmask.store.tables import wall_links


@dataclass(frozen=True, kw_only=True)
class WallLink:
    """One link, without its token.

    Attributes:
        id: UUID.
        name: as people call it.
        created_utc, created_by: when, and by whom it was made.
        expires_utc: it is valid before.
        revoked_utc, revoked_by: when, and by whom it was revoked; None: it was not.
    """

    id: str
    name: str
    created_utc: datetime
    created_by: str
    expires_utc: datetime
    revoked_utc: datetime | None = None
    revoked_by: str | None = None


_COLUMNS = [wall_links.c[name] for name in WallLink.__dataclass_fields__]


class LinkStore:
    """The links of a site in its database; for any thread."""

    def __init__(self, engine: Engine) -> None:
        """Use a database whose tables exist."""
        self._engine = engine

    def add(self, link: WallLink, token_hash: str) -> None:
        """Store a new link.

        Args:
            link: without its token.
            token_hash: SHA-256 of the token, hexadecimal.
        """
        with self._engine.begin() as connection:
            connection.execute(insert(wall_links).values(**vars(link), token_hash=token_hash))

    def all(self) -> list[WallLink]:
        """Return all links, newest first."""
        query = select(*_COLUMNS).order_by(wall_links.c.created_utc.desc(), wall_links.c.id)
        with self._engine.connect() as connection:
            return [WallLink(**row) for row in connection.execute(query).mappings()]

    def find(self, token_hash: str) -> WallLink | None:
        """Return the link whose token has this hash; None: there is none."""
        query = select(*_COLUMNS).where(wall_links.c.token_hash == token_hash)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else WallLink(**row)

    def revoke(self, link_id: str, by: str, now: datetime) -> WallLink | None:
        """Revoke a link; only the first time counts.

        Args:
            link_id: its UUID.
            by: who revokes it.
            now: UTC.
        Returns:
            The link; None: there is none with this id.
        """
        here = wall_links.c.id == link_id
        values = {"revoked_utc": now, "revoked_by": by}
        with self._engine.begin() as connection:
            connection.execute(
                update(wall_links).where(here, wall_links.c.revoked_utc.is_(None)).values(values)
            )
            row = connection.execute(select(*_COLUMNS).where(here)).mappings().first()
        return None if row is None else WallLink(**row)
