"""Bring messages from the outbox to their channels: at least once, over a restart too, each channel alone."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

from sqlalchemy.exc import SQLAlchemyError

from crowdmask.alerts.channels.channel import Channel, DeliveryError
from crowdmask.store.alert_records import Delivery
from crowdmask.store.alerts import AlertStore
from crowdmask.store.engine import reason

LOG = logging.getLogger("crowdmask.alerts")
"""What happens to messages, for the program's own log; nothing that is logged holds a secret."""
LOG.addHandler(logging.NullHandler())

_IDLE_S = 30.0


@dataclass(frozen=True)
class Retries:
    """When a message is sent again after a failure.

    Attributes:
        first_s: after the first failure; twice as long after each further one.
        most_s: but no longer than this, unless the other side asks for it.
        give_up_s: so long after it was made, it is given up.
    """

    first_s: float = 5.0
    most_s: float = 600.0
    give_up_s: float = 86_400.0

    def wait_s(self, attempts: int) -> float:
        """Return the pause after a number of failures, seconds, with up to 20 % random extra."""
        return float(min(self.first_s * 2 ** min(attempts, 30), self.most_s) * (1 + random.random() / 5))


class Deliverer:
    """Sends the messages of one channel in its own thread, so that one that hangs does not block others."""

    def __init__(
        self,
        channel: Channel,
        store: AlertStore,
        retries: Retries = Retries(),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare; `start` begins.

        Args:
            channel: where to.
            store: holds the outbox.
            retries: when to try again.
            now: the clock, UTC.
        """
        self.channel, self.store, self.retries = channel, store, retries
        self._now = now
        self._store_is_away = False
        self._stop, self._news = Event(), Event()
        self._thread = Thread(target=self._run, name=f"alerts {channel.name}", daemon=True)

    def start(self) -> None:
        """Start, with messages left from an earlier run."""
        self.channel.start()
        self._thread.start()

    def wake(self) -> None:
        """Signal that there is a new message."""
        self._news.set()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End after the message that is on its way; what is left is sent after the next start."""
        self._stop.set()
        self._news.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        self.channel.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._news.clear()
            try:
                sent = self._send_due()
                wait_s = 0.0 if sent else self._until_next()
                self._store_is_away = False
            except Exception as error:
                self._tell_away(error)
                wait_s = self.retries.first_s
            if wait_s > 0:
                self._news.wait(wait_s)

    def _tell_away(self, error: Exception) -> None:
        """Say once that the outbox cannot be used; what is in it will be sent."""
        if self._store_is_away:
            return
        self._store_is_away = True
        why = reason(error) if isinstance(error, SQLAlchemyError) else type(error).__name__
        LOG.error("%s: the outbox cannot be read or written, tries go on: %s", self.channel.name, why)

    def _send_due(self) -> int:
        deliveries = self.store.due(self.channel.name, self._now())
        for delivery in deliveries:
            if self._stop.is_set():
                break
            self._send(delivery)
        return len(deliveries)

    def _send(self, delivery: Delivery) -> None:
        name = self.channel.name
        try:
            self.channel.send(delivery.alert)
        except DeliveryError as error:
            why, asked_s = str(error), error.retry_after_s
        except Exception as error:
            LOG.exception("%s: a message failed", name)
            why, asked_s = f"failed inside ({type(error).__name__})", None
        else:
            self.store.delivered(delivery, self._now())
            return
        now = self._now()
        if (now - delivery.created_utc).total_seconds() >= self.retries.give_up_s:
            LOG.error("%s: %s given up: %s", name, delivery.alert.key, why)
            self.store.gave_up(delivery, now, why)
            return
        wait_s = max(self.retries.wait_s(delivery.attempts), asked_s or 0.0)
        LOG.warning("%s: %s not sent: %s; tried again in %.0f s", name, delivery.alert.key, why, wait_s)
        self.store.failed(delivery, now + timedelta(seconds=wait_s), why)

    def _until_next(self) -> float:
        due = self.store.next_due(self.channel.name)
        if due is None:
            return _IDLE_S
        return min(max((due - self._now()).total_seconds(), 0.01), _IDLE_S)
