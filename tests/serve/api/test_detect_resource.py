"""``/v1/detect`` as its callers use it, and as they should not."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from crowdmask.batch.items import BytesSource
from crowdmask.batch.run import detect_photos
from crowdmask.inference.detector import Detector
from crowdmask.serve import detecting
from crowdmask.serve.detecting import BusyError, Wish, Workers

from ..conftest import MakeApp, client


def ask(app: Any, path: str = "/v1/detect", **options: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        async with client(app) as caller:
            return await caller.post(path, **options)

    return asyncio.run(go())


def test_the_answer_is_the_line_of_the_command(make_app: MakeApp, photo: bytes, colour_model: Any) -> None:
    detector = Detector(str(colour_model), threads=1)
    (item,) = detect_photos(detector, [BytesSource("hall.png", photo)])
    line = json.dumps(item.to_record())
    app = make_app()
    assert ask(app, files={"file": ("hall.png", photo, "image/png")}).text == line
    plain = ask(app, content=photo)
    assert plain.json() == {**json.loads(line), "source": "photo"}
    assert sum(plain.json()["counts"].values()) > 0
    few = ask(app, "/v1/detect?confidence=1", content=photo)
    assert len(few.json()["detections"]) < len(plain.json()["detections"])


def test_an_annotated_picture(make_app: MakeApp, photo: bytes, blocks: Image.Image) -> None:
    answers = {
        blur: ask(make_app(), f"/v1/detect?blur={blur}", content=photo, headers={"accept": "image/jpeg"})
        for blur in ("false", "true")
    }
    pictures = {blur: np.asarray(Image.open(io.BytesIO(answer.content))) for blur, answer in answers.items()}
    assert {answer.headers["content-type"] for answer in answers.values()} == {"image/jpeg"}
    assert pictures["true"].shape == (blocks.height, blocks.width, 3)
    assert (pictures["true"] != pictures["false"]).any()


def test_a_batch_names_what_cannot_be_read(make_app: MakeApp, photo: bytes) -> None:
    files = [("file", ("a.png", photo)), ("file", ("b.txt", b"a text")), ("file", ("c.png", photo))]
    answer = ask(make_app(), "/v1/detect/batch", files=files).json()
    assert [each["source"] for each in answer] == ["a.png", "b.txt", "c.png"]
    assert answer[0]["detections"] == answer[2]["detections"]
    assert answer[1]["kind"] == "not a picture"
    many = ask(make_app(batch_photos=2), "/v1/detect/batch", files=files)
    assert (many.status_code, "Too many files" in many.json()["error"]) == (400, True)


def _large() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (1200, 1000)).save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize(
    ("options", "code", "why"),
    [
        ({"content": b"a text"}, 415, "not a picture"),
        ({"content": b""}, 400, "no photo"),
        ({"content": b"x", "headers": {"content-type": "text/plain"}}, 415, "text/plain is not a photo"),
        ({"content": b"x" * 300_000}, 413, "0.2 MB"),
        ({"content": _large()}, 413, "megapixels"),
        ({"files": {"other": ("a.png", b"x")}}, 400, "no file in a field file"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "form"),
        ({"content": b"x", "headers": {"accept": "text/html"}}, 406, "image/jpeg"),
        ({"content": b"x", "params": {"confidence": "2"}}, 422, "confidence"),
        ({"content": b"x", "params": {"confidence": "nan"}}, 422, "confidence"),
    ],
)
def test_what_is_refused(make_app: MakeApp, options: dict[str, Any], code: int, why: str) -> None:
    answer = ask(make_app(upload_mb=0.2), **options)
    assert (answer.status_code, list(answer.json())) == (code, ["error"]), answer.text
    assert why in answer.json()["error"]


def test_an_upload_that_says_nothing_of_its_size(make_app: MakeApp) -> None:
    async def drops() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    assert ask(make_app(upload_mb=0.2), content=drops()).status_code == 413


def test_a_slow_upload_ends(make_app: MakeApp) -> None:
    async def drops() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(60)

    assert ask(make_app(upload_s=0.2), content=drops()).status_code == 408


def test_so_many_photos_a_minute(make_app: MakeApp, photo: bytes) -> None:
    app = make_app(requests_a_minute=2)
    answers = [ask(app, content=photo) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) > 0


def test_too_many_wait_and_are_told(workers: Workers, photo: bytes) -> None:
    """All of a batch is taken or none; who waits no more frees the place."""
    wishes = [Wish("photo", photo, lambda result: 1)] * 6
    taken = workers.take(wishes)
    with pytest.raises(BusyError) as caught:
        workers.take(wishes)
    assert caught.value.retry_after_s >= 1
    for future in taken:
        future.cancel()
    (last,) = workers.take(wishes[:1])
    assert last.result(10) == 1


def test_who_would_wait_for_long_is_refused(
    workers: Workers, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is room for more, but the machine is slow."""
    monkeypatch.setattr(detecting, "_LONGEST_WAIT_S", 0.0)
    go_on = threading.Event()
    held = workers.take([Wish("photo", photo, lambda result: go_on.wait(20))] * workers.count)
    with pytest.raises(BusyError):
        workers.take([Wish("photo", photo, lambda result: 1)])
    go_on.set()
    assert [each.result(20) for each in held] == [True] * workers.count


def test_a_surplus_is_refused_and_the_rest_answered(make_app: MakeApp, photo: bytes) -> None:
    app = make_app()

    async def go() -> list[httpx.Response]:
        async with client(app) as caller:
            return await asyncio.gather(*(caller.post("/v1/detect", content=photo) for _ in range(24)))

    answers = asyncio.run(go())
    codes = {each.status_code for each in answers}
    assert codes == {200, 503}
    assert all("retry-after" in each.headers for each in answers if each.status_code == 503)
    assert ask(app, content=photo).status_code == 200


def test_metrics_and_headers(make_app: MakeApp, photo: bytes) -> None:
    app = make_app()
    ask(app, content=photo)
    ask(app, content=b"a text")

    async def go(path: str) -> httpx.Response:
        async with client(app) as caller:
            return await caller.get(path)

    text = asyncio.run(go("/metrics")).text
    assert 'crowdmask_photos_total{result="detected"} 1.0' in text
    assert 'crowdmask_photos_total{result="failed"} 1.0' in text
    assert 'route="/v1/detect",status="415"' in text
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {name.partition("_")[0] for name in names} == {"crowdmask"}
    health = asyncio.run(go("/v1/health"))
    assert (health.json()["status"], health.headers["x-frame-options"]) == ("ok", "DENY")
    assert "default-src 'self'" in health.headers["content-security-policy"]
    assert asyncio.run(go("/v1/ready")).json() == {"ready": True}
    assert asyncio.run(go("/v1/../etc/passwd")).status_code == 404
