"""The alerts of a running site: rules over its cameras, kept in the store, told by the channels."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Lock

from sqlalchemy.exc import SQLAlchemyError

from crowdmask.alerts.channels.channel import Sender
from crowdmask.alerts.channels.make import make_channel
from crowdmask.alerts.channels.mqtt import Mqtt, PrivacySwitch
from crowdmask.alerts.delivery import Deliverer, Retries
from crowdmask.alerts.displays import camera_states
from crowdmask.alerts.judging import Judge
from crowdmask.alerts.quiet import quiet_until
from crowdmask.alerts.rules import RuleState
from crowdmask.alerts.settings import AlertRule, AlertSettings
from crowdmask.alerts.snapshot import Snapshot
from crowdmask.store.alert_records import Alert
from crowdmask.store.alerts import AlertStore
from crowdmask.store.engine import reason

LOG = logging.getLogger("crowdmask.alerts")

_MOST_PENDING = 10_000


class Alerts:
    """Follows the cameras of a site; `observe` is called about once a second, by one thread."""

    def __init__(
        self,
        settings: AlertSettings,
        store: AlertStore,
        sender: Sender,
        judge: Judge,
        *,
        retries: Retries | None = None,
        on_privacy: PrivacySwitch | None = None,
        shows_people: bool = True,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare; nothing is sent before `start`.

        Args:
            settings: rules and channels.
            store: where alerts and messages are kept.
            sender: who sends.
            judge: with the rates of the model that runs.
            retries: when to try again; None: as the settings say.
            on_privacy: is called when somebody uses a camera's privacy switch; None: there is none.
            shows_people: whether displays are told how many people are in view now.
            now: the clock, UTC.
        Raises:
            UsageError: a channel's settings are wrong in a way that only the channel can judge.
        """
        self.settings, self.store, self.sender = settings, store, sender
        self._judge, self._retries, self._on_privacy, self._now = judge, retries, on_privacy, now
        self._shows_people = shows_people
        self._lock = Lock()
        self._rules = [RuleState(rule, judge) for rule in settings.rules]
        self._deliverers = {name: self._deliverer(name, settings) for name in _names(settings)}
        self._pending: list[tuple[Alert, datetime]] = []
        self._store_is_away = False

    def start(self) -> None:
        """Continue from the last run, with its open alerts and unsent messages."""
        now = self._now()
        longest = max((rule.cooldown_s for rule in self.settings.rules), default=0.0)
        known = self.store.alerts(only_open=True, limit=_MOST_PENDING)
        known += self.store.ended_since(now - timedelta(seconds=longest))
        alerts = [each.alert for each in known]
        with self._lock:
            for state in self._rules:
                state.restore(alerts)
            self._end_orphans(alerts, now)
        for deliverer in self._deliverers.values():
            deliverer.start()

    def observe(self, snapshots: Sequence[Snapshot]) -> list[Alert]:
        """Process the last step of all cameras and zones.

        Args:
            snapshots: one of each camera, and one of each of its zones.
        Returns:
            What began or ended with it.
        """
        now = self._now()
        with self._lock:
            news = [
                alert
                for snapshot in snapshots
                for state in self._rules
                for alert in state.update(snapshot.time_utc, snapshot)
            ]
            cameras = {snapshot.camera for snapshot in snapshots}
            for state in self._rules:
                for alert in state.open:
                    if alert.camera not in cameras:
                        news += state.end(alert.camera, now, "the camera was removed")
            self._pending += [(alert, now) for alert in news]
            self._write_pending()
            shown = camera_states(snapshots, self._rules, self._on_privacy is not None, self._shows_people)
            displays = [each.channel for each in self._deliverers.values() if isinstance(each.channel, Mqtt)]
        for display in displays:
            display.show(shown)
        return news

    def change(self, settings: AlertSettings) -> None:
        """Apply new settings; unchanged rules and channels continue undisturbed.

        Raises:
            UsageError: a channel's settings are wrong; the old settings stay in force.
        """
        kept = {
            channel.name
            for channel in settings.channels
            if channel in self.settings.channels and settings.keep_trying_h == self.settings.keep_trying_h
        }
        made = {name: self._deliverer(name, settings) for name in _names(settings) if name not in kept}
        with self._lock:
            now, before = self._now(), {state.rule.name: state for state in self._rules}
            open_alerts = [alert for state in self._rules for alert in state.open]
            self._rules = [self._renewed(rule, before, open_alerts) for rule in settings.rules]
            self.settings = settings
            self._end_orphans(open_alerts, now)
            self._write_pending()
            gone = [each for name, each in self._deliverers.items() if name not in kept]
            self._deliverers = {name: self._deliverers[name] for name in kept} | made
        for deliverer in gone:
            deliverer.stop()
        for deliverer in made.values():
            deliverer.start()

    def stop(self) -> None:
        """Stop sending; remaining messages are sent after the next start."""
        with self._lock:
            self._write_pending()
        for deliverer in self._deliverers.values():
            deliverer.stop()

    @property
    def open(self) -> tuple[Alert, ...]:
        """The alerts that have not ended."""
        with self._lock:
            return tuple(alert for state in self._rules for alert in state.open)

    def _renewed(self, rule: AlertRule, before: dict[str, RuleState], alerts: list[Alert]) -> RuleState:
        old = before.get(rule.name)
        if old is not None and old.rule == rule:
            return old
        state = RuleState(rule, self._judge)
        if old is not None and old.rule.when == rule.when:
            state.restore(alerts)
        return state

    def _end_orphans(self, alerts: Iterable[Alert], now: datetime) -> None:
        """End alerts whose rule is there no more, so that nobody waits for their end."""
        followed = {alert.id for state in self._rules for alert in state.open}
        for alert in alerts:
            if alert.recovered_utc is None and alert.id not in followed:
                ended = replace(
                    alert, state="recovered", recovered_utc=now, message="the rule was changed or removed"
                )
                self._pending.append((ended, now))

    def _write_pending(self) -> None:
        """Write what has happened; while the database is away, it waits here."""
        while self._pending:
            alert, when = self._pending[0]
            try:
                self._write(alert, when)
            except Exception as error:
                if not self._store_is_away:
                    why = reason(error) if isinstance(error, SQLAlchemyError) else type(error).__name__
                    LOG.error("alerts cannot be written to the store, and wait: %s", why)
                self._store_is_away = True
                del self._pending[:-_MOST_PENDING]
                return
            self._store_is_away = False
            del self._pending[0]
        for deliverer in self._deliverers.values():
            deliverer.wake()

    def _write(self, alert: Alert, when: datetime) -> None:
        rules = {state.rule.name: state.rule for state in self._rules}
        rule = rules.get(alert.rule)
        channels: dict[str, datetime | None] = {}
        if rule is not None:
            tells = rule.recovery or alert.state != "recovered"
            snoozed = any(
                (each.rule, each.camera, each.zone) == (alert.rule, alert.camera, alert.zone)
                for each in self.store.snoozes(when)
            )
            quiet = quiet_until(rule.quiet_hours, when, self.sender.timezone)
            for name in self.settings.channels_of(rule):
                if self._deliverers[name].channel.keeps_states:
                    channels[name] = None
                elif tells and not snoozed:
                    channels[name] = quiet
        self.store.record(alert, when, channels)

    def _deliverer(self, name: str, settings: AlertSettings) -> Deliverer:
        (channel,) = (each for each in settings.channels if each.name == name)
        retries = self._retries or Retries(give_up_s=settings.keep_trying_h * 3600)
        return Deliverer(make_channel(channel, self.sender, self._on_privacy), self.store, retries, self._now)


def _names(settings: AlertSettings) -> list[str]:
    return [channel.name for channel in settings.channels]
