"""Put into the built page and its part of the supplement what Node.js cannot make; `make web` calls it.

    python tools/pack_page.py

- The runtime's builds, compressed: 2 MB instead of 14, for graphics cards 4 MB instead of 27; `crowdmask web`
  takes them out.
- The float model with its weights as 16-bit floats, half as large. The model's own file keeps 32 bits,
  since int8 models are made of it. The metadata are the same. Without the package `onnx` it is left as it is.
"""

from __future__ import annotations

import lzma
from pathlib import Path

from crowdmask.inference.model_file import locate
from crowdmask.web.site import HALVED, packed_model, page_folder, webgpu_folder

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "web" / "node_modules" / "onnxruntime-web" / "dist"


def pack(content: bytes, packed: Path) -> None:
    """Write a compressed file, if it would be another one."""
    if not packed.is_file() or lzma.decompress(packed.read_bytes()) != content:
        packed.parent.mkdir(parents=True, exist_ok=True)
        packed.write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))


def pack_model(name: str) -> None:
    """Write a model with weights of 16 bits."""
    try:
        import onnx
    except ModuleNotFoundError:
        print(f"the page's {name} stays as it is: the package onnx is not installed (make setup-train)")
        return
    from crowdmask.export.halves import store_halves

    network = onnx.load(str(locate(name)))
    store_halves(network)
    content = network.SerializeToString(deterministic=True)
    pack(content, packed_model(name))


if __name__ == "__main__":
    for folder, runtime in (
        (page_folder(), "ort-wasm-simd-threaded.wasm"),
        (webgpu_folder(), "ort-wasm-simd-threaded.asyncify.wasm"),
    ):
        pack((DIST / runtime).read_bytes(), folder / f"{runtime}.xz")
    for halved in HALVED:
        pack_model(halved)
