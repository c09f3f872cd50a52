"""Photos and output in an object store, by a server that answers as S3 does."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from crowdmask.errors import CrowdmaskError, UsageError
from crowdmask.scale.lines import rows_of
from crowdmask.scale.remote import file_system
from crowdmask.scale.store import open_store

from .conftest import Run
from .test_sources import NAMES, to_tar, to_zip

pytest.importorskip("s3fs")
server = pytest.importorskip("moto.server")


def tell(server: str, what: str, value: bytes = b"") -> None:
    """Change the state of the server."""
    head = {"Content-Type": "text/plain"}  # a form's fields would not reach it
    request = urllib.request.Request(f"{server}/moto-api/{what}", value, head, method="POST")
    urllib.request.urlopen(request).close()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, photos: Path) -> Iterator[str]:
    """A bucket with the photos, a tar and a zip of them, and a manifest."""
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    running.start()
    clients = type(file_system("s3://town")[0])
    host, port = running.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    clients.clear_instance_cache()  # each test has a server of its own
    system, _ = file_system("s3://town")
    system.mkdir("town")
    for name in NAMES:
        system.put_file(str(photos / name), f"town/photos/{name}")
    for archive in (to_tar("")(photos), to_zip(photos)):
        system.put_file(archive, f"town/{archive}")
    lines = "".join(f"s3://town/photos/{name}\n" for name in NAMES)
    system.pipe_file("town/list.csv", f"path\n{lines}".encode())
    yield f"http://{host}:{port}"
    tell(f"http://{host}:{port}", "reset-auth", b"1000000")
    tell(f"http://{host}:{port}", "reset")
    running.stop()
    clients.clear_instance_cache()


def test_photos_archives_manifests_and_output_in_a_bucket(bucket: str, run: Run) -> None:
    outcome = run("s3://town/photos", "s3://town/photos.tar", "s3://town/*.zip", to="s3://town/out")
    assert (outcome.rows, outcome.failed) == (18, 0)
    found = sorted(row["source"] for row in rows_of(open_store("s3://town/out")))
    starts = ("photos.tar/", "photos.zip/", "photos/")
    assert found == sorted(f"s3://town/{start}{name}" for start in starts for name in NAMES)
    again = run("s3://town/list.csv", to="s3://town/listed")
    assert (again.rows, again.totals.faces.total()) == (6, 15)
    with pytest.raises(UsageError, match="holds a run already"):
        run("s3://town/list.csv", to="s3://town/listed")
    assert run("s3://town/list.csv", to="s3://town/listed", resume=True).done == 0


def test_shards_in_a_folder_and_paths_with_dots(bucket: str, run: Run) -> None:
    system, _ = file_system("s3://town")
    for number in (1, 2):
        system.copy("town/photos.tar", f"town/shards/{number}.tar")
    system.pipe_file("town/lists/list.csv", b"path\n../photos/a/1.png\n")
    assert run("s3://town/shards").rows == 12
    assert run("s3://town/lists/list.csv", to="listed").failed == 0


def test_a_mistyped_bucket_is_not_made(bucket: str, run: Run) -> None:
    with pytest.raises(CrowdmaskError, match="s3://twon/out"):
        run("s3://town/photos", to="s3://twon/out")
    system, _ = file_system("s3://town")
    system.invalidate_cache()
    assert system.ls("") == ["town"]


def test_what_is_not_there_and_what_is_forbidden(bucket: str, run: Run, complaints: list[str]) -> None:
    Path("list.csv").write_text("path\ns3://town/photos/gone.jpg\nphotos/a/1.png\n")
    outcome = run("s3://nowhere/photos", "list.csv")
    assert outcome.totals.failures == {"missing": 1, "nothing to read": 1}
    assert outcome.totals.photos == 1
    tell(bucket, "reset-auth", b"0")  # from now on the server allows nothing
    complaints.clear()
    outcome = run("s3://town/photos", "photos/a", to="local")
    assert (outcome.totals.photos, len(outcome.problems)) == (3, 1)
    assert complaints[0].startswith("s3://town/photos: ")
    with pytest.raises(CrowdmaskError, match="s3://town/out"):
        run("photos/a", to="s3://town/out")
