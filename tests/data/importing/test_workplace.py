"""Whatever ends an import, the data set is what it was, or whole."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import crowdmask
from crowdmask.data.importing.plan import ImportPlan
from crowdmask.data.importing.run import import_source
from crowdmask.data.importing.workplace import Workplace
from crowdmask.data.manifest import Manifest, Photo, read_manifest, write_manifest
from crowdmask.errors import DataError, OutputError

from ..conftest import MakePhoto, tree, voc_xml, zip_of

MANY = 400
SOURCES = Path(crowdmask.__file__).parents[1]


def quiet(stage: str, done: int, total: int) -> None:
    pass


def do(source: Path, to: Path, name: str = "s") -> int:
    return len(import_source(ImportPlan(source=source, to=to, name=name, form="voc"), quiet).photos)


@pytest.fixture
def large_source(tmp_path: Path, make_photo: MakePhoto) -> Path:
    folder = tmp_path / "large"
    first = make_photo(folder / "images/0000.jpg")
    (folder / "annotations").mkdir()
    for number in range(MANY):
        if number:
            os.link(first, folder / f"images/{number:04}.jpg")
        (folder / f"annotations/{number:04}.xml").write_text(voc_xml([("mask", (10, 10, 30, 40))]))
    return folder


def start(source: Path, to: Path, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "crowdmask", "data", "import", str(source), "--format", "voc"]
    return subprocess.Popen(
        [*command, "--source", "s", "--to", str(to)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        **options,  # type: ignore[call-overload]
    )


def stop_while_copying(process: subprocess.Popen[str], to: Path, how: signal.Signals) -> tuple[int, str]:
    """Send a signal once some photos, but not all, lie in the work folder."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        copied = sum(1 for _ in to.glob(".import-*/photos/**/*.jpg"))
        if 5 < copied < MANY - 50:
            process.send_signal(how)
            break
        time.sleep(0.001)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_import_that_is_stopped_leaves_the_data_set_and_goes_on(
    tmp_path: Path, voc_source: Path, large_source: Path, how: signal.Signals, packed: bool
) -> None:
    source = zip_of(large_source, tmp_path / "large.zip") if packed else large_source
    to = tmp_path / "to"
    do(voc_source, to, "first")
    before = tree(to)
    code, errors = stop_while_copying(start(source, to), to, how)
    if code == 0:
        pytest.skip("this machine was too quick to be interrupted")
    assert code == (130 if how == signal.SIGINT else -how)
    if how == signal.SIGINT:
        assert "interrupted; the data set is as it was, the same command goes on" in errors
    seen = {name: data for name, data in tree(to).items() if not name.startswith(".import")}
    assert seen == before
    kept = {p.name: p.stat().st_mtime_ns for p in to.glob(".import-*/photos/**/*.jpg")}
    assert kept
    assert do(source, to) == MANY
    after = tree(to)
    assert {name for name in after if name.startswith(".")} == set(), "nothing is left over"
    assert len(after) == len(before) + MANY + 1
    assert len(read_manifest(to).photos) == 3 + MANY


def test_what_was_copied_is_not_copied_again(tmp_path: Path, large_source: Path) -> None:
    to = tmp_path / "to"
    code, _ = stop_while_copying(start(large_source, to), to, signal.SIGINT)
    if code == 0:
        pytest.skip("this machine was too quick to be interrupted")
    copied = {p.name: p.stat().st_ino for p in to.glob(".import-*/photos/**/*.jpg")}
    assert do(large_source, to) == MANY
    inodes = {p.name: p.stat().st_ino for p in to.glob("photos/s/images/*.jpg")}
    assert copied.items() <= inodes.items()


def test_leftovers_of_another_import_are_removed(
    tmp_path: Path, voc_source: Path, large_source: Path
) -> None:
    to = tmp_path / "to"
    code, _ = stop_while_copying(start(large_source, to), to, signal.SIGKILL)
    if code == 0:
        pytest.skip("this machine was too quick to be interrupted")
    do(voc_source, to, "other")
    assert {path.name for path in to.iterdir()} == {"manifest.jsonl", "photos", "reports"}
    assert {path.name for path in (to / "photos").iterdir()} == {"other"}


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, voc_source: Path, make_photo: MakePhoto) -> None:
    to = tmp_path / "to"
    do(voc_source, to, "first")
    before = tree(to)
    make_photo(voc_source / "images/1.jpg", (400, 400))
    assert (voc_source / "images/1.jpg").stat().st_size > 60_000
    process = start(voc_source, to, preexec_fn=limit_files)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("error: cannot write ")
    assert "file too large" in errors
    assert tree(to) == before
    assert not list(to.glob(".*"))


def leave_half_placed(to: Path, name: str) -> None:
    """Make what a kill leaves between the photos' move and the manifest."""
    photo = to / f"photos/{name}/images/0.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"half")
    (to / "reports").mkdir(exist_ok=True)
    (to / f"reports/import-{name}.json").write_text("{}")
    work = to / ".import-0123456789ab"
    work.mkdir()
    (work / "placing.json").write_text(json.dumps({"source": name}))


def test_photos_that_were_placed_without_their_manifest_are_taken_back(
    tmp_path: Path, voc_source: Path
) -> None:
    to = tmp_path / "to"
    do(voc_source, to, "first")
    leave_half_placed(to, "s")
    assert do(voc_source, to) == 3
    assert len(list((to / "photos/s/images").iterdir())) == 3
    assert b"half" not in tree(to).values()
    leave_half_placed(to, "third")
    do(voc_source, to, "fourth")
    assert {path.name for path in (to / "photos").iterdir()} == {"first", "s", "fourth"}
    assert {path.name for path in (to / "reports").iterdir()} == {
        f"import-{name}.json" for name in ("first", "s", "fourth")
    }


def test_photos_that_the_manifest_lists_are_kept(tmp_path: Path, voc_source: Path) -> None:
    to = tmp_path / "to"
    leave_half_placed(to, "done")
    rows = [Photo(photo="photos/done/images/0.jpg", width=4, height=3, source="done")]
    write_manifest(Manifest(to, rows))
    do(voc_source, to)
    assert (to / "photos/done/images/0.jpg").read_bytes() == b"half"
    assert len(read_manifest(to).photos) == 4


def test_a_users_own_folder_of_the_sources_name_is_not_touched(tmp_path: Path, voc_source: Path) -> None:
    mine = tmp_path / "to/photos/s/mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(DataError, match="is there, but not in the manifest: move it away"):
        do(voc_source, tmp_path / "to")
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("name", ["photos", "reports"])
def test_nothing_is_written_through_a_link(tmp_path: Path, voc_source: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / name).symlink_to(outside)
    with pytest.raises(DataError, match="an import writes nothing through links"):
        do(voc_source, tmp_path / "to")
    assert not list(outside.iterdir())


@pytest.mark.parametrize("place", ["work", "lock"])
def test_neither_its_work_folder_nor_its_lock_may_be_a_link(tmp_path: Path, place: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "to").mkdir()
    workplace = Workplace(tmp_path / "to", "s", ["a"])
    if place == "work":
        workplace.work.symlink_to(outside)
    else:
        (tmp_path / "to/.import.lock").symlink_to(outside / "made")
    with pytest.raises((DataError, OutputError), match="links"), workplace:
        pytest.fail("entered")
    assert not list(outside.iterdir())


def test_two_imports_at_once_are_told_apart(tmp_path: Path, voc_source: Path) -> None:
    busy = pytest.raises(DataError, match="another import is writing to")
    with Workplace(tmp_path / "to", "other", ["a"]), busy:
        do(voc_source, tmp_path / "to")
    assert do(voc_source, tmp_path / "to") == 3


def test_a_damaged_manifest_is_kept_as_it_is(tmp_path: Path, voc_source: Path) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "to/manifest.jsonl").write_text("nonsense\n")
    with pytest.raises(DataError, match="line 1: not JSON"):
        do(voc_source, tmp_path / "to")
    assert tree(tmp_path / "to") == {"manifest.jsonl": b"nonsense\n"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path, voc_source: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="cannot write"):
        do(voc_source, closed / "to")
