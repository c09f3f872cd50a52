"""One pass with two thresholds, many pictures, and detectors that share a network."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crowdmask import Detector
from crowdmask.errors import PictureError, UsageError
from crowdmask.inference import ahead as ahead_module
from crowdmask.inference.model_file import CloserLook
from crowdmask.inference.stopwatch import NO_STOPWATCH, Stopwatch
from crowdmask.media.pictures import as_picture


@pytest.fixture(scope="module")
def photos(blocks: Image.Image, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Five photos, each smaller than the one before, so that each has its own faces."""
    folder = tmp_path_factory.mktemp("photos")
    paths = [folder / f"{number}.png" for number in range(5)]
    for number, path in enumerate(paths):
        blocks.crop((0, 0, 320 - 32 * number, 192)).save(path)
    return paths


class TestTwoThresholds:
    @pytest.mark.parametrize("tiles", ["off", "2x2"])
    @pytest.mark.parametrize("confidence", [None, 0.9, 0.2, 0.05, 0.0])
    def test_the_shown_faces_are_exactly_those_of_detect(
        self, confidence: float | None, tiles: str, crowd_model: Path, far_crowd: Image.Image
    ) -> None:
        detector = Detector(crowd_model, confidence=confidence, threads=1, tiles=tiles)
        found = detector.detect_with_candidates(far_crowd, floor=0.01)
        assert found.shown.to_records() == detector.detect(far_crowd).to_records()
        least = min(0.01, min(detector.threshold))
        fainter = Detector(crowd_model, confidence=least, threads=1, tiles=tiles)
        assert found.candidates.to_records() == fainter.detect(far_crowd).to_records()

    def test_shown_is_what_reaches_the_thresholds(self, example_photo: Path) -> None:
        detector = Detector(threads=1)
        found = detector.detect_with_candidates(example_photo)
        assert len(found.candidates) > len(found.shown) > 0
        reached = found.candidates[found.candidates.reach(detector.threshold)]
        assert reached.to_records() == found.shown.to_records() == detector.detect(example_photo).to_records()

    def test_a_floor_above_the_thresholds_takes_nothing_away(
        self, colour_model: Path, blocks: Image.Image
    ) -> None:
        found = Detector(colour_model, threads=1).detect_with_candidates(blocks, floor=1.0)
        assert found.candidates.to_records() == found.shown.to_records()
        assert len(found.shown) == 3

    def test_a_picture_too_small_for_a_face(self, colour_model: Path) -> None:
        found = Detector(colour_model, threads=1).detect_with_candidates(Image.new("RGB", (7, 90)))
        assert len(found.shown) == len(found.candidates) == 0

    @pytest.mark.parametrize("floor", [-0.1, 1.01, float("nan")])
    def test_a_floor_out_of_range(self, floor: float, colour_model: Path, blocks: Image.Image) -> None:
        with pytest.raises(UsageError, match="floor must be 0 to 1"):
            Detector(colour_model, threads=1).detect_with_candidates(blocks, floor=floor)

    def test_the_network_runs_once(
        self, colour_model: Path, blocks: Image.Image, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        detector = Detector(colour_model, threads=1)
        runs: list[int] = []
        network = detector.network
        monkeypatch.setattr(detector, "network", lambda tensor: (runs.append(1), network(tensor))[1])
        detector.detect_with_candidates(blocks)
        assert len(runs) == 1


class TestMany:
    @pytest.mark.parametrize("ahead", [0, 1, 2, 9])
    def test_the_same_faces_in_the_same_order(
        self, ahead: int, colour_model: Path, photos: list[Path]
    ) -> None:
        detector = Detector(colour_model, threads=1)
        expected = [detector.detect(photo).to_records() for photo in photos]
        found = [faces.to_records() for faces in detector.detect_many(iter(photos), ahead=ahead)]
        assert found == expected
        assert len({len(each) for each in found}) > 1

    def test_no_pictures(self, colour_model: Path) -> None:
        assert list(Detector(colour_model, threads=1).detect_many([])) == []

    def test_pictures_of_every_form(
        self, colour_model: Path, photos: list[Path], blocks: Image.Image
    ) -> None:
        forms: list[Any] = [photos[0], str(photos[0]), blocks, np.asarray(blocks), as_picture(blocks)]
        found = [faces.counts() for faces in Detector(colour_model, threads=1).detect_many(forms)]
        assert found == [found[0]] * 5

    @pytest.mark.parametrize("ahead", [0, 2])
    def test_one_that_cannot_be_read_ends_detect_many(
        self, ahead: int, colour_model: Path, photos: list[Path], tmp_path: Path
    ) -> None:
        many = Detector(colour_model, threads=1).detect_many([photos[0], tmp_path / "no.png"], ahead=ahead)
        assert len(next(many)) == 3
        with pytest.raises(PictureError, match=r"no\.png"):
            next(many)

    @pytest.mark.parametrize("ahead", [0, 2])
    def test_detect_each_goes_on_after_it(
        self, ahead: int, colour_model: Path, photos: list[Path], tmp_path: Path
    ) -> None:
        bad = tmp_path / "bad.png"
        bad.write_bytes(b"no picture")
        given = [photos[0], bad, photos[1]]
        results = list(Detector(colour_model, threads=1).detect_each(given, floor=0.01, ahead=ahead))
        assert [result.source for result in results] == given
        assert [result.error is None for result in results] == [True, False, True]
        assert [result.picture is None for result in results] == [False, True, False]
        assert len(results[0].candidates) >= len(results[0].faces) == 3
        for read in ("faces", "candidates"):
            with pytest.raises(PictureError, match=r"bad\.png"):
                getattr(results[1], read)

    def test_what_is_no_picture_at_all(self, colour_model: Path) -> None:
        with pytest.raises(TypeError):
            list(Detector(colour_model, threads=1).detect_many([3]))  # type: ignore[list-item]

    @pytest.mark.parametrize("ahead", [0, 1, 3])
    def test_memory_is_bounded(self, ahead: int, colour_model: Path, photos: list[Path]) -> None:
        taken = 0

        def endless() -> Iterator[Path]:
            nonlocal taken
            while True:
                taken += 1
                yield photos[taken % 5]

        many = Detector(colour_model, threads=1).detect_many(endless(), ahead=ahead)
        for done in range(1, 20):
            next(many)
            assert taken <= done + ahead
        many.close()  # type: ignore[attr-defined]
        assert not [each for each in threading.enumerate() if each.name.startswith("crowdmask-open")]

    def test_the_next_is_opened_while_the_network_works(
        self, colour_model: Path, photos: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened = [threading.Event() for _ in photos]

        def watched(source: Any) -> Any:
            picture = as_picture(source)
            opened[photos.index(source)].set()
            return picture

        monkeypatch.setattr(ahead_module, "as_picture", watched)
        detector = Detector(colour_model, threads=1)
        network = detector.network
        order: list[bool] = []

        def waits(tensor: Any) -> Any:
            following = min(len(order) + 1, len(photos) - 1)
            order.append(opened[following].wait(20))
            return network(tensor)

        monkeypatch.setattr(detector, "network", waits)
        assert len(list(detector.detect_many(photos))) == 5
        assert order == [True] * 5


class TestOptions:
    def test_a_detector_with_other_options_shares_the_network(
        self, colour_model: Path, blocks: Image.Image
    ) -> None:
        detector = Detector(colour_model, threads=1)
        sure = detector.with_options(confidence=0.9)
        large = sure.with_options(input_size=640)
        assert [len(each.detect(blocks)) for each in (detector, sure)] == [3, 2]
        assert (detector.info.input.size, large.info.input.size) == (320, 640)
        assert large.threshold == sure.threshold == (0.9, 0.9, 0.9) != detector.threshold
        assert (
            large.detect(blocks).to_records()
            == Detector(colour_model, confidence=0.9, input_size=640, threads=1).detect(blocks).to_records()
        )
        assert large._backend is detector._backend

    def test_a_closer_look_of_ones_own(self, crowd_model: Path) -> None:
        detector = Detector(crowd_model, threads=1)
        assert detector.looks_closer
        assert not detector.with_options(closer_look=False).looks_closer
        other = detector.with_options(closer_look=CloserLook(960, 0.5))
        assert (other.info.closer_look, other.looks_closer) == (CloserLook(960, 0.5), True)
        assert detector.info.closer_look == CloserLook(640, 1.0)

    @pytest.mark.parametrize(
        ("options", "message"),
        [({"confidence": 2.0}, "confidence"), ({"input_size": 1}, "input size"), ({"tiles": "x"}, "tiles")],
    )
    def test_options_out_of_range(self, options: dict[str, Any], message: str, colour_model: Path) -> None:
        with pytest.raises(UsageError, match=message):
            Detector(colour_model, threads=1).with_options(**options)

    def test_options_are_named_and_what_a_model_is_stays(self, colour_model: Path) -> None:
        with pytest.raises(TypeError):
            Detector(colour_model, 0.5)  # type: ignore[misc]
        with pytest.raises(AttributeError):
            Detector(colour_model, threads=1).info = None  # type: ignore[misc, assignment]


def test_a_stopwatch_counts_also_where_something_fails() -> None:
    watch = Stopwatch()
    with pytest.raises(ZeroDivisionError), watch.stage("a"):
        _ = 1 / 0
    with watch.stage("a"), NO_STOPWATCH.stage("b"):
        pass
    assert watch.times == {"a": 2}
    assert watch.ms["a"] >= 0
    assert NO_STOPWATCH.ms == {}
