"""Every kind of source gives the same photos; the user's columns are kept."""

from __future__ import annotations

import csv
import datetime
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest

from crowdmask.errors import UsageError

from .conftest import Run, rows

NAMES = ["a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/2.png", "b/none.png"]


def to_zip(photos: Path) -> str:
    with zipfile.ZipFile("photos.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in NAMES:
            archive.write(photos / name, name)
        archive.writestr("__MACOSX/a/._1.png", b"no picture")
        archive.writestr("readme.txt", b"text")
    return "photos.zip"


def to_tar(kind: str) -> Callable[[Path], str]:
    def make(photos: Path) -> str:
        target = "photos.tar" + (f".{kind}" if kind else "")
        with tarfile.open(target, f"w:{kind}") as archive:  # type: ignore[call-overload]
            for name in NAMES:
                archive.add(photos / name, name)
                note = json.dumps({"from": name}).encode()
                info = tarfile.TarInfo(name.replace(".png", ".json"))
                info.size = len(note)
                archive.addfile(info, io.BytesIO(note))
        return target

    return make


def to_csv(photos: Path) -> str:
    with open("list.csv", "w", newline="") as file:
        csv.writer(file).writerows([["path", "camera"], *([f"photos/{name}", "7"] for name in NAMES)])
    return "list.csv"


def to_json_lines(photos: Path) -> str:
    lines = [json.dumps({"url": f"photos/{name}", "camera": 7}) for name in NAMES]
    Path("list.jsonl").write_text("\n".join(lines))
    return "list.jsonl"


def to_parquet(photos: Path) -> str:
    table = pyarrow.table({"image": [f"photos/{name}" for name in NAMES], "camera": [7] * len(NAMES)})
    parquet.write_table(table, "list.parquet")
    return "list.parquet"


SOURCES: list[Any] = [
    pytest.param(lambda photos: "photos", "photos/", id="folder"),
    pytest.param(lambda photos: "photos/*", "photos/", id="pattern"),
    pytest.param(to_zip, "photos.zip/", id="zip"),
    pytest.param(to_tar(""), "photos.tar/", id="tar"),
    pytest.param(to_tar("gz"), "photos.tar.gz/", id="tar.gz"),
    pytest.param(to_csv, "photos/", id="csv"),
    pytest.param(to_json_lines, "photos/", id="json lines"),
    pytest.param(to_parquet, "photos/", id="parquet"),
]


@pytest.mark.parametrize(("make", "prefix"), SOURCES)
def test_every_kind_of_source(make: Callable[[Path], str], prefix: str, photos: Path, run: Run) -> None:
    outcome = run(make(photos), shard_size=2)
    found = rows("out")
    assert [row["source"] for row in found] == [prefix + name for name in NAMES]
    assert [len(row["detections"]) for row in found] == [3, 3, 3, 3, 3, 0]
    assert [row["error"] for row in found] == [None] * 6
    assert (outcome.rows, outcome.shards, outcome.failed) == (6, 3, 0)
    if "camera" in found[0]:
        assert {row["camera"] for row in found} == {7}


def test_a_folder_of_archives_and_a_pattern_of_them(photos: Path, run: Run) -> None:
    Path("shards").mkdir()
    for number in (0, 1):
        Path(to_tar("")(photos)).rename(f"shards/{number}.tar")
    assert run("shards").rows == 12
    assert run("shards/*.tar", to="again").rows == 12
    assert rows("out") == rows("again")


def test_columns_keep_their_values_and_types(photos: Path, run: Run) -> None:
    day = datetime.date(2026, 3, 2)
    parquet.write_table(
        pyarrow.table({"path": ["photos/a/1.png"], "day": [day], "tags": [["x", "y"]]}), "list.parquet"
    )
    Path("list.csv").write_text(
        "path,number,id,share,open,width,note\n"
        "photos/a/2.png,1,007,0.5,true,12,\nphotos/a/3.png,,011,2,False,13,hot\n"
    )
    Path("list.jsonl").write_text('{"source": "photos/b/1.png", "place": {"lat": 4.5}, "number": 2}\n')
    run("list.parquet", "list.csv", "list.jsonl")
    first, second, third, fourth = rows("out")
    assert (first["day"], first["tags"], first["number"]) == (day, ["x", "y"], None)
    assert (second["number"], second["id"], second["share"], second["open"]) == (1, "007", 0.5, True)
    assert (second["manifest_width"], second["width"], third["number"], third["note"]) == (
        12,
        320,
        None,
        "hot",
    )
    assert (json.loads(fourth["place"]), fourth["number"]) == ({"lat": 4.5}, 2)


def test_a_manifest_without_a_column_of_paths(photos: Path, run: Run) -> None:
    Path("list.csv").write_text("what,where\nphotos/a/1.png,here\n")
    with pytest.raises(UsageError, match=r"`column`.*what, where"):
        run("list.csv")
    with pytest.raises(UsageError, match="no column 'nothing'"):
        run("list.csv", path_column="nothing")
    assert run("list.csv", path_column="what").rows == 1


def test_a_photo_that_is_named_twice_is_done_once(photos: Path, run: Run) -> None:
    outcome = run("photos", to_csv(photos), "photos/a/1.png")
    assert (outcome.rows, outcome.doubled) == (6, 6)


def test_damaged_archives_and_manifests_are_named(photos: Path, run: Run, complaints: list[str]) -> None:
    whole = Path(to_tar("")(photos)).read_bytes()
    Path("cut.tar").write_bytes(whole[: len(whole) // 2])
    Path("cut.zip").write_bytes(Path(to_zip(photos)).read_bytes()[:300])
    Path("bad.jsonl").write_text("no json\n")
    outcome = run("cut.tar", "cut.zip", "bad.jsonl", "nothing.csv", "nothing/*.tar", "photos/a")
    assert len(outcome.problems) == 5
    assert [problem.partition(":")[0] for problem in outcome.problems] == [
        "cut.tar", "cut.zip", "bad.jsonl", "nothing.csv", "nothing/*.tar",
    ]  # fmt: skip
    assert {row["source"] for row in rows("out")} >= {"photos/a/1.png", "cut.tar/a/1.png"}
    assert complaints[:5] == outcome.problems
