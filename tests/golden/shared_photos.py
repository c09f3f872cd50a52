"""Write what the float model finds on photos of the shared folder, numbers alone, to `shared-photos.json`.

    python tests/golden/shared_photos.py ../shared/data

Run it only where the float model is replaced: otherwise its faces are to stay as they are.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from crowdmask import Detector

HERE = Path(__file__).parent
EVERY = 18
"""One photo of so many of each split."""


def main(data: Path) -> None:
    """Detect on the photos and write the numbers."""
    names = [
        line.strip()
        for split in ("val", "test")
        for line in (data / "splits" / f"{split}.txt").read_text(encoding="utf-8").splitlines()
    ]
    detector = Detector("crowd-float", device="cpu")
    photos = {}
    for name in names[::EVERY]:
        found = detector.detect(data / name)
        faces = zip(found.xyxy.tolist(), found.class_id.tolist(), found.confidence.tolist(), strict=True)
        photos[name] = [[*(round(v, 4) for v in box), label, round(sure, 6)] for box, label, sure in faces]
    rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(faces)}" for name, faces in photos.items())
    text = f'{{"model_hash": "{detector.model_hash}",\n"photos": {{\n{rows}\n}}}}\n'
    (HERE / "shared-photos.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
