"""The page stands alone, shows everything, and lets no name do anything."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from crowdmask.data.manifest import Face, Photo
from crowdmask.data.statistics.checks import Kind, check_boxes
from crowdmask.data.statistics.items import Item, Items
from crowdmask.data.statistics.report import Wish, build_page, write_page
from crowdmask.errors import OutputError

pytest.importorskip("matplotlib", reason="the extra 'train' is not installed")

EVIL = "<script>alert('1')</script>\"'&$x^2$"


class Page(HTMLParser):
    """Collects the tags of a page and checks that each is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def make(folder: Path, **more: object) -> Items:
    Image.new("RGB", (200, 150), (200, 160, 140)).save(folder / "a.jpg")
    rows = [
        {"box": (10, 10, 60, 80), "label": "with_mask"},
        {"box": (11, 10, 60, 80), "label": "without_mask"},
        {"box": (190, 10, 240, 80), "label": "mask_worn_incorrect"},
    ]
    photo = Photo.model_validate(
        {
            "photo": "a.jpg",
            "width": 200,
            "height": 150,
            "source": "s",
            "faces": rows,
            "split": "train",
            **more,
        }
    )
    return Items("set", [Item(photo, folder / "a.jpg")])


def page_of(items: Items, wish: Wish = Wish()) -> tuple[Page, str]:  # noqa: B008
    findings = [f for index, item in enumerate(items.items) for f in check_boxes(index, item.photo)]
    text, _ = build_page(items, findings, wish)
    return Page(text), text


def test_page(tmp_path: Path) -> None:
    page, text = page_of(make(tmp_path))

    assert page.open == []
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert headings == [
        "Overview", "Classes", "Face sizes", "Faces a photo", "Sources", "Licences", "Resolution", "Light",
        "Apparent skin tone", "Sample faces", "To review",
    ]  # fmt: skip
    targets = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    ids = [f"#{attributes['id']}" for tag, attributes in page.tags if tag == "section"]
    assert targets == ids
    assert "A box reaches outside the picture: 1" in page.words
    assert "Two boxes are nearly equal: 1" in page.words
    assert "not stated" in page.words


def test_nothing_is_fetched_and_nothing_runs(tmp_path: Path) -> None:
    page, text = page_of(make(tmp_path))

    sources = [attributes["src"] or "" for tag, attributes in page.tags if tag == "img"]
    assert len(sources) > 8
    assert all(
        source.startswith(("data:image/svg+xml;base64,", "data:image/jpeg;base64,")) for source in sources
    )
    assert {"script", "link", "iframe", "object"}.isdisjoint(tag for tag, _ in page.tags)
    assert "url(" not in text
    assert "@import" not in text
    policy = next(a for tag, a in page.tags if tag == "meta" and a.get("http-equiv"))
    assert "default-src 'none'" in str(policy["content"])


def test_names_are_only_names(tmp_path: Path) -> None:
    items = make(tmp_path, source=EVIL, licence=EVIL, photo=EVIL.replace("/", "-"))
    items = Items(EVIL, items.items, [f"{EVIL}: left out"])
    page, text = page_of(items, Wish(model=EVIL))

    assert page.open == []
    assert "<script" not in text
    assert not [a for _, attributes in page.tags for a in attributes if a.startswith("on")]
    assert page.words.count(EVIL) >= 6
    for source in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", text):
        root = ElementTree.fromstring(base64.b64decode(source))
        assert not [e for e in root.iter() if e.tag.endswith("script")]


def test_how_many_are_shown(tmp_path: Path) -> None:
    items = make(tmp_path)
    items = Items("set", items.items * 5)
    page, _ = page_of(items, Wish(most=2))

    assert "A box reaches outside the picture: 5" in page.words
    assert page.words.count("and 3 more") == 2


@pytest.mark.parametrize("faces", [None, []])
def test_without_any_face(tmp_path: Path, faces: list[Face] | None) -> None:
    page, _ = page_of(make(tmp_path, faces=faces))

    assert "No face is annotated yet." in page.words
    assert "Nothing looks suspicious." in page.words


def test_totals(tmp_path: Path) -> None:
    items = make(tmp_path)
    items.items[0].path.unlink()
    _, totals = build_page(items, check_boxes(0, items.items[0].photo), Wish())

    assert totals == {Kind.UNREADABLE: 1, Kind.EQUAL: 1, Kind.OUTSIDE: 1}


def test_write_page(tmp_path: Path) -> None:
    write_page("é\ud800", tmp_path / "new" / "page.html")
    assert (tmp_path / "new" / "page.html").read_bytes() == "é&#55296;".encode()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        write_page("x", tmp_path / "file" / "page.html")
