from __future__ import annotations

import os
from pathlib import Path

import pytest

from crowdmask.media.sources import Found, find_pictures, has_picture_suffix


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files that only their names matter of; relative paths start in their folder."""
    for name in (
        "photos/b.jpg",
        "photos/a.PNG",
        "photos/notes.txt",
        "photos/.hidden.jpg",
        "photos/.cache/c.jpg",
        "photos/deep/er/c.webp",
        "photos/deep/d.tiff",
        "other/b.jpg",
        "single.dat",
        "texts/readme.md",
        "out/b.jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paths(found: Found) -> list[str]:
    return [Path(source.path).as_posix() for source in found.pictures]


ALL_PHOTOS = ["photos/a.PNG", "photos/b.jpg", "photos/deep/d.tiff", "photos/deep/er/c.webp"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(["photos/b.jpg"], ["photos/b.jpg"], id="file"),
        pytest.param(["single.dat"], ["single.dat"], id="a file named outright, whatever its suffix"),
        pytest.param(["photos"], ALL_PHOTOS, id="folder with all below, sorted"),
        pytest.param(["photos/"], ALL_PHOTOS, id="folder with a slash"),
        pytest.param(["other", "photos/b.jpg"], ["other/b.jpg", "photos/b.jpg"], id="in the order given"),
        pytest.param(["photos/*"], ALL_PHOTOS, id="pattern of files and folders"),
        pytest.param(["photos/*.jpg"], ["photos/b.jpg"], id="pattern of files"),
        pytest.param(["photos/**/*.*"], ALL_PHOTOS, id="pattern with all below"),
        pytest.param(["**/b.jpg"], ["other/b.jpg", "out/b.jpg", "photos/b.jpg"], id="pattern of a name"),
        pytest.param(["photos/?.PNG", "[op]*er/b.jpg"], ["photos/a.PNG", "other/b.jpg"], id="? and []"),
        pytest.param(["photos", "photos/b.jpg", "./photos/b.jpg", "photos"], ALL_PHOTOS, id="each once"),
    ],
)
def test_finds_pictures(given: list[str], expected: list[str], tree: Path) -> None:
    found = find_pictures(given)
    assert paths(found) == expected
    assert not found.problems


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        pytest.param("nowhere.jpg", "nowhere.jpg: no such file or folder", id="missing file"),
        pytest.param("empty", "empty: no picture in this folder", id="empty folder"),
        pytest.param("texts", "texts: no picture in this folder", id="folder of texts"),
        pytest.param("photos/*.gif", "photos/*.gif: no picture matches", id="pattern of nothing"),
        pytest.param("texts/*", "texts/*: no picture matches", id="pattern of texts"),
        pytest.param("empt?", "empt?: no picture matches", id="pattern of an empty folder"),
        pytest.param("", ": no such file", id="empty argument"),
    ],
)
def test_what_holds_nothing_is_named_and_the_others_are_found(given: str, problem: str, tree: Path) -> None:
    found = find_pictures([given, "other", given])
    assert paths(found) == ["other/b.jpg"]
    assert len(found.problems) == 1
    assert str(found.problems[0]).startswith(problem)


def test_relative_place_below_the_given_folder(tree: Path) -> None:
    found = find_pictures(["photos", "other/b.jpg", str(tree / "out" / "*.jpg")])
    relative = {Path(s.path).name: Path(s.relative).as_posix() for s in found.pictures}
    assert relative["c.webp"] == "deep/er/c.webp"
    assert relative["a.PNG"] == "a.PNG"
    assert found.pictures[-1].relative == "b.jpg"
    assert found.pictures[-1].path == str(tree / "out" / "b.jpg")


def test_a_file_whose_name_looks_like_a_pattern(tree: Path) -> None:
    (tree / "photo[1].jpg").write_bytes(b"x")
    assert paths(find_pictures(["photo[1].jpg"])) == ["photo[1].jpg"]


def test_the_folder_for_results_is_left_out_unless_named(tree: Path) -> None:
    assert "out/b.jpg" not in paths(find_pictures(["."], leave_out="out"))
    assert "out/b.jpg" not in paths(find_pictures(["*"], leave_out=tree / "out"))
    assert paths(find_pictures(["out"], leave_out="out")) == ["out/b.jpg"]


needs_links = pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="no symbolic links")


@needs_links
def test_links(tree: Path) -> None:
    (tree / "dangling.jpg").symlink_to("gone.jpg")
    (tree / "photos" / "dangling").symlink_to("/gone")
    (tree / "photos" / "zz.jpg").symlink_to("b.jpg")
    (tree / "photos" / "loop").symlink_to(tree / "photos")
    (tree / "photos" / "elsewhere").symlink_to(tree / "other")
    found = find_pictures(["dangling.jpg", "photos"])
    assert paths(found) == [*ALL_PHOTOS, "photos/elsewhere/b.jpg"]
    assert [str(problem) for problem in found.problems] == [
        "dangling.jpg: a link to gone.jpg, which is not there",
        "photos/dangling: a link to /gone, which is not there",
    ]


@needs_links
def test_what_is_no_file(tree: Path) -> None:
    os.mkfifo(tree / "other" / "pipe.jpg")
    (tree / "self.jpg").symlink_to("self.jpg")
    found = find_pictures(["other", "self.jpg"])
    assert paths(found) == ["other/b.jpg"]
    assert "pipe.jpg: not a regular file" in str(found.problems[0])
    assert str(found.problems[1]).startswith("self.jpg: too many levels of symbolic links")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_folder_that_may_not_be_read_is_named_once(tree: Path) -> None:
    (tree / "photos" / "deep").chmod(0)
    try:
        found = find_pictures(["photos"])
    finally:
        (tree / "photos" / "deep").chmod(0o700)
    assert paths(found) == ["photos/a.PNG", "photos/b.jpg"]
    assert len(found.problems) == 1
    assert "permission denied" in str(found.problems[0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.JPEG", True), ("b.tif", True), ("c.gif", False), ("jpg", False), (".jpg", False)],
)
def test_suffix(name: str, expected: bool) -> None:
    assert has_picture_suffix(name) is expected


@pytest.mark.parametrize(
    ("given", "passed_over"),
    [
        (["photos"], {".txt": 1}),
        (["photos", "./photos", "photos/*"], {".txt": 1}),
        (["texts"], {".md": 1}),
        (["."], {".txt": 1, ".md": 1, ".dat": 1}),
        (["photos/b.jpg"], {}),
    ],
)
def test_other_files_are_counted_by_kind(given: list[str], passed_over: dict[str, int], tree: Path) -> None:
    assert find_pictures(given).passed_over == passed_over
