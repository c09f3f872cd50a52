"""Damaged photos of many kinds: each is answered with 200 or 4xx, and the workers live on."""

from __future__ import annotations

import asyncio
import io
import random
from collections import Counter

import pytest
from PIL import Image

from ..conftest import MakeApp, client

NUMBER = 240


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Cut a file, leave a part out, or change some of its bytes."""
    kind, changed = chance.randrange(4), bytearray(data)
    if kind == 0:
        return data[: chance.randrange(len(data))]
    if kind == 1:
        start = chance.randrange(len(data))
        return data[:start] + data[start + chance.randrange(1, 200) :]
    end = min(len(data), 60) if kind == 2 else len(data)  # the head, or anywhere
    for _ in range(chance.randrange(1, 12)):
        changed[chance.randrange(end)] = chance.randrange(256)
    return bytes(changed)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_photos(make_app: MakeApp, blocks: Image.Image, photo: bytes) -> None:
    """A short run; benchmarks/service.py makes the long one."""
    chance, codes, app = random.Random(5), Counter[int](), make_app()
    files = []
    for kind in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "JPEG2000"):
        written = io.BytesIO()
        blocks.resize((64, 48)).save(written, kind)
        files.append(written.getvalue())

    async def go() -> int:
        async with client(app) as caller:
            for number in range(NUMBER):
                data = mutate(files[number % len(files)], chance)
                kind = {"accept": "image/jpeg"} if number % 3 == 0 else {}
                codes[(await caller.post("/v1/detect", content=data, headers=kind)).status_code] += 1
            return (await caller.post("/v1/detect", content=photo)).status_code

    assert asyncio.run(go()) == 200
    assert set(codes) <= {200, 400, 413, 415, 422}, codes
    assert codes[200] > NUMBER / 20
