"""What a session and a camera's options refuse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crowdmask.errors import SourceError, UsageError
from crowdmask.inference.detector import Detector
from crowdmask.live.options import CameraOptions
from crowdmask.live.session import Session

from .clips import write_clip

LONG = 3000  # frames: a minute and more of work, so that it is still worked on when it is to end


@pytest.fixture(scope="module")
def detector(colour_model: Path) -> Detector:
    return Detector(colour_model, threads=1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "street.mp4")


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "long.mp4", LONG)


@pytest.fixture
def session(detector: Detector) -> Iterator[Session]:
    with Session(detector) as session:
        yield session


@pytest.mark.parametrize("source", ["missing.mp4", "ftp://host/x", "rtsp://"])
def test_what_is_no_source(source: str, session: Session) -> None:
    with pytest.raises(SourceError):
        session.add(source)
    assert session.runs == []


def test_two_cameras_never_share_a_name_or_a_video(session: Session, long_clip: Path, tmp_path: Path) -> None:
    out = CameraOptions(out=tmp_path / "out.mp4")
    session.add(str(long_clip), camera="a", options=out)
    with pytest.raises(UsageError, match="there is one named 'a'"):
        session.add(str(long_clip), camera="a")
    with pytest.raises(UsageError, match="what the camera a is written to"):
        session.add(str(long_clip), camera="b", options=out)
    session.add(str(long_clip), camera="b")
    with pytest.raises(UsageError, match="what the camera a is written to"):
        session.change("b", out)


def test_a_closed_session_takes_nothing_more(detector: Detector, clip: Path) -> None:
    with Session(detector) as session:
        session.add(str(clip))
    with pytest.raises(UsageError, match="closed"):
        session.add(str(clip), camera="late")


@pytest.mark.parametrize(
    "wrong",
    [{"every": 0}, {"max_fps": 0.0}, {"max_fps": float("nan")}, {"for_s": -1.0}, {"for_s": float("nan")},
     {"grace_s": -1.0}, {"grace_s": float("inf")}, {"algorithm": "guess"}],
)  # fmt: skip
def test_wrong_options(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        CameraOptions(**wrong)
