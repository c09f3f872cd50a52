#!/bin/sh
# supervision reads the same Pascal VOC file into other boxes, by its version, and says nothing.
# - 0.29.1 takes 1 from all four corners: xmin 10, ymin 20, xmax 50, ymax 60 become [9, 19, 49, 59].
# - 0.31.2 takes 1 from the left and top ones alone: [9, 19, 50, 60], a pixel wider and higher.
# Both read corners as counted from 1, and the newer one the last pixel as part of the box; both write their boxes back
# as they were read, so a round trip shows nothing. Files of tools that count from 0 come out a pixel up and to the left
# in COCO and YOLO, and a set that was converted before an update has other boxes than one converted after it.
# Seen with Python 3.11 and opencv-python-headless 4.12.0.88.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > look.py <<'END'
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import supervision

Path("pictures").mkdir(exist_ok=True)
Path("labels").mkdir(exist_ok=True)
cv2.imwrite("pictures/a.png", np.zeros((100, 200, 3), np.uint8))
Path("labels/a.xml").write_text(
    "<annotation><filename>a.png</filename>"
    "<size><width>200</width><height>100</height><depth>3</depth></size>"
    "<object><name>face</name><bndbox><xmin>10</xmin><ymin>20</ymin><xmax>50</xmax><ymax>60</ymax></bndbox></object>"
    "</annotation>"
)
read = supervision.DetectionDataset.from_pascal_voc("pictures", "labels")
((_, _, faces),) = list(read)
read.as_coco(annotations_path="coco.json")
box = json.loads(Path("coco.json").read_text())["annotations"][0]["bbox"]
read.as_pascal_voc(annotations_directory_path="written")
kept = all(f">{edge}<" in Path("written/a.xml").read_text() for edge in (10, 20, 50, 60))
print("supervision", supervision.__version__, "corners", faces.xyxy.tolist(), "COCO", box, "written as read:", kept)
right, bottom = (float(word) for word in sys.argv[1:])
assert faces.xyxy.tolist() == [[9, 19, right, bottom]], "corners are read in another way now"
assert box == [9, 19, right - 9, bottom - 19], "COCO boxes are made in another way now"
assert kept, "VOC is written in another way now"
END
look() {
    python3 -m venv "with-$1"
    "with-$1/bin/python" -m pip install --quiet "supervision==$1" opencv-python-headless==4.12.0.88
    "with-$1/bin/python" look.py "$2" "$3"
}
look 0.29.1 49 59
look 0.31.2 50 60
