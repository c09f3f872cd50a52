"""Every channel against a real receiver."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crowdmask.alerts.channel_settings import AppriseSettings, EmailSettings, WebhookSettings
from crowdmask.alerts.channels.apprise import Apprise
from crowdmask.alerts.channels.channel import DeliveryError, Sender
from crowdmask.alerts.channels.mail import Email
from crowdmask.alerts.channels.webhook import Webhook, sign
from crowdmask.errors import UsageError

from .conftest import RAISED, Authority, MailServer, Receiver, free_port

SENDER = Sender("Town hall", ZoneInfo("Europe/Berlin"))
RECOVERED = replace(
    RAISED, state="recovered", recovered_utc=RAISED.raised_utc + timedelta(minutes=5), message="90% wear one"
)


def webhook(url: str, **settings: Any) -> Webhook:
    return Webhook(WebhookSettings(kind="webhook", name="hook", url=url, **settings), SENDER)


def test_a_webhook_is_signed_and_named(receiver: Receiver) -> None:
    channel = webhook(receiver.url, secret="s3cret")
    for alert in (RAISED, RAISED, RECOVERED):
        channel.send(alert)
    channel.close()
    (headers, body), (again, _), (end, _) = receiver.got
    content = json.loads(body)
    assert (content["type"], content["site"], content["camera"]) == ("alert.raised", "Town hall", "door")
    assert content["raised_utc"] == "2026-11-27T12:00:00Z"
    assert content["values"] == {"share": 0.6}
    assert headers["idempotency-key"] == headers["webhook-id"] == again["webhook-id"] != end["webhook-id"]
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert headers["webhook-signature"] == sign(
        "s3cret", headers["webhook-id"], headers["webhook-timestamp"], body.decode()
    )


def test_signatures_are_those_of_standard_webhooks() -> None:
    # Key, message and signature of the specification's example.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    found = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", '{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    key = base64.b64encode(b"k").decode()
    assert sign(f"whsec_{key}", "a", "1", "b") == sign("k", "a", "1", "b")


@pytest.mark.parametrize(
    ("answer", "why", "after"),
    [
        ((500, {}), "the answer was 500", None),
        ((429, {"Retry-After": "7"}), "the answer was 429", 7.0),
        ((503, {"Retry-After": "Wed, 01 Jan 2020 00:00:00 GMT"}), "the answer was 503", 0.0),
        ((503, {"Retry-After": "soon"}), "the answer was 503", None),
        ((302, {"Location": "http://127.0.0.1:1/"}), "the answer was 302", None),
    ],
)
def test_other_answers_are_failures(
    receiver: Receiver, answer: tuple[int, dict[str, str]], why: str, after: float | None
) -> None:
    receiver.answers = [answer]
    channel = webhook(receiver.url)
    with pytest.raises(DeliveryError) as caught:
        channel.send(RAISED)
    channel.close()
    assert (str(caught.value), caught.value.retry_after_s) == (why, after)
    assert len(receiver.got) == 1


def test_a_receiver_that_is_away_is_told_without_its_address() -> None:
    channel = webhook(f"http://127.0.0.1:{free_port()}/?token=hunter2")
    with pytest.raises(DeliveryError, match=r"^no answer \(ConnectError\)$"):
        channel.send(RAISED)
    channel.close()


def email(authority: Authority, server: MailServer, security: str, **changes: Any) -> Email:
    values: dict[str, Any] = {
        "kind": "email", "name": "office", "host": "127.0.0.1", "port": server.port, "security": security,
        "ca_file": authority.ca_file, "user": "ada", "password": "hunter2", "sender": "cameras@town.example",
        "recipients": ["office@town.example", "guard@town.example"], "timeout_s": 10,
    }  # fmt: skip
    return Email(EmailSettings(**(values | changes)), SENDER)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_arrives_encrypted(
    authority: Authority, mail_server: Callable[[str], MailServer], security: str
) -> None:
    server = mail_server(security)
    channel = email(authority, server, security)
    channel.send(RAISED)
    channel.send(RECOVERED)
    first, second = server.got
    assert first["Subject"] == "[Town hall] share (door, zone A)"
    assert second["Subject"] == "[Town hall] over: share (door, zone A)"
    assert first["X-RcptTo"] == "office@town.example, guard@town.example"
    assert second["In-Reply-To"] == first["Message-ID"] != second["Message-ID"]
    lines = first.get_payload().splitlines()
    assert lines[0] == "60% wear a mask."
    assert "Since: 2026-11-27 13:00:00 CET" in lines


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"password": "wrong"}, "the mail server refused user or password"),
        ({"ca_file": None}, "no encrypted connection (CERTIFICATE_VERIFY_FAILED)"),
        ({"user": None, "password": None}, "the mail server answered 530"),
    ],
)
def test_mail_that_is_refused(
    authority: Authority, mail_server: Callable[[str], MailServer], changes: dict[str, Any], why: str
) -> None:
    server = mail_server("starttls")
    with pytest.raises(DeliveryError) as caught:
        email(authority, server, "starttls", **changes).send(RAISED)
    assert str(caught.value) == why
    assert server.got == []


def test_a_mail_server_that_is_away(authority: Authority) -> None:
    away = MailServer(free_port(), [])
    with pytest.raises(DeliveryError, match="cannot reach the mail server"):
        email(authority, away, "starttls").send(RAISED)


def test_apprise_sends_to_each_service_once(receiver: Receiver) -> None:
    address = receiver.url.partition("://")[2].partition("/")[0]
    settings = AppriseSettings(
        kind="apprise", name="phone", urls=(f"json://{address}/a", f"json://{address}/b")
    )
    channel = Apprise(settings, SENDER)
    receiver.answers = [(204, {}), (500, {})]
    with pytest.raises(DeliveryError, match="1 of 2 services"):
        channel.send(RAISED)
    channel.send(RAISED)
    assert len(receiver.got) == 3
    content = json.loads(receiver.got[0][1])
    assert content["title"] == "[Town hall] share (door, zone A)"
    assert content["message"].startswith("60% wear a mask.")


def test_apprise_says_which_address_it_does_not_know() -> None:
    settings = AppriseSettings(kind="apprise", name="phone", urls=("ntfy://topic", "hunter2://x"))
    with pytest.raises(UsageError, match=r"channels.phone: Apprise does not understand address 2"):
        Apprise(settings, SENDER)
