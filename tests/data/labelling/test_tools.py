"""Both tools' formats: there and back without loss, and what their exports may hold."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdmask.data.labelling import cvat, label_studio
from crowdmask.data.labelling.corrections import Correction, ReviewSummary, apply_corrections
from crowdmask.data.labelling.drafts import TOOL_LABELS, Draft, DraftFace, from_detections, from_manifest
from crowdmask.data.manifest import Manifest, Photo
from crowdmask.detections import Detections
from crowdmask.errors import DataError


def photo(path: str = "photos/1.jpg", width: int = 400, height: int = 200, **more: Any) -> Photo:
    return Photo.model_validate({"photo": path, "width": width, "height": height, "source": "s", **more})


def as_exported(tasks: list[dict[str, Any]]) -> bytes:
    """Turn tasks into what Label Studio exports after somebody accepted each prediction."""
    for task in tasks:
        regions = [
            {k: v for k, v in region.items() if k != "score"} for region in task["predictions"][0]["result"]
        ]
        task["annotations"] = [{"result": regions, "was_cancelled": False, "updated_at": "2024-01-01"}]
    return json.dumps(tasks).encode()


def through_label_studio(drafts: list[Draft]) -> list[Correction]:
    tasks = [label_studio.task(draft, "/data/local-files/?d=set/") for draft in drafts]
    return list(label_studio.read_export(as_exported(tasks), "export.json", ReviewSummary()))


def through_cvat(drafts: list[Draft]) -> list[Correction]:
    return list(cvat.read_export(cvat.to_xml(drafts), "annotations.xml"))


@st.composite
def photos(draw: st.DrawFn) -> list[Photo]:
    result = []
    names = draw(st.lists(st.text("ab1 é&<\"'#%?+", min_size=1, max_size=6), max_size=3, unique=True))
    for name in names:
        width, height = draw(st.integers(8, 5000)), draw(st.integers(8, 5000))
        faces = []
        for label in draw(st.lists(st.sampled_from(TOOL_LABELS), max_size=4)):
            x1, y1 = (
                draw(st.integers(0, (width - 2) * 100)) / 100,
                draw(st.integers(0, (height - 2) * 100)) / 100,
            )
            x2 = draw(st.integers(int(x1 * 100) + 200, width * 100)) / 100
            y2 = draw(st.integers(int(y1 * 100) + 200, height * 100)) / 100
            ignore = label == "ignore"
            faces.append({"box": (x1, y1, x2, y2), "label": None if ignore else label, "ignore": ignore})
        result.append(photo(f"p/{name}.jpg", width, height, faces=faces))
    return result


@pytest.mark.parametrize("through", [through_label_studio, through_cvat])
@given(annotated=photos())
def test_there_and_back(through: Any, annotated: list[Photo]) -> None:
    bare = [p.model_copy(update={"faces": None}) for p in annotated]
    summary = ReviewSummary()
    corrections = through([from_manifest(p) for p in annotated])
    back = apply_corrections(Manifest(Path(), bare), corrections, {}, summary)

    assert summary.problems == []
    for was, now in zip(annotated, back.photos, strict=True):
        assert was.faces is not None
        assert now.faces is not None
        assert now.reviewed
        assert [(f.label, f.ignore) for f in now.faces] == [(f.label, f.ignore) for f in was.faces]
        for face, other in zip(was.faces, now.faces, strict=True):
            assert other.box == pytest.approx(face.box, abs=0.011)


def test_proposals_mark_what_is_unsure() -> None:
    found = Detections(
        np.array([[10, 20, 50, 60], [100, 20, 140, 70]], np.float32),
        np.array([0.9, 0.4], np.float32),
        np.array([0, 2]),
    )
    draft = from_detections(photo(), found, 0.6, "crowd 0123")

    assert [(f.label, f.confidence, f.unsure) for f in draft.faces] == [
        ("with_mask", 0.9, False),
        ("mask_worn_incorrect", 0.4, True),
    ]
    task = label_studio.task(draft, "http://host/p/")
    first, second = task["predictions"][0]["result"]
    assert task["predictions"][0]["score"] == 0.4
    assert task["data"] == {"image": "http://host/p/photos/1.jpg", "photo": "photos/1.jpg"}
    assert first["value"] == {
        "x": 2.5, "y": 10.0, "width": 10.0, "height": 20.0, "rotation": 0, "rectanglelabels": ["with_mask"]
    }  # fmt: skip
    assert (first["original_width"], first["original_height"]) == (400, 200)
    assert "meta" not in first
    assert second["meta"] == {"text": ["unsure: 0.40"]}
    image = cvat.parse_xml(cvat.to_xml([draft])).findall("image")[0]
    assert image.attrib == {"id": "0", "name": "photos/1.jpg", "width": "400", "height": "200"}
    assert [box.findtext("attribute") for box in image] == ["false", "true"]
    assert image[0].attrib["xtl"] == "10.00"
    assert image[0].attrib["ybr"] == "60.00"


def test_settings_of_the_tools_name_our_labels() -> None:
    config = ElementTree.fromstring(label_studio.config_text())
    assert [label.get("value") for label in config.iter("Label")] == list(TOOL_LABELS)
    rectangles = config.find("RectangleLabels")
    assert rectangles is not None
    region = label_studio.task(Draft(photo(), (DraftFace((1, 1, 9, 9), "ignore"),), "x"), "")["predictions"][
        0
    ]
    assert rectangles.get("name") == region["result"][0]["from_name"]
    assert rectangles.get("toName") == region["result"][0]["to_name"]
    labels = json.loads(cvat.labels_text())
    assert [label["name"] for label in labels] == list(TOOL_LABELS)
    assert {label["attributes"][0]["name"] for label in labels} == {"unsure"}


def test_address_of_a_photo_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "my set").mkdir()
    prefix = label_studio.local_prefix(tmp_path / "my set")
    task = label_studio.task(from_manifest(photo("a b/c&d#1.jpg", faces=[])), prefix)

    assert task["data"]["image"] == "/data/local-files/?d=my%20set/a%20b/c%26d%231.jpg"
    # Also without our own note of the name.
    del task["data"]["photo"]
    (correction,) = label_studio.read_export(as_exported([task]), "x", ReviewSummary())
    assert correction.names == ("my set/a b/c&d#1.jpg",)


def region(**changes: Any) -> dict[str, Any]:
    return {
        "type": "rectanglelabels",
        "original_width": 400,
        "original_height": 200,
        "image_rotation": 0,
        "value": {
            "x": 10,
            "y": 10,
            "width": 20,
            "height": 20,
            "rotation": 0,
            "rectanglelabels": ["with_mask"],
        },
        **changes,
    }


def annotation(*regions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"result": list(regions), **more}


def read_tasks(*annotations: dict[str, Any]) -> tuple[list[Correction], ReviewSummary]:
    summary = ReviewSummary()
    tasks = [{"data": {"image": "/p/1.jpg"}, "annotations": list(annotations)}]
    return list(label_studio.read_export(json.dumps(tasks).encode(), "export.json", summary)), summary


def test_the_last_finished_annotation_counts() -> None:
    (correction,), summary = read_tasks(
        annotation(region(), updated_at="2024-01-02T00:00:00Z"),
        annotation(updated_at="2024-01-03T00:00:00Z"),
        annotation(region(), region(), updated_at="2024-01-01T00:00:00Z"),
        annotation(region(), updated_at="2024-01-09T00:00:00Z", was_cancelled=True),
    )

    assert correction.shapes == ()
    assert summary.again == 1


def test_tasks_that_nobody_finished_wait() -> None:
    corrections, summary = read_tasks(annotation(region(), was_cancelled=True))
    assert (corrections, summary.waiting) == ([], 1)
    corrections, summary = read_tasks()
    assert (corrections, summary.waiting) == ([], 1)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"type": "polygonlabels"}, "a polygonlabels, not a rectangle"),
        (
            {"value": {"x": 1, "y": 1, "width": 2, "height": 2, "rectanglelabels": []}},
            r"the labels \[\], not one",
        ),
        ({"value": {"x": 1, "y": 1, "width": 2, "rectanglelabels": ["a"]}}, "not usable .*height"),
        (
            {"value": {"x": "a", "y": 1, "width": 2, "height": 2, "rectanglelabels": ["a"]}},
            "could not convert",
        ),
        ({"value": None}, "not usable"),
        ({"image_rotation": 90}, "turned in the tool"),
    ],
)
def test_regions_that_cannot_be_used(changes: dict[str, Any], problem: str) -> None:
    (correction,), _ = read_tasks(annotation(region(), region(**changes)))

    assert len(correction.problems) == 1
    assert re.search(problem, correction.problems[0])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"not json", "not readable as JSON"),
        (b"[" * 100_000, "not readable as JSON"),
        (b"\xff\xfe[]", "not readable as JSON"),
        (b'{"a": 1}', "it is not a list of tasks"),
        (b'[{"image": "1.jpg", "face": []}]', "task 1 has no 'data' or 'annotations': export as 'JSON'"),
    ],
)
def test_no_export_of_label_studio(content: bytes, why: str) -> None:
    with pytest.raises(DataError, match=why):
        list(label_studio.read_export(content, "export.json", ReviewSummary()))


BOX = '<box label="with_mask" xtl="10" ytl="20" xbr="30" ybr="60" rotation="30.5" occluded="0" z_order="0"/>'


def xml(inside: str, head: str = "", version: str = "1.1") -> bytes:
    return f"{head}<annotations><version>{version}</version>{inside}</annotations>".encode()


def image(inside: str) -> bytes:
    return xml(f'<image id="0" name="1.jpg" width="400" height="200">{inside}</image>')


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return file.getvalue()


@pytest.mark.parametrize("content", [image(BOX), zipped(annotations_xml=image(BOX), images__1=b"x")])
def test_cvat_export(content: bytes) -> None:
    (correction,) = cvat.read_export(content, "export")

    assert correction.names == ("1.jpg",)
    assert (correction.size, correction.relative, correction.problems) == ((400, 200), False, ())
    (shape,) = correction.shapes
    assert (shape.label, shape.xywh, shape.rotation, shape.about) == (
        "with_mask",
        (10, 20, 20, 40),
        30.5,
        "centre",
    )


@pytest.mark.parametrize(
    ("inside", "problem"),
    [
        ('<polygon label="with_mask" points="1,1;2,2;3,1"/>', "a polygon, not a box"),
        ('<box label="a" xtl="1" ytl="1" xbr="9"/>', "a box without 'ybr'"),
        ('<box xtl="1" ytl="1" xbr="9" ybr="9"/>', "a box without 'label'"),
        ('<box label="a" xtl="1" ytl="1" xbr="9" ybr="x"/>', "a box that is not a number"),
    ],
)
def test_cvat_shapes_that_cannot_be_used(inside: str, problem: str) -> None:
    (correction,) = cvat.read_export(image(BOX + inside), "export")

    assert len(correction.problems) == 1
    assert correction.problems[0].startswith(problem)


BOMB = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (xml("&b;", BOMB), "declares a document type"),
        (xml("&x;", OUTSIDE), "declares a document type"),
        (xml("&b;", BOMB).decode().encode("utf-16"), "declares a document type"),
        (xml("&b;"), "undefined entity"),
        (xml("<image>"), "mismatched tag"),
        (b"", "not readable as XML"),
        (b"<html/>", "not of the format"),
        (xml("", version="2.0"), "not of the format"),
        (xml('<track id="0" label="a"/>'), "tracks of a video"),
        (zipped(readme=b"x"), "holds 0 files annotations.xml"),
        (zipped(a__annotations_xml=b"", b__annotations_xml=b""), "holds 2 files annotations.xml"),
        (image(BOX)[:40], "not readable as XML"),
    ],
)
def test_no_export_of_cvat(content: bytes, why: str) -> None:
    with pytest.raises(DataError, match=why):
        list(cvat.read_export(content, "export"))


def test_a_zip_bomb_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cvat, "MAX_XML", 3_000_000)
    with pytest.raises(DataError, match="more than 3,000,000 bytes"):
        list(cvat.read_export(zipped(annotations_xml=b" " * 5_000_000), "export"))


def test_a_name_that_xml_cannot_hold() -> None:
    with pytest.raises(DataError, match="rename the photo"):
        cvat.to_xml([from_manifest(photo("a\x01.jpg", faces=[]))])
