"""Make the pictures of the service's pages in the documentation anew.

    python tools/page_pictures.py [--out docs/pages] [--check]

They show `tools/demo_site.py`: faces are blurred, and nothing of it is real. `--check` takes every page at
390 and 1,920 pixels, light and dark, to look at. Needs Chromium and extra `dev`.
"""

from __future__ import annotations

import argparse
import base64
import io
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.web.browser import Page, browsing  # noqa: E402

from demo_site import demo_site  # noqa: E402

# What says that a page shows all it has.
READY = {
    "": "document.querySelectorAll('#events li:not(.nothing)').length > 8 && "
    "document.querySelectorAll('#cameras .badge.good').length === 2 && "
    "[...document.querySelectorAll('#cameras img')].filter((each) => each.naturalWidth > 0).length === 2 && "
    "[...document.querySelectorAll('#cameras td')].every((cell) => cell.textContent !== '–')",
    "history?span=7d": "document.getElementById('view').dataset.loaded",
    "screens": "document.querySelector('#links-table button') !== null",
    "wall": "/[0-9] %/.test(document.getElementById('figures').textContent)",
}
FOR_DOCS = (
    ("", 1280, "light"),
    ("history?span=7d", 1280, "light"),
    ("wall", 1280, "dark"),
)
PATIENCE_S = 60
LINK = """fetch('v1/links', {method: 'POST', headers: {'Content-Type': 'application/json'},
    body: JSON.stringify({name: 'Hall, first floor'})}).then((answer) => answer.status)"""


def take(page: Page, address: str, path: str, width: int, scheme: str, height: int) -> Image.Image:
    """Return a picture of a page.

    Args:
        address: of the service.
        path: of the page.
        width, height: of the window, pixels; a narrow one shows the page down to twice its height.
        scheme: light or dark.
    """
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    page.call("Emulation.setDeviceMetricsOverride", **size)
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.open(address + path)
    page.wait(READY[path], PATIENCE_S)
    page.run("document.activeElement.blur(); new Promise((go) => setTimeout(go, 500))")
    taken = page.call("Page.captureScreenshot", format="png")
    return Image.open(io.BytesIO(base64.b64decode(taken["data"]))).convert("RGB")


def pictures(check: bool) -> Iterator[tuple[str, Image.Image]]:
    """Yield names of files and pictures."""
    looks: tuple[tuple[str, int, str], ...] = FOR_DOCS
    if check:
        looks = tuple(
            (path, width, scheme) for path in READY for width in (390, 1920) for scheme in ("light", "dark")
        )
    with (
        tempfile.TemporaryDirectory() as folder,
        demo_site(Path(folder)) as address,
        browsing(Path(folder) / "browser", "--hide-scrollbars") as page,
    ):
        page.open(address)
        page.wait(READY[""], PATIENCE_S)
        page.run(LINK)
        for path, width, scheme in looks:
            name = path.partition("?")[0] or "live"
            yield (
                f"{name}-{width}-{scheme}",
                take(page, address, path, width, scheme, 1800 if width == 390 else 800),
            )


def main() -> None:
    """Make them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pages")
    parser.add_argument("--check", action="store_true", help="every page, in every look")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures(given.check):
        file = given.out / f"{name}.webp"
        picture.save(file, quality=82, method=6)
        print(file)


if __name__ == "__main__":
    main()
