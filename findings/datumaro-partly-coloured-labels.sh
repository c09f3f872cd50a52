#!/bin/sh
# datumaro 1.13.12 drops boxes when it writes a Pascal VOC set of which some labels have a colour in labelmap.txt and some
# have none: those of the labels without one are gone from the XML; one line of the log says "remapped to background".
# With colours for all labels, and with colours for none, all boxes stay; reading is right in all three.
# Seen with Python 3.11.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv tool
tool/bin/python -m pip install --quiet datumaro==1.13.12
cat > look.py <<'END'
import re
from importlib.metadata import version
from pathlib import Path

from datumaro.components.annotation import AnnotationType
from datumaro.components.dataset import Dataset
from PIL import Image

print("datumaro", version("datumaro"))
BOX = "<xmin>{0}</xmin><ymin>20</ymin><xmax>{1}</xmax><ymax>60</ymax>"
COLOURS = {
    "all": ("masked:0,255,0::\nbare:255,0,0::\n", ["bare", "masked"]),
    "none": ("masked:::\nbare:::\n", ["bare", "masked"]),
    "some": ("masked:0,255,0::\nbare:::\n", ["masked"]),
}
for name, (colours, kept) in COLOURS.items():
    made = Path(name)
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (made / folder).mkdir(parents=True)
    Image.new("RGB", (200, 100)).save(made / "JPEGImages/a.jpg")
    faces = "".join(
        f"<object><name>{label}</name><bndbox>{BOX.format(left, left + 40)}</bndbox></object>"
        for label, left in (("masked", 10), ("bare", 100))
    )
    size = "<size><width>200</width><height>100</height><depth>3</depth></size>"
    xml = f"<annotation><filename>a.jpg</filename>{size}{faces}</annotation>"
    (made / "Annotations/a.xml").write_text(xml)
    (made / "ImageSets/Main/train.txt").write_text("a\n")
    (made / "labelmap.txt").write_text(colours)
    data = Dataset.import_from(str(made), "voc")
    labels = data.categories()[AnnotationType.label]
    boxes = [one for item in data for one in item.annotations if one.type == AnnotationType.bbox]
    read = sorted(labels[box.label].name for box in boxes)
    data.export(f"{name} written", "voc", save_media=True)
    written = re.findall(r"<name>(.*?)</name>", Path(f"{name} written/Annotations/a.xml").read_text())
    print("colours for", name, "read", read, "written", sorted(written))
    assert read == ["bare", "masked"], "boxes are read in another way now"
    assert sorted(written) == kept, "boxes are written in another way now"
END
tool/bin/python look.py
