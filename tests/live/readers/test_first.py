"""One frame of a camera that is only tried out, or why there is none."""

from __future__ import annotations

import time
from typing import Any

import pytest

from crowdmask.errors import SourceError
from crowdmask.live.readers.first import first_frame
from crowdmask.live.sources import VideoSource, find_videos


def source(address: str) -> VideoSource:
    (found,) = find_videos([address]).sources
    return found


def test_the_first_frame(camera: Any) -> None:
    frame = first_frame(source(f"http://{camera.place}/camera"), 10)
    assert frame.picture.shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("path", "why"),
    [("/none", "no such stream"), ("/text", "text"), ("/locked", "asks for a password")],
)
def test_what_sends_no_frame_is_told_at_once(camera: Any, path: str, why: str) -> None:
    begun_s = time.monotonic()
    with pytest.raises(SourceError, match=why):
        first_frame(source(f"http://{camera.place}{path}"), 60)
    assert time.monotonic() - begun_s < 30
    assert len(camera.requests) <= 2  # an account is not locked by trying


def test_a_wrong_password_is_not_shown(camera: Any) -> None:
    with pytest.raises(SourceError, match="wrong user or password") as caught:
        first_frame(source(f"http://joe:hidden@{camera.place}/locked"), 10)
    assert "hidden" not in str(caught.value)


def test_a_silent_one_is_given_up(silent: Any) -> None:
    with pytest.raises(SourceError, match=silent.place):
        first_frame(source(f"http://{silent.place}"), 1)
