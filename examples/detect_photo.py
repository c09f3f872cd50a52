"""Find the faces of a photo from Python: python examples/detect_photo.py [PHOTO [ANNOTATED]]

Left out, the photo is the example that lies in the repository's root.
"""

import sys
from pathlib import Path

from PIL import Image, ImageOps

from crowdmask import Detector

EXAMPLE = Path(__file__).resolve().parents[1] / "1.jpg"


def main() -> None:
    photo = Path(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLE
    annotated = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(f"{photo.stem}-annotated.png")

    detector = Detector()  # keep it for many photos: loading takes longer than one of them
    faces = detector.detect(photo)  # or an RGB uint8 array (H, W, 3), or a PIL image

    for box, label, confidence in zip(faces.xyxy, faces.labels, faces.confidence, strict=True):
        left, top, right, bottom = box.round().astype(int)
        print(f"{label:20} {confidence:6.1%}  from ({left}, {top}) to ({right}, {bottom})")
    print(faces.counts(), f"by {detector.model_name} ({detector.model_hash})")

    sure = faces[faces.confidence > 0.8]  # a part of them: a mask, a slice or indices
    print(f"{len(sure)} of {len(faces)} are surer than 80 %")

    # Boxes are measured in the upright photo, so that is what they are drawn on.
    with Image.open(photo) as image:
        faces.draw(ImageOps.exif_transpose(image)).save(annotated)
    print(f"wrote {annotated}")


if __name__ == "__main__":
    main()
