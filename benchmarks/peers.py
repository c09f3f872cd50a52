"""Measure our detectors and two peers side by side on one data set; print a markdown table.

    python benchmarks/peers.py --peers DIR --data recipes/data/crowdmask.yaml --split test

The peers' files are not ours to ship; `peer_models.py` says which they are and how they are read.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from peer_models import Peer, load_peers

from crowdmask import Detector
from crowdmask.data.dataset import load_dataset
from crowdmask.data.sample import Sample
from crowdmask.detections import Detections
from crowdmask.evaluation.measures import SliceMeasures, measure_slices
from crowdmask.evaluation.run import FAINTEST, DetectTwice, both_views, run_detector
from crowdmask.inference.model_file import shipped_models
from crowdmask.media.pictures import Picture

SLICES = ("all", "masks", "gotg", "jolignier", "wider")


def peer_views(peer: Peer) -> DetectTwice:
    """Return a detect like that of `both_views`; a peer has one threshold, so one suppression does."""

    def detect(picture: Picture) -> tuple[Detections, Detections]:
        found = peer.detect(np.asarray(picture.image))
        return found, found[found.confidence >= peer.default_confidence]

    return detect


def row(name: str, slices: dict[str, SliceMeasures]) -> str:
    """Return one line of the table."""
    everything = slices["all"].shown
    masks = slices.get("masks", slices["all"]).shown
    scores = [f"{slices[s].two_class.map50:.3f}" if s in slices else "–" for s in SLICES]
    accuracy = f"{masks.class_accuracy:.3f} ({everything.class_accuracy:.3f})"
    found = f"{everything.recall:.3f} / {everything.precision:.3f}"
    return f"| {' | '.join([name, *scores, accuracy, found])} |"


def measure(name: str, detect: DetectTwice, samples: Sequence[Sample]) -> str:
    """Run one detector over the samples and return its line."""
    run = run_detector(detect, samples)
    for line in run.failed:
        print(f"{name}: {line}")
    return row(name, measure_slices(run.pictures))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", type=Path, help="folder with the peers' ONNX files; left out: ours alone")
    parser.add_argument("--data", type=Path, required=True, help="YAML of the data set")
    parser.add_argument("--root", type=Path, help="folder of the photos")
    parser.add_argument("--split", default="test")
    parser.add_argument("--models", nargs="*", help="our models; left out: all that are shipped")
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()

    samples = load_dataset(arguments.data, arguments.root).split(arguments.split)
    models = shipped_models() if arguments.models is None else arguments.models
    lines = [
        measure(
            f"crowdmask {Path(model).stem}", both_views(Detector(model, threads=arguments.threads)), samples
        )
        for model in models
    ]
    if arguments.peers:
        for name, peer in load_peers(arguments.peers, FAINTEST, arguments.threads).items():
            lines.append(measure(name, peer_views(peer), samples))
    heads = [f"mAP50 {name}" for name in SLICES]
    heads += ["class accuracy of found faces, masks (all)", "recall / precision at own default, all"]
    print(f"| {len(samples)} pictures, {arguments.split} | {' | '.join(heads)} |")
    print("|---" * (len(heads) + 1) + "|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
