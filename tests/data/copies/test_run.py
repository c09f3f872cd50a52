from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from crowdmask.data.copies.run import deduplicate
from crowdmask.data.manifest import Manifest, Photo, read_manifest, write_manifest
from crowdmask.errors import PictureError


def test_copies_are_found_and_dropped(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    sizes = {"a": (80, 60), "b": (80, 60), "broken": (80, 60)}
    for name, seed in (("a", 1), ("b", 2)):
        small = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
        Image.fromarray(small).resize(sizes[name], Image.Resampling.BICUBIC).save(
            tmp_path / f"photos/{name}.png"
        )
    with Image.open(tmp_path / "photos/a.png") as image:
        image.resize((64, 48)).save(tmp_path / "photos/copy.jpg", quality=int(rng.integers(85, 95)))
    (tmp_path / "photos/broken.png").write_bytes(b"no picture")
    names = ["a.png", "b.png", "copy.jpg", "broken.png"]
    photos = [
        Photo(photo=f"photos/{name}", width=80, height=60, source="s", licence="CC0", faces=[])
        for name in names
    ]
    write_manifest(Manifest(tmp_path, photos))
    told: list[tuple[str, int, int]] = []
    broken: list[PictureError] = []
    done = deduplicate(
        tmp_path, alike=0.972, page=tmp_path / "pairs.html", drop=True,
        progress=lambda *state: told.append(state), complain=broken.append,
    )  # fmt: skip
    assert (done.dropped, done.unreadable) == (1, 1)
    assert [len(group) for group in done.found.groups] == [2]
    assert "broken.png" in str(broken[0])
    assert ("looking", 4, 4) in told
    assert len(read_manifest(tmp_path).photos) == 3
    assert len(done.manifest.photos) == 4
    assert "<html" in (tmp_path / "pairs.html").read_text()
