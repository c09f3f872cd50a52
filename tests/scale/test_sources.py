"""Every kind of source gives the same photos; the user's columns are kept."""

from __future__ import annotations

import csv
import datetime
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest

from crowdmask.errors import UsageError
from crowdmask.scale.columns import Columns
from crowdmask.scale.entries import Entry
from crowdmask.scale.lines import write_lines
from crowdmask.scale.listing.every import list_all
from crowdmask.scale.store import open_store

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


def no_photo(entry: Entry) -> None:
    """Fail: nothing may be found."""
    pytest.fail(entry.name)


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


@pytest.mark.parametrize(
    ("name", "text", "problems"),
    [
        (
            "l.csv",
            "path,n\nphotos/a/1.png,1\n,2\nphotos/a/2.png,3\n",
            ["line 3 has no value in the column path"],
        ),
        ("l.csv", "path\nphotos/a/1.png\nphotos/a/3.png,x\nphotos/a/2.png\n", ["line 3 has more values"]),
        ("l.csv", "path;n\nphotos/a/1.png;1\nphotos/a/2.png;3\n", []),
        ("l.csv", ",Path,n\n0,photos/a/1.png,1\n1,photos/a/2.png,3\n", []),
        (
            "l.jsonl",
            '{"path": "photos/a/1.png"}\n{broken\n{"path": 5}\n[]\n{"n": 1}\n{"file": "photos/a/2.png"}\n',
            [
                "line 2 is not",
                "line 3 has no value",
                "line 4 is not an object",
                "line 5 has no column of paths",
            ],
        ),
    ],
)
def test_a_bad_line_of_a_manifest_costs_no_other(
    name: str, text: str, problems: list[str], place: Path
) -> None:
    Path(name).write_text(text)
    found: list[Entry] = []
    complaints = list_all([name], found.append, Columns())
    assert [entry.name for entry in found] == ["photos/a/1.png", "photos/a/2.png"]
    for complaint, told in zip(complaints, problems, strict=True):
        assert str(complaint).startswith(f"{name}: {told}")


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("l.csv", b"", "no photo in this manifest"),
        ("l.csv", b"path,n\n", "no photo in this manifest"),
        ("l.csv", "path\nphotos/Zürich.png\n".encode("latin-1"), "save it as UTF-8"),
        ("l.json", b'[{"path": "photos/a/1.png"}]', "on a line of its own"),
    ],
)
def test_manifests_that_cannot_be_read_say_what_to_do(name: str, data: bytes, told: str, place: Path) -> None:
    Path(name).write_bytes(data)
    (problem,) = list_all([name], no_photo, Columns())
    assert told in str(problem)


def test_two_columns_of_one_name_are_refused(place: Path) -> None:
    Path("list.csv").write_text("path,path\nphotos/a/1.png,photos/a/2.png\n")
    with pytest.raises(UsageError, match="two columns are named 'path'"):
        list_all(["list.csv"], no_photo, Columns())


def test_json_lines_hold_no_number_that_is_none(photos: Path, run: Run) -> None:
    Path("list.csv").write_text("path,heat\nphotos/a/1.png,nan\nphotos/a/2.png,inf\nphotos/a/3.png,2.5\n")
    run("list.csv")
    write_lines(open_store("out"), "rows.jsonl")
    lines = [
        json.loads(line, parse_constant=pytest.fail) for line in Path("rows.jsonl").read_text().splitlines()
    ]
    assert [line["heat"] for line in lines] == [None, None, 2.5]


def test_members_that_lie_above_their_archive_and_short_suffixes(photos: Path) -> None:
    with tarfile.open("photos.tbz2", "w:bz2") as archive:
        archive.add(photos / "a/1.png", "../a/1.png")
    found: list[Entry] = []
    assert list_all(["photos.tbz2"], found.append, Columns()) == []
    assert [entry.name for entry in found] == ["photos.tbz2/../a/1.png"]


def test_a_server_without_parts_of_files_is_told_of(place: Path) -> None:
    """A zip has its list at the end, so it cannot be read from the beginning."""
    (place / "a.zip").write_bytes(b"PK" * 40_000)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        (problem,) = list_all([f"http://127.0.0.1:{server.server_port}/a.zip"], no_photo, Columns())
        server.shutdown()
    assert "the server gives no parts of a file" in str(problem)
    assert "download it" in str(problem)


def test_urls_of_files_of_this_machine(photos: Path, run: Run) -> None:
    outcome = run(f"file://{photos}", to=f"file://{photos.parent}/out")
    assert (outcome.rows, outcome.failed) == (6, 0)
    assert rows("out")[0]["source"] == f"file://{photos}/a/1.png"


def test_a_package_that_no_extra_brings_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(UsageError, match="need the package gcsfs, which is not installed: pip install gcsfs"):
        list_all(["gs://town/photos"], no_photo, Columns())


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
