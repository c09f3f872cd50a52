"""Messages by e-mail."""

from __future__ import annotations

import logging
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime

from crowdmask.alerts.channel_settings import EmailSettings
from crowdmask.alerts.channels.channel import Channel, DeliveryError, Sender, text, title
from crowdmask.store.alert_records import Alert

LOG = logging.getLogger("crowdmask.alerts")
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class Email(Channel):
    """Sends mail by SMTP, a connection a message: alerts are rare, and servers close idle ones."""

    def __init__(self, settings: EmailSettings, sender: Sender) -> None:
        """Prepare; nothing is sent yet."""
        super().__init__(settings.name, sender)
        self._settings = settings
        self._context = ssl.create_default_context(cafile=settings.ca_file)

    def send(self, alert: Alert) -> None:
        settings = self._settings
        try:
            with self._connect() as server:
                if settings.user is not None and settings.password is not None:
                    server.login(settings.user, settings.password.get_secret_value())
                refused = server.send_message(self._message(alert))
        except smtplib.SMTPAuthenticationError as error:
            # Its text may repeat what was sent.
            raise DeliveryError("the mail server refused user or password") from error
        except smtplib.SMTPResponseException as error:
            raise DeliveryError(f"the mail server answered {error.smtp_code}") from error
        except smtplib.SMTPRecipientsRefused as error:
            raise DeliveryError("the mail server refused all recipients") from error
        except ssl.SSLError as error:
            raise DeliveryError(f"no encrypted connection ({error.reason or 'TLS failed'})") from error
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"cannot reach the mail server ({type(error).__name__})") from error
        if refused:
            # The others have it: to send it again would tell them twice.
            LOG.warning("%s: the mail server refused %d of the recipients", self.name, len(refused))

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        port = settings.port or _PORTS[settings.security]
        if settings.security == "tls":
            return smtplib.SMTP_SSL(settings.host, port, timeout=settings.timeout_s, context=self._context)
        server = smtplib.SMTP(settings.host, port, timeout=settings.timeout_s)
        if settings.security == "starttls":
            try:
                server.starttls(context=self._context)
            except BaseException:
                server.close()
                raise
        return server

    def _message(self, alert: Alert) -> EmailMessage:
        settings = self._settings
        domain = settings.sender.rpartition("@")[2]
        message = EmailMessage()
        message["From"], message["To"] = settings.sender, ", ".join(settings.recipients)
        message["Subject"] = title(alert, self.sender)
        message["Date"] = format_datetime(alert.recovered_utc or alert.raised_utc)
        # Mail programs show the same Message-ID once, and the end below the beginning.
        message["Message-ID"] = f"<{alert.key.replace(':', '.')}@{domain}>"
        if alert.state == "recovered":
            message["In-Reply-To"] = message["References"] = f"<{alert.id}.raised@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text(alert, self.sender))
        return message
