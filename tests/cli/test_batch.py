"""``crowdmask batch`` as a user runs it: exit codes, lines, files, and kills at any moment."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as parquet
import pytest
from PIL import Image
from typer.testing import CliRunner

from crowdmask.cli.main import app

from .conftest import process, records


def batch(model: Path, *words: str) -> Any:
    return CliRunner().invoke(app, ["batch", "--model", str(model), *words])


def rows(folder: Path) -> list[dict[str, Any]]:
    found = [row for path in folder.glob("part-*.parquet") for row in parquet.read_table(path).to_pylist()]
    return sorted(found, key=lambda row: row["source"])


def test_what_a_user_sees(colour_model: Path, place: Path, blocks: Image.Image) -> None:
    for number in range(5):
        blocks.save(f"{number}.png")
    Path("bad.jpg").write_text("no picture")
    words = (
        "*.png",
        "bad.jpg",
        "--to",
        "out",
        "--json",
        "all.jsonl",
        "--stats",
        "s.json",
        "--pictures",
        "drawn",
    )
    done = batch(colour_model, *words)
    assert done.exit_code == 1, done.output
    assert "error: bad.jpg: not a picture" in done.stderr
    assert "1 could not be read" in done.stderr
    assert "1 failed: not a picture" in done.stdout
    assert "out: 6 rows in" in done.stdout
    stats = json.loads(Path("s.json").read_text())
    assert (stats["photos"], stats["faces"], stats["failed"], stats["rows"]) == (5, 15, 1, 6)
    assert stats["failures"] == {"not a picture": 1}
    assert stats["photos_per_second"] > 0
    assert stats["peak_memory_mb"] > 50
    lines = records(place / "all.jsonl")
    assert [line["source"] for line in lines] == [*(f"{number}.png" for number in range(5)), "bad.jpg"]
    assert lines[5]["error_kind"] == "not a picture"
    assert lines[0]["counts"] == {"with_mask": 1, "without_mask": 1, "mask_worn_incorrect": 1}
    assert sorted(os.listdir("drawn")) == [f"{number}.png" for number in range(5)]
    assert batch(colour_model, "*.png", "bad.jpg", "--to", "out").exit_code == 2
    again = batch(colour_model, *words, "--resume")
    assert (again.exit_code, "6 were done before" in again.stdout) == (1, True), again.output


def test_a_whole_run_ends_with_zero_and_can_be_gone_on_with(
    colour_model: Path, place: Path, blocks: Any
) -> None:
    blocks.save("a.png")
    assert batch(colour_model, "a.png", "--to", "out").exit_code == 0
    refused = batch(colour_model, "a.png", "--to", "out", "--resume", "--confidence", "0.9")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert "its --confidence is the default, not 0.9" in refused.stderr


@pytest.mark.parametrize("option", ["--json", "--pictures", "--stats"])
def test_only_the_shards_may_go_to_a_store(option: str, colour_model: Path, place: Path, blocks: Any) -> None:
    blocks.save("a.png")
    done = batch(colour_model, "a.png", "--to", "out", option, "s3://town/x")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert f"{option} s3://town/x: is no path of this machine" in done.stderr
    assert sorted(path.name for path in place.iterdir()) == ["a.png"]


@pytest.mark.parametrize("option", ["--json", "--pictures", "--stats"])
def test_the_folder_of_rows_holds_nothing_else(
    option: str, colour_model: Path, place: Path, blocks: Any
) -> None:
    """pandas reads the folder as a whole, and fails at any other file in it."""
    blocks.save("a.png")
    done = batch(colour_model, "a.png", "--to", "out", option, "./out/below/x")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert f"{option} ./out/below/x: lies in --to" in done.stderr
    assert sorted(path.name for path in place.iterdir()) == ["a.png"]


def test_workers_have_a_bound(colour_model: Path, place: Path, blocks: Any) -> None:
    blocks.save("a.png")
    done = batch(colour_model, "a.png", "--to", "out", "--workers", "513")
    assert (done.exit_code, "--workers must be 1 to 512 on one machine, not 513" in done.stderr) == (2, True)
    assert not Path("out").exists()


def test_without_its_packages_the_extra_is_named(
    colour_model: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crowdmask.cli.extras.find_spec", lambda name: None)
    done = batch(colour_model, "a.png", "--to", "out")
    assert (done.exit_code, "pip install 'crowdmask[scale]'" in done.stderr) == (2, True)
    assert not Path("out").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such kill")
def test_killed_at_random_moments_it_ends_in_the_same_rows(
    colour_model: Path, place: Path, blocks: Image.Image
) -> None:
    (place / "photos").mkdir()
    for number in range(160):
        blocks.save(place / "photos" / f"{number:03}.png", compress_level=1)
    words = ["batch", "photos", "--model", str(colour_model), "--workers", "2", "--shard-size", "4"]
    whole = process(place, *words, "--to", "whole")
    whole.communicate()
    assert whole.returncode == 0
    chance = random.Random(5)
    kills = ["driver", "worker", "driver", "worker", "driver"]
    chance.shuffle(kills)
    while True:
        running = process(place, *words, "--to", "out", "--resume")
        begun = len(list((place / "out").glob("part-*")))
        wanted = begun + chance.randrange(6)
        while kills and running.poll() is None and len(list((place / "out").glob("part-*"))) < wanted:
            time.sleep(0.002)
        while kills and running.poll() is None:
            kind = kills.pop()
            if kind == "driver":
                running.send_signal(signal.SIGKILL)
                break
            kill_a_worker(running.pid)
        code = running.wait()
        for stream in (running.stdout, running.stderr):
            stream.close()
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert kills == []
    assert rows(place / "out") == rows(place / "whole")
    assert len(rows(place / "out")) == 160


def kill_a_worker(driver: int) -> None:
    """Kill one process of a run that does photos, once there is one."""
    for child in psutil.Process(driver).children():
        with suppress(psutil.Error):  # one that was killed before is not yet gone from the list
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()
                return
