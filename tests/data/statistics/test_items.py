"""Photos of a data set, and the rows of a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crowdmask.data.statistics.items import load_items
from crowdmask.data.statistics.run import describe_data_set
from crowdmask.errors import DataError

pyarrow = pytest.importorskip("pyarrow")

FACE = {"box": [1.0, 2.0, 30.0, 40.0], "label": "with_mask", "confidence": 0.9}


def rows(folder: Path, *photos: dict[str, Any]) -> Path:
    """Write a run's output: one file a photo."""
    from pyarrow import parquet

    folder.mkdir()
    for number, photo in enumerate(photos):
        row = {"width": 64, "height": 48, "model": "m", "model_hash": "0", "error": None, **photo}
        kind = pyarrow.struct({"box": pyarrow.list_(pyarrow.float64()), "label": pyarrow.string()})
        columns = {name: [value] for name, value in row.items()}
        columns["detections"] = pyarrow.array(columns["detections"], pyarrow.list_(kind))
        parquet.write_table(pyarrow.table(columns), folder / f"part-{number:06}.parquet")
    return folder


def test_rows_of_a_batch_are_photos_with_detected_faces(tmp_path: Path) -> None:
    found = load_items(
        rows(
            tmp_path / "rows",
            {"source": "photos/day/a.jpg", "detections": [FACE, {**FACE, "label": "without_mask"}]},
            {"source": "b.jpg", "detections": []},
            {"source": "c.jpg", "detections": None, "error": "c.jpg: is empty"},
        )
    )
    assert [(item.photo.photo, item.photo.source, item.path) for item in found.items] == [
        ("photos/day/a.jpg", "day", Path("photos/day/a.jpg")),
        ("b.jpg", ".", Path("b.jpg")),
    ]
    faces = found.items[0].photo.faces
    assert faces is not None
    assert [(face.box, face.label) for face in faces] == [
        ((1.0, 2.0, 30.0, 40.0), "with_mask"),
        ((1.0, 2.0, 30.0, 40.0), "without_mask"),
    ]
    assert found.items[1].photo.faces == []
    assert found.problems == ["c.jpg: c.jpg: is empty"]


def test_a_page_of_a_file_of_rows(tmp_path: Path) -> None:
    folder = rows(tmp_path / "rows", {"source": "gone.jpg", "detections": [FACE]})
    done = describe_data_set(folder / "part-000000.parquet", tmp_path / "page.html")
    assert done.photos == 1
    text = (tmp_path / "page.html").read_text()
    assert "part-000000.parquet, faces detected by a model" in text


def test_rows_that_do_not_serve_are_named(tmp_path: Path) -> None:
    other = rows(tmp_path / "other", {"source": "a.jpg", "detections": [{**FACE, "label": "respirator"}]})
    with pytest.raises(DataError, match="detections of the label respirator, which data sets lack"):
        load_items(other)
    (tmp_path / "x.parquet").write_text("x")
    with pytest.raises(DataError, match=r"x\.parquet: "):
        load_items(tmp_path / "x.parquet")
