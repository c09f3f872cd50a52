"""What all parts of the client share: questions to the service, and values of the answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from crowdmask.errors import UsageError

if TYPE_CHECKING:
    import httpx

    from crowdmask.client.connection import Connection


class Asking:
    """Asks the service; the base of the parts of `Client`."""

    _connection: Connection

    def _get(self, path: str, wish: Mapping[str, Any] | None = None) -> httpx.Response:
        known = {name: value for name, value in (wish or {}).items() if value is not None}
        return self._connection.ask("GET", path, params=known)

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        return self._connection.ask(method, path, **({} if body is None else {"json": body}))


def as_text(moment: datetime | None) -> str | None:
    """Return a moment as the service reads it.

    Raises:
        UsageError: it has no time zone.
    """
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise UsageError("`start` and `end` must have a time zone")
    return moment.isoformat()


def quoted(name: str) -> str:
    """Return a name as a part of a path."""
    return quote(name, safe="")
