"""The files of the page: what was built of `web/`, the shipped models, and what ties them together.

`page/` is the built page, with the float model, whose weights are stored as 16-bit floats; the supplement has
the build for graphics cards. `make web` builds them anew. The other models are those of the package.
"""

from __future__ import annotations

import hashlib
import json
import lzma
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import crowdmask
from crowdmask.errors import ModelError, OutputError
from crowdmask.files import as_output_error, lock, whole_file, whole_folder
from crowdmask.inference.model_file import locate, shipped_card
from crowdmask.supplement import supplement

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'self'; "
    "img-src 'self' blob:; media-src 'self' blob:; style-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'"
)
"""The page may load files of its own server only, so a photo has no way out."""

HEADERS: Final = MappingProxyType(
    {
        "Content-Security-Policy": POLICY,
        # With these two, browsers give WebAssembly threads.
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
)
"""What a server may send with each file; the page works without."""

INDEX, SITE, SERVICE_WORKER = "index.html", "site.json", "sw.js"

MODELS: Final = MappingProxyType({"crowd-float": 448, "crowd": None, "crowd-fast": None})
"""The models on the page, the default first, and the input size that each begins with; None: its own."""

HALVED = ("crowd-float",)
"""Of these the page has a file of its own, with weights of 16 bits."""

WEBGPU = "webgpu"
"""The folder of the build for graphics cards, in the page and in the supplement."""

_ASYNCIFY = "ort-wasm-simd-threaded.asyncify"
WEBGPU_FILES = ("worker.js", f"{_ASYNCIFY}.mjs", f"{_ASYNCIFY}.wasm")
"""The files of that folder in the page."""

_POLICY_PLACE = "CONTENT_SECURITY_POLICY"


@dataclass(frozen=True)
class PageFile:
    """One file of the page.

    Attributes:
        place: where it lies, or its content.
        first: the first visit needs it.
    """

    place: Path | bytes
    first: bool = False

    def read(self) -> bytes:
        """Return its content."""
        return self.place if isinstance(self.place, bytes) else self.place.read_bytes()


def page_folder() -> Path:
    """Return the folder of the built page, which has neither models nor what `page_files` adds."""
    return Path(str(resources.files("crowdmask.web"))) / "page"


def webgpu_folder() -> Path:
    """Return the folder of the build for graphics cards.

    Raises:
        MissingSupplementError: the package that holds it is not installed.
    """
    return supplement("the page for graphics cards") / "page" / WEBGPU


def packed_model(name: str) -> Path:
    """Return the compressed file of a model in `HALVED`."""
    return page_folder() / "models" / f"{name}.onnx.xz"


def model_of_page(name: str) -> bytes:
    """Return the content of a model file of the page.

    Raises:
        ModelError: it does not ship with this installation.
        OSError, lzma.LZMAError: it cannot be read.
    """
    return lzma.decompress(packed_model(name).read_bytes()) if name in HALVED else locate(name).read_bytes()


def page_files(webgpu: bool = False) -> dict[str, PageFile]:
    """Return all files of the page by their paths under its address.

    Args:
        webgpu: with the build of the runtime that uses the graphics card, 27 MB more.
    Raises:
        ModelError: a model of the page does not ship with this installation.
        MissingSupplementError: it is for graphics cards, see `webgpu_folder`.
        OutputError: the page was not built.
    """
    folder = page_folder()
    if not (folder / INDEX).is_file():
        raise OutputError(
            "the page was not built here: run  make web  in the source folder, or install a wheel"
        )
    files = _built(folder, first=True)
    if webgpu:
        files |= {f"{WEBGPU}/{name}": file for name, file in _built(webgpu_folder(), first=False).items()}
    listed: list[dict[str, Any]] = []
    for name, size in MODELS.items():
        file, content = f"models/{name}.onnx", model_of_page(name)
        files[file] = PageFile(content, first=not listed)
        files[f"models/{name}.md"] = PageFile((shipped_card(name) or "").encode())
        listed.append(
            {
                "name": name,
                "file": file,
                "bytes": len(content),
                "hash": hashlib.sha256(content).hexdigest()[:16],
                "input_size": size,
            }
        )
    index = files[INDEX].read().decode().replace(_POLICY_PLACE, POLICY)
    files[INDEX] = PageFile(index.encode(), first=True)
    site = {"version": crowdmask.__version__, "webgpu": webgpu, "models": listed}
    files[SITE] = PageFile(json.dumps(site, indent=1).encode(), first=True)
    files["_headers"] = PageFile(_headers_file())
    files[SERVICE_WORKER] = PageFile(_service_worker(files))
    return files


def write_page(to: Path, webgpu: bool = False) -> int:
    """Write the page for a web server; an older page there is replaced.

    Args:
        to: a folder that does not exist, is empty, or holds an older page.
        webgpu: see `page_files`.
    Returns:
        The number of bytes written.
    Raises:
        OutputError: the folder holds something else, or cannot be written.
        ModelError, MissingSupplementError: see `page_files`.
    """
    try:
        contents = {name: file.read() for name, file in page_files(webgpu).items()}
    except (OSError, lzma.LZMAError) as error:
        raise ModelError(f"the page cannot be read ({error}): install crowdmask again") from error
    with as_output_error(to, "the page"):
        older = _older_files(to)
    if older is None:
        with whole_folder(to, what="the page") as work:
            for name, content in contents.items():
                _write(work / name, content)
    else:
        with lock(to):
            # What ties the files together comes last, so that a visitor meanwhile sees the older page whole.
            for name in sorted(contents, key=lambda name: name in (INDEX, SITE, SERVICE_WORKER)):
                _write(to / name, contents[name])
            for name in older - set(contents):
                (to / name).unlink(missing_ok=True)
    return sum(len(content) for content in contents.values())


def _write(path: Path, content: bytes) -> None:
    with whole_file(path, what="the page", make_parents=True) as file:
        file.write(content)


def _older_files(to: Path) -> set[str] | None:
    """Return the files of an older page in the folder; None where there is nothing.

    Raises:
        OutputError: there is something else.
    """
    if not to.exists() or (to.is_dir() and not any(to.iterdir())):
        return None
    refused = OutputError(f"{to}: neither empty nor an older page of crowdmask's: choose another `to`")
    if not to.is_dir() or not (to / SITE).is_file() or not (to / SERVICE_WORKER).is_file():
        raise refused
    found = {path.relative_to(to).as_posix() for path in to.rglob("*") if path.is_file()}
    # By name, since the supplement, which holds them, need not be installed any more.
    if found - set(page_files()) - {f"{WEBGPU}/{name}" for name in WEBGPU_FILES}:
        raise refused
    return found


def _built(folder: Path, *, first: bool) -> dict[str, PageFile]:
    """Return the built files of a folder; the runtime's largest ones are kept compressed."""
    files = {}
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        if path.suffix == ".xz":
            files[path.stem] = PageFile(lzma.decompress(path.read_bytes()), first)
        else:
            files[path.name] = PageFile(path, first)
    return files


def _headers_file() -> bytes:
    """Return the headers as some hosts of static pages read them."""
    return "".join(["/*\n", *(f"  {name}: {value}\n" for name, value in HEADERS.items())]).encode()


def _service_worker(files: dict[str, PageFile]) -> bytes:
    """Return the script that keeps the page; it differs whenever a file does, so that browsers take them."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name].read()).digest())
    addresses = {
        name: "" if name == INDEX else name for name in files if name not in (SERVICE_WORKER, "_headers")
    }
    site = {
        "digest": digest.hexdigest()[:16],
        "first": [address for name, address in addresses.items() if files[name].first],
        "files": list(addresses.values()),
        "headers": dict(HEADERS),
    }
    return f"const SITE = {json.dumps(site)};\n".encode() + files[SERVICE_WORKER].read()
