from __future__ import annotations

import os
from pathlib import Path

import pytest

from crowdmask.live.sources import FoundVideos, VideoSource, find_videos, hide_credentials


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files that only their names matter of, and lists of sources; relative paths start in their folder."""
    for name in (
        "clips/b.MP4",
        "clips/a.webm",
        "clips/notes.md",
        "clips/.hidden.mp4",
        "clips/.cache/c.mp4",
        "clips/deep/c.avi",
        "clip.dat",
        "texts/readme.md",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "cameras.txt").write_text(
        "# the entrance\nrtsp://joe:s3cret@10.0.0.5/live\n\n  0  \nclips/a.webm\n# the end\n"
    )
    (tmp_path / "empty.txt").write_text("# nothing yet\n\n")
    (tmp_path / "broken.txt").write_bytes(b"\xff\xfe\x00\x80" * 10)
    (tmp_path / "outer.txt").write_text("cameras.txt\nnowhere.mp4\nftp://10.0.0.5/a.mp4\n")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(found: FoundVideos) -> list[tuple[str, str]]:
    return [(source.kind, source.name.replace(os.sep, "/")) for source in found.sources]


ALL_CLIPS = [("file", "clips/a.webm"), ("file", "clips/b.MP4"), ("file", "clips/deep/c.avi")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(["clips/a.webm"], [("file", "clips/a.webm")], id="file"),
        pytest.param(["clip.dat"], [("file", "clip.dat")], id="a file of any suffix"),
        pytest.param(["clips"], ALL_CLIPS, id="folder with all below, sorted, nothing hidden"),
        pytest.param(["clips/*"], ALL_CLIPS[:2], id="pattern"),
        pytest.param(["0"], [("camera", "camera 0")], id="camera by number"),
        pytest.param(["/dev/video2", "2"], [("camera", "camera 2")], id="camera by device, once"),
        pytest.param(
            ["rtsp://10.0.0.5:554/live", "HTTP://host/x.mjpg"],
            [("stream", "rtsp://10.0.0.5:554/live"), ("stream", "HTTP://host/x.mjpg")],
            id="addresses",
        ),
        pytest.param(["clips/a.webm", "clips", "clips/a.webm"], ALL_CLIPS, id="each once"),
    ],
)
def test_finds_sources(given: list[str], expected: list[tuple[str, str]], tree: Path) -> None:
    found = find_videos(given)
    assert shown(found) == expected
    assert found.problems == []
    assert all(source.is_live is (source.kind != "file") for source in found.sources)


def test_a_list_has_one_source_a_line_relative_to_itself(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree / "clips")
    found = find_videos(["../cameras.txt"])
    assert found.problems == []
    assert shown(found) == [
        ("stream", "rtsp://***@10.0.0.5/live"),
        ("camera", "camera 0"),
        ("file", "../clips/a.webm"),
    ]
    assert [source.address.replace(os.sep, "/") for source in found.sources] == [
        "rtsp://joe:s3cret@10.0.0.5/live",
        "0",
        "../clips/a.webm",
    ]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        pytest.param("nowhere.mp4", "nowhere.mp4: no such file or folder", id="missing file"),
        pytest.param("", ": no such file or folder", id="empty argument"),
        pytest.param("empty", "empty: no video in this folder or below", id="empty folder"),
        pytest.param("texts", "texts: no video in this folder or below", id="folder of texts"),
        pytest.param("clips/*.mov", "clips/*.mov: no video matches this pattern", id="pattern of nothing"),
        pytest.param("empty.txt", "empty.txt: an empty list: write one source a line", id="empty list"),
        pytest.param("broken.txt", "broken.txt: not a text: a list has one source", id="list of bytes"),
        pytest.param(
            "ftp://joe:s3cret@host/a.mp4",
            "ftp://***@host/a.mp4: addresses of this kind cannot be read: choose from rtsp://, ",
            id="another scheme",
        ),
        pytest.param("rtsp://", "rtsp://: not a complete address: write rtsp://HOST/PATH", id="no host"),
        pytest.param("http://[::1/x", "http://[::1/x: not a complete address", id="half brackets"),
    ],
)
def test_what_holds_nothing_is_named_and_the_others_are_found(given: str, problem: str, tree: Path) -> None:
    found = find_videos([given, "clip.dat", given])
    assert shown(found) == [("file", "clip.dat")]
    assert len(found.problems) == 1
    assert str(found.problems[0]).startswith(problem)
    assert "s3cret" not in str(found.problems[0])


def test_problems_in_a_list_name_the_list(tree: Path) -> None:
    found = find_videos(["outer.txt"])
    assert found.sources == []
    problems = [str(problem) for problem in found.problems]
    assert problems[0] == "outer.txt: cameras.txt: a list in a list is not read"
    assert problems[1] == "outer.txt: nowhere.mp4: no such file or folder"
    assert problems[2].startswith("outer.txt: ftp://10.0.0.5/a.mp4: addresses of this kind")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("rtsp://10.0.0.5/live", "rtsp://10.0.0.5/live"),
        ("rtsp://joe:pa55@10.0.0.5:554/live", "rtsp://***@10.0.0.5:554/live"),
        ("rtsp://joe@10.0.0.5/live", "rtsp://***@10.0.0.5/live"),
        ("rtsp://joe:p@55@10.0.0.5/live", "rtsp://***@10.0.0.5/live"),
        ("rtsp://joe:p/55@10.0.0.5/live", "rtsp://***@10.0.0.5/live"),
        ("rtsp://joe:p?55@10.0.0.5/live", "rtsp://***@10.0.0.5/live"),
        ("http://host/@joe/live", "http://host/@joe/live"),
        ("http://host:8080/@joe/live", "http://host:8080/@joe/live"),
        ("http://host/x?user=joe&pwd=pa55&size=3", "http://host/x?user=***&pwd=***&size=3"),
        ("http://host/x?size=3&access_token=pa55", "http://host/x?size=3&access_token=***"),
        ("http://host/x?apiKey=pa55", "http://host/x?apiKey=***"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://joe:pa55@[::1]:80/x", "http://***@[::1]:80/x"),
        ("clips/a@b.mp4", "clips/a@b.mp4"),
    ],
)
def test_credentials_are_hidden(address: str, expected: str) -> None:
    assert hide_credentials(address) == expected


def test_the_address_is_not_in_what_is_printed() -> None:
    source = VideoSource("stream", "rtsp://joe:pa55@10.0.0.5/live", "rtsp://***@10.0.0.5/live")
    assert "pa55" not in repr(source)
    assert "pa55" not in f"{source}"
