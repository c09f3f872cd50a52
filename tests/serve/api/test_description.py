"""Every request that the API's description allows or forbids is answered as it says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ..conftest import Running, run_site

pytest.importorskip("schemathesis", reason="the extra 'dev' is not installed")

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 12


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory, colour_model: Path) -> Iterator[Running]:
    """A service that may be changed in any way: cameras come and go."""
    with run_site(tmp_path_factory.mktemp("tried"), colour_model) as made:
        yield made


def test_every_request_is_answered_as_described(tried: Running, tmp_path: Path) -> None:
    """A short run; benchmarks/service.py makes the long one."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(ROOT / "schemathesis.toml"),
        "run", f"{tried.address}/v1/openapi.json", "--checks", "all", "--max-time", str(SECONDS),
        "--seed", "7", "--warnings", "off",
    ]  # fmt: skip
    environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
    assert "Tested: " in done.stdout


def test_the_description(tried: Running) -> None:
    description = httpx.get(f"{tried.address}/v1/openapi.json", trust_env=False).json()
    assert description["openapi"].startswith("3.1")
    assert {"/v1/detect", "/v1/detect/batch", "/v1/cameras", "/v1/counts", "/v1/events"} <= set(
        description["paths"]
    )
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            assert operation.get("summary"), (method, path)
            assert any(code.startswith("2") for code in operation["responses"]), (method, path)


def test_allow_lists_the_methods_of_a_path(tried: Running) -> None:
    with httpx.Client(base_url=tried.address, trust_env=False) as client:
        paths = client.get("/v1/openapi.json").json()["paths"]
        # `/v1/cameras/test` fits the template `/v1/cameras/{name}`, too.
        for path in (path for path in paths if "{" not in path):
            answer = client.request("OPTIONS", path)
            described = {method.upper() for method in paths[path]}
            assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, described), path
