"""The ways a message can go, as an operator sets them."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from crowdmask.secret import Secret
from crowdmask.settings import StrictModel

ChannelName: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        title="Name",
        description="Unique name: letters, digits, - and _. Rules refer to it in `to`.",
    ),
]
Port: TypeAlias = Annotated[int, Field(ge=1, le=65_535, title="Port", description="TCP port.")]
TimeoutS: TypeAlias = Annotated[
    float, Field(ge=1, le=120, title="Time-out", description="Seconds to wait for an answer.")
]
TopicLevels = r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$"


class MqttSettings(StrictModel):
    """An MQTT broker, with Home Assistant's discovery."""

    kind: Annotated[Literal["mqtt"], Field(title="Kind", description="mqtt: an MQTT broker.")]
    name: ChannelName
    host: Annotated[str, Field(min_length=1, title="Host", description="Name or address of the broker.")]
    port: Port = 1883
    tls: Annotated[bool, Field(title="TLS", description="Whether to encrypt the connection.")] = False
    ca_file: Annotated[
        Path | None,
        Field(
            title="CA file",
            description="File with the CA certificates to trust instead of those of the system.",
        ),
    ] = None
    user: Annotated[str | None, Field(title="User", description="User name for the broker.")] = None
    password: Annotated[Secret | None, Field(title="Password", description="Password of the user.")] = None
    topic: Annotated[
        str,
        Field(
            pattern=TopicLevels,
            title="Topic",
            description="Prefix of all topics; must be different for each site.",
        ),
    ] = "crowdmask"
    discovery: Annotated[
        str | None,
        Field(
            pattern=TopicLevels,
            title="Discovery",
            description="Discovery prefix of Home Assistant; null: no discovery.",
        ),
    ] = "homeassistant"
    every_s: Annotated[
        float,
        Field(ge=1, le=3600, title="Every", description="Seconds between two state messages of a camera."),
    ] = 10.0
    timeout_s: TimeoutS = 10.0

    @model_validator(mode="after")
    def _fits(self) -> MqttSettings:
        if self.password is not None and self.user is None:
            raise ValueError("a password needs a user")
        _check_ca_file(self.ca_file, self.tls)
        return self


class WebhookSettings(StrictModel):
    """A program of the operator's own that gets each message as JSON by HTTP."""

    kind: Annotated[
        Literal["webhook"], Field(title="Kind", description="webhook: a program that takes HTTP requests.")
    ]
    name: ChannelName
    url: Annotated[
        Secret,
        Field(
            title="URL", description="Address that receives the requests; begins with https:// or http://."
        ),
    ]
    secret: Annotated[
        Secret | None,
        Field(
            title="Key", description="Key that signs each message: `whsec_` followed by base64, or any text."
        ),
    ] = None
    ca_file: Annotated[
        Path | None,
        Field(
            title="CA file",
            description="File with the CA certificates to trust instead of those of the system.",
        ),
    ] = None
    timeout_s: TimeoutS = 10.0

    @field_validator("url")
    @classmethod
    def _is_url(cls, value: Secret) -> Secret:
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an address that begins with https:// or http://")
        return value

    @model_validator(mode="after")
    def _fits(self) -> WebhookSettings:
        _check_ca_file(self.ca_file, True)
        return self


class EmailSettings(StrictModel):
    """A mail server (SMTP) and who gets mail."""

    kind: Annotated[Literal["email"], Field(title="Kind", description="email: a mail server.")]
    name: ChannelName
    host: Annotated[str, Field(min_length=1, title="Host", description="Name of the mail server.")]
    port: Annotated[
        int | None,
        Field(
            ge=1,
            le=65_535,
            title="Port",
            description="TCP port; null: 587 for starttls, 465 for tls, 25 for none.",
        ),
    ] = None
    security: Annotated[
        Literal["starttls", "tls", "none"],
        Field(
            title="Security",
            description="Encryption of the connection; none is allowed only for a server on this machine.",
        ),
    ] = "starttls"
    ca_file: Annotated[
        Path | None,
        Field(
            title="CA file",
            description="File with the CA certificates to trust instead of those of the system.",
        ),
    ] = None
    user: Annotated[
        str | None, Field(title="User", description="User name for the server; null: no authentication.")
    ] = None
    password: Annotated[Secret | None, Field(title="Password", description="Password of the user.")] = None
    sender: Annotated[
        str, Field(pattern=r"^[^@\s]+@[^@\s]+$", title="Sender", description="E-mail address of the sender.")
    ]
    recipients: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...],
        Field(min_length=1, title="Recipients", description="E-mail addresses of the recipients."),
    ]
    timeout_s: TimeoutS = 30.0

    @model_validator(mode="after")
    def _fits(self) -> EmailSettings:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together")
        if self.security == "none" and not _is_loopback(self.host):
            raise ValueError("security none would send over the network in the clear: use starttls or tls")
        _check_ca_file(self.ca_file, self.security != "none")
        return self


class AppriseSettings(StrictModel):
    """More than a hundred services by Apprise's addresses: ntfy, Matrix, Slack, Telegram, Pushover…"""

    kind: Annotated[Literal["apprise"], Field(title="Kind", description="apprise: one of many services.")]
    name: ChannelName
    urls: Annotated[
        tuple[Secret, ...],
        Field(
            min_length=1,
            title="Addresses",
            description="Addresses in Apprise's notation, for example ntfy://topic.",
        ),
    ]


ChannelSettings: TypeAlias = Annotated[
    MqttSettings | WebhookSettings | EmailSettings | AppriseSettings, Field(discriminator="kind")
]
"""One channel; `kind` says which."""


def _check_ca_file(path: Path | None, used: bool) -> None:
    if path is None:
        return
    if not used:
        raise ValueError("ca_file needs an encrypted connection")
    if not path.is_file():
        raise ValueError(f"ca_file: {path} is not a file")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
