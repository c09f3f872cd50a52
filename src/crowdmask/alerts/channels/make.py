"""From settings to channels."""

from __future__ import annotations

from crowdmask.alerts.channel_settings import (
    AppriseSettings,
    ChannelSettings,
    EmailSettings,
    MqttSettings,
    WebhookSettings,
)
from crowdmask.alerts.channels.channel import Channel, Sender
from crowdmask.alerts.channels.mail import Email
from crowdmask.alerts.channels.mqtt import Mqtt, PrivacySwitch
from crowdmask.alerts.channels.webhook import Webhook


def make_channel(
    settings: ChannelSettings, sender: Sender, on_privacy: PrivacySwitch | None = None
) -> Channel:
    """Return the channel that settings describe; it connects once it is started.

    Args:
        settings: of the channel.
        sender: who sends.
        on_privacy: is called when somebody uses a camera's privacy switch; None: there is none.
    Raises:
        UsageError: a value that only the channel itself can judge is wrong.
    """
    match settings:
        case MqttSettings():
            return Mqtt(settings, sender, on_privacy)
        case WebhookSettings():
            return Webhook(settings, sender)
        case EmailSettings():
            return Email(settings, sender)
        case AppriseSettings():
            # Its library takes long to load, and most sites have none.
            from crowdmask.alerts.channels.apprise import Apprise

            return Apprise(settings, sender)
