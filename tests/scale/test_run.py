"""One row a photo, exactly once, whatever happens."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

import crowdmask.files
from crowdmask.batch.items import PhotoItem
from crowdmask.errors import BusyError, CrowdmaskError, UsageError
from crowdmask.files import lock
from crowdmask.scale.entries import Entry
from crowdmask.scale.run import Pool, local_processes
from crowdmask.scale.work import DetectorLooker, DetectorMaker, Looker

from .conftest import Run, rows


def test_bad_photos_are_rows(photos: Path, run: Run, complaints: list[str]) -> None:
    whole = (photos / "a/1.png").read_bytes()
    (photos / "a/cut.png").write_bytes(whole[: len(whole) // 2])
    (photos / "a/empty.jpg").write_bytes(b"")
    (photos / "a/text.jpg").write_text("a text")
    Path("list.csv").write_text("path\nphotos/gone.jpg\n")
    outcome = run("photos", "list.csv", workers=2, shard_size=3)
    kinds = {row["source"]: row["error_kind"] for row in rows("out") if row["error"]}
    assert kinds == {
        "photos/a/cut.png": "damaged",
        "photos/a/empty.jpg": "empty",
        "photos/a/text.jpg": "not a picture",
        "photos/gone.jpg": "missing",
    }
    assert outcome.totals.failures == {"damaged": 1, "empty": 1, "not a picture": 1, "missing": 1}
    assert (outcome.totals.photos, outcome.rows, outcome.failed) == (6, 10, 4)
    assert sorted(complaints) == sorted(row["error"] for row in rows("out") if row["error"])


def test_all_readers_take_the_output_in_one_line(photos: Path, run: Run) -> None:
    import duckdb
    import pandas
    import polars

    run("photos", shard_size=1)
    assert len(pandas.read_parquet("out")) == 6
    assert polars.read_parquet("out/*.parquet").height == 6
    faces = "select count(*) from (select unnest(detections) as face from 'out/*.parquet')"
    assert duckdb.sql(faces).fetchall() == [(15,)]
    schemas = {
        parquet.read_schema(path).remove_metadata().to_string() for path in Path("out").glob("*.parquet")
    }
    assert len(schemas) == 1


def test_photos_that_came_later_alone_are_done(photos: Path, run: Run) -> None:
    run("photos")
    before = {path.name: path.read_bytes() for path in Path("out").glob("part-*")}
    shutil.copy(photos / "a/1.png", photos / "c.png")
    outcome = run("photos", resume=True)
    assert (outcome.done, outcome.known, outcome.rows, outcome.totals.photos) == (1, 6, 7, 7)
    assert all(Path("out", name).read_bytes() == data for name, data in before.items())
    assert [row["source"] for row in rows("out")].count("photos/c.png") == 1


def test_a_damaged_shard_is_done_again(photos: Path, run: Run, complaints: list[str]) -> None:
    run("photos", shard_size=2)
    expected = rows("out")
    shard = sorted(Path("out").glob("part-*"))[1]
    shard.write_bytes(shard.read_bytes()[:-10])
    outcome = run("photos", shard_size=2, resume=True)
    assert (outcome.done, rows("out")) == (2, expected)
    assert [line for line in complaints if "damaged" in line and shard.name in line]
    journal = [json.loads(line) for line in Path("out/_journal.jsonl").read_text().splitlines()]
    assert sorted(line["shard"] for line in journal) == sorted(
        path.name for path in Path("out").glob("part-*")
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sources": ("photos/a",)}, "sources are photos"),
        ({"settings": {"confidence": 0.4}}, "`confidence` is 0.3, not 0.4"),
        ({"resume": False}, "`resume`"),
        ({"options": {"threads": 1, "confidence": 0.9}}, ""),
    ],
)
def test_another_run_in_the_same_place_is_refused(
    change: dict, told: str, photos: Path, run: Run, colour_model: Path
) -> None:
    settings = {"confidence": 0.3}
    run("photos", settings=settings)
    options = {"settings": settings, "resume": True, **change}
    sources = options.pop("sources", ("photos",))
    if "options" in options:
        other = shutil.copy(colour_model, "other.onnx")
        Path(other).write_bytes(Path(other).read_bytes() + b"\x7a\x00")  # the same network, another file
        options["maker"] = DetectorMaker(other, {"threads": 1})
        options.pop("options")
        told = "its model is colours"
    before = sorted(os.listdir("out"))
    with pytest.raises(UsageError, match=told):
        run(*sources, **options)
    assert sorted(os.listdir("out")) == before


def test_a_used_folder_and_one_that_is_written_are_refused(photos: Path, run: Run) -> None:
    Path("mine").mkdir()
    Path("mine/letter.txt").write_text("what a user has")
    for resume in (False, True):
        with pytest.raises(UsageError, match="is not empty"):
            run("photos", to="mine", resume=resume)
    with lock(Path("out")), pytest.raises(BusyError):
        run("photos")


def test_a_full_disk_costs_no_shard_and_what_to_do_is_said(
    photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run("photos", to="whole", shard_size=1).rows
    sync = crowdmask.files._sync

    def full(path: Path) -> None:
        if path.name.startswith(".part-000003") or "_journal" in path.name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(path)

    with monkeypatch.context() as patched, pytest.raises(CrowdmaskError) as told:
        patched.setattr(crowdmask.files, "_sync", full)
        run("photos", shard_size=1)
    assert str(told.value).startswith("cannot write out/part-000003-")
    assert str(told.value).endswith(
        "no space left on device; what was written before is whole: go on with `resume`"
    )
    assert len(rows("out")) == 3
    assert [name for name in os.listdir("out") if name.startswith(".")] == []
    assert (run("photos", shard_size=1, resume=True).rows, whole) == (6, 6)
    assert rows("out") == rows("whole")


def test_photos_named_one_by_one_may_become_more(photos: Path, run: Run) -> None:
    named = [f"photos/a/{number}.png" for number in (1, 2, 3)]
    run(*named[:2], "photos/b/")
    assert (run(*named, "photos/b", resume=True).done, len(rows("out"))) == (1, 6)
    for sources in (named, ["photos/b", *named[1:]], ["photos/a/*.png", *named, "photos/b"]):
        with pytest.raises(
            UsageError, match=r"its sources are photos/a/1\.png, photos/a/2\.png, photos/b/, not"
        ):
            run(*sources, resume=True)


@pytest.mark.parametrize("source", ["phtos", "list.csv", "empty"])
def test_a_mistyped_source_leaves_no_run_behind(source: str, photos: Path, run: Run) -> None:
    Path("list.csv").write_text("path,camera\n")
    Path("empty").mkdir()
    outcome = run(source)
    assert (len(outcome.problems), outcome.rows, outcome.failed) == (1, 0, 1)
    assert not Path("out").exists()
    assert run("photos").rows == 6


@dataclass(frozen=True)
class DeadlyMaker:
    """Makes a detector whose process is killed when it comes to a photo, always or once only."""

    model: str
    deadly: str
    once: str = ""

    def __call__(self) -> Looker:
        return DeadlyLooker(DetectorMaker(self.model, {"threads": 1})(), self)


class DeadlyLooker(DetectorLooker):
    def __init__(self, other: Looker, maker: DeadlyMaker) -> None:
        self.about, self.other, self.maker = other.about, other, maker

    def look(self, entries: Sequence[Entry], *, one_by_one: bool) -> Iterator[PhotoItem]:
        for entry in entries:
            if self.maker.deadly in entry.name and not (self.maker.once and Path(self.maker.once).exists()):
                if self.maker.once:
                    Path(self.maker.once).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            yield from self.other.look([entry], one_by_one=one_by_one)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such kill")
def test_a_photo_that_ends_its_process_is_given_up_and_the_others_are_done(
    photos: Path, run: Run, colour_model: Path
) -> None:
    outcome = run("photos", maker=DeadlyMaker(str(colour_model), "a/2"), workers=2, shard_size=4)
    found = {row["source"]: row["error_kind"] for row in rows("out")}
    assert {name: kind for name, kind in found.items() if kind} == {"photos/a/2.png": "ended its process"}
    assert (len(found), outcome.totals.photos, outcome.deaths) == (6, 5, 2)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such kill")
def test_a_kill_from_outside_costs_no_photo(photos: Path, run: Run, colour_model: Path) -> None:
    run("photos", to="undisturbed")
    outcome = run("photos", maker=DeadlyMaker(str(colour_model), "a/2", once="killed"), shard_size=3)
    assert (outcome.deaths, rows("out")) == (1, rows("undisturbed"))


def test_a_worker_that_has_grown_is_replaced_after_its_share(photos: Path, run: Run) -> None:
    def small(*arguments: Any) -> Pool:
        return local_processes(*arguments, most_bytes=1)

    outcome = run("photos", make_pool=small, shard_size=2)
    assert (outcome.rows, outcome.shards, outcome.deaths, outcome.failed) == (6, 3, 0, 0)
