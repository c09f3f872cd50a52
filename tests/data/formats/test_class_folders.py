from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crowdmask.data.formats.annotation import RawBox
from crowdmask.data.formats.class_folders import read_folders
from crowdmask.data.formats.mafa import read_mafa
from crowdmask.data.importing.crops import find_faces
from crowdmask.data.manifest import Face, Photo
from crowdmask.data.problems import Problems, Reason

TRAIN = [56, 170, 185, 185, 140, 198, 196, 208, 41, 56, 147, 182, 1, 3, 1, 1, 4, -1, -1, -1, -1]
TEST = [10, 20, 30, 40, 1, 0, 0, 9, 9, 3, 1, 1, 1, 3, -1, -1, -1, -1]


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_the_nearest_folder_of_a_class_counts(tmp_path: Path) -> None:
    touch(
        tmp_path, "Train/Mask/surgical/a.jpg", "Train/No_mask/b.png", "Train/odd/c.jpg", "d.jpg", "Mask/x.txt"
    )
    problems = Problems()
    found = list(read_folders(tmp_path, problems, {"Mask", "No_mask"}.__contains__))
    whole = (0, 0, 1, 1)
    assert [(item.picture, item.boxes, item.relative) for item in found] == [
        ("Train/Mask/surgical/a.jpg", (RawBox("Mask", whole),), True),
        ("Train/No_mask/b.png", (RawBox("No_mask", whole),), True),
        ("Train/odd/c.jpg", (RawBox("odd", whole),), True),
    ]
    assert problems.reasons == [Reason.NO_ANNOTATION]
    assert problems.lines[0].startswith(str(tmp_path / "d.jpg"))


def changed(values: list[int], at: int, value: int) -> list[int]:
    return [*values[:at], value, *values[at + 1 :]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (TRAIN, RawBox("simple", (56, 170, 241, 355))),
        (changed(TRAIN, 12, 2), RawBox("complex", (56, 170, 241, 355))),
        (changed(TRAIN, 12, 3), RawBox("human_body", (56, 170, 241, 355))),
        (changed(TRAIN, 12, -1), RawBox("invalid", (56, 170, 241, 355))),
        (changed(TRAIN, 2, 3), RawBox("simple", (56, 170, 59, 355), ignore=True)),
        (TEST, RawBox("human_body", (10, 20, 40, 60))),
        (changed(TEST, 4, 2), RawBox("unmasked", (10, 20, 40, 60))),
        (changed(TEST, 4, 3), RawBox("invalid", (10, 20, 40, 60))),
        ([1, 2, 30, 40, 1], RawBox("simple", (1, 2, 31, 42))),
    ],
)
@pytest.mark.parametrize("kind", ["mat", "txt", "csv-like"])
def test_mafa(tmp_path: Path, values: list[int], expected: RawBox, kind: str) -> None:
    touch(tmp_path, "images/a.jpg")
    if kind == "mat":
        savemat = pytest.importorskip("scipy.io").savemat
        fields = [("imgName", object), ("label", object)]
        table = np.empty((1, 1), dtype=[("orgimgname", object), *fields] if len(values) == 21 else fields)
        table[0, 0] = (
            *(["x.jpg"] if len(values) == 21 else []),
            "a.jpg",
            np.array([values, values], np.int16),
        )
        savemat(tmp_path / "Label.mat", {"label_train" if len(values) == 21 else "LabelTest": table})
        copies = 2
    else:
        comma = "," if kind == "csv-like" else " "
        line = comma.join(map(str, ["a.jpg", *values]))
        (tmp_path / "list.txt").write_text(f"# a heading\n{line}\n{line}\n")
        copies = 2
    problems = Problems()
    found = list(read_mafa(tmp_path, problems))
    assert [(item.picture, item.boxes) for item in found] == [("images/a.jpg", (expected,) * copies)]
    assert not problems.lines


def test_lists_that_are_none_of_mafas(tmp_path: Path) -> None:
    problems = Problems()
    assert list(read_mafa(tmp_path, problems)) == []
    (tmp_path / "a.txt").write_text("a.jpg 1 2 3\nb.jpg 1 2 x 4 5\n")
    (tmp_path / "b.mat").write_bytes(b"no matlab")
    found = list(read_mafa(tmp_path, problems))
    assert [(item.picture, item.boxes) for item in found] == [("a.jpg", ())]
    assert problems.reasons == [Reason.BROKEN, Reason.BROKEN, Reason.UNUSABLE, Reason.UNUSABLE]


def crop(path: Path, size: tuple[int, int], box: tuple[int, int, int, int], label: str) -> tuple[Path, Photo]:
    photo = Photo(
        photo=f"photos/s/{path.name}", width=size[0], height=size[1], source="s",
        faces=[Face(box=(0, 0, *size), label=label)],
    )  # fmt: skip
    return path, photo


def test_our_detector_finds_the_face_of_a_crop(tmp_path: Path, example_photo: Path) -> None:
    with Image.open(example_photo) as image:
        width, height = image.size
        image.convert("RGB").save(tmp_path / "all.png")
    Image.new("RGB", (64, 64), (90, 90, 90)).save(tmp_path / "none.png")
    given = [
        crop(tmp_path / "all.png", (width, height), (0, 0, 1, 1), "mask_worn_incorrect"),
        crop(tmp_path / "none.png", (64, 64), (0, 0, 1, 1), "with_mask"),
    ]
    notes: dict[str, int] = {}
    told: list[int] = []
    (_, several), (_, none) = find_faces(given, notes, lambda stage, done, total: told.append(done))
    assert several.faces is not None
    first, *others = several.faces
    areas = [(f.box[2] - f.box[0]) * (f.box[3] - f.box[1]) for f in several.faces]
    assert (first.label, first.ignore, areas[0]) == ("mask_worn_incorrect", False, max(areas))
    assert areas[0] < width * height / 4
    assert len(others) == 4
    assert all(face.label is None and face.ignore for face in others)
    assert none.faces == [Face(box=(0, 0, 64, 64), label="with_mask", ignore=True)]
    assert notes == {
        "crops in which no face was found: ignored as a whole": 1,
        "further faces in crops: ignored": 4,
    }
    assert told == [1, 2]
