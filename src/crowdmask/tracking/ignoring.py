"""Leave out faces that are not present people: posters and screens, distant faces, faces that never move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crowdmask.boxes import iou

if TYPE_CHECKING:
    from crowdmask.tracking.zones import ZonesFile

# In half an hour even a sitting person moves the head by more than this part of its width.
_MOVED, _GREW = 0.25, 0.25
_SAME_PLACE_IOU = 0.5
_FORGET_S = 3600.0


@dataclass(frozen=True)
class Ignored:
    """Regions to ignore, and the minimum size of faces.

    Attributes:
        regions: a face whose centre lies in one of its zones is left out; None: no regions.
        min_face_px: narrower faces are left out, pixels of the picture.
    """

    regions: ZonesFile | None = None
    min_face_px: float = 0.0

    def keeps(self, xyxy: NDArray[np.float32], width: int, height: int) -> NDArray[np.bool_]:
        """Return whether each face counts, (N,).

        Args:
            xyxy: (N, 4) boxes.
            width, height: of the picture, pixels.
        """
        kept = xyxy[:, 2] - xyxy[:, 0] >= self.min_face_px
        if self.regions is not None and len(xyxy):
            from crowdmask.tracking.zones import ZoneCounter

            places = ZoneCounter(self.regions, width, height).zone_of(xyxy)
            kept &= np.array([place is None for place in places])
        return kept


@dataclass(eq=False)
class _Seen:
    box: NDArray[np.float32]
    since_s: float
    seen_s: float
    has_moved: bool = False


class StillFaces:
    """Finds faces that have not moved for a long time: pictures of faces outside the ignored regions."""

    def __init__(self, after_s: float) -> None:
        """Begin with none.

        Args:
            after_s: seconds without movement after which a face is still.
        """
        self.after_s = after_s
        self._tracks: dict[int, _Seen] = {}
        self._places: list[_Seen] = []
        self._found: list[tuple[int, int]] = []

    def take_found(self) -> list[tuple[int, int]]:
        """Return the centres of faces that have become still since the last call, pixels."""
        found, self._found = self._found, []
        return found

    def update(
        self, time_s: float, tracks: NDArray[np.int64], xyxy: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        """Return whether each face is still, (N,).

        A picture that was hidden for a while gets another number; where one was still before, it is at once.

        Args:
            time_s: of the frame.
            tracks: (N,) numbers; -1: none.
            xyxy: (N, 4) boxes.
        """
        self._places = [place for place in self._places if time_s - place.seen_s < _FORGET_S]
        still = np.zeros(len(tracks), bool)
        for row, (track, box) in enumerate(zip(tracks.tolist(), xyxy, strict=True)):
            if track < 0:
                continue
            known = self._tracks.get(track)
            if known is None or _has_moved(known.box, box):
                known = self._tracks[track] = _Seen(box, time_s, time_s, known is not None)
            known.seen_s = time_s
            # A person who passes in front of a poster has moved.
            place = None if known.has_moved else self._place(known.box)
            if place is None and time_s - known.since_s >= self.after_s:
                self._places.append(place := _Seen(known.box, known.since_s, time_s))
                self._found.append((round(float(box[[0, 2]].mean())), round(float(box[[1, 3]].mean()))))
            if place is not None:
                place.seen_s = time_s
                still[row] = True
        for track in [each for each, seen in self._tracks.items() if time_s - seen.seen_s > _FORGET_S]:
            del self._tracks[track]
        return still

    def _place(self, box: NDArray[np.float32]) -> _Seen | None:
        if not self._places:
            return None
        overlaps = iou(box[None], np.array([place.box for place in self._places]))[0]
        best = int(overlaps.argmax())
        return self._places[best] if overlaps[best] >= _SAME_PLACE_IOU else None


def _has_moved(before: NDArray[np.float32], now: NDArray[np.float32]) -> bool:
    size, grown = before[2:] - before[:2], now[2:] - now[:2]
    shift = np.abs((now[:2] + now[2:]) - (before[:2] + before[2:])) / 2
    return bool((shift > _MOVED * size).any() or (np.abs(grown - size) > _GREW * size).any())
