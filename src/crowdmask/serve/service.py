"""A running site: its cameras are followed, what they see is kept, and what is wrong is told."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from crowdmask.alerts.channels.channel import Sender
from crowdmask.alerts.judging import Judge
from crowdmask.alerts.manager import Alerts
from crowdmask.alerts.snapshot import Snapshot
from crowdmask.errors import CrowdmaskError, StoreError, UsageError
from crowdmask.inference.detector import Detector
from crowdmask.live.health import Health
from crowdmask.live.listeners import Listener
from crowdmask.live.session import Session
from crowdmask.live.tracked_frame import TrackedFrame
from crowdmask.serve.cells import Cells
from crowdmask.serve.following.hub import Hub
from crowdmask.serve.following.news import health_record, now_record
from crowdmask.serve.http_settings import ACCESS, HttpSettings
from crowdmask.serve.minutes import Minutes
from crowdmask.serve.retention import Pruner
from crowdmask.serve.site import CameraSettings, Site
from crowdmask.serve.tally import Tally
from crowdmask.serve.tracked import Gaps, Tracked
from crowdmask.settings import describe_problems
from crowdmask.store.engine import reason, spool_of
from crowdmask.store.keeper import Keeper
from crowdmask.store.records import Record, StoredEvent
from crowdmask.store.store import Store
from crowdmask.survey.rates import shipped_rates
from crowdmask.tracking.events import Event as Seen

LOG = logging.getLogger("crowdmask.serve")
"""What happens to the service, for its log; nothing that is logged holds a secret."""
LOG.addHandler(logging.NullHandler())

STEP_S = 1.0
_RESTART_S = 30.0
_HANGS_S = 60.0
_STOP_S = 4.0
_NEED_RESTART = ("name", "timezone", "store", "model", "mode")


class Service:
    """Runs a site from `start` to `stop`.

    Attributes:
        now: who was in view in the last second, a record of each camera and zone; empty in mode statistics.
    """

    def __init__(self, site: Site, store: Store, detector: Detector) -> None:
        """Prepare; nothing is opened yet.

        Args:
            site: the settings.
            store: is not closed at the end.
            detector: best made with `shares_cores=True`.
        Raises:
            UsageError: a channel's settings are wrong in a way that only the channel can judge.
        """
        self.site, self.store = site, store
        sender = Sender(site.name, site.clock)
        self.judge = Judge(shipped_rates(detector.model_hash, detector.model_name))
        self._statistics = site.mode == "statistics"
        self.alerts = Alerts(
            site.alerts,
            store.alerts,
            sender,
            self.judge,
            on_privacy=lambda camera, on: self.switch_privacy(camera, on, "MQTT"),
            shows_people=not self._statistics,
        )
        self.session = Session(detector)
        self.hub = Hub()
        self.started_utc = datetime.now(UTC)
        self._tally = Tally()
        self._tracked, self._gaps = Tracked(detector.model_hash), Gaps()
        self._private: set[str] = set()
        self._counter: Minutes | Cells = Minutes()
        self._events: deque[Record] = deque()
        self.now: tuple[dict[str, Any], ...] = ()
        self.keeper = Keeper(store, spool_of(site.store.get_secret_value()), most_mb=site.spool_mb)
        self._not_opened: set[str] = set()
        self._restarted_s: dict[str, float] = {}
        self._pruner = Pruner(store, lambda: self.site.retention)
        self._stop = Event()
        self._thread = Thread(target=self._run, name="site", daemon=True)

    def start(self) -> None:
        """Start all cameras that are active now."""
        minute = datetime.now(UTC).replace(second=0, microsecond=0)
        self.keeper.start()  # what an earlier run left belongs to the minute that goes on
        self._private = self.store.switches.private()
        if self._statistics:
            self._counter = Cells()
        else:
            begun = self.store.counts(start=minute, end=minute + timedelta(minutes=1), all_zones=True)
            self._counter = Minutes(begun)
        self.alerts.start()
        self.session.listen(Listener(results=self._result, events=self._event, health=self._health_changed))
        self._switch_cameras()
        self._thread.start()
        self._pruner.start()

    def stop(self) -> None:
        """Stop all cameras, and store what they have seen."""
        self._stop.set()
        self.hub.close()
        self.session.close(timeout_s=_STOP_S)
        if self._thread.ident is not None:
            self._thread.join(_STOP_S)
        self.keeper.stop()
        self._pruner.stop()
        self.alerts.stop()

    def change(self, site: Site) -> None:
        """Apply new cameras, zones and rules while it runs; unchanged ones continue undisturbed.

        Args:
            site: the new settings.
        Raises:
            UsageError: a channel's settings are wrong, or nobody would need to log in any more at an address
                that others reach; nothing is changed.
        """
        before = self.site
        kept: dict[str, Any] = {"http": _http(before.http, site.http)}
        self.alerts.change(site.alerts)
        for name in _NEED_RESTART:
            if getattr(site, name) != getattr(before, name):
                LOG.warning("%s: needs a restart, and stays as it was", name)
                kept[name] = getattr(before, name)
        self.site = site.model_copy(update=kept)
        after = {camera.name: camera for camera in self.site.cameras}
        there = {each.camera for each in self.session.health()}
        for old in before.cameras:
            new = after.get(old.name)
            if new == old or old.name not in there:
                continue
            if new is None or new.source != old.source:
                self.session.remove(old.name)  # and added again in the next step, where it is still one
            else:
                with suppress(UsageError):  # it has just ended: its hours are over
                    self.session.change(old.name, new.options)

    @property
    def store_is_away(self) -> bool:
        """Whether the last write to the store failed."""
        return self.keeper.state().away_since is not None

    def health(self) -> list[Health]:
        """Return the health of all active cameras."""
        return self.session.health()

    def switch_privacy(self, camera: str, on: bool, by: str) -> None:
        """Switch the privacy of a camera on or off; it stays so over restarts.

        Args:
            camera: its name.
            on: True: its connection is closed at once.
            by: who switched it.
        Raises:
            UsageError: the site has no such camera.
            StoreError: the switch cannot be kept: it holds until the next restart.
        """
        if camera not in {each.name for each in self.site.cameras}:
            raise UsageError(f"the site has no camera {camera!r}")
        LOG.info("%s: privacy switched %s by %s", camera, "on" if on else "off", by)
        if on:
            self._private.add(camera)
        else:
            self._private.discard(camera)
        if on and camera in {each.camera for each in self.session.health()}:
            self.session.remove(camera)
        try:
            self.store.switches.switch(camera, on, by, datetime.now(UTC))
        except SQLAlchemyError as error:
            raise StoreError(
                f"{camera}: switched, but until the next restart only: {reason(error)}"
            ) from error

    @property
    def private(self) -> frozenset[str]:
        """The names of the cameras whose privacy switch is on."""
        return frozenset(self._private)

    def _private_snapshots(self) -> list[Snapshot]:
        now, names = datetime.now(UTC), {each.name for each in self.site.cameras}
        return [
            Snapshot(time_utc=now, camera=camera, observed_s=0.0, online=False, private=True)
            for camera in sorted(self._private & names)
        ]

    def _run(self) -> None:
        while not self._stop.wait(STEP_S):
            self._guarded(self._step)
            self._guarded(self._switch_cameras)
            self._guarded(self._revive)
        self._guarded(self._step)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            LOG.exception("internal error; the service goes on")

    def _step(self) -> None:
        zones = {camera.name: [zone.name for zone in camera.zones] for camera in self.site.cameras}
        snapshots = self._tally.take(self.session.health(), zones)
        events = [self._events.popleft() for _ in range(len(self._events))]
        gaps = self._gaps.take(self.session.health(), datetime.now(UTC))
        self.keeper.put([*self._counter.add(snapshots), *self._tracked.take(), *gaps, *events])
        told = [*snapshots, *self._private_snapshots()]
        if not self._statistics:
            self.now = tuple(now_record(snapshot) for snapshot in told)
            for record in self.now:
                self.hub.publish("now", record, keep=False)
        for alert in self.alerts.observe(told):
            self.hub.publish("alert", alert.to_record())

    def _result(self, camera: str, result: TrackedFrame) -> None:
        self._tally.result(camera, result)
        if not self._statistics:
            self._tracked.result(camera, result)

    def _event(self, camera: str, event: Seen) -> None:
        self._tally.event(camera, event)
        if self._statistics:
            return
        stored = StoredEvent(
            # Live times go by arrival, not by the stream's clock.
            time_utc=datetime.now(UTC),
            camera=camera,
            source=event.source,
            run=event.run,
            track=event.track,
            event=event.event,
            frame=event.frame,
            label=event.label,
            confidence=event.confidence,
            zone=event.zone,
        )
        self._events.append(stored)
        self.hub.publish("event", stored.to_record())

    def _health_changed(self, camera: str, health: Health) -> None:
        self.hub.publish("health", health_record(health))

    def _switch_cameras(self) -> None:
        """Begin cameras whose hours have come, and end those whose hours are over."""
        there = {each.camera for each in self.session.health()}
        local = datetime.now(UTC).astimezone(self.site.clock)
        for camera in self.site.cameras:
            active = not camera.active or any(hours.hold(local) for hours in camera.active)
            active = active and camera.name not in self._private
            if active and camera.name not in there:
                self._add(camera)
            elif not active and camera.name in there:
                self.session.remove(camera.name)

    def _add(self, camera: CameraSettings) -> None:
        try:
            source = camera.source.get_secret_value()
            self.session.add(source, camera=camera.name, options=camera.options, at_once=True)
        except CrowdmaskError as error:
            if self._thread.ident is None:  # whoever starts it wants to know
                raise
            if camera.name not in self._not_opened and not self._stop.is_set():
                LOG.error("%s: cannot be opened, tries go on: %s", camera.name, error)
            self._not_opened.add(camera.name)
        else:
            self._not_opened.discard(camera.name)

    def _revive(self) -> None:
        """Begin cameras anew that ended, failed or hang; a video file begins again at once."""
        for health in self.session.health():
            hangs = health.state == "live" and (health.result_age_s or 0.0) > _HANGS_S
            if self._stop.is_set() or not (health.is_over or hangs):
                continue
            now_s, last_s = time.monotonic(), self._restarted_s.get(health.camera, float("-inf"))
            if health.state == "ended" or now_s - last_s >= _RESTART_S:
                self._restarted_s[health.camera] = now_s
                self.session.restart(health.camera)


def _http(before: HttpSettings, new: HttpSettings) -> HttpSettings:
    """Return the settings in force after a change: users and tokens are new, the rest needs a restart."""
    for name, value in new:
        if name not in ACCESS and value != getattr(before, name):
            LOG.warning("http.%s: needs a restart, and stays as it was", name)
    try:
        return before.with_access_of(new)
    except ValidationError as error:
        raise UsageError(f"http: {'; '.join(describe_problems(error))}") from error
