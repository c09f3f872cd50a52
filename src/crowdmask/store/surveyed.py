"""What a survey reads from a store: minutes that were looked at, and the tracks in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import DataError, SourceError
from crowdmask.labels import LABELS
from crowdmask.store.records import Counts, TrackMinute
from crowdmask.store.store import Store
from crowdmask.survey.sightings import FACE, PASSAGE, PERSON_TIME, UNITS, UNKNOWN, Sightings

_MINUTE_S = 60.0
_FIRST, _LAST = datetime(1971, 1, 1, tzinfo=UTC), datetime(2900, 1, 1, tzinfo=UTC)

_Look = tuple[str, int]
# Look, label, width, confidence, amount and zone of one face.
_Face = tuple[int, int, float, float, float, str | None]


@dataclass(frozen=True, kw_only=True)
class StoredTracks:
    """A `crowdmask.survey.Source`: the tracks of a store, over looks of a minute.

    Attributes:
        store: of a site.
        unit: "person-time" or "passage"; None: person-time.
        start, end: minutes from, and before, UTC; None: all that is kept.
        cameras: only these; none: all.
        timezone: of the cameras' clocks.
    """

    store: Store
    unit: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    cameras: Sequence[str] = ()
    timezone: tzinfo = UTC

    def read(self) -> Sightings:
        """Read it all.

        Raises:
            DataError: the unit does not fit, or the tracks are of several models.
            SourceError: nothing is kept of that time.
        """
        if self.unit == FACE or (self.unit is not None and self.unit not in UNITS):
            raise DataError(f"a store is counted by {PERSON_TIME} or {PASSAGE}: a face is seen many times")
        span = {"start": self.start or _FIRST, "end": self.end or _LAST}
        parts = self.store.tracks(**span, cameras=self.cameras)
        if not parts:
            raise SourceError(
                "no track of that time is in the store: `retention` says how long they are kept"
            )
        hashes = sorted({part.model_hash for part in parts})
        if len(hashes) > 1:
            raise DataError(
                f"the tracks come from {len(hashes)} models ({', '.join(hashes)}): survey the time of each "
                "apart, since their errors differ"
            )
        # Counts are kept for longer: without tracks a minute says nothing of who was there.
        first, last = parts[0].start_utc, parts[-1].start_utc
        counts = [
            each
            for each in self.store.counts(start=first, end=min(span["end"], last.replace(second=59)))
            if not self.cameras or each.camera in self.cameras
        ]
        return self._sightings(parts, counts, hashes[0])

    def _sightings(self, parts: list[TrackMinute], counts: list[Counts], model_hash: str) -> Sightings:
        looks = _looks(parts, counts)
        names = sorted({camera for camera, _ in looks})
        place = {look: number for number, look in enumerate(looks)}
        faces = _passages(parts, place) if self.unit == PASSAGE else _person_time(parts, place)
        zones = sorted({zone for *_, zone in faces if zone is not None})
        clock = np.array([self._clock(minute) for _, minute in looks])
        source = np.array([names.index(camera) for camera, _ in looks], np.int32)
        begun = np.array([clock[source == number].min() for number in range(len(names))])[source]
        observed, gaps = np.array([[*looks[look]] for look in looks]).T
        table: NDArray[Any] = np.array([face[:5] for face in faces], np.float64).reshape(-1, 5)
        zone = [-1 if each is None else zones.index(each) for *_, each in faces]
        return Sightings(
            self.unit or PERSON_TIME, tuple(names), source, begun, clock - begun, observed, gaps,
            _frames(parts, place), table[:, 0].astype(np.int32), table[:, 1].astype(np.int8),
            table[:, 2].astype(np.float32), table[:, 3].astype(np.float32), table[:, 4].astype(np.float32),
            tuple(zones), np.array(zone, np.int16), model_hash=model_hash,
        )  # fmt: skip

    def _clock(self, minute: int) -> float:
        """Return what the clock on the wall showed, as seconds since 1970."""
        local = datetime.fromtimestamp(minute * _MINUTE_S, self.timezone)
        return local.replace(tzinfo=UTC).timestamp()


def _looks(parts: list[TrackMinute], counts: list[Counts]) -> dict[_Look, tuple[float, float]]:
    """Return the seconds that were looked at, and those that were not, of each camera and minute."""
    observed: dict[_Look, float] = {}
    for part in parts:  # there even where the counts of its minute are not
        observed.setdefault(_look(part), min(sum(part.label_s.values()), _MINUTE_S))
    for each in counts:
        observed[each.camera, int(each.start_utc.timestamp() // 60)] = each.observed_s
    looks: dict[_Look, tuple[float, float]] = {}
    order = sorted(observed)
    for number, (camera, minute) in enumerate(order):
        seconds = observed[camera, minute]
        inside = [number > 0, number + 1 < len(order)]
        inside = [
            near and order[number + way][0] == camera for near, way in zip(inside, (-1, 1), strict=True)
        ]
        # The first and the last minute of a camera were begun or ended by whoever ran it.
        gap = max(_MINUTE_S - seconds, 0.0) if all(inside) else 0.0
        if inside[1]:
            gap += (order[number + 1][1] - minute - 1) * _MINUTE_S
        looks[camera, minute] = (seconds, gap)
    return looks


def _frames(parts: list[TrackMinute], place: dict[_Look, int]) -> NDArray[np.int64]:
    """Return how many frames each look has at least: those of its longest track."""
    frames = np.zeros(len(place), np.int64)
    for part in parts:
        if part.track >= 0:
            look = place[_look(part)]
            frames[look] = max(frames[look], part.frames)
    return frames


def _person_time(parts: list[TrackMinute], place: dict[_Look, int]) -> list[_Face]:
    faces: list[_Face] = []
    for part in parts:
        for index, label in enumerate(LABELS):
            if part.label_s[label] > 0:
                sure = part.confidence.get(label, np.nan)
                faces.append((place[_look(part)], index, part.width_px, sure, part.label_s[label], part.zone))
    return faces


def _passages(parts: list[TrackMinute], place: dict[_Look, int]) -> list[_Face]:
    """Join the minutes of each track: the label of most of its time, its mean width."""
    tracks: defaultdict[tuple[str, str, int], list[TrackMinute]] = defaultdict(list)
    for part in parts:
        if part.track >= 0:
            tracks[part.camera, part.run, part.track].append(part)
    faces: list[_Face] = []
    for mine in tracks.values():
        time = [sum(part.label_s[label] for part in mine) for label in LABELS]
        index = int(np.argmax(time)) if any(time) else UNKNOWN
        frames = np.array([part.frames for part in mine], np.float64)
        width = float(np.average([part.width_px for part in mine], weights=frames))
        known = (
            [part.confidence[LABELS[index]] for part in mine if LABELS[index] in part.confidence]
            if index != UNKNOWN
            else []
        )
        longest = max(mine, key=lambda part: sum(part.label_s.values()))
        sure = float(np.mean(known)) if known else np.nan
        faces.append((place[_look(mine[0])], index, width, sure, 1.0, longest.zone))
    return faces


def _look(part: TrackMinute) -> _Look:
    return part.camera, int(part.start_utc.timestamp() // 60)
