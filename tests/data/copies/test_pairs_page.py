from __future__ import annotations

import re

import pytest
from PIL import Image

from crowdmask.data.copies.dedup import Copy, Duplicates
from crowdmask.data.copies.pairs_page import write_page
from crowdmask.data.manifest import Face, Manifest, Photo
from crowdmask.errors import OutputError

NAMES = ("a.png", "<b>&.png", "gone.png", "d.png")


@pytest.fixture
def manifest(tmp_path):
    for name in NAMES:
        if name != "gone.png":
            Image.new("RGB", (60, 40), (200, 100, 50)).save(tmp_path / name)
    face = Face(box=(1, 2, 30, 40), label="with_mask")
    photos = [
        Photo(photo=name, width=60, height=40, source="s", faces=[face] * i, split="val" if i else None)
        for i, name in enumerate(NAMES)
    ]
    return Manifest(tmp_path, photos)


FOUND = Duplicates([[0, 1], [2, 3]], [Copy(0, 1, 0.981, False), Copy(2, 3, 1.0, True)])


def test_the_page_shows_pairs_and_which_photo_is_kept(manifest, tmp_path):
    told: list[tuple[int, int]] = []
    write_page(tmp_path / "new" / "pairs.html", manifest, FOUND, 500, lambda _, *counts: told.append(counts))
    page = (tmp_path / "new" / "pairs.html").read_text(encoding="utf-8")
    assert told == [(1, 2), (2, 2)]
    assert page.count("<section>") == 2
    assert page.count("data:image/jpeg;base64,") == 3
    assert "gone.png: no such file" in page
    assert re.findall(r"s, (\d faces?), ", page) == ["0 faces", "1 face", "2 faces", "3 faces"]
    assert page.index("alike to 0.981") < page.index("the same file")
    kept = re.findall(r'class="kept">([^<]*)<br>', page)
    assert kept == ["&lt;b&gt;&amp;.png", "gone.png"]
    assert "<b>" not in page
    assert "http" not in page
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["pairs.html"]


def test_of_many_pairs_the_least_alike_are_shown(manifest, tmp_path):
    write_page(tmp_path / "pairs.html", manifest, FOUND, 1)
    page = (tmp_path / "pairs.html").read_text(encoding="utf-8")
    assert "The 1 least alike are shown" in page
    assert page.count("<section>") == 1
    assert "alike to 0.981" in page


def test_a_page_that_cannot_be_written_is_one_clear_error(manifest, tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        write_page(tmp_path / "taken", manifest, FOUND, 5)
    assert not list(tmp_path.glob("*.part"))
