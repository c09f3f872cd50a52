#!/bin/sh
# Label Studio's exporter, label-studio-sdk 2.1.2 (that of the server 1.23.2): a task that was annotated twice, first as
# `bare`, a month later as `masked`, with both annotations submitted.
# - YOLO and Pascal VOC: one file, with the OLDER annotation: whoever corrected the first one is not heard. Annotations are
#   written from the newest to the oldest, each over the one before, in whatever order the task lists them.
# - COCO: the picture comes twice, under two ids, once with each label.
# None of the three says a word.
# Seen with Python 3.11.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv tool
tool/bin/python -m pip install --quiet label-studio-sdk==2.1.2 pillow==12.3.0
cat > look.py <<'END'
import json
import re
from importlib.metadata import version
from pathlib import Path

from label_studio_sdk.converter import Converter
from PIL import Image

LABELS = '<RectangleLabels name="label" toName="image"><Label value="masked"/><Label value="bare"/></RectangleLabels>'
CONFIG = f'<View><Image name="image" value="$image"/>{LABELS}</View>'
print("label-studio-sdk", version("label-studio-sdk"))


def annotation(number, day, label):
    box = {"x": 5, "y": 20, "width": 20, "height": 40, "rotation": 0, "rectanglelabels": [label]}
    shape = {"id": f"r{number}", "type": "rectanglelabels", "from_name": "label", "to_name": "image", "value": box}
    shape |= {"original_width": 200, "original_height": 100, "image_rotation": 0}
    times = {"created_at": f"{day}T09:00:00Z", "updated_at": f"{day}T09:00:00Z"}
    return {"id": number, "was_cancelled": False, "completed_by": 1, "result": [shape], **times}


Path("pictures").mkdir()
Image.new("RGB", (200, 100)).save("pictures/a.jpg")
both = [annotation(1, "2026-01-01", "bare"), annotation(2, "2026-02-01", "masked")]
for name, listed in (("oldest first", both), ("newest first", both[::-1])):
    task = {"id": 1, "data": {"image": "pictures/a.jpg"}, "annotations": listed, "predictions": []}
    Path("tasks.json").write_text(json.dumps([task]))
    converter = Converter(CONFIG, project_dir=".", download_resources=False)
    for kind in ("yolo", "voc", "coco"):
        to = f"{name} {kind}"
        getattr(converter, f"convert_to_{kind}")("tasks.json", to, output_image_dir=f"{to}/images", is_dir=False)
    (yolo,) = [path for path in Path(f"{name} yolo").rglob("*.txt") if path.name != "classes.txt"]
    classes = Path(f"{name} yolo/classes.txt").read_text().split()
    from_yolo = [classes[int(line.split()[0])] for line in yolo.read_text().splitlines()]
    (voc,) = Path(f"{name} voc").rglob("*.xml")
    from_voc = re.findall(r"<object>\s*<name>(.*?)</name>", voc.read_text())
    coco = json.loads(Path(f"{name} coco/result.json").read_text())
    names = {each["id"]: each["name"] for each in coco["categories"]}
    from_coco = [(each["image_id"], names[each["category_id"]]) for each in coco["annotations"]]
    print(name, "YOLO", from_yolo, "VOC", from_voc, "COCO", from_coco, len(coco["images"]), "pictures")
    assert from_yolo == from_voc == ["bare"], "YOLO or VOC keeps another annotation now"
    assert from_coco == [(0, "masked"), (1, "bare")], "COCO holds other annotations now"
    assert len(coco["images"]) == 2, "COCO holds the picture once now"
END
tool/bin/python look.py
