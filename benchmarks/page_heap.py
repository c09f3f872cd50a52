"""Measure whether the live page's memory stays flat: two cameras, a tab that is open for an hour.

    python benchmarks/page_heap.py [--minutes 60]

Each half minute the browser collects its garbage and tells the heap in use, the page's nodes and listeners.
It ends with exit code 1 where the second half of the time holds over a tenth and .5 MB more than the first
one, of which the first tenth is left out: code is still compiled. Needs Chromium and extra `dev`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from tests.web.browser import Page, browsing  # noqa: E402

from demo_site import demo_site  # noqa: E402

EVERY_S = 30.0
SHOWN = (
    "[...document.querySelectorAll('#cameras img')].filter((image) => image.naturalWidth > 0).length === 2"
)
COUNT = """window.pictures = 0; const made = URL.createObjectURL;
URL.createObjectURL = (blob) => { pictures += 1; return made.call(URL, blob); }; 0"""


def used(page: Page) -> tuple[float, int, int]:
    """Return the heap in use in MB, nodes and listeners, after its garbage has gone."""
    page.call("HeapProfiler.collectGarbage")
    found = {each["name"]: each["value"] for each in page.call("Performance.getMetrics")["metrics"]}
    page.events.clear()
    return found["JSHeapUsedSize"] / 1e6, int(found["Nodes"]), int(found["JSEventListeners"])


def main() -> int:
    """Measure, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    minutes = parser.parse_args().minutes
    heaps: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        demo_site(Path(folder), past=False) as address,
        browsing(Path(folder) / "browser") as page,
    ):
        page.call("Performance.enable")
        # What the browser would tell this program of each picture is kept in its memory.
        page.call("Network.disable")
        page.open(address)
        page.wait(SHOWN, 60)
        page.run(COUNT)
        began = time.monotonic()
        print("minute  heap MB  nodes  listeners  pictures")
        while time.monotonic() - began < minutes * 60:
            time.sleep(EVERY_S)
            heap, nodes, listeners = used(page)
            heaps.append(heap)
            minute = (time.monotonic() - began) / 60
            print(
                f"{minute:6.1f}  {heap:7.2f}  {nodes:5}  {listeners:9}  {page.run('pictures'):8}", flush=True
            )
    first = statistics.median(heaps[len(heaps) // 10 : len(heaps) // 2])
    second = statistics.median(heaps[len(heaps) // 2 :])
    flat = second <= 1.1 * first + 0.5
    print(f"first half {first:.2f} MB, second half {second:.2f} MB: {'flat' if flat else 'it grows'}")
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
