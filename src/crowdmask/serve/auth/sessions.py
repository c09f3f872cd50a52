"""Who is logged in, and how often somebody may try to."""

from __future__ import annotations

import hashlib
import hmac
import logging
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Literal, cast

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy.exc import SQLAlchemyError

from crowdmask.serve.http_settings import HttpSettings, Role, User
from crowdmask.store.sessions import SessionStore, StoredSession

LOG = logging.getLogger(__name__)

_MOST_SESSIONS = 10_000
_TRIES = 5
_TRIES_IN_S = 300.0
_HASHER = PasswordHasher()


@dataclass(frozen=True)
class Identity:
    """The identity of a caller.

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
    password_mark: str
    ends_s: float


def hash_password(password: str) -> str:
    """Return the argon2 hash of a password, for the settings file."""
    return _HASHER.hash(password)


class TooManyTriesError(Exception):
    """Too many attempts to log in.

    Attributes:
        retry_after_s: when the next try is allowed.
    """

    def __init__(self, retry_after_s: int) -> None:
        minutes = math.ceil(retry_after_s / 60)
        super().__init__(
            f"too many wrong passwords: try again in {minutes} minute{'s' if minutes > 1 else ''}"
        )
        self.retry_after_s = retry_after_s


class Sessions:
    """Sessions, kept in memory and, where there is one, in a store, over restarts. For any thread."""

    def __init__(
        self,
        settings: Callable[[], HttpSettings],
        clock: Callable[[], float] = time.time,
        kept: SessionStore | None = None,
    ) -> None:
        """Begin with those that the store keeps.

        Args:
            settings: returns those in force.
            clock: seconds since 1970.
            kept: where they outlive a restart; None: nowhere.
        """
        self._settings, self._clock, self._kept, self._lock = settings, clock, kept, Lock()
        self._sessions: dict[str, _Session] = {}
        self._tries: dict[str, list[float]] = {}
        # Verified for unknown names, so that the time of an answer does not tell which names are known.
        self._nobody = _HASHER.hash(secrets.token_urlsafe(16))

    def log_in(self, name: str, password: str, address: str) -> tuple[str, Identity] | None:
        """Return the key and identity of a new session; None: wrong name or password.

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
            session = _Session(identity, _mark(user), self._clock() + self._settings().session_h * 3600)
            self._remember(key, session)
        self._keep(key, session)
        return key, identity

    def of(self, key: str) -> Identity | None:
        """Return the identity of a session.

        None: of nobody, of somebody who has been removed, or whose role or password is another now.
        """
        with self._lock:
            session = self._sessions.get(key)
        if session is None:
            session = self._look_up(key)
            if session is None:
                return None
            with self._lock:
                self._remember(key, session)
        users = {user.name: (user.role, _mark(user)) for user in self._settings().users}
        identity = session.identity
        if session.ends_s < self._clock() or users.get(identity.name) != (
            identity.role,
            session.password_mark,
        ):
            self.log_out(key)
            return None
        return identity

    def log_out(self, key: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(key, None)
        if self._kept is not None:
            try:
                self._kept.remove(_hash(key))
            except SQLAlchemyError as error:
                LOG.warning(
                    "a session that ended stays in the store until its time: %s", type(error).__name__
                )

    def of_token(self, token: str) -> Identity | None:
        """Return the identity of a token; None: it is unknown."""
        found = None
        for each in self._settings().tokens:
            # All are compared, each in constant time.
            if hmac.compare_digest(each.token.get_secret_value().encode(), token.encode()):
                found = Identity(each.name, each.role)
        return found

    def _remember(self, key: str, session: _Session) -> None:
        self._sessions[key] = session
        while len(self._sessions) > _MOST_SESSIONS:
            self._sessions.pop(next(iter(self._sessions)))

    def _keep(self, key: str, session: _Session) -> None:
        if self._kept is None:
            return
        who = session.identity
        now, ends = (datetime.fromtimestamp(moment, UTC) for moment in (self._clock(), session.ends_s))
        stored = StoredSession(
            name=who.name, role=who.role, csrf=who.csrf, password_mark=session.password_mark, ends_utc=ends
        )
        try:
            self._kept.add(_hash(key), stored, now)
        except SQLAlchemyError as error:
            LOG.warning(
                "a session will not outlive a restart, since the store is away: %s", type(error).__name__
            )

    def _look_up(self, key: str) -> _Session | None:
        if self._kept is None:
            return None
        try:
            found = self._kept.find(_hash(key))
        except SQLAlchemyError:
            return None
        if found is None:
            return None
        identity = Identity(found.name, cast(Role, found.role), found.csrf)
        return _Session(identity, found.password_mark, found.ends_utc.timestamp())


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _mark(user: User) -> str:
    """Return what changes with the password, and does not tell it."""
    return hashlib.sha256(user.password_hash.get_secret_value().encode()).hexdigest()
