"""``crowdmask serve`` as a user runs it, with a video as camera and a real receiver of alerts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from crowdmask.store.store import open_store

from ..alerts.channels.conftest import Receiver, receiver  # noqa: F401 - a fixture
from ..alerts.conftest import wait_for
from ..live.clips import write_clip

SITE = """
name: Town hall
store: {store}
model: {model}
cameras:
  - {{name: door, source: {clip}, zones: [{{name: A, polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]}}]}}
alerts:
  rules:
    - {{name: few, when: share_below, limit: 0.9, for_s: 10, min_people: 1, zone: A, recover_after_s: 3600}}
  channels:
    - {{kind: webhook, name: hook, url: "{url}"}}
"""


@pytest.fixture
def site(tmp_path: Path, colour_model: Path, receiver: Receiver) -> Path:  # noqa: F811
    clip = write_clip(tmp_path / "clip.mp4", 25)
    path = tmp_path / "site.yaml"
    text = SITE.format(store=tmp_path / "site.db", model=colour_model, clip=clip, url=receiver.url)
    path.write_text(text, encoding="utf-8")
    return path


Start = Callable[..., tuple[subprocess.Popen[str], httpx.Client]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts the service, and a client for it."""
    running: list[subprocess.Popen[str]] = []
    clients: list[httpx.Client] = []

    def begin(*options: str) -> tuple[subprocess.Popen[str], httpx.Client]:
        command = [sys.executable, "-m", "crowdmask", "serve", "--port", "0", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running.append(process)
        line = process.stdout.readline()
        assert "answers at http://127.0.0.1:" in line, line + process.stderr.read()
        address = line.split(" at ")[1].strip().removesuffix("/v1/health")
        clients.append(httpx.Client(base_url=address, trust_env=False, timeout=10))
        return process, clients[-1]

    yield begin
    for client in clients:
        client.close()
    for process in running:
        process.kill()
        process.communicate()


def get(client: httpx.Client, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_site_counts_tells_and_goes_on_after_a_kill(site: Path, start: Start, receiver: Receiver) -> None:  # noqa: F811
    process, client = start("--config", str(site))
    wait_for(lambda: receiver.got, 40)
    message = json.loads(receiver.got[0][1])
    assert (message["type"], message["rule"], message["zone"]) == ("alert.raised", "few", "A")
    (camera,) = get(client, "/v1/cameras")
    assert (camera["name"], camera["zones"]) == ("door", ["A"])
    assert client.get("/v1/cameras/door/snapshot").content.startswith(b"\xff\xd8")
    assert client.get("/v1/cameras/none/snapshot").status_code == 404
    before = get(client, "/v1/counts?per=day&zone=A")[0]
    assert before["person_s"]["with_mask"] > 5
    assert before["observed_s"] > 8
    copied = run("--config", str(site), "--backup", str(site.with_name("copy.db")))
    assert (copied.returncode, "a whole copy of the store" in copied.stdout) == (0, True), copied.stderr
    with open_store(site.with_name("copy.db")) as copy:
        assert copy.counts(start=datetime.now(UTC) - timedelta(days=1), end=datetime.now(UTC), zone="A")
    process.kill()  # nothing older than a second is lost
    process.wait()
    process, client = start("--config", str(site))
    after = get(client, "/v1/counts?per=day&zone=A")[0]
    assert after["observed_s"] >= before["observed_s"] - 0.01
    (alert,) = get(client, "/v1/alerts?open=true")
    assert alert["id"] == message["id"]
    client.post(f"/v1/alerts/{alert['id']}/mark", json={"wrong": True}).raise_for_status()
    assert get(client, "/v1/rules")[0]["wrong_share"] == 1.0
    assert get(client, "/v1/health")["open_alerts"] == 1
    assert client.get("/v1/cameras", headers={"host": "evil.example"}).status_code == 403
    origin = {"origin": "http://evil.example"}
    assert client.post(f"/v1/alerts/{alert['id']}/acknowledge", headers=origin).status_code == 403
    for bad, code in {
        "start=2026-01-01T00:00:00Z&per=minute": 409,
        "end=0001-01-01T00:00:00Z": 409,
        "per=year": 422,
        "zone=" + "x" * 999: 422,
    }.items():
        assert client.get(f"/v1/counts?{bad}").status_code == code, bad
    begun_s = time.monotonic()
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=20)[1]
    assert (process.returncode, time.monotonic() - begun_s < 10) == (0, True), said
    assert "Traceback" not in said
    assert len({body for _, body in receiver.got}) == 1  # shown as one


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crowdmask", "serve", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=180)


def test_check_and_test_alert(site: Path, receiver: Receiver) -> None:  # noqa: F811
    checked = run("--config", str(site), "--check")
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.splitlines()[0] == "1 camera, 1 rule: the site fits"
    assert "few: nothing is kept of its cameras" in checked.stdout
    assert "this machine bears about " in checked.stdout
    assert "1 camera: about " in checked.stdout
    # What was changed on the pages counts for checks, too.
    changes = site.with_name("site.changes.yaml")
    changes.write_text("rules: {empty: {when: nobody}}", encoding="utf-8")
    assert run("--config", str(site), "--check").stdout.startswith("1 camera, 2 rules: the site fits\n")
    changes.unlink()
    tried = run("--config", str(site), "--test-alert", "few")
    assert (tried.returncode, tried.stdout) == (0, "hook: arrived\n")
    receiver.answers = [(500, {})]
    failed = run("--config", str(site), "--test-alert", "hook")
    assert (failed.returncode, failed.stderr) == (1, "error: hook: the answer was 500\n")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--test-alert", "none"], "there is no rule or channel 'none'"),
        (["--host", "0.0.0.0"], "which others reach: give users or tokens"),
        (["0", "--config", "none.yaml"], "either --config or cameras"),
        (["--config", "none.yaml"], "cannot read the site none.yaml"),
    ],
)
def test_usage_errors(options: list[str], why: str) -> None:
    done = run(*options)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
