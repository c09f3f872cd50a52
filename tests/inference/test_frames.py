"""Frames of videos are found like photos, and large ones are scaled faster."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crowdmask.inference.detector import Detector
from crowdmask.inference.frames import FrameDetector, prepare_frame, scale
from crowdmask.inference.model_file import InputSpec
from crowdmask.inference.preprocess import prepare
from crowdmask.media.pictures import as_picture

FIT = InputSpec(size=64, resize="fit", multiple=16, pad=114)


def smooth(width: int, height: int) -> np.ndarray:
    """Return a picture that changes slowly, with another slope in each colour."""
    y, x = np.mgrid[:height, :width]
    slopes = [200 * x / width + 20, 200 * y / height + 30, 100 * (x / width + y / height) + 10]
    return np.stack(slopes, axis=-1).astype(np.uint8)


@pytest.mark.parametrize(
    ("width", "height"), [(64, 36), (80, 45), (120, 68), (128, 72), (161, 91), (192, 300), (500, 40)]
)
def test_a_frame_is_prepared_like_a_photo(width: int, height: int) -> None:
    picture = smooth(width, height)
    frame, photo = prepare_frame(picture, FIT), prepare(as_picture(picture), FIT)
    assert frame.tensor.shape == photo.tensor.shape
    assert frame.tensor.dtype == np.uint8
    assert (frame.width, frame.height) == (width, height)
    assert (frame.scale_x, frame.scale_y) == pytest.approx((photo.scale_x, photo.scale_y))
    assert np.abs(frame.tensor.astype(int) - photo.tensor).max() <= 6


@pytest.mark.parametrize(("width", "height"), [(64, 36), (80, 45)])
def test_a_frame_that_is_hardly_reduced_is_exactly_as_the_photo(width: int, height: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    assert (prepare_frame(picture, FIT).tensor == prepare(as_picture(picture), FIT).tensor).all()


@pytest.mark.parametrize(
    ("columns", "rows"), [(96, 54), (128, 72), (160, 90), (191, 108), (250, 141), (640, 360)]
)
def test_every_pixel_counts(columns: int, rows: int) -> None:
    """Fine stripes become grey: none is left out by taking single pixels."""
    stripes = np.zeros((rows, columns, 3), np.uint8)
    stripes[:, ::2] = 255
    scaled = scale(stripes, 64, 36)
    assert scaled.shape == (36, 64, 3)
    assert np.abs(scaled.astype(float).mean(axis=(0, 1)) - stripes.mean(axis=(0, 1))).max() < 6
    assert scaled.astype(float).std() < 64


def test_the_same_faces_as_the_detector(colour_model: Path) -> None:
    picture = np.full((192, 320, 3), 60, np.uint8)
    picture[64:96, 64:96] = (255, 0, 0)
    picture[96:128, 160:192] = (100, 0, 0)
    detector = Detector(colour_model, threads=1)
    expected = detector.detect_with_candidates(picture, floor=0.1).candidates
    found = FrameDetector(detector, 320, 0.1).find(picture)
    assert len(found) == len(expected) == 2
    assert found.xyxy == pytest.approx(expected.xyxy)
    assert found.confidence == pytest.approx(expected.confidence)
    assert found.labels == expected.labels
    twice = np.asarray(Image.fromarray(picture).resize((640, 384), Image.Resampling.NEAREST))
    assert FrameDetector(detector, 320, 0.1).find(twice).xyxy == pytest.approx(2 * expected.xyxy, abs=1)


def test_a_frame_too_small_for_a_face_has_none(colour_model: Path) -> None:
    finder = FrameDetector(Detector(colour_model, threads=1), 320, 0.1)
    assert len(finder.find(np.zeros((7, 320, 3), np.uint8))) == 0
