"""The records that commands write are as their published JSON Schema says, in all fields."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from crowdmask.detections import Detections
from crowdmask.labels import LABELS
from crowdmask.media.writers import make_record
from crowdmask.tracking.events import EVENTS, Event
from crowdmask.tracking.track_writers import frame_record
from crowdmask.tracking.zones import ZoneCounts

SCHEMA = json.loads((files("crowdmask") / "schemas/records.schema.json").read_text(encoding="utf-8"))
FACES = Detections(
    np.array([[1, 2, 30, 40], [5, 6, 70, 80]], np.float32),
    np.array([0.97, 0.5], np.float32),
    np.array([0, 2]),
)
COUNTS = dict.fromkeys((*LABELS, "unknown"), 1)


def photo(faces: Detections = FACES) -> dict[str, Any]:
    return make_record("a.jpg", 100, 90, faces, "crowd", "0123456789abcdef")


def zone_counts() -> dict[str, Any]:
    zones = [
        ZoneCounts("door", "line", COUNTS, COUNTS, COUNTS, None, 0.5).to_record(),
        ZoneCounts("hall", "zone", COUNTS, COUNTS, COUNTS, 1.0, 0.5).to_record(),
    ]
    return {"source": "a.mp4", "frame": 3, "time_s": 0.1, "zones": zones, "run": "x"}


RECORDS = [
    ("photo", photo()),
    ("photo", photo(Detections.empty())),
    ("frame", frame_record("a.mp4", 3, 0.1, FACES, np.array([1, -1]), ["with_mask", "unknown"], "x")),
    ("zone_counts", zone_counts()),
    *(
        ("event", Event("a.mp4", 3, 0.1, name, 1, "with_mask", 0.9, zone, "x").to_record())
        for name in EVENTS
        for zone in (None, "door")
    ),
]


def of(kind: str) -> Draft202012Validator:
    return Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{kind}"})


def undescribed(value: Any, schema: dict[str, Any]) -> list[str]:
    """Return the fields of a record that the schema says nothing of."""
    if isinstance(value, list):
        return [name for each in value for name in undescribed(each, schema.get("items", {}))]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    known = schema["properties"]
    found = [name for name in value if name not in known]
    return found + [name for key in value if key in known for name in undescribed(value[key], known[key])]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert [each["$ref"].split("/")[-1] for each in SCHEMA["anyOf"]] == [*SCHEMA["$defs"]]


@pytest.mark.parametrize(("kind", "record"), RECORDS)
def test_records_are_as_described(kind: str, record: dict[str, Any]) -> None:
    record = json.loads(json.dumps(record))
    of(kind).validate(record)
    Draft202012Validator(SCHEMA).validate(record)
    assert undescribed(record, SCHEMA["$defs"][kind]) == []
    assert [other for other in SCHEMA["$defs"] if of(other).is_valid(record)] == [kind]


@pytest.mark.parametrize("field", ["source", "width", "detections", "counts", "model_hash"])
def test_a_record_without_a_field_is_none(field: str) -> None:
    record = photo()
    del record[field]
    assert not of("photo").is_valid(record)


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0}, {"model_hash": "xyz"}, {"counts": {"with_mask": -1}},
        {"detections": [{"box": [1, 2, 3], "label": "with_mask", "confidence": 0.5}]},
        {"detections": [{"box": [1, 2, 3, 4], "label": "with_mask", "confidence": 1.5}]},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_values_are_refused(change: dict[str, Any]) -> None:
    assert not of("photo").is_valid({**photo(), **change})


def test_the_page_lists_every_field(project_root: Path) -> None:
    text = (project_root / "docs/records.md").read_text(encoding="utf-8")
    for kind, schema in SCHEMA["$defs"].items():
        row = re.search(rf"^\| `{kind}` \|.*$", text, re.M)
        assert row is not None
        assert [*schema["properties"]] == re.findall(r"`([a-z_]+)`", row[0].split("|")[3])
