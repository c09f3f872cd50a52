from __future__ import annotations

import json
import re

import av
import numpy as np
import pytest

from crowdmask.errors import UsageError
from crowdmask.survey import Settings, read, survey
from crowdmask.survey.audit.inference import estimate
from crowdmask.survey.audit.moments import (
    MOMENT_S,
    audited_moments,
    draw_moments,
    look_of,
    name_of,
    split_name,
)
from crowdmask.survey.audit.prepare import prepare_audit
from crowdmask.survey.sources.looking import Looking

from .conftest import THRESHOLDS, face, frame


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.mp4#t=1.500", ("a.mp4", 1.5)), ("a#t=b.jpg", ("a#t=b.jpg", None)), ("a.jpg", ("a.jpg", None))],
)
def test_names_of_moments(name, expected) -> None:
    assert split_name(name) == expected
    assert split_name(name_of("x#t=1", 2.0)) == ("x#t=1", 2.0)


def film(people: int, seconds: int = 300) -> list[dict]:
    """A frame a second; all with a mask, tracks that break every ten seconds."""
    return [
        frame("film", at, [face(0, track=at // 10 * 10 + number) for number in range(people)])
        for at in range(seconds)
    ]


def test_moments_are_spread_over_the_time(write) -> None:
    seen = read([str(write(film(4)))])
    moments = draw_moments(seen, 100, 1)
    assert len(moments.time_s) == pytest.approx(25, abs=1)
    assert np.diff(moments.time_s) == pytest.approx(12, abs=0.5)
    assert moments.probability * seen.observed_s.sum() / MOMENT_S == pytest.approx(len(moments.time_s))
    assert [look_of(seen, "film", time) for time in (0.0, 59.5, 61.0, 299.0)] == [0, 0, 1, 4]
    assert look_of(seen, "other", 1.0) is None


def test_no_moments_of_passages_or_of_an_empty_film(write) -> None:
    with pytest.raises(UsageError, match="person-time"):
        draw_moments(read([str(write(film(2)))], "passage"), 10)
    with pytest.raises(UsageError, match="there are none"):
        draw_moments(read([str(write(film(0)))]), 10)


def trial(seed: int) -> tuple[bool, float]:
    """An hour in which people with a mask are found for 0.6 of their time, others for 0.95."""
    random = np.random.default_rng(seed)
    true = np.stack([random.gamma(2, 60, 60), random.gamma(2, 40, 60), np.zeros(60)], axis=1)
    found = true * [0.6, 0.95, 1.0]
    looks = np.arange(60)

    class Seen:
        observed_s = np.full(60, 60.0)

    rows = []
    for at in (random.random() + np.arange(40)) * 1.5:
        people = random.poisson(true[int(at)] / 60).astype(float)
        rows.append((int(at), people, MOMENT_S / 90))
    audited, _ = audited_moments(found, looks, Seen(), rows)  # type: ignore[arg-type]
    people, figures = estimate(audited)
    assert figures["with_mask"] is not None
    share, (low, high) = figures["with_mask"]
    truth = true[:, 0].sum() / true.sum()
    assert people.sum() * MOMENT_S == pytest.approx(true.sum(), rel=0.5)
    return low <= truth <= high, share - truth


def test_labelled_moments_cover_and_put_right() -> None:
    held, errors = zip(*(trial(seed) for seed in range(200)), strict=True)
    assert 0.9 <= np.mean(held) <= 1.0
    assert abs(np.mean(errors)) < 0.015


def test_frames_there_and_back(tmp_path, write, rates_file) -> None:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height = 160, 120
        for number in range(50):
            picture = np.full((120, 160, 3), number * 5, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    records = str(write([frame(str(path), at / 5, [face(), face(1)]) for at in range(50)]))
    sheet = tmp_path / "sheet.html"
    number = prepare_audit(read([records]), [records], 20, str(sheet), 0, THRESHOLDS, Looking())
    found = re.search(r'id="payload">(.*?)</script>', sheet.read_text(), re.S)
    assert found is not None
    photos = json.loads(found[1])["photos"]
    assert len(photos) == number == 10
    assert all(split_name(each["source"])[1] is not None for each in photos)
    assert (photos[0]["width"], photos[0]["height"]) == (160, 120)
    boxes = [([9 + 40 * at, 9, 39 + 40 * at, 39], label) for at, label in enumerate(["with_mask"] * 3)]
    answers = {
        "crowdmask_audit": 1,
        "photos": [
            {"source": each["source"], "probability": each["probability"], "done": True,
             "faces": [{"box": box, "label": label} for box, label in boxes]}
            for each in photos
        ],
    }  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(answers))
    settings = Settings(rates=str(rates_file), answers=(str(tmp_path / "a.json"),))
    record = next(iter(survey(read([records]), settings).records()))
    assert record["with_mask"]["share"] > 0.95
    assert record["people"] == pytest.approx(30, rel=0.1)
    assert any("10 frames with 30 faces were labelled" in note for note in record["notes"])
