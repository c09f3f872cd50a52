from __future__ import annotations

import io
import threading
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from crowdmask.errors import PictureError, PictureFault
from crowdmask.inference.ahead import open_ahead
from crowdmask.media import arriving, fetching, zipped
from crowdmask.media.arriving import PipedPhoto, WebPhoto
from crowdmask.media.sources import find_pictures


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 24), (200, 30, 60)).save(file, "PNG")
    return file.getvalue()


class Answers(BaseHTTPRequestHandler):
    """A server with good and bad answers."""

    go_on = threading.Event()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/gone.jpg":
            self.send_error(404)
        elif path == "/private.png" and self.headers["Authorization"] != "Basic bWU6YUBi":
            self.send_error(401)
        elif path in ("/moved.jpg", "/elsewhere.jpg"):
            self.send_response(302)
            self.send_header("Location", "/a b.png" if path == "/moved.jpg" else "file:///etc/passwd")
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.answer(path)

    def answer(self, path: str) -> None:
        if path == "/page":
            self.wfile.write(b"<html>")
        elif path == "/silent.jpg":
            self.go_on.wait(30)
        elif path == "/endless.jpg":
            while not self.go_on.is_set():
                try:
                    self.wfile.write(bytes(100_000))
                except OSError:
                    return
        else:
            self.wfile.write(png())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    Answers.go_on.clear()
    running = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    Answers.go_on.set()
    running.shutdown()
    running.server_close()


@pytest.mark.parametrize("path", ["/a%20b.png", "/a b \u00e9.png", "/a.png?size=[1]*", "/moved.jpg"])
def test_a_photo_from_the_web(path: str, server: str) -> None:
    found = find_pictures([server + path, server + path])
    (photo,) = found.pictures
    assert photo.name == server + path
    picture = photo.open_picture()
    assert (picture.width, picture.height) == (32, 24)


def test_a_photo_for_somebody_who_may_see_it(server: str) -> None:
    address = server.replace("http://", "http://me:a%40b@") + "/private.png"
    assert WebPhoto(address).open_picture().width == 32
    with pytest.raises(PictureError, match=f"^{server}/private.png: the server answered 401"):
        WebPhoto(address.replace("me:", "you:")).open_picture()


@pytest.mark.parametrize(
    ("path", "reason", "kind"),
    [
        ("/gone.jpg", "the server answered 404 Not Found", PictureFault.MISSING),
        ("/page", "not a picture", PictureFault.NO_PICTURE),
        ("/elsewhere.jpg", "the server answered 302 .*not allowed", PictureFault.UNREADABLE),
        ("/silent.jpg", "no answer within 0 s", PictureFault.UNREADABLE),
        ("/endless.jpg", "more than 1 MB", PictureFault.TOO_LARGE),
    ],
)
def test_what_cannot_be_fetched_is_named(
    path: str, reason: str, kind: PictureFault, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "SILENCE_S", 0.2)
    monkeypatch.setattr(arriving, "MAX_BYTES", 1_000_000)
    with pytest.raises(PictureError, match=f"^{server}{path}: {reason}") as caught:
        WebPhoto(server + path).open_picture()
    assert caught.value.kind is kind


def test_a_photo_that_never_ends_to_arrive(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TOTAL_S", 0.2)
    with pytest.raises(PictureError, match="not arrived within 0 s"):
        WebPhoto(f"{server}/silent.jpg").open_picture()


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/a.jpg", "https://", "https://[/a.jpg", "http://a b/"]
)
def test_addresses_where_nothing_is(address: str) -> None:
    with pytest.raises(PictureError):
        WebPhoto(address).open_picture()


@pytest.mark.parametrize(
    ("from_", "to", "allowed"),
    [
        ("https://a.org/x", "https://b.org/y", True),
        ("http://a.org/x", "https://b.org/y", True),
        ("http://a.org/x", "http://b.org/y", True),
        ("https://a.org/x", "http://b.org/y", False),
        ("http://a.org/x", "ftp://b.org/y", False),
    ],
)
def test_a_redirect_never_gives_up_encryption(from_: str, to: str, allowed: bool) -> None:
    request = urllib.request.Request(from_)
    if allowed:
        follow = fetching.Redirects().redirect_request(request, None, 302, "", Message(), to)
        assert follow.full_url == to
    else:
        with pytest.raises(PictureError, match="not encrypted"):
            fetching.Redirects().redirect_request(request, None, 302, "", Message(), to)


def test_one_that_is_not_wanted_any_longer_keeps_nobody_waiting(server: str) -> None:
    photos = [WebPhoto(f"{server}/a.png"), WebPhoto(f"{server}/silent.jpg")]
    opening = open_ahead(photos, 1)
    assert next(opening)[0] is photos[0]
    began = time.monotonic()
    opening.close()  # as Ctrl-C does
    assert time.monotonic() - began < fetching.SILENCE_S / 2


def test_passwords_are_not_shown() -> None:
    photo = WebPhoto("https://me:secret@example.org/a/b%20c.jpg?x=1")
    assert (photo.name, photo.relative) == ("https://example.org/a/b%20c.jpg?x=1", "b c.jpg")
    assert WebPhoto("https://example.org").relative == "photo"


class Piped:
    """Standard input."""

    closed = False

    def __init__(self, data: bytes, terminal: bool = False) -> None:
        self.buffer = io.BytesIO(data)
        self.isatty = lambda: terminal


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Piped(png()))
    (photo,) = find_pictures(["-", "-"]).pictures
    assert photo.name == "-"
    assert photo.open_picture().width == 32


def test_standard_input_with_no_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Piped(b"", terminal=True))
    assert "no photo is piped into it" in str(find_pictures(["-"]).problems[0])
    monkeypatch.setattr("sys.stdin", Piped(b""))
    with pytest.raises(PictureError, match="standard input: empty file"):
        PipedPhoto().open_picture()
    monkeypatch.setattr("sys.stdin", Piped(bytes(101)))
    monkeypatch.setattr(arriving, "MAX_BYTES", 100)
    with pytest.raises(PictureError, match="standard input: more than"):
        PipedPhoto().open_picture()


def zip_of(path: Path, **contents: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), data)
    return path


def test_photos_in_a_zip(tmp_path: Path) -> None:
    path = zip_of(
        tmp_path / "a.ZIP", b_png=png(), sub__a_PNG=png(), notes_txt=b"x", _hidden_png=png(), README=b"x"
    )
    found = find_pictures([path, str(path)])
    assert [photo.name for photo in found.pictures] == [f"{path}/b.png", f"{path}/sub/a.PNG"]
    assert [photo.relative for photo in found.pictures] == ["b.png", "sub/a.PNG"]
    assert found.passed_over == {".txt": 1, "without suffix": 1}
    assert not found.problems
    assert {photo.open_picture().width for photo in found.pictures} == {32}


def test_a_zip_without_photos_or_no_zip(tmp_path: Path) -> None:
    zip_of(tmp_path / "none.zip", a_txt=b"x")
    (tmp_path / "bad.zip").write_bytes(b"PK\3\4 and no more")
    found = find_pictures([tmp_path / name for name in ("none.zip", "bad.zip", "gone.zip")])
    reasons = [str(problem).rpartition(".zip: ")[2] for problem in found.problems]
    assert reasons == ["no picture in this archive", "a damaged archive, or no zip", "no such file or folder"]


def test_members_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zip_of(tmp_path / "a.zip", a_png=png(), b_png=png())
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1  # encrypted
    second = data.index(b"b.png") + len(b"b.png")
    data[second : second + 20] = bytes(20)
    path.write_bytes(data)
    first, other = find_pictures([path]).pictures
    with pytest.raises(PictureError, match=r"a\.zip/a\.png: encrypted"):
        first.open_picture()
    with pytest.raises(PictureError, match=r"a\.zip/b\.png: damaged in its archive"):
        other.open_picture()
    monkeypatch.setattr(zipped, "MAX_MEMBER_BYTES", 10)
    with pytest.raises(PictureError, match=r"a\.zip/b\.png: more than 0 MB"):
        other.open_picture()
