"""Messages as JSON by HTTP, signed, each with a key by which the receiver knows it again.

Source: Standard Webhooks 1.0.0 (standardwebhooks.com): the headers webhook-id, webhook-timestamp and
    webhook-signature, which libraries for many languages check.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import ssl
import time
from email.utils import parsedate_to_datetime

import httpx

from crowdmask import __version__
from crowdmask.alerts.channel_settings import WebhookSettings
from crowdmask.alerts.channels.channel import Channel, DeliveryError, Sender
from crowdmask.store.alert_records import Alert

_PREFIX = "whsec_"
_MOST_WAIT_S = 3600.0


class Webhook(Channel):
    """Sends each message by POST to a URL; status 200 to 299 means that it was delivered."""

    def __init__(self, settings: WebhookSettings, sender: Sender) -> None:
        """Prepare; nothing is sent yet."""
        super().__init__(settings.name, sender)
        self._settings = settings
        context = ssl.create_default_context(cafile=settings.ca_file)
        # A redirect could lead to an address that the operator did not name.
        self._client = httpx.Client(
            timeout=settings.timeout_s, verify=context, follow_redirects=False, trust_env=False
        )

    def send(self, alert: Alert) -> None:
        key = alert.key.replace(":", "_")
        body = json.dumps({"type": f"alert.{alert.state}", "site": self.sender.site, **alert.to_record()})
        headers = {
            "content-type": "application/json",
            "user-agent": f"crowdmask/{__version__}",
            "idempotency-key": key,
            "webhook-id": key,
            "webhook-timestamp": str(int(time.time())),
        }
        if self._settings.secret is not None:
            secret = self._settings.secret.get_secret_value()
            headers["webhook-signature"] = sign(secret, key, headers["webhook-timestamp"], body)
        try:
            answer = self._client.post(
                self._settings.url.get_secret_value(), content=body.encode(), headers=headers
            )
        except httpx.HTTPError as error:
            # Its text may hold the address, and that a token.
            raise DeliveryError(f"no answer ({type(error).__name__})") from error
        if not answer.is_success:
            raise DeliveryError(f"the answer was {answer.status_code}", _retry_after_s(answer))

    def close(self) -> None:
        self._client.close()


def sign(secret: str, message_id: str, timestamp: str, body: str) -> str:
    """Return the signature of a message.

    Args:
        secret: ``whsec_`` and base64, else the bytes of the text are the key.
        message_id, timestamp, body: as sent.
    """
    key = secret.encode()
    if secret.startswith(_PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            key = secret.encode()
    signed = hmac.new(key, f"{message_id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def _retry_after_s(answer: httpx.Response) -> float | None:
    given = answer.headers.get("retry-after", "")
    try:
        wait_s = float(given) if given.isdecimal() else parsedate_to_datetime(given).timestamp() - time.time()
    except (TypeError, ValueError):
        return None
    return min(max(wait_s, 0.0), _MOST_WAIT_S)
