"""Compare the page in Chromium with the Python program: faces, time, start, and memory at the camera.

    python benchmarks/web_page.py faces --photos DIR [--list FILE] [--model NAME] [--input-size PX] [--webgpu]
    python benchmarks/web_page.py time --photo FILE [FILE ...]
    python benchmarks/web_page.py camera --minutes 10 [--video clip.mjpeg]

`faces` counts, over photos, the faces of each that the other shows with the same label and an IoU of .9 or
more. `time` measures photos in turn, one thread in both: from choosing the file to the result, as the clock
and as the processor's time, which is less moved by what else the machine does; and from opening the page to
the first result. `camera` runs Chromium's made-up camera, or a clip in its place that was made with
`ffmpeg -i CLIP -an -q:v 4 clip.mjpeg`, and prints memory each half minute. Needs Chromium and extra `dev`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.web.browser import Page, browsing, serving  # noqa: E402

from crowdmask import Detector, boxes  # noqa: E402
from crowdmask.inference.stopwatch import Stopwatch  # noqa: E402
from crowdmask.web.site import MODELS, write_page  # noqa: E402

READY = "document.documentElement.dataset.ready === 'true'"
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
LINES = """window.lines_ = null; (() => { const plain = URL.createObjectURL;
URL.createObjectURL = blob => { blob.text().then(t => window.lines_ = t); URL.createObjectURL = plain;
return plain.call(URL, blob); }; HTMLAnchorElement.prototype.click = () => 0;
document.getElementById('save-records').click(); })()"""

# Notes the time from choosing files to the word that all are done.
STOPWATCH = """(() => { let begin = 0;
const [files, status] = ['files', 'status'].map(i => document.getElementById(i));
files.addEventListener('change', () => { begin = performance.now(); }, true);
new MutationObserver(() => { if (!begin || !status.textContent.startsWith('Done')) return;
window.took = performance.now() - begin; begin = 0; }).observe(status, {childList: true}); })()"""
FIRST = 8
"""Photos that a browser needs until it has translated the network's code well."""

# An imitated graphics card, which the page would not take by itself.
IMITATED = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-unsafe-swiftshader")
AS_REAL = "Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', {get: () => false})"


@contextmanager
def opened(*options: str, webgpu: bool = False) -> Iterator[tuple[Page, Path]]:
    """Open the page in a browser.

    Args:
        webgpu: let it compute by WebGPU, on an imitated graphics card.
    Yields:
        The page, and the folder of its models.
    """
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "page"
        write_page(site, webgpu=webgpu)
        options += IMITATED if webgpu else ()
        with serving(site) as (address, asked), browsing(Path(folder) / "profile", *options) as page:
            page.address, page.asked = address, asked
            if webgpu:
                page.call("Page.addScriptToEvaluateOnNewDocument", source=AS_REAL)
            yield page, site / "models"


def choose(page: Page, name: str, value: str) -> None:
    """Choose a setting."""
    event = f"s => {{ s.value = '{value}'; s.dispatchEvent(new Event('change')); }}"
    page.run(f"({event})(document.getElementById('{name}'))")


def records(page: Page, paths: list[Path]) -> list[dict[str, Any]]:
    """Add photos and return what the page saves of them."""
    page.choose_files("#files", paths)
    done = "document.getElementById('status').innerText.startsWith('Done')"
    page.wait(f"{done} && document.querySelectorAll('#rows tr').length === {len(paths)}", 3600)
    page.run(LINES)
    return [json.loads(line) for line in page.wait("window.lines_").splitlines()]


def compare_faces(photos: list[Path], model: str, input_size: int | None, webgpu: bool) -> None:
    """Print how many faces both show."""
    with opened(webgpu=webgpu) as (page, models):
        page.open(page.address)
        page.wait(READY, 300)
        print(page.text("#how"))
        choose(page, "model", model)
        found = records(page, photos)
        detector = Detector(models / f"{model}.onnx", input_size=input_size or MODELS[model], threads=1)
    sums = np.zeros(4, int)
    for path, record in zip(photos, found, strict=True):
        theirs = detector.detect(path)
        mine = np.array([face["box"] for face in record["detections"]], np.float32).reshape(-1, 4)
        labels = np.array([face["label"] for face in record["detections"]], object)
        same = (boxes.iou(theirs.xyxy, mine) >= 0.9) & (
            np.array(theirs.labels, object)[:, None] == labels[None]
        )
        sums += [same.any(axis=1).sum(), len(theirs), same.any(axis=0).sum(), len(mine)]
        if not same.any(axis=1).all() or not same.any(axis=0).all():
            print(f"{path.name}: {len(theirs)} in Python, {len(mine)} on the page, {same.sum()} the same")
    both, python, page_too, shown = sums
    print(f"{len(photos)} photos, {model}:")
    print(f"of Python's {python} faces the page shows {both} ({both / python:.2%})")
    print(f"of the page's {shown} Python shows {page_too} ({page_too / shown:.2%})")


def compare_times(photos: list[Path], runs: int) -> None:
    """Print times of photos, in turn, after the page's first ones."""
    model = next(iter(MODELS))
    ratios = []
    with opened() as (page, models):
        file = models / f"{model}.onnx"
        detector = Detector(file, input_size=MODELS[model], threads=1, backend="onnxruntime")
        begin = time.perf_counter()
        page.open(page.address)
        page.wait(READY)
        page.run(STOPWATCH)
        time_of_page(page, photos[0])
        print(f"from opening the page to the first result: {time.perf_counter() - begin:.2f} s")
        for _ in range(FIRST):
            time_of_page(page, photos[0])
        for photo in photos:
            ratios.append(compare_time(page, detector, photo, runs))
            compare_processor_times(page, detector, photo)
    print(f"median of {len(photos)} photos' ratios of time: {np.median(ratios):.2f}")


def compare_time(page: Page, detector: Detector, photo: Path, runs: int) -> float:
    """Print times of one photo, and return the median of their ratios."""
    watch = Stopwatch()
    detector.detect(photo, stopwatch=watch)
    native, browser = [], []
    for _ in range(runs):
        browser.append(time_of_page(page, photo))
        detector.detect(photo)
        begin = time.perf_counter()
        detector.detect(photo)
        native.append(1000 * (time.perf_counter() - begin))
    ratios = np.array(browser) / np.array(native)
    print(
        f"{photo.name}, {watch.times['network']} looks: page {np.median(browser):.0f} ms, Python "
        f"{np.median(native):.0f} ms (both read the file, one thread): ratio {np.median(ratios):.2f} "
        f"({ratios.min():.2f} to {ratios.max():.2f}); the least of {runs}: {min(browser):.0f} and "
        f"{min(native):.0f} ms, ratio {min(browser) / min(native):.2f}",
        flush=True,
    )
    return float(np.median(ratios))


def time_of_page(page: Page, photo: Path) -> float:
    """Return the time from choosing a photo to the page's result, in milliseconds."""
    page.run("document.getElementById('clear').click()")
    page.run("window.took = null")
    page.choose_files("#files", [photo])
    return float(page.wait("window.took", 120))


def compare_processor_times(page: Page, detector: Detector, photo: Path, copies: int = 20) -> None:
    """Print the processor time of one photo, all of the tab's threads counted."""
    # Loading and compiling, and the picture on the page, are in both turns, and so not in the difference.
    few = page_turn(page, [photo] * copies)
    page_ms = 1000 * (page_turn(page, [photo] * (2 * copies)) - few) / copies
    begin = time.process_time()
    for _ in range(copies):
        detector.detect(photo)
    python_ms = 1000 * (time.process_time() - begin) / copies
    ratio = page_ms / python_ms
    print(
        f"  processor time: page {page_ms:.0f} ms, Python {python_ms:.0f} ms: ratio {ratio:.2f}", flush=True
    )


def page_turn(page: Page, photos: list[Path]) -> float:
    """Let the page look at photos anew, and return the tab's processor time, in seconds."""

    def spent() -> float:
        mine = psutil.Process().children(recursive=True)
        tabs = [each.cpu_times() for each in mine if "--type=renderer" in each.cmdline()]
        return sum(each.user + each.system for each in tabs)

    page.run("document.getElementById('clear').click()")
    page.wait("document.getElementById('results').hidden")
    before = spent()
    page.choose_files("#files", photos)
    page.wait(f"document.getElementById('status').innerText.startsWith('Done: {len(photos)} ')", 600)
    return spent() - before


def watch_camera(minutes: float, video: Path | None) -> None:
    """Print the browser's memory while the camera runs."""
    shown = [f"--use-file-for-fake-video-capture={video.resolve()}"] if video else []
    with opened(*CAMERA, *shown) as (page, _):
        page.open(page.address)
        page.wait(READY)
        page.run("document.getElementById('camera').click()")
        page.wait("document.getElementById('live-counts').innerText.includes('per second')")
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            time.sleep(30)
            page.call("HeapProfiler.collectGarbage")
            heap = page.call("Runtime.getHeapUsage")["usedSize"] / 1e6
            own = psutil.Process()
            memory = sum(each.memory_info().rss for each in own.children(recursive=True)) / 1e6
            left = max(0.0, end - time.monotonic())
            print(f"{left:5.0f} s left: heap {heap:.1f} MB, all processes {memory:.0f} MB, ", end="")
            print(page.text("#live-counts"), flush=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("faces", "time", "camera"))
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--list", type=Path, help="names of photos below --photos, one a line")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--model", default=next(iter(MODELS)), choices=MODELS)
    parser.add_argument("--input-size", type=int)
    parser.add_argument(
        "--webgpu", action="store_true", help="`faces` by WebGPU without a graphics card: slow"
    )
    parser.add_argument("--photo", type=Path, nargs="+", default=[ROOT / "1.jpg"])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--video", type=Path, help="a .mjpeg or .y4m file for the camera")
    parser.add_argument("--minutes", type=float, default=10)
    given = parser.parse_args()
    for file in (*given.photo, given.list, given.video):
        # The browser itself would show a file that is missing as an empty one.
        if file is not None and not file.is_file():
            parser.error(f"{file}: no such file")
    if given.photos is not None and not given.photos.is_dir():
        parser.error(f"{given.photos}: no such folder")
    if given.what == "time":
        compare_times(given.photo, given.runs)
    elif given.what == "camera":
        watch_camera(given.minutes, given.video)
    else:
        if given.photos is None:
            parser.error("faces needs --photos")
        if given.list:
            lines = given.list.read_text(encoding="utf-8").splitlines()
            paths = [given.photos / line.strip() for line in lines if line.strip()]
        else:
            paths = sorted(
                path for path in given.photos.rglob("*") if path.suffix.lower() in (".jpg", ".png")
            )
        compare_faces(
            paths[:: max(1, len(paths) // given.limit)][: given.limit],
            given.model,
            given.input_size,
            given.webgpu,
        )


if __name__ == "__main__":
    main()
