"""Make model files that were written for one picture at a time take any number, with the same answers.

    python tools/open_batch.py src/crowdmask/assets/*.onnx --results benchmarks/results

Weights, metadata and answers stay to the bit; a file whose answers would change is not written. What was
measured of the old file holds for the new one, so its hash is replaced in the results; tools/write_cards.py
then writes the cards.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx

from crowdmask.export.rewrite import open_batch
from crowdmask.inference.backends.registry import load_backend
from crowdmask.inference.model_file import hash_of

SIZES = ((96, 160), (704, 480))
BATCHES = (1, 3)


def same_answers(before: Path, after: Path) -> bool:
    """Say whether two files answer alike to the bit, picture by picture, alone and three together."""
    old, new = (load_backend("onnxruntime", path, device="cpu") for path in (before, after))
    height, width = new.input_sides
    for seed, size in enumerate(SIZES):
        sides = (height or size[0], width or size[1])
        for batch in BATCHES:
            pictures = np.random.default_rng(seed).integers(0, 256, (batch, *sides, 3), np.uint8)
            alone = [old.run(pictures[index : index + 1]) for index in range(batch)]
            together = new.run(pictures)
            for part in range(2):
                expected = np.concatenate([answer[part] for answer in alone])
                if not np.array_equal(expected, together[part]):
                    return False
    return True


def same_weights(before: onnx.ModelProto, after: onnx.ModelProto) -> bool:
    """Say whether all stored numbers but shapes are alike to the bit."""

    def weights(model: onnx.ModelProto) -> dict[str, bytes]:
        return {
            value.name: value.SerializeToString()
            for value in model.graph.initializer
            if value.data_type != onnx.TensorProto.INT64
        }

    return weights(before) == weights(after)


def rename_hash(results: Path, old: str, new: str) -> None:
    """Replace a file's hash in all reports of a folder."""
    for report in results.glob("*.json"):
        text = report.read_text(encoding="utf-8")
        if old in text:
            report.write_text(text.replace(old, new), encoding="utf-8")


def main() -> int:
    """Rewrite the files; 1 where one was left as it was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--results", type=Path, help="folder of reports that name the files by their hash")
    arguments = parser.parse_args()
    failed = 0
    for path in arguments.files:
        old_hash = hash_of(path)
        before, network = onnx.load(str(path)), onnx.load(str(path))
        open_batch(network)
        onnx.checker.check_model(network, full_check=True)
        with TemporaryDirectory(dir=path.parent) as folder:
            part = Path(folder) / path.name
            onnx.save(network, str(part))
            good = same_weights(before, network) and same_answers(path, part)
            if good:
                part.replace(path)
        if good and arguments.results:
            rename_hash(arguments.results, old_hash, hash_of(path))
        print(f"{path}: {'written' if good else 'left as it was: its answers would change'}")
        failed += not good
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
