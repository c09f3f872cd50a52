"""First and later visits of the page: without a network, with threads, without a camera."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from crowdmask.web.site import HEADERS

from .browser import browsing, serving
from .conftest import READY

DONE = "document.getElementById('status').innerText.startsWith('Done')"
CARD = (
    "Object.defineProperty(Navigator.prototype, 'gpu', {{get: () => "
    "({{requestAdapter: async () => ({{info: {{isFallbackAdapter: {}}}}})}})}})"
)
REFUSE = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{}'))"


def test_after_the_first_visit_it_works_without_a_network_and_with_threads(
    site: Path, example_photo: Path, tmp_path: Path
) -> None:
    with browsing(tmp_path / "profile") as page:
        with serving(site) as (address, asked):
            page.open(address)
            page.wait(READY)
            assert "1 thread" in page.text("#how")
            page.wait("navigator.serviceWorker.controller !== null")
            large = [path for path in asked if path.endswith((".wasm", ".onnx"))]
            # The second time they come from the browser's own cache.
            assert sorted(set(large)) == ["/models/crowd-float.onnx", "/ort-wasm-simd-threaded.wasm"]
            assert len(large) <= 4
        page.call("Page.reload")
        page.wait(READY)
        assert page.run("crossOriginIsolated")
        threads = min(4, page.run("navigator.hardwareConcurrency"))
        assert (f"{threads} threads" if threads > 1 else "1 thread") in page.text("#how")
        page.choose_files("#files", [example_photo])
        page.wait(DONE)
        assert page.text("#caption").startswith("1.jpg: 5 faces")
        page.run(
            "(s => { s.value = 'crowd'; s.dispatchEvent(new Event('change')); })"
            "(document.getElementById('model'))"
        )
        page.wait("document.getElementById('problems').innerText.includes('could not be loaded')")


def test_headers_of_the_server_give_threads_at_once(site: Path, tmp_path: Path) -> None:
    with serving(site, HEADERS) as (address, _), browsing(tmp_path / "profile") as page:
        page.open(address)
        page.wait(READY)
        assert page.run("crossOriginIsolated")
        assert page.text("#status") == "Ready."


@pytest.mark.parametrize(("imitated", "asks"), [("true", False), ("false", True)])
def test_a_graphics_card_is_used_unless_it_is_imitated(
    site: Path, tmp_path: Path, imitated: str, asks: bool
) -> None:
    folder = shutil.copytree(site, tmp_path / "site")
    listed = json.loads((folder / "site.json").read_text(encoding="utf-8"))
    (folder / "site.json").write_text(json.dumps(listed | {"webgpu": True}), encoding="utf-8")
    with serving(folder) as (address, asked), browsing(tmp_path / "profile") as page:
        page.call("Page.addScriptToEvaluateOnNewDocument", source=CARD.format(imitated))
        page.open(address)
        page.wait(READY)
        # The files for it are not there, so WebAssembly computes after all.
        assert ("/webgpu/worker.js" in asked) is asks
        assert "WebAssembly" in page.text("#how")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("", "There is no camera"),
        (
            REFUSE.format("NotAllowedError"),
            "The camera was refused: allow it",
        ),
        (
            REFUSE.format("NotReadableError"),
            "in use by another program",
        ),
        (
            "Object.defineProperty(navigator, 'mediaDevices', {value: undefined})",
            "The camera works only on https://",
        ),
    ],
    ids=["none", "refused", "in use", "no https"],
)
def test_without_a_camera_it_says_why(site: Path, tmp_path: Path, script: str, words: str) -> None:
    with serving(site) as (address, _), browsing(tmp_path / "profile") as page:
        page.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        page.open(address)
        page.wait(READY)
        page.run("document.getElementById('camera').click()")
        page.wait(f"document.getElementById('problems').innerText.includes({words!r})")
        assert page.run("document.getElementById('live').hidden")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("WebAssembly.validate = () => false", "This browser is too old"),
        ("delete window.OffscreenCanvas", "This browser is too old"),
    ],
)
def test_an_old_browser_is_told_so(site: Path, tmp_path: Path, script: str, words: str) -> None:
    with serving(site) as (address, _), browsing(tmp_path / "profile") as page:
        page.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        page.open(address)
        page.wait(f"document.getElementById('status').innerText.includes({words!r})")


def test_a_missing_model_is_named(site: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "page"
    shutil.copytree(site, copy, ignore=shutil.ignore_patterns("crowd-float.onnx"))
    with serving(copy) as (address, _), browsing(tmp_path / "profile") as page:
        page.open(address)
        page.wait("document.getElementById('problems').innerText.includes('could not be loaded')")
        assert "models/crowd-float.onnx: the server answers 404" in page.text("#problems")
