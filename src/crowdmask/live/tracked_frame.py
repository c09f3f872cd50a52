"""The result of one frame of a video, and how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crowdmask.detections import Detections
from crowdmask.drawing.blur import blur_array, blur_planes
from crowdmask.drawing.draw_video import Outline, frame_marks
from crowdmask.drawing.marks import Mark, draw_in_planes, draw_marks
from crowdmask.media.decoded import DecodedPicture, PictureField, Pixels, Rgb, rgb_of
from crowdmask.media.planes import Planes
from crowdmask.tracking.events import Event

if TYPE_CHECKING:
    from crowdmask.tracking.zones import ZoneCounter, ZoneCounts

__all__ = ["Rgb", "TrackedFrame", "View", "outlines_of"]

_PICTURE = PictureField()


@dataclass(frozen=True, eq=False)
class TrackedFrame:
    """The result of one frame: faces, tracks, states, events and counts.

    Attributes:
        source: displayed name of the video, camera or stream, without credentials.
        frame: number of the frame in its source, from 0.
        time_s: since the start of a file, or since the first frame of a live source.
        detections: the faces to show: those above their label's threshold, and those of lower confidence
            that continue a track.
        tracks: (N,) int64, the number of each face's track; -1: none yet.
        states: N states of the faces: one of `LABELS`, or "unknown".
        confidence: (N,) float32, of the state; of the detection if the state is unknown.
        hidden: (M, 4) float32 xyxy, every possible face, including predicted positions of tracks: what must
            be blurred so that nobody can be recognised.
        events: events that became certain with this frame.
        zones: the counts of each zone and line until now.
        run: UUID of the run. Track numbers are unique within one source and one run only.
        picture: RGB uint8 (H, W, 3), the frame itself, converted when it is asked for; read-only. None: it is
            no longer there.
        placed: the zones and lines in pixels of the picture; None: there are none.
        predicted: the detector did not run on this frame: boxes are predicted from the frames with detection
            before and after it, all else is that of the one before.
    """

    source: str
    frame: int
    time_s: float
    detections: Detections
    tracks: NDArray[np.int64]
    states: list[str]
    confidence: NDArray[np.float32]
    hidden: NDArray[np.float32]
    events: list[Event]
    zones: list[ZoneCounts]
    run: str = ""
    picture: PictureField = field(default=_PICTURE, repr=False)
    placed: ZoneCounter | None = field(default=None, repr=False)
    predicted: bool = False

    def draw(self, *, blur: bool = False) -> Rgb:
        """Return the frame with its people, zones and counts drawn.

        Args:
            blur: first make every possible face unreadable.
        Returns:
            RGB uint8 (H, W, 3).
        Raises:
            ValueError: the frame no longer has a picture.
        """
        pixels = self.pixels
        if pixels is None:
            raise ValueError("this frame has no picture to draw on")
        return View(pixels, self.time_s, self, self.hidden).render(blur=blur)

    @property
    def pixels(self) -> Pixels | None:
        """The picture as it came, which may not be converted yet."""
        return _PICTURE.raw(self)


@dataclass(frozen=True, eq=False)
class View:
    """One frame to show, with the latest result.

    Attributes:
        pixels: its picture, which is converted when it is drawn.
        time_s: its time.
        result: of this frame, or of the last processed one before it.
        hidden: (M, 4) float32 xyxy, boxes to blur in it.
        blur: default of `render`.
    """

    pixels: Pixels
    time_s: float
    result: TrackedFrame
    hidden: NDArray[np.float32]
    blur: bool = False

    @property
    def picture(self) -> Rgb:
        """The frame itself, RGB uint8 (H, W, 3); read-only."""
        return rgb_of(self.pixels)

    @cached_property
    def drawn(self) -> Rgb:
        """The picture with the camera's options, drawn once for all viewers."""
        return self.render()

    def render(self, *, blur: bool | None = None, annotated: bool = True) -> Rgb:
        """Return the picture, blurred and annotated.

        Args:
            blur: make faces unreadable; None: as in the camera's options.
            annotated: draw boxes, states, zones and counts.
        Returns:
            RGB uint8 (H, W, 3); read-only, since it may be `picture` itself.
        """
        picture = self.picture
        if (self.blur if blur is None else blur) and len(self.hidden):
            picture = picture.copy()
            blur_array(picture, self.hidden)
        if not annotated:
            return picture
        image = Image.fromarray(np.ascontiguousarray(picture))
        draw_marks(image, self._marks(image.size))
        return np.asarray(image)

    def in_planes(self) -> Planes | None:
        """Return `drawn` as an encoder takes it, without RGB between; None: it has to be made of `drawn`."""
        planes = self.pixels.planes() if isinstance(self.pixels, DecodedPicture) else None
        if planes is not None:
            if self.blur:
                blur_planes(planes, self.hidden)
            draw_in_planes(planes, self._marks(planes.size))
        return planes

    def _marks(self, size: tuple[int, int]) -> list[Mark]:
        result = self.result
        outlines = outlines_of(result.placed, result.zones) if result.placed is not None else ()
        return frame_marks(
            size, result.detections.xyxy, result.states, result.confidence, result.tracks, outlines
        )


def outlines_of(placed: ZoneCounter, counts: list[ZoneCounts]) -> list[Outline]:
    """Return the zones and lines to draw, each with its counts."""
    by_name = {each.name: each for each in counts}
    areas = [
        Outline(np.asarray(corners, np.float32), _count_text(by_name[name]), True)
        for name, corners in placed.polygons
    ]
    lines = [
        Outline(np.array([start, end], np.float32), _count_text(by_name[name]), False)
        for name, start, end in placed.lines
    ]
    return areas + lines


def _count_text(counts: ZoneCounts) -> str:
    entered, left, present = (sum(each.values()) for each in (counts.entered, counts.left, counts.present))
    moved = f"{counts.name}: in {entered}, out {left}"
    if counts.kind == "line":
        return moved
    share = "" if counts.masked_share is None else f", {counts.masked_share * 100:.0f} % masked"
    return f"{moved}, here {present}{share}"
