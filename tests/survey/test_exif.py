from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from PIL import Image

from crowdmask.survey import Settings, read, survey
from crowdmask.survey.sources.exif import taken_at

from .conftest import face, photo


def save(path, when: str | None, tag: int = 0x9003) -> str:
    image, exif = Image.new("RGB", (32, 32)), Image.Exif()
    if when is not None:
        if tag == 0x9003:
            exif.get_ifd(0x8769)[tag] = when
        else:
            exif[tag] = when
    image.save(path, exif=exif)
    return str(path)


@pytest.mark.parametrize("tag", [0x9003, 0x0132])
def test_time_of_the_camera(tmp_path, tag) -> None:
    expected = datetime(2026, 3, 2, 8, 15, 30, tzinfo=UTC).timestamp()
    assert taken_at(save(tmp_path / "a.jpg", "2026:03:02 08:15:30", tag)) == expected


@pytest.mark.parametrize("when", [None, "0000:00:00 00:00:00", "yesterday"])
def test_no_time(tmp_path, when) -> None:
    assert math.isnan(taken_at(save(tmp_path / "a.jpg", when)))
    assert math.isnan(taken_at(str(tmp_path / "none.jpg")))


def test_groups_by_hour_of_photos(tmp_path, write, rates_file) -> None:
    names = [save(tmp_path / f"{at}.jpg", f"2026:03:02 {8 + at % 2:02d}:15:00") for at in range(6)]
    names.append(save(tmp_path / "none.jpg", None))
    path = write([photo(name, [face(), face(1)]) for name in names])
    result = survey(read([str(path)]), Settings(by="hour", rates=str(rates_file)))
    assert [(each["group"], each["photos"]) for each in result.records()] == [
        ("2026-03-02 08:00", 3),
        ("2026-03-02 09:00", 3),
        ("time unknown", 1),
    ]
