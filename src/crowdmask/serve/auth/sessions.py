"""Who is logged in, and how often somebody may try to."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from crowdmask.serve.http_settings import HttpSettings, Role

_MOST_SESSIONS = 10_000
_TRIES = 5
_TRIES_IN_S = 300.0
_HASHER = PasswordHasher()


@dataclass(frozen=True)
class Identity:
    """Who asks.

    Attributes:
        name: of the user or token; "local" where nobody is named in the settings.
        role: what may be done; "wall": a link, which shows figures only.
        csrf: must come with each change that a browser asks for; empty: not a browser's session.
    """

    name: str
    role: Role | Literal["wall"]
    csrf: str = ""


@dataclass(frozen=True)
class _Session:
    identity: Identity
    ends_s: float


def hash_password(password: str) -> str:
    """Return the argon2 hash of a password, for the settings file."""
    return _HASHER.hash(password)


class TooManyTriesError(Exception):
    """Somebody tried too often to log in.

    Attributes:
        retry_after_s: when the next try is allowed.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too many tries to log in")
        self.retry_after_s = retry_after_s


class Sessions:
    """Sessions, kept in memory: after a restart everybody logs in anew. For any thread."""

    def __init__(
        self, settings: Callable[[], HttpSettings], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with nobody."""
        self._settings, self._clock, self._lock = settings, clock, Lock()
        self._sessions: dict[str, _Session] = {}
        self._tries: dict[str, list[float]] = {}
        # Verified for unknown names, so that the time of an answer does not tell which names are known.
        self._nobody = _HASHER.hash(secrets.token_urlsafe(16))

    def log_in(self, name: str, password: str, address: str) -> tuple[str, Identity] | None:
        """Return a new session's key and who it is of; None: the name or the password is wrong.

        Raises:
            TooManyTriesError: for this name or from this address.
        """
        marks = (f"name {name}", f"address {address}")
        with self._lock:
            now = self._clock()
            for mark in marks:
                recent = [when for when in self._tries.get(mark, []) if now - when < _TRIES_IN_S]
                self._tries[mark] = recent
                if len(recent) >= _TRIES:
                    raise TooManyTriesError(max(1, round(recent[0] + _TRIES_IN_S - now)))
            # Counted before the slow check, so that many at once do not slip through.
            for mark in marks:
                self._tries[mark].append(now)
            while len(self._tries) > _MOST_SESSIONS:
                self._tries.pop(next(iter(self._tries)))
        user = next((each for each in self._settings().users if each.name == name), None)
        known = user.password_hash.get_secret_value() if user else self._nobody
        try:
            _HASHER.verify(known, password)
        except (Argon2Error, InvalidHashError):
            return None
        if user is None:
            return None
        key = secrets.token_urlsafe(32)
        identity = Identity(user.name, user.role, secrets.token_urlsafe(24))
        with self._lock:
            for mark in marks:
                self._tries.pop(mark, None)
            self._sessions[key] = _Session(identity, self._clock() + self._settings().session_h * 3600)
            while len(self._sessions) > _MOST_SESSIONS:
                self._sessions.pop(next(iter(self._sessions)))
        return key, identity

    def of(self, key: str) -> Identity | None:
        """Return whose session it is; None: of nobody, or of somebody who has been removed."""
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                return None
            users = {user.name: user.role for user in self._settings().users}
            identity = session.identity
            if session.ends_s < self._clock() or users.get(identity.name) != identity.role:
                del self._sessions[key]
                return None
            return identity

    def log_out(self, key: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(key, None)

    def of_token(self, token: str) -> Identity | None:
        """Return whose token it is."""
        found = None
        for each in self._settings().tokens:
            # All are compared, each in constant time.
            if hmac.compare_digest(each.token.get_secret_value().encode(), token.encode()):
                found = Identity(each.name, each.role)
        return found
