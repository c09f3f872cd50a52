"""The page's files: what is in them, how large they are, and that they were built of what is in `web/`."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crowdmask import Detector
from crowdmask.cli.main import app
from crowdmask.inference.backends.onnx_runtime import read_metadata
from crowdmask.inference.model_file import hash_of, locate
from crowdmask.web.site import (
    HALVED,
    HEADERS,
    MODELS,
    WEBGPU,
    WEBGPU_FILES,
    page_files,
    page_folder,
    webgpu_folder,
)  # fmt: skip

from .test_package import WEB, npm  # noqa: F401


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web") / "new" / "page"
    done = CliRunner().invoke(app, ["web", "--to", str(folder)])
    assert done.exit_code == 0, done.output
    assert str(folder) in done.stdout
    return folder


def test_it_is_small_enough(written: Path) -> None:
    files = [path for path in written.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 26_000_000
    first = [name for name, file in page_files().items() if file.first]
    assert {"index.html", "page.js", "worker.js", "models/crowd-float.onnx", "site.json"} <= set(first)
    assert sum(len(gzip.compress((written / name).read_bytes())) for name in first) <= 9_000_000


def test_models_are_those_of_the_package(written: Path) -> None:
    site = json.loads((written / "site.json").read_text())
    assert [model["name"] for model in site["models"]] == list(MODELS)
    for model in site["models"]:
        path = written / model["file"]
        assert (model["hash"], model["bytes"]) == (hash_of(path), path.stat().st_size)
    assert not site["webgpu"]


@pytest.mark.parametrize("name", HALVED)
def test_the_halved_model_is_the_shipped_one(name: str, written: Path, example_photo: Path) -> None:
    halved, shipped = written / "models" / f"{name}.onnx", locate(name)
    assert halved.stat().st_size < 0.6 * shipped.stat().st_size
    assert read_metadata(halved) == read_metadata(shipped), "run  make web  and commit what it built"
    half, plain = (
        Detector(path, input_size=448, threads=1).detect(example_photo) for path in (halved, shipped)
    )
    assert half.labels == plain.labels
    assert half.confidence == pytest.approx(plain.confidence, abs=2e-3)
    assert half.xyxy == pytest.approx(plain.xyxy, abs=0.5)


@pytest.mark.parametrize("name", MODELS)
def test_strict_readers_load_the_models(name: str, written: Path) -> None:
    model = str(written / "models" / f"{name}.onnx")
    onnx = pytest.importorskip("onnx", reason="the extra 'train' is not installed")
    onnx.checker.check_model(model, full_check=True)
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.add_session_config_entry("session.strict_shape_type_inference", "1")
    runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def test_the_policy_is_in_the_page_and_names_no_other_host(written: Path) -> None:
    page = (written / "index.html").read_text()
    policy = HEADERS["Content-Security-Policy"]
    assert policy in page
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "unsafe-inline" not in policy
    assert "*" not in policy
    assert HEADERS["Content-Security-Policy"] in (written / "_headers").read_text()


def test_the_build_for_graphics_cards_is_an_option(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["web", "--to", str(tmp_path), "--webgpu"])
    assert done.exit_code == 0, done.output
    wasm = tmp_path / "webgpu" / "ort-wasm-simd-threaded.asyncify.wasm"
    assert wasm.read_bytes()[:4] == b"\0asm"
    assert json.loads((tmp_path / "site.json").read_text())["webgpu"]
    assert {path.name for path in wasm.parent.iterdir()} == set(WEBGPU_FILES)
    # Again without: the older page is replaced, and what it alone had goes.
    assert CliRunner().invoke(app, ["web", "--to", str(tmp_path)]).exit_code == 0
    assert not wasm.exists()
    assert not json.loads((tmp_path / "site.json").read_text())["webgpu"]


@pytest.mark.parametrize("name", ["photo.jpg", "models/other.onnx", "site.json"])
def test_a_folder_with_anything_else_is_refused(name: str, tmp_path: Path) -> None:
    mine = tmp_path / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    done = CliRunner().invoke(app, ["web", "--to", str(tmp_path)])
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
    assert "choose another --to" in done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]


def test_without_a_folder_it_says_what_is_missing() -> None:
    done = CliRunner().invoke(app, ["web"])
    assert done.exit_code == 2
    assert "--to" in done.stderr


def test_the_service_worker_changes_with_the_files() -> None:
    plain, other = (page_files(webgpu)["sw.js"].read() for webgpu in (False, True))
    assert plain != other
    assert plain == page_files()["sw.js"].read()


def test_the_built_page_is_that_of_the_sources(npm: str, tmp_path: Path) -> None:  # noqa: F811
    done = subprocess.run(
        ["node", "build.mjs", "--to", str(tmp_path)], cwd=WEB, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    built = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(built) > 12
    differ = []
    for name, content in built.items():
        shipped = webgpu_folder() / name.name if name.parent == Path(WEBGPU) else page_folder() / name
        if shipped.read_bytes() != content:
            differ.append(str(name))
    assert differ == [], "run  make web  and commit what it built"
