"""How the service is reached and what it bears: the section ``http`` of a site's settings."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import Field, model_validator

from crowdmask.secret import Secret
from crowdmask.settings import StrictModel

Role = Literal["viewer", "admin"]
"""What somebody of the settings may do."""


ACCESS = ("users", "tokens", "session_h")
"""The settings that are taken over while the service runs."""

Name = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9._@-]{1,64}$",
        title="Name",
        description="Unique name, used in the audit log: letters, digits, and . _ @ -",
    ),
]


class User(StrictModel):
    """Somebody who logs in on the pages."""

    name: Name
    password_hash: Annotated[
        Secret,
        Field(
            title="Password hash",
            description="Argon2 hash of the password, made by the option hash-password of crowdmask serve.",
        ),
    ]
    role: Annotated[
        Role, Field(title="Role", description="viewer: read access; admin: can also change settings.")
    ] = "viewer"


class Token(StrictModel):
    """A program that uses the API."""

    name: Name
    token: Annotated[
        Secret,
        Field(title="Token", description="The token, at least 16 characters; 32 or more are recommended."),
    ]
    role: Annotated[
        Role, Field(title="Role", description="viewer: read access; admin: can also change settings.")
    ] = "viewer"

    @model_validator(mode="after")
    def _long(self) -> Token:
        if len(self.token.get_secret_value()) < 16:
            raise ValueError("the token must have 16 characters or more")
        return self


class HttpSettings(StrictModel):
    """Address, limits, and who may come in."""

    host: Annotated[
        str,
        Field(
            title="Address",
            description="Address to listen on; any address other than loopback requires users or tokens.",
        ),
    ] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, title="Port", description="TCP port; 0: any free port.")] = (
        8000
    )
    upload_mb: Annotated[
        float, Field(gt=0, le=1024, title="Upload", description="Maximum size of an upload, in MB.")
    ] = 20
    batch_photos: Annotated[
        int, Field(ge=1, le=256, title="Batch", description="Maximum number of photos in a batch request.")
    ] = 32
    megapixels: Annotated[
        float, Field(gt=0, le=500, title="Pixels", description="Maximum size of a picture, in megapixels.")
    ] = 80
    waiting: Annotated[
        int,
        Field(
            ge=1,
            le=1000,
            title="Waiting",
            description="Maximum number of waiting photos; more are refused with 503.",
        ),
    ] = 16
    uploads: Annotated[
        int,
        Field(
            ge=1,
            le=1000,
            title="Uploads",
            description="Maximum number of simultaneous uploads; more are refused with 503.",
        ),
    ] = 64
    upload_s: Annotated[
        float,
        Field(gt=0, le=600, title="Upload time", description="Maximum duration of an upload, in seconds."),
    ] = 30
    requests_a_minute: Annotated[
        int | None,
        Field(
            ge=1,
            title="Rate",
            description="Maximum photos per minute for each user or token; null: no limit.",
        ),
    ] = None
    workers: Annotated[
        int | None,
        Field(
            ge=1,
            le=64,
            title="Workers",
            description="Number of photos processed in parallel; null: one per core.",
        ),
    ] = None
    users: Annotated[
        tuple[User, ...], Field(title="Users", description="Users who can log in to the pages.")
    ] = ()
    tokens: Annotated[
        tuple[Token, ...], Field(title="Tokens", description="Access tokens for programs that use the API.")
    ] = ()
    session_h: Annotated[
        float,
        Field(gt=0, le=24 * 31, title="Session", description="Hours after which users must log in again."),
    ] = 12

    @model_validator(mode="after")
    def _safe(self) -> HttpSettings:
        if not is_loopback(self.host) and not (self.users or self.tokens):
            raise ValueError(
                f"host is {self.host}, which others reach: give users or tokens, or take 127.0.0.1"
            )
        for what, names in (
            ("users", [u.name for u in self.users]),
            ("tokens", [t.name for t in self.tokens]),
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"two {what} have the same name")
        return self

    def with_access_of(self, new: HttpSettings) -> HttpSettings:
        """Return these settings with the users, tokens and length of sessions of others.

        Raises:
            ValidationError: nobody would be asked who they are at an address that others reach.
        """
        access = {name: getattr(new, name) for name in ACCESS}
        return HttpSettings.model_validate({**dict(self), **access})

    @property
    def is_open(self) -> bool:
        """Whether everybody on this machine may do everything, since nobody is named."""
        return not (self.users or self.tokens)


def is_loopback(host: str) -> bool:
    """Return whether an address is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
