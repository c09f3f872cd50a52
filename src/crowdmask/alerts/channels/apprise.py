"""Messages by the services that Apprise knows: ntfy, Matrix, Slack, Telegram and many more."""

from __future__ import annotations

import apprise

from crowdmask.alerts.channel_settings import AppriseSettings
from crowdmask.alerts.channels.channel import Channel, DeliveryError, Sender, text, title
from crowdmask.errors import UsageError
from crowdmask.store.alert_records import Alert

_KINDS = {
    "raised": apprise.NotifyType.WARNING,
    "recovered": apprise.NotifyType.SUCCESS,
    "test": apprise.NotifyType.INFO,
}


class Apprise(Channel):
    """Sends to a list of addresses."""

    def __init__(self, settings: AppriseSettings, sender: Sender) -> None:
        """Check the addresses; nothing is sent yet.

        Raises:
            UsageError: Apprise does not know one.
        """
        super().__init__(settings.name, sender)
        self._services = []
        for number, url in enumerate(settings.urls, 1):
            service = apprise.Apprise()
            if not service.add(url.get_secret_value()):
                raise UsageError(
                    f"channels.{settings.name}: Apprise does not understand address {number} "
                    "(github.com/caronc/apprise lists them)"
                )
            self._services.append(service)
        self._arrived: tuple[str, set[int]] = ("", set())

    def send(self, alert: Alert) -> None:
        # Where one of several services failed, only that one is tried again.
        if self._arrived[0] != alert.key:
            self._arrived = (alert.key, set())
        arrived = self._arrived[1]
        for number, service in enumerate(self._services):
            if number not in arrived and service.notify(
                body=text(alert, self.sender),
                title=title(alert, self.sender),
                notify_type=_KINDS[alert.state],
            ):
                arrived.add(number)
        failed = len(self._services) - len(arrived)
        if failed:
            raise DeliveryError(f"{failed} of {len(self._services)} services did not take it")
