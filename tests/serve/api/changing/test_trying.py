"""A camera is tried out before it is added: a picture with blurred faces, or why there is none."""

from __future__ import annotations

import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from ....live import conftest as cameras
from ....live.conftest import camera  # noqa: F401 - a fixture
from ...conftest import Running


def ask(running: Running, body: Any) -> httpx.Response:
    return httpx.post(f"{running.address}/v1/cameras/test", json=body, trust_env=False, timeout=30)


def test_a_picture_with_blurred_faces(
    running: Running,
    camera: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    blocks: Image.Image,
) -> None:
    written = io.BytesIO()
    blocks.save(written, "JPEG", quality=95)
    monkeypatch.setattr(cameras, "jpeg", lambda index: written.getvalue())
    address = f"http://joe:s3cret@{camera.place}/camera"
    answer = ask(running, {"source": address})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg"), answer.text
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.size == blocks.size
    assert (answer.headers["x-picture-width"], answer.headers["x-picture-height"]) == tuple(
        str(side) for side in blocks.size
    )
    # The model that finds colours takes the red block for a face: blurred with a margin, left of x = 64, too.
    assert np.asarray(picture, int)[48, 60, 0] > 100 > np.asarray(blocks, int)[48, 60, 0]
    assert ("local", "tried out", f"camera http://***@{camera.place}/camera") in running.audit
    assert "s3cret" not in repr(running.audit)


@pytest.mark.parametrize(
    ("source", "code", "why"),
    [
        ("http://127.0.0.1:9/stream", 409, "connection refused"),
        ("rtsp://me:hidden@127.0.0.1:9/stream", 409, "connection refused"),
        ("/etc/passwd", 422, "source: must be rtsp://"),
        ("file:///etc/passwd", 422, "source: must be rtsp://"),
        ({"file": "/etc/passwd"}, 422, "source: must be rtsp://"),
        ("http://", 422, "source: must be rtsp://"),
    ],
)
def test_what_has_no_picture(running: Running, source: Any, code: int, why: str) -> None:
    answer = ask(running, {"source": source})
    assert answer.status_code == code, answer.text
    assert why in answer.json()["error"]
    assert "hidden" not in answer.text
