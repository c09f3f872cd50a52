"""Send a message on purpose, to see whether it arrives."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from crowdmask.alerts.channels.channel import Channel, DeliveryError, Sender
from crowdmask.alerts.channels.make import make_channel
from crowdmask.alerts.settings import AlertSettings
from crowdmask.errors import UsageError
from crowdmask.store.alert_records import Alert


@dataclass(frozen=True)
class Trial:
    """The result of a test message to one channel.

    Attributes:
        channel: its name.
        error: why it did not arrive; None: it did.
    """

    channel: str
    error: str | None


def send_test(settings: AlertSettings, name: str, sender: Sender) -> list[Trial]:
    """Send a test message to the channels of a rule, or to one channel.

    Nothing is kept, and nothing is tried again. It says that it is a test.

    Args:
        settings: rules and channels.
        name: of a rule or of a channel.
        sender: who sends.
    Raises:
        UsageError: there is no such rule or channel, or it tells nobody.
    """
    rules = {rule.name: rule for rule in settings.rules}
    channels = {channel.name: channel for channel in settings.channels}
    kind, camera = "test", "test"
    if name in rules:
        names = settings.channels_of(rules[name])
        kind, camera = str(rules[name].when), (*rules[name].cameras, "test")[0]
    elif name in channels:
        names = (name,)
    else:
        known = ", ".join([*rules, *channels]) or "there are none"
        raise UsageError(f"there is no rule or channel {name!r}; choose from: {known}")
    if not names:
        raise UsageError(f"the rule {name} has no channel: add one under alerts.channels")
    alert = Alert(
        id=str(uuid.uuid4()), rule=name, kind=kind, camera=camera, zone=None, state="test",
        raised_utc=datetime.now(UTC), recovered_utc=None,
        message="this is a test message: nothing is wrong",
    )  # fmt: skip
    return [Trial(each, _try(make_channel(channels[each], sender), alert)) for each in names]


def _try(channel: Channel, alert: Alert) -> str | None:
    try:
        channel.start()
        channel.send(alert)
    except DeliveryError as error:
        return str(error)
    finally:
        channel.close()
    return None
