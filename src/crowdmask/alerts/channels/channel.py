"""What all channels have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, tzinfo

from crowdmask.errors import CrowdmaskError
from crowdmask.store.alert_records import Alert


class DeliveryError(CrowdmaskError):
    """A message was not delivered, or possibly not.

    Attributes:
        retry_after_s: how long the other side asks to wait; None: it says nothing.
    """

    def __init__(self, why: str, retry_after_s: float | None = None) -> None:
        """Say why, without any secret."""
        super().__init__(why)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Sender:
    """Who sends messages.

    Attributes:
        site: the site's name, for people.
        timezone: in which people read times.
    """

    site: str
    timezone: tzinfo


class Channel(ABC):
    """A way to send messages, one after the other, in one thread.

    Attributes:
        keeps_states: whether it shows states rather than telling people: quiet hours and snoozing are not
            for it.
    """

    keeps_states = False

    def __init__(self, name: str, sender: Sender) -> None:
        """Connect to nothing yet."""
        self.name, self.sender = name, sender

    def start(self) -> None:  # noqa: B027 - most connect when they send
        """Connect, where the connection stays open."""

    @abstractmethod
    def send(self, alert: Alert) -> None:
        """Send a message; return once the receiver has accepted it.

        Raises:
            DeliveryError: it has not arrived, or may not have.
        """

    def close(self) -> None:  # noqa: B027 - most hold nothing open
        """Close open connections."""


def title(alert: Alert, sender: Sender) -> str:
    """Return the subject of a message."""
    what = {"raised": "", "recovered": "over: ", "test": "test: "}[alert.state]
    return f"[{sender.site}] {what}{alert.rule} ({alert.place})"


def text(alert: Alert, sender: Sender) -> str:
    """Return the body of a message, a few short lines."""
    lines = [f"{alert.message[:1].upper()}{alert.message[1:]}.", "", f"Camera: {alert.camera}"]
    if alert.zone is not None:
        lines.append(f"Zone: {alert.zone}")
    lines += [f"Rule: {alert.rule}", f"Since: {_local(alert.raised_utc, sender)}"]
    if alert.recovered_utc is not None:
        lines.append(f"Until: {_local(alert.recovered_utc, sender)}")
    return "\n".join([*lines, f"Alert: {alert.id}"]) + "\n"


def _local(moment: datetime, sender: Sender) -> str:
    return moment.astimezone(sender.timezone).strftime("%Y-%m-%d %H:%M:%S %Z")
