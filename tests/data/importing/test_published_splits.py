from __future__ import annotations

from pathlib import Path

import pytest

from crowdmask.data.importing.published_splits import parse_split
from crowdmask.errors import DataError


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        (None, "train/a.jpg", None),
        ("val", "train/a.jpg", "val"),
        ("as-published", "Train/images/a.jpg", "train"),
        ("as-published", "images/valid/a.jpg", "val"),
        ("as-published", "train/test/a.jpg", "test"),
        ("as-published", "images/train.jpg", None),
        ("as-published", "JPEGImages/b.jpg", "test"),
    ],
)
def test_split_of_a_photo(tmp_path: Path, text: str | None, name: str, expected: str | None) -> None:
    lists = tmp_path / "ImageSets/Main"
    lists.mkdir(parents=True)
    (lists / "test.txt").write_text("b\nc 1\n")
    (lists / "with_mask_trainval.txt").write_text("b 1\n")
    splits = parse_split(text, [])
    splits.read_lists(tmp_path)
    assert splits.of([name]) == expected


def test_lists_come_first_and_may_name_the_source(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("src/images/a.jpg\n\n")
    (tmp_path / "v.txt").write_text("images/b.jpg\n")
    splits = parse_split("train", [f"test={tmp_path}/t.txt", f"val={tmp_path}/v.txt"])
    splits.read_lists(tmp_path)
    assert splits.of(["images/a.jpg", "src/images/a.jpg"]) == "test"
    assert splits.of(["images/b.jpg", "src/images/b.jpg"]) == "val"
    assert splits.of(["images/c.jpg"]) == "train"


def test_a_photo_in_two_lists_is_a_leak(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a.jpg\n")
    splits = parse_split(None, [f"test={tmp_path}/t.txt", f"val={tmp_path}/t.txt"])
    with pytest.raises(DataError, match=r"a.jpg is in the lists of 'test' and 'val': a leak"):
        splits.read_lists(tmp_path)


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read the list"):
        parse_split(None, [f"test={tmp_path}/t.txt"]).read_lists(tmp_path)


@pytest.mark.parametrize(("text", "lists"), [("dev", []), (None, ["a.txt"]), (None, ["dev=a.txt"])])
def test_options_of_another_form(text: str | None, lists: list[str]) -> None:
    with pytest.raises(ValueError, match="`split"):
        parse_split(text, lists)


@pytest.mark.parametrize("below", ["", "data/"])
def test_the_lists_of_darknet_name_paths_of_any_machine(tmp_path: Path, below: str) -> None:
    for name in ("obj/a.jpg", "obj/b.JPG", "other/a.jpg", "c.png"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(b"")
    (tmp_path / below / "train.txt").write_text("data/obj/a.jpg\r\n/home/me/data/obj/b.JPG\n")
    (tmp_path / below / "valid.txt").write_text("C:\\me\\data\\other\\a.jpg\nx/gone.jpg\n")
    (tmp_path / "test.txt").write_text("c 1\n")
    splits = parse_split("as-published", [])
    splits.read_lists(tmp_path)
    names = ("data/obj/a.jpg", "data/obj/b.JPG", "data/other/a.jpg", "data/c.png")
    assert [splits.of([name]) for name in names] == ["train", "train", "val", None]
    untold = parse_split(None, [])
    untold.read_lists(tmp_path)
    assert untold.of([names[0]]) is None


def test_a_photo_in_two_lists_of_darknet_is_a_leak(tmp_path: Path) -> None:
    for name in ("train.txt", "val.txt"):
        (tmp_path / name).write_text("data/a.jpg\n")
    with pytest.raises(DataError, match=r"a.jpg is in the lists of 'train' and 'val': a leak"):
        parse_split("as-published", []).read_lists(tmp_path)
