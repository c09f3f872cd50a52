"""`crowdmask data crawl` as a user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from crowdmask.cli.main import app
from crowdmask.data.manifest import read_manifest

from .conftest import Served, Site


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["data", "crawl", *arguments])


def test_crawl(site: Site, tmp_path: Path) -> None:
    for number in range(1, 4):
        site.add(number)
    site.add(4, b"no photo")
    place = tmp_path / "set"
    options = ["crowd", "--api-url", site.address, "--delay", "0.05", "--to", str(place)]
    result = run(*options, "--contact", "me@example.org")

    assert result.exit_code == 0, result.output
    assert f"3 new photos: {place}" in result.output
    assert "1 left out: not a sound picture" in result.output
    assert "error: " in result.stderr
    assert "/photo/4.jpg: not a picture" in result.stderr
    assert len(read_manifest(place).photos) == 3
    assert all("me@example.org" in agent for agent in site.agents)
    again = run(*options)
    assert "0 new photos, 3 were there" in again.output


def test_api_that_does_not_answer(site: Site, tmp_path: Path) -> None:
    result = run("x", "--api-url", f"{site.address}/old", "--delay", "0.05", "--to", str(tmp_path / "set"))

    assert result.exit_code == 1
    assert f"error: {site.address}/old/v1/images/" in result.stderr
    assert "the server answers 404" in result.stderr
    assert "0 new photos" in result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["x", "--licence", "gpl"], "--licence 'gpl': choose from cc0"),
        (["x", "--provider", "flickr"], "--provider 'flickr': choose from openverse, wikimedia"),
        (["x", "--api-url", "localhost:80"], "not an address such as http://"),
        (["x", "--contact", "a\nb"], "--contact"),
        ([" "], "a query is empty"),
    ],
)
def test_usage(tmp_path: Path, options: list[str], message: str) -> None:
    result = run(*options, "--to", str(tmp_path / "set"))

    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "set").exists()


def test_help_has_an_example() -> None:
    assert 'crowdmask data crawl "crowd face mask"' in run("--help").output


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_and_again(site: Site, tmp_path: Path) -> None:
    for number in range(1, 9):
        site.add(number)
    site.paths["/photo/3.jpg"] = Served(site.paths["/photo/3.jpg"].body, first=[(429, {"Retry-After": "60"})])
    command = [
        sys.executable, "-m", "crowdmask", "data", "crawl", "crowd", "--api-url", site.address,
        "--delay", "0.05", "--to", str(tmp_path),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def hear_ctrl_c() -> None:
        # Shells let what they run in the background ignore it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=hear_ctrl_c
    )
    end = time.monotonic() + 60
    while "/photo/3.jpg" not in site.answered and time.monotonic() < end:
        time.sleep(0.05)  # after that answer it waits as it was told to
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=30)

    assert process.returncode == 130, complaints
    assert "Traceback" not in complaints
    assert sorted(p.name for p in (tmp_path / "photos").iterdir()) == [
        "openverse-0000-1.jpg",
        "openverse-0000-2.jpg",
    ]
    assert len(read_manifest(tmp_path).photos) == 2
    site.asked.clear()
    result = run("crowd", "--api-url", site.address, "--delay", "0.05", "--to", str(tmp_path))
    assert result.exit_code == 0
    assert sorted(site.photos_asked()) == [f"/photo/{n}.jpg" for n in range(3, 9)]
