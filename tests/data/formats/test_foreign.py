from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from crowdmask.data.formats.foreign import FOREIGN, recognise_foreign
from crowdmask.data.formats.table import FORMATS, find_format, hint
from crowdmask.data.importing.plan import AUTO
from crowdmask.errors import UsageError

FILES = {
    "tfrecord": ("train/mask.tfrecord", "\x10\x00"),
    "kitti": ("labels/a.txt", "with_mask 0.00 0 -1.57 10.0 10.5 30 40 1.6 1.5 3.8 2.5 1.7 46.7 -1.55\n"),
    "cvat": (
        "annotations.xml",
        '<?xml version="1.0"?>\n<annotations>\n <version>1.1</version>\n <meta/>\n'
        '<image id="0" name="a.jpg" width="9" height="9"><box label="mask" xtl="1"/></image></annotations>',
    ),
    "dlib": (
        "masks.xml",
        "<dataset>\n<images>\n<image file='a.jpg'>\n<box top='50' left='100' width='80' height='100'>"
        "<label>mask</label></box></image></images></dataset>",
    ),
    "datumaro": (
        "annotations/default.json",
        '{"dm_format_version": "1.0", "infos": {}, "categories": {"label": {"labels": []}}, "items": []}',
    ),
    "labelme-xml": (
        "a.xml",
        "<annotation><filename>a.jpg</filename><folder>f</folder><object><name>mask</name>"
        "<polygon><pt><x>1</x><y>2</y></pt></polygon></object></annotation>",
    ),
}


def folder_of(folder: Path, name: str) -> Path:
    place, text = FILES[name]
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / place).write_text(text)
    Image.new("RGB", (120, 80)).save(folder / "a.jpg")
    return folder


@pytest.mark.parametrize("form", FOREIGN, ids=lambda form: form.name)
def test_each_is_named_as_what_it_is(tmp_path, form):
    source = folder_of(tmp_path / "source", form.name)
    assert recognise_foreign(source) is form
    for told in (hint(source, "yolo"), hint(source, AUTO)):
        assert f"looks like {form.title}, which is not read: " in told
        assert "`format`" in told
    with pytest.raises(UsageError, match="is not read: "):
        find_format(form.name)
    assert form.name not in {ours.name for ours in FORMATS}
    assert all(ours.recognise is None or not ours.recognise(source) for ours in FORMATS)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("a.txt", "0 .5 .5 .1 .1\n"),
        (
            "a.xml",
            "<annotation><object><name>mask</name><bndbox><xmin>1</xmin></bndbox></object></annotation>",
        ),
        ("a.json", '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "mask"}]}'),
        ("notes.txt", "with words of any kind 1 2 3"),
    ],
)
def test_ours_and_others_are_none_of_them(tmp_path, place, text):
    (tmp_path / place).write_text(text)
    assert recognise_foreign(tmp_path) is None
