"""Zones and lines: what is counted, and what a zones file may hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crowdmask.errors import SourceError
from crowdmask.tracking.zones import ZoneCounter, ZoneCounts, ZonesFile, read_zones

FPS = 10
LEFT_HALF = {"name": "left", "polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}
MIDDLE_LINE = {"name": "middle", "start": [0.5, 1.0], "end": [0.5, 0.0]}
ON, OFF = "with_mask", "without_mask"


def counter(**parts: object) -> ZoneCounter:
    return ZoneCounter(ZonesFile.model_validate(parts), 200, 100)


def walk(zones: ZoneCounter, centres: list[tuple[float, float] | None], label: str = ON) -> list[ZoneCounts]:
    """Lead track 1, a face of 20 pixels, along some points, one a frame; None: not seen."""
    for frame, centre in enumerate(centres):
        boxes = [] if centre is None else [[centre[0] - 10, centre[1] - 10, centre[0] + 10, centre[1] + 10]]
        n = len(boxes)
        xyxy = np.array(boxes, np.float32).reshape(-1, 4)
        counts = zones.update(frame / FPS, np.full(n, 1), xyxy, [label] * n)
    return counts


def way(start: float, end: float, frames: int = 20, y: float = 50) -> list[tuple[float, float] | None]:
    return [(x, y) for x in np.linspace(start, end, frames)]


@pytest.mark.parametrize(
    ("centres", "entered", "left", "present"),
    [
        pytest.param(way(180, 120), 0, 0, 0, id="outside"),
        pytest.param(way(180, 20), 1, 0, 1, id="in"),
        pytest.param(way(20, 180), 1, 1, 0, id="there from the start, and out"),
        pytest.param(way(180, 20) + way(20, 180), 1, 1, 0, id="in and out"),
        pytest.param([(99 + 2 * (i % 2), 50) for i in range(40)], 0, 0, 0, id="trembles on the border"),
        pytest.param(way(180, 20) + [None] * 5, 1, 0, 1, id="missed for a moment"),
        pytest.param(way(180, 20) + [None] * 20, 1, 0, 0, id="missed for long"),
        pytest.param(way(180, 20) + [None] * 60, 1, 1, 0, id="gone"),
        pytest.param(way(180, 20) + [None] * 30 + way(20, 30), 1, 0, 1, id="back"),
    ],
)
def test_zone(centres: list, entered: int, left: int, present: int) -> None:
    (found,) = walk(counter(zones=[LEFT_HALF]), centres)
    assert (found.name, found.kind) == ("left", "zone")
    assert (found.entered[ON], found.left[ON], found.present[ON]) == (entered, left, present)
    assert found.entered[OFF] == found.left[OFF] == found.present[OFF] == 0


@pytest.mark.parametrize(
    ("centres", "inwards", "outwards"),
    [
        pytest.param(way(20, 180), 1, 0, id="to the right"),
        pytest.param(way(180, 20), 0, 1, id="to the left"),
        pytest.param(way(20, 180) + way(180, 20) + way(20, 180), 2, 1, id="to and fro"),
        pytest.param(way(20, 95), 0, 0, id="up to it"),
        pytest.param(way(20, 99) + [(100 + (-1) ** i * 2, 50) for i in range(40)], 0, 0, id="trembles"),
        pytest.param(way(20, 80, 10) + [None] * 4 + way(120, 180, 10), 1, 0, id="missed on the line"),
        pytest.param(way(20, 80, 10) + [None] * 200 + way(120, 180, 10), 0, 0, id="long gone"),
    ],
)
def test_line(centres: list, inwards: int, outwards: int) -> None:
    (found,) = walk(counter(lines=[MIDDLE_LINE]), centres)
    assert (found.name, found.kind) == ("middle", "line")
    assert (found.entered[ON], found.left[ON]) == (inwards, outwards)
    assert sum(found.present.values()) == 0
    assert found.masked_share is None


@pytest.mark.parametrize(("y", "crossed"), [(20, 0), (70, 1)])
def test_line_ends_where_it_ends(y: float, crossed: int) -> None:
    zones = counter(lines=[{"name": "door", "start": [0.5, 1.0], "end": [0.5, 0.5]}])
    assert walk(zones, way(20, 180, y=y))[0].entered[ON] == crossed


def test_upside_down_line_counts_the_other_way() -> None:
    zones = counter(lines=[{"name": "door", "start": [0.5, 0.0], "end": [0.5, 1.0]}])
    found = walk(zones, way(20, 180))[0]
    assert (found.entered[ON], found.left[ON]) == (0, 1)


def test_counts_by_state_and_share_masked() -> None:
    zones = counter(zones=[LEFT_HALF])
    tracks = np.array([1, 2, 3, 4, -1])
    boxes = np.array([[x, 40, x + 20, 60] for x in (10, 30, 50, 150, 20)], np.float32)
    for frame in range(20):
        (found,) = zones.update(frame / FPS, tracks, boxes, [ON, OFF, "unknown", ON, OFF])
    assert found.present == {ON: 1, OFF: 1, "mask_worn_incorrect": 0, "unknown": 1}
    assert found.entered == found.present
    assert found.masked_share == 0.5
    for frame in range(20, 60):
        (found,) = zones.update(frame / FPS, tracks[:1], boxes[:1], [ON])
    assert found.masked_share == 1.0
    # About 6 seconds of one with a mask, and 3 of one without, who counts as there for a second more.
    assert found.masked_share_so_far == pytest.approx(5.7 / (5.7 + 2.7), abs=0.02)
    assert found.to_record()["in"][OFF] == 1


def test_nobody_has_no_share() -> None:
    (found,) = walk(counter(zones=[LEFT_HALF]), [None] * 5)
    assert found.masked_share is None
    assert found.to_record()["masked_share_so_far"] is None


def test_a_pause_of_the_stream_counts_as_a_second() -> None:
    zones = counter(zones=[LEFT_HALF])
    one, box = np.array([1]), np.array([[10, 40, 30, 60]], np.float32)
    for time_s in (0.0, 0.5, 1.0, 601.0):
        (found,) = zones.update(time_s, one, box, [OFF])
    for step in range(1, 6):
        (found,) = zones.update(601.0 + step / 2, one, box, [ON])
    # Without a mask from 0.5 s on, 1 s of it until then, and 1 s for the pause.
    assert found.masked_share_so_far == pytest.approx(2.5 / (2.5 + 2.0), abs=0.01)


def test_share_over_a_line() -> None:
    zones = counter(lines=[MIDDLE_LINE])
    walk(zones, way(20, 180), ON)
    for track, label in ((2, ON), (3, OFF), (4, "unknown")):
        for frame, x in enumerate((20, 180)):
            box = np.array([[x - 10, 40, x + 10, 60]], np.float32)
            (found,) = zones.update(100 * track + frame / FPS, np.array([track]), box, [label])
    assert found.entered == {ON: 2, OFF: 1, "mask_worn_incorrect": 0, "unknown": 1}
    assert found.masked_share_so_far == pytest.approx(2 / 3)


def test_zone_of_a_face() -> None:
    zones = counter(
        zones=[
            {"name": "corner", "polygon": [[0, 0], [0.25, 0], [0, 0.5]]},
            LEFT_HALF,
        ]
    )
    boxes = np.array([[0, 0, 20, 20], [30, 40, 50, 60], [150, 40, 170, 60]], np.float32)
    assert zones.zone_of(boxes) == ["corner", "left", None]
    assert zones.zone_of(boxes[:0]) == []
    assert counter(lines=[MIDDLE_LINE]).zone_of(boxes) == [None, None, None]


def test_pixels_and_parts_are_the_same() -> None:
    parts = counter(zones=[LEFT_HALF], lines=[MIDDLE_LINE])
    pixels = counter(
        units="pixels",
        zones=[{"name": "left", "polygon": [[0, 0], [100, 0], [100, 100], [0, 100]]}],
        lines=[{"name": "middle", "start": [100, 100], "end": [100, 0]}],
    )
    assert parts.polygons[0][1].tolist() == pixels.polygons[0][1].tolist()
    assert parts.lines[0][2].tolist() == pixels.lines[0][2].tolist() == [100, 0]
    assert walk(parts, way(180, 20)) == walk(pixels, way(180, 20))


def test_read(tmp_path: Path) -> None:
    file = tmp_path / "zones.yaml"
    file.write_text(
        "zones:\n  - name: entrance\n    polygon: [[0, 0.4], [0.3, 0.4], [0.3, 1]]\n"
        "lines:\n  - {name: door, start: [0.5, 1], end: [0.5, 0]}\n",
        encoding="utf-8",
    )
    zones = read_zones(file)
    assert zones.units == "fraction"
    assert zones.zones[0].polygon[1] == (0.3, 0.4)
    assert zones.lines[0].end == (0.5, 0.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zones: [", "not YAML"),
        ("", "must hold keys with values"),
        ("{}", "neither zones nor lines"),
        ("zones:\n - {name: a, polygon: [[0, 0], [1, 1]]}", "zones.0.polygon"),
        ("zones:\n - {name: a, polygon: [[0, 0], [1, 1], [2, 0]]}", "units: pixels"),
        ("zones:\n - {name: a, polygon: [[0, 0], [1, 1], [-1, 0]]}", "negative"),
        ("zones:\n - {name: '', polygon: [[0, 0], [1, 1], [1, 0]]}", "zones.0.name"),
        ("zones:\n - {name: a, corners: [[0, 0], [1, 1], [1, 0]]}", "zones.0"),
        ("lines:\n - {name: a, start: [0, 0], end: [0, 0]}", "one point"),
        (
            "lines:\n - {name: a, start: [0, 0], end: [0, 1]}\n - {name: a, start: [0, 0], end: [1, 0]}",
            "'a' is given twice",
        ),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "zones.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=message) as caught:
        read_zones(file)
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot read the zones .*none\.yaml: No such file"):
        read_zones(tmp_path / "none.yaml")


def test_memory_stays_flat() -> None:
    zones = counter(zones=[LEFT_HALF], lines=[MIDDLE_LINE])
    for frame in range(3000):
        box = np.array([[10, 40, 30, 60]], np.float32)
        zones.update(frame / FPS, np.array([frame // 10]), box, [ON])
    assert len(zones._areas[0].visits) <= 7
    assert len(zones._gates[0].places) <= 12
