"""What was seen of each track, by the minute, and when cameras were not looked at."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Lock

from crowdmask.labels import LABELS
from crowdmask.live.health import Health
from crowdmask.live.tracked_frame import TrackedFrame
from crowdmask.store.records import Gap, TrackMinute

_MOST_STEP_S = 2.0
"""What is seen holds for so long at most: a longer pause was not looked at."""
_FORGET_S = 60.0

_Key = tuple[str, str, int, datetime]


@dataclass
class _Part:
    """One track in one minute."""

    source: str
    label_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    unjudged_s: float = 0.0
    confidence: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    frames: Counter[str] = field(default_factory=Counter)
    zones: Counter[str | None] = field(default_factory=Counter)
    width: float = 0.0
    lost_s: float = 0.0

    def record(self, key: _Key, model_hash: str) -> TrackMinute:
        camera, run, track, minute = key
        frames = sum(self.frames.values())
        return TrackMinute(
            start_utc=minute,
            camera=camera,
            source=self.source,
            run=run,
            track=track,
            zone=self.zones.most_common(1)[0][0],
            label_s={label: self.label_s[label] for label in LABELS},
            unjudged_s=self.unjudged_s,
            confidence={label: self.confidence[label] / number for label, number in self.frames.items()},
            width_px=self.width / frames,
            lost_s=self.lost_s,
            frames=frames,
            model_hash=model_hash,
        )


@dataclass
class _View:
    """Who is in view of a camera now, and who was lately."""

    counted_s: float
    now: list[tuple[_Key, str, bool]] = field(default_factory=list)
    until_s: float = 0.0
    present: set[tuple[str, int]] = field(default_factory=set)
    lost_s: dict[tuple[str, int], float] = field(default_factory=dict)


class Tracked:
    """Takes results in the threads of the cameras; times go by arrival."""

    def __init__(self, model_hash: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing.

        Args:
            model_hash: of the detector.
            clock: seconds, never set back.
        """
        self._model_hash, self._clock = model_hash, clock
        self._lock = Lock()
        self._views: dict[str, _View] = {}
        self._parts: dict[_Key, _Part] = {}
        self._changed: set[_Key] = set()

    def result(self, camera: str, result: TrackedFrame, now: datetime | None = None) -> None:
        """Add the result of a frame.

        Args:
            camera: its name.
            result: of the frame.
            now: UTC; None: the clock's.
        """
        now_s = self._clock()
        minute = (now or datetime.now(UTC)).replace(second=0, microsecond=0)
        found = result.detections
        zones: Sequence[str | None] = [None] * len(result.tracks)
        if result.placed is not None:
            zones = result.placed.zone_of(found.xyxy)
        widths = (found.xyxy[:, 2] - found.xyxy[:, 0]).tolist()
        with self._lock:
            view = self._views.setdefault(camera, _View(now_s))
            self._pass(view, now_s)
            view.now, view.until_s = [], now_s + _MOST_STEP_S
            rows = zip(
                result.tracks.tolist(), result.states, found.class_id.tolist(), found.confidence.tolist(),
                widths, zones, strict=True,
            )  # fmt: skip
            for track, state, class_id, confidence, width, zone in rows:
                judged = state in LABELS
                label = state if judged else LABELS[class_id]
                key = (camera, result.run, int(track), minute)
                part = self._parts.setdefault(key, _Part(result.source))
                part.frames[label] += 1
                part.confidence[label] += confidence
                part.width += width
                part.zones[zone] += 1
                part.lost_s += now_s - view.lost_s.pop((result.run, track), now_s)
                view.now.append((key, label, judged))
                self._changed.add(key)
            present = {(result.run, track) for track in result.tracks.tolist() if track >= 0}
            view.lost_s.update(dict.fromkeys(view.present - present, now_s))
            view.present = present

    def take(self) -> list[TrackMinute]:
        """Return the minutes that changed since the last call; past minutes are dropped."""
        now_s = self._clock()
        with self._lock:
            for view in self._views.values():
                self._pass(view, now_s)
                view.lost_s = {
                    who: lost_s for who, lost_s in view.lost_s.items() if now_s - lost_s < _FORGET_S
                }
            held = {key for view in self._views.values() for key, _, _ in view.now}
            records = [self._parts[key].record(key, self._model_hash) for key in sorted(self._changed)]
            newest: dict[str, datetime] = {}
            for camera, _, _, minute in self._parts:
                newest[camera] = max(minute, newest.get(camera, minute))
            self._parts = {
                key: part for key, part in self._parts.items() if key[3] == newest[key[0]] or key in held
            }
            self._changed = set()
        return records

    def _pass(self, view: _View, now_s: float) -> None:
        """Let the time that has not been counted pass with those who were in view then."""
        lasted_s = max(0.0, min(now_s, view.until_s) - view.counted_s)
        for key, label, judged in view.now if lasted_s > 0 else ():
            part = self._parts[key]
            self._changed.add(key)
            part.label_s[label] += lasted_s
            part.unjudged_s += 0.0 if judged else lasted_s
        if now_s > view.until_s:
            view.now = []
        view.counted_s = now_s


class Gaps:
    """Follows when cameras are down or frozen; called by one thread."""

    def __init__(self) -> None:
        """Begin with none."""
        self._frozen: dict[str, datetime] = {}
        self._open: dict[tuple[str, str], Gap] = {}

    def take(self, health: Sequence[Health], now: datetime) -> list[Gap]:
        """Return the open gaps, up to now, and those that have just ended.

        Args:
            health: of all cameras.
            now: UTC.
        """
        there: dict[tuple[str, str], Gap] = {}
        for each in health:
            if each.down_since is not None:
                gap = Gap(
                    camera=each.camera, why="down", began_utc=each.down_since, last_utc=now,
                    error=each.last_error,
                )  # fmt: skip
                there[each.camera, "down"] = gap
            elif each.frozen:
                began = self._frozen.setdefault(each.camera, now)
                there[each.camera, "frozen"] = Gap(
                    camera=each.camera, why="frozen", began_utc=began, last_utc=now
                )
            if not each.frozen:
                self._frozen.pop(each.camera, None)
        ended = [replace(gap, last_utc=now) for key, gap in self._open.items() if key not in there]
        self._open = there
        return [*there.values(), *ended]
