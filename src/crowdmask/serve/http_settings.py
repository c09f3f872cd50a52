"""How the service is reached and what it bears: the section ``http`` of a site's settings."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import Field, model_validator

from crowdmask.secret import Secret
from crowdmask.settings import StrictModel

Role = Literal["viewer", "admin"]
"""What somebody of the settings may do."""


class User(StrictModel):
    """Somebody who logs in on the pages."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._@-]{1,64}$", title="Name")]
    password_hash: Annotated[
        Secret,
        Field(
            title="Password hash", description="argon2; the option hash-password of crowdmask serve makes it."
        ),
    ]
    role: Annotated[Role, Field(title="Role", description="A viewer looks, an admin changes things.")] = (
        "viewer"
    )


class Token(StrictModel):
    """A program that uses the API."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._@-]{1,64}$", title="Name")]
    token: Annotated[Secret, Field(title="Token", description="16 characters or more, better 32.")]
    role: Annotated[Role, Field(title="Role")] = "viewer"

    @model_validator(mode="after")
    def _long(self) -> Token:
        if len(self.token.get_secret_value()) < 16:
            raise ValueError("the token must have 16 characters or more")
        return self


class HttpSettings(StrictModel):
    """Address, limits, and who may come in."""

    host: Annotated[
        str, Field(title="Address", description="Any but a loopback address needs users or tokens.")
    ] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, title="Port", description="0: a free one.")] = 8000
    upload_mb: Annotated[float, Field(gt=0, le=1024, title="Upload", description="Largest upload, MB.")] = 20
    batch_photos: Annotated[
        int, Field(ge=1, le=256, title="Batch", description="Most photos of one batch.")
    ] = 32
    megapixels: Annotated[
        float, Field(gt=0, le=500, title="Pixels", description="Largest picture, megapixels.")
    ] = 80
    waiting: Annotated[
        int, Field(ge=1, le=1000, title="Waiting", description="Photos that may wait; more are refused: 503.")
    ] = 16
    uploads: Annotated[
        int, Field(ge=1, le=1000, title="Uploads", description="Uploads at one time; more are refused: 503.")
    ] = 64
    upload_s: Annotated[
        float, Field(gt=0, le=600, title="Upload time", description="Seconds after which a slow one ends.")
    ] = 30
    requests_a_minute: Annotated[
        int | None,
        Field(ge=1, title="Rate", description="Photos a minute of one user or token; none: no limit."),
    ] = None
    workers: Annotated[
        int | None,
        Field(ge=1, le=64, title="Workers", description="Photos detected at one time [one a core]."),
    ] = None
    users: Annotated[tuple[User, ...], Field(title="Users")] = ()
    tokens: Annotated[tuple[Token, ...], Field(title="Tokens")] = ()
    session_h: Annotated[
        float, Field(gt=0, le=24 * 31, title="Session", description="Hours after which one logs in anew.")
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
