"""The page in a real browser: what it finds, says and saves, and that nothing leaves it."""

from __future__ import annotations

import io
import json
import platform
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crowdmask import Detector, boxes
from crowdmask.detections import Detections
from crowdmask.inference.model_file import hash_of, locate
from crowdmask.media.writers import make_record
from crowdmask.web.site import MODELS

from .browser import Page, serving
from .conftest import READY

DONE = "document.getElementById('status').innerText.startsWith('Done')"
FLOAT = "models/crowd-float.onnx"
X86 = ("x86_64", "AMD64")
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
# What the page offers for saving is kept here instead of on the disk.
KEEP_DOWNLOADS = """HTMLAnchorElement.prototype.click = function () {
  window.savedName = this.download; window.savedBlob = window.lastBlob; };
if (!window.plainURL) { window.plainURL = URL.createObjectURL;
  URL.createObjectURL = blob => { window.lastBlob = blob; return window.plainURL.call(URL, blob); }; }"""
READ_DOWNLOAD = """savedBlob.arrayBuffer().then(b => { let t = ''; const a = new Uint8Array(b);
for (let i = 0; i < a.length; i += 8192) t += String.fromCharCode(...a.subarray(i, i + 8192));
return btoa(t); })"""


@pytest.fixture
def photos(page: Page) -> Iterator[Page]:
    """The page without photos or problems."""
    yield page
    page.run("document.getElementById('clear').click()")
    page.run("document.getElementById('problems').replaceChildren()")


def detect(page: Page, *paths: Path) -> list[dict[str, Any]]:
    """Add photos, wait, and return the records that the page saves."""
    page.choose_files("#files", paths)
    page.wait(f"{DONE} && document.querySelectorAll('#rows tr').length >= {len(paths)}", 120)
    name, content = saved(page, "save-records")
    assert name == "crowdmask.jsonl"
    return [json.loads(line) for line in content.decode().splitlines()]


def saved(page: Page, button: str) -> tuple[str, bytes]:
    """Press a button that saves, and return name and content of the file."""
    import base64

    page.run(f"{KEEP_DOWNLOADS} window.savedName = null; document.getElementById('{button}').click()")
    page.wait("window.savedName")
    return page.run("savedName"), base64.b64decode(page.run(READ_DOWNLOAD))


def agreement(ours: list[dict[str, Any]], theirs: Detections) -> tuple[int, int]:
    """Return how many of their faces are ours, too (same label, IoU of .9 or more), and vice versa."""
    mine = np.array([face["box"] for face in ours], np.float32).reshape(-1, 4)
    labels = np.array([face["label"] for face in ours], dtype=object)
    same = (boxes.iou(theirs.xyxy, mine) >= 0.9) & (np.array(theirs.labels, object)[:, None] == labels[None])
    return int(same.any(axis=1).sum()), int(same.any(axis=0).sum())


def test_after_clearing_the_model_stays_loaded_for_a_while(photos: Page, example_photo: Path) -> None:
    loads = "performance.getEntriesByType('resource').filter(e => e.name.endsWith('/worker.js')).length"
    first = detect(photos, example_photo)
    before = photos.run(loads)
    photos.run("document.getElementById('clear').click()")
    photos.wait("document.getElementById('results').hidden")
    assert detect(photos, example_photo) == first
    assert photos.run(loads) == before


def test_rows_that_say_the_same_stay(photos: Page, example_photo: Path) -> None:
    detect(photos, example_photo)
    photos.run("window.firstRow = document.querySelector('#rows tr')")
    detect(photos, example_photo, example_photo)
    photos.wait("document.querySelectorAll('#rows tr').length === 3")
    assert photos.run("document.querySelector('#rows tr') === window.firstRow")
    rows = photos.run("[...document.querySelectorAll('#rows tr')].map(row => row.cells[1].innerText)")
    assert len(set(rows)) == 1
    # Another one is chosen: both rows say so.
    photos.run("document.querySelectorAll('#rows button')[1].click()")
    chosen = "[...document.querySelectorAll('#rows tr')].map(row => row.ariaSelected)"
    assert photos.run(chosen) == ["false", "true", "false"]


def test_the_example_photo_has_the_faces_that_python_finds(
    photos: Page, site: Path, example_photo: Path
) -> None:
    (record,) = detect(photos, example_photo)
    detector = Detector(site / FLOAT, input_size=448, threads=1)
    found = detector.detect(example_photo)
    expected = make_record(
        example_photo.name, record["width"], record["height"], found, "crowd-float", detector.model_hash
    )
    assert list(record) == list(expected)
    assert agreement(record["detections"], found) == (len(found), len(found))
    for mine, theirs in zip(record["detections"], expected["detections"], strict=True):
        assert mine["label"] == theirs["label"]
        assert mine["confidence"] == pytest.approx(theirs["confidence"], abs=0.005)
        assert mine["box"] == pytest.approx(theirs["box"], abs=0.5)
    assert {key: record[key] for key in record if key != "detections"} == {
        key: expected[key] for key in expected if key != "detections"
    }
    assert photos.text("#caption").startswith("1.jpg: 5 faces: 2 × Mask")


def choose_model(page: Page, name: str) -> None:
    """Choose a model."""
    page.run(
        f"(s => {{ s.value = '{name}'; s.dispatchEvent(new Event('change')); }})"
        "(document.getElementById('model'))"
    )


# The page's int8 sums are those of x86: see web/src/int8_sums.ts.
@pytest.mark.parametrize(
    "model",
    [
        "crowd-float",
        pytest.param(
            "crowd-fast", marks=pytest.mark.skipif(platform.machine() not in X86, reason="not an x86")
        ),
    ],
)
def test_shared_photos_have_the_same_faces(photos: Page, site: Path, model: str) -> None:
    names = SHARED / "splits" / "test.txt"
    if not names.is_file():
        pytest.skip("the shared photos are not here")
    paths = [SHARED / line for line in names.read_text(encoding="utf-8").split("\n")[:180:30] if line]
    choose_model(photos, model)
    try:
        records = detect(photos, *paths)
    finally:
        choose_model(photos, "crowd-float")
    detector = Detector(site / "models" / f"{model}.onnx", input_size=MODELS[model], threads=1)
    total = mine = here = there = 0
    for path, record in zip(paths, records, strict=True):
        found = detector.detect(path)
        in_page, in_python = agreement(record["detections"], found)
        total, mine = total + len(found), mine + len(record["detections"])
        here, there = here + in_page, there + in_python
    assert total > 20
    assert here >= 0.99 * total - 1
    assert there >= 0.99 * mine - 1


def test_upright_transparent_and_strange_pictures(
    photos: Page, site: Path, tmp_path: Path, example_photo: Path
) -> None:
    with Image.open(example_photo) as image:
        upright = image.convert("RGB").resize((600, 400))
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    layer = upright.convert("RGBA")
    layer.paste((0, 0, 0, 0), (0, 0, 300, 400))
    layer.save(tmp_path / "half.png")
    upright.convert("CMYK").save(tmp_path / "print.jpg", quality=95)
    upright.convert("L").save(tmp_path / "grey.webp")
    Image.new("RGB", (7, 40)).save(tmp_path / "tiny.png")
    paths = [tmp_path / name for name in ("turned.jpg", "half.png", "print.jpg", "grey.webp", "tiny.png")]
    detector = Detector(site / FLOAT, input_size=448, threads=1)
    for path, record in zip(paths, detect(photos, *paths), strict=True):
        found = detector.detect(path)
        # CMYK is turned into RGB by other rules.
        if path.name != "print.jpg":
            assert agreement(record["detections"], found) == (len(found), len(record["detections"])), (
                path.name
            )
        assert (record["width"], record["height"]) == ((7, 40) if path.name == "tiny.png" else (600, 400))
    assert len(records_of(photos)) == 5


def records_of(page: Page) -> list[dict[str, Any]]:
    return [json.loads(line) for line in saved(page, "save-records")[1].decode().splitlines()]


def test_what_is_no_picture_is_named_and_the_others_are_done(
    photos: Page, tmp_path: Path, example_photo: Path
) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "<b>cut.jpg").write_bytes(example_photo.read_bytes()[:300])
    records = detect(photos, *sorted(tmp_path.iterdir()), example_photo)
    assert [record["source"] for record in records] == ["1.jpg"]
    problems = photos.text("#problems")
    assert "notes.txt: not a picture that this browser can read" in problems
    assert "empty.jpg: the file is empty" in problems
    assert "<b>cut.jpg: not a picture" in problems
    assert "3 could not be read" in photos.text("#status")


def test_pictures_are_saved_annotated_and_blurred(photos: Page, example_photo: Path, tmp_path: Path) -> None:
    copy = tmp_path / example_photo.name
    copy.write_bytes(example_photo.read_bytes())
    (record, _) = detect(photos, example_photo, copy)
    name, content = saved(photos, "save-picture")
    with Image.open(example_photo) as image, Image.open(io.BytesIO(content)) as drawn:
        assert (name, drawn.size) == ("1.jpg", image.size)
        plain = np.asarray(image.convert("RGB")).astype(int)
        boxed = np.asarray(drawn.convert("RGB")).astype(int)
    x1, y1, x2, y2 = (round(v) for v in record["detections"][0]["box"])
    inside = np.s_[y1 + 4 : y2 - 4, x1 + 4 : x2 - 4]
    assert np.abs(plain - boxed)[inside].mean() < 4
    assert np.abs(plain - boxed)[y1 - 2 : y1, x1:x2].mean() > 30
    photos.run("document.getElementById('blur').click()")
    name, content = saved(photos, "save-pictures")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert (name, archive.testzip()) == ("crowdmask-pictures.zip", None)
        assert archive.namelist() == ["1.jpg", "1-2.jpg"]
        with Image.open(io.BytesIO(archive.read("1.jpg"))) as blurred:
            hidden = np.asarray(blurred.convert("RGB")).astype(int)
    photos.run("document.getElementById('blur').click()")
    assert np.abs(plain - hidden)[inside].mean() > 8


def test_the_slider_changes_what_is_shown_at_once(photos: Page, site: Path, example_photo: Path) -> None:
    (before,) = detect(photos, example_photo)
    move = (
        "(s => {{ s.value = {}; s.dispatchEvent(new Event('input')); }})"
        "(document.getElementById('confidence'))"
    )
    photos.run(move.format("'0.95'"))
    (strict,) = records_of(photos)
    photos.run(move.format("'0.05'"))
    (loose,) = records_of(photos)
    assert photos.text("#confidence-shown") == "0.05"
    expected = Detector(site / FLOAT, input_size=448, confidence=0.05, threads=1).detect(example_photo)
    assert len(loose["detections"]) == len(expected)
    assert len(strict["detections"]) <= len(before["detections"]) <= len(loose["detections"])
    assert all(face["confidence"] >= 0.95 for face in strict["detections"])
    photos.run("document.getElementById('own-confidence').click()")
    assert records_of(photos) == [before]


def test_another_model_looks_at_the_photos_again(photos: Page, example_photo: Path) -> None:
    detect(photos, example_photo)
    try:
        choose_model(photos, "crowd-fast")
        photos.wait(f"!({DONE})")
        photos.wait(DONE)
        (record,) = records_of(photos)
        assert (record["model"], record["model_hash"]) == ("crowd-fast", hash_of(locate("crowd-fast")))
        found = Detector("crowd-fast", threads=1).detect(example_photo)
        assert agreement(record["detections"], found) == (len(found), len(found))
    finally:
        choose_model(photos, "crowd-float")


def test_it_works_by_keyboard_and_all_controls_have_names(photos: Page, example_photo: Path) -> None:
    detect(photos, example_photo)
    photos.run("document.getElementById('clear').focus()")
    photos.press("Tab", 9)  # the table's own scrolling
    photos.press("Tab", 9)
    assert photos.run("document.activeElement.innerText") == "1.jpg"
    photos.press("Enter", 13)
    photos.wait("document.activeElement.innerText === '1.jpg'")
    assert photos.run("document.querySelectorAll('[aria-selected=true]').length") == 1
    nodes = photos.call("Accessibility.getFullAXTree")["nodes"]
    roles = ("button", "checkbox", "slider", "combobox", "image", "img", "table", "region", "textbox")
    nameless = [
        node["role"]["value"]
        for node in nodes
        if not node.get("ignored")
        and node.get("role", {}).get("value") in roles
        and not node.get("name", {}).get("value")
    ]
    assert nameless == []
    kinds = {node["role"]["value"] for node in nodes if not node.get("ignored") and "role" in node}
    assert {"button", "slider", "table", "main", "banner", "contentinfo"} <= kinds


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(photos: Page, example_photo: Path, scheme: str) -> None:
    photos.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    photos.call("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=2, mobile=True)
    try:
        detect(photos, example_photo)
        assert photos.run("document.documentElement.scrollWidth") <= 390
        ground, text = photos.run(
            "(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))"
            ".map(c => c.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0))"
        )
        assert abs(ground - text) > 450
        assert (ground > text) is (scheme == "light")
        small = photos.run(
            "[...document.querySelectorAll('button, select, .button')].filter(e => e.offsetParent"
            " && e.getBoundingClientRect().height < 40).map(e => e.innerText)"
        )
        assert small == ["Close"] * len(small)
    finally:
        photos.call("Emulation.clearDeviceMetricsOverride")
        photos.call("Emulation.setEmulatedMedia", features=[])


def test_nothing_is_sent(photos: Page, example_photo: Path, site: Path) -> None:
    detect(photos, example_photo)
    hosts = {
        event["params"]["request"]["url"].split("/")[2]
        for event in photos.events
        if event["method"] == "Network.requestWillBeSent" and "://" in event["params"]["request"]["url"][:8]
    }
    assert hosts == {photos.address.split("/")[2]}
    assert not [path for path in photos.asked if "?" in path or "1.jpg" in path]
    attempts = [
        "fetch('{0}', {{mode: 'no-cors'}}).then(() => 'sent', () => 'refused')",
        "new Promise(d => {{ const i = new Image(); i.onload = () => d('sent');"
        " i.onerror = () => d('refused'); i.src = '{0}icon.svg'; }})",
        # A worker made of a text, as the page's own one is, has the page's policy.
        "new Promise(d => {{ const w = new Worker(URL.createObjectURL(new Blob(["
        "\"fetch('{0}', {{mode: 'no-cors'}}).then(() => postMessage('sent'), () => postMessage('refused'))\""
        "]))); w.onmessage = e => d(e.data); }})",
    ]
    with serving(site) as (other, asked):
        assert [photos.run(attempt.format(other)) for attempt in attempts] == ["refused"] * 3
        assert asked == []


def test_the_camera_shows_faces_counts_and_a_rate_with_flat_memory(photos: Page) -> None:
    photos.run("document.getElementById('camera').click()")
    photos.wait("document.getElementById('live-counts').innerText.includes('frames per second')")
    assert "Mask: 0" in photos.text("#live-counts")
    assert photos.run("document.getElementById('camera').getAttribute('aria-pressed')") == "true"
    photos.run("document.getElementById('keep').click()")
    photos.wait(DONE)
    assert photos.text("#caption").startswith("camera-")

    def heap() -> int:
        photos.call("HeapProfiler.collectGarbage")
        return int(photos.call("Runtime.getHeapUsage")["usedSize"])

    before = heap()
    drawn = "(window.frames_ = window.frames_ || 0) + 0"
    photos.run(
        "(c => { const plain = c.drawImage; window.frames_ = 0;"
        " c.drawImage = function (...a) { window.frames_++; return plain.apply(this, a); }; })"
        "(document.getElementById('frame').getContext('2d'))"
    )
    photos.wait(f"{drawn} >= 20")
    assert heap() - before < 2_000_000
    photos.run("document.getElementById('camera').click()")
    photos.wait("document.getElementById('live').hidden")
    assert photos.run("document.getElementById('video').srcObject") is None


def test_the_page_is_the_one_that_was_ready(page: Page) -> None:
    assert page.run(READY)
    errors = [event for event in page.events if event["method"] == "Runtime.exceptionThrown"]
    assert errors == []
