"""Let requests in: by token, by session, or all from this machine where nobody is named."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from crowdmask.serve.auth.links import Links
from crowdmask.serve.auth.sessions import Identity, Sessions
from crowdmask.serve.http_settings import HttpSettings, is_loopback

COOKIE = "crowdmask_session"
CSRF_HEADER = "x-csrf-token"
_SAFE = ("GET", "HEAD", "OPTIONS")


class Guards:
    """Dependencies of routes; each returns the name of who asks."""

    def __init__(
        self, settings: Callable[[], HttpSettings], sessions: Sessions, links: Links | None = None
    ) -> None:
        """Take over who may come in; changed settings count at once.

        Args:
            settings: returns those in force.
            sessions: who is logged in.
            links: for wall screens; None: there are none.
        """
        self._settings, self._sessions, self._links = settings, sessions, links

    def viewer(self, connection: HTTPConnection) -> str:
        """Allow viewers and admins.

        Raises:
            HTTPException: 401 or 403.
        """
        identity = self.identify(connection)
        if identity.role == "wall":
            raise HTTPException(403, "a link for a wall screen shows figures only")
        return identity.name

    def figures(self, connection: HTTPConnection) -> str:
        """Allow viewers, admins and wall screens.

        Raises:
            HTTPException: 401 or 403.
        """
        return self.identify(connection).name

    def admin(self, connection: HTTPConnection) -> str:
        """Allow admins only.

        Raises:
            HTTPException: 401 or 403.
        """
        identity = self.identify(connection)
        if identity.role != "admin":
            raise HTTPException(403, "only an admin may do this")
        return identity.name

    def identify(self, connection: HTTPConnection) -> Identity:
        """Return the identity of the caller.

        Raises:
            HTTPException: 401: not known; 403: a page of another site asks through somebody's browser.
        """
        settings = self._settings()
        self._refuse_other_pages(connection, settings)
        kind, _, token = connection.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            identity = self._sessions.of_token(token.strip())
            if identity is None and self._links is not None:
                identity = self._links.identify(token.strip())
            if identity is None:
                raise _unknown("the token is not known")
            return identity
        key = connection.cookies.get(COOKIE)
        identity = self._sessions.of(key) if key else None
        if identity is None:
            if settings.is_open:
                return Identity("local", "admin")
            raise _unknown("log in, or give a token")
        if connection.scope["type"] == "http" and connection.scope["method"] not in _SAFE:
            given = connection.headers.get(CSRF_HEADER, "")
            if not hmac.compare_digest(given.encode(), identity.csrf.encode()):
                raise HTTPException(403, f"the header {CSRF_HEADER} is missing or wrong")
        return identity

    def _refuse_other_pages(self, connection: HTTPConnection, settings: HttpSettings) -> None:
        host = connection.headers.get("host", "")
        # A page of another site may point its own name at this machine, where everybody is let in.
        if settings.is_open and not is_loopback(host.rpartition(":")[0] or host) and not is_loopback(host):
            raise HTTPException(403, "use the address that the service printed when it started")
        origin = connection.headers.get("origin")
        if origin and origin.partition("://")[2] != host:
            raise HTTPException(403, "a page of another site may not use the service")


def _unknown(why: str) -> HTTPException:
    return HTTPException(401, why, {"WWW-Authenticate": "Bearer"})
