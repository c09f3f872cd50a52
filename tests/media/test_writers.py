from __future__ import annotations

import csv
import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crowdmask.detections import Detections
from crowdmask.errors import OutputError
from crowdmask.files import whole_file
from crowdmask.media.writers import (
    CSV_COLUMNS,
    CsvTable,
    JsonLines,
    LineFile,
    PictureFolder,
    make_record,
)

FACES = Detections(
    np.array([[1, 2, 30.5, 40], [5, 6, 70, 80]], np.float32),
    np.array([0.9, 0.8], np.float32),
    np.array([1, 2]),
)
needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")


def record(source: str = "a.jpg", faces: Detections = FACES) -> dict[str, object]:
    return make_record(source, 100, 90, faces, "crowd", "0123456789abcdef")


def listing(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_record_holds_exactly_what_other_programs_rely_on() -> None:
    assert record() == {
        "source": "a.jpg",
        "width": 100,
        "height": 90,
        "detections": [
            {"box": [1.0, 2.0, 30.5, 40.0], "label": "without_mask", "confidence": 0.9},
            {"box": [5.0, 6.0, 70.0, 80.0], "label": "mask_worn_incorrect", "confidence": 0.8},
        ],
        "counts": {"with_mask": 0, "without_mask": 1, "mask_worn_incorrect": 1},
        "model": "crowd",
        "model_hash": "0123456789abcdef",
    }
    assert list(record())[:4] == ["source", "width", "height", "detections"]


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "made" / "on the way" / "out.jsonl"
    names = ["plain.jpg", "é 人.jpg", "bytes-\udcff.jpg", "line\nend.jpg"]
    with JsonLines(str(path)) as lines:
        for name in names:
            lines.write(record(name))
        assert listing(tmp_path) != ["made/on the way/out.jsonl"]  # not under its name yet
    assert listing(tmp_path) == ["made/on the way/out.jsonl"]
    read = [json.loads(line) for line in path.read_bytes().decode("ascii").splitlines()]
    assert [line["source"] for line in read] == names
    assert read[0] == record(names[0])


def test_csv_has_a_row_a_face(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with CsvTable(str(path)) as table:
        table.write(record('comma, "quote".jpg'))
        table.write(record("nobody.jpg", Detections.empty()))
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert rows[1] == ['comma, "quote".jpg', "100", "90", "1.0", "2.0", "30.5", "40.0", "without_mask", "0.9"]
    assert len(rows) == 3


def test_lines_stand_after_an_interruption(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt), JsonLines(str(path)) as lines:
        lines.write(record())
        raise KeyboardInterrupt
    assert json.loads(path.read_text()) == record()
    assert listing(tmp_path) == ["out.jsonl"]


def test_an_older_result_stays_till_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("older\n")
    lines = LineFile(str(path))
    lines.write("newer\n")
    assert path.read_text() == "older\n"
    lines.close()
    lines.close()  # twice does no harm
    assert path.read_text() == "newer\n"


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions and links")
def test_a_result_is_as_open_as_any_file_and_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    (tmp_path / "link").symlink_to("target")
    lines = LineFile(str(tmp_path / "link"))
    lines.write("x\n")
    lines.close()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "x\n"
    mode = stat.S_IMODE((tmp_path / "target").stat().st_mode)
    assert mode == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    with JsonLines("-") as lines:
        lines.write(record())
    assert json.loads(capsys.readouterr().out) == record()


@needs_full
@pytest.mark.parametrize("kind", [JsonLines, CsvTable])
def test_a_full_disk_is_one_clear_error(kind: type[JsonLines | CsvTable]) -> None:
    with pytest.raises(OutputError, match=r"^cannot write /dev/full: no space left"):
        kind("/dev/full").write(record())


def test_half_a_line_is_taken_back_when_the_disk_fills_up(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    path = tmp_path / "out.jsonl"
    lines = LineFile(str(path))
    lines.write("a" * 99 + "\n")
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150, before[1]))
    try:
        with pytest.raises(OutputError, match=r"cannot write \S+: file too large"):
            lines.write("b" * 99 + "\n")
        lines.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == "a" * 99 + "\n"


@pytest.mark.parametrize(
    ("target", "message"),
    [("folder", "a folder, not a file"), ("file/out.jsonl", "cannot write")],
)
def test_places_where_no_file_can_be(target: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=message):
        LineFile(str(tmp_path / target))


IMAGE = Image.effect_noise((60, 40), 50).convert("RGB")


@pytest.mark.parametrize(
    ("name", "written", "kind"),
    [
        ("a.jpg", "a.jpg", "JPEG"),
        ("a.JPEG", "a.JPEG", "JPEG"),
        ("a.png", "a.png", "PNG"),
        ("a.webp", "a.webp", "WEBP"),
        ("a.bmp", "a.bmp", "BMP"),
        ("a.tiff", "a.tiff", "TIFF"),
        ("photo.dat", "photo.dat.jpg", "JPEG"),
        ("photo", "photo.jpg", "JPEG"),
        ("deep/er/a.png", "deep/er/a.png", "PNG"),
        ("../../up.png", "up.png", "PNG"),
        ("/etc/a.png", "etc/a.png", "PNG"),
    ],
)
def test_annotated_picture_has_the_name_and_kind_of_its_source(
    name: str, written: str, kind: str, tmp_path: Path
) -> None:
    path = PictureFolder(tmp_path / "new" / "out").write(IMAGE, name)
    assert path == tmp_path / "new" / "out" / written
    with Image.open(path) as image:
        assert (image.format, image.size) == (kind, IMAGE.size)
        if kind in ("PNG", "BMP", "TIFF"):
            np.testing.assert_array_equal(np.asarray(image.convert("RGB")), np.asarray(IMAGE))
    assert len(listing(tmp_path)) == 1


def test_sources_of_one_name_get_a_file_each(tmp_path: Path) -> None:
    folder = PictureFolder(tmp_path)
    written = [folder.write(IMAGE, name).name for name in ("1.jpg", "1.jpg", "1.JPG", "1-2.jpg", "1.png")]
    assert written == ["1.jpg", "1-2.jpg", "1-3.JPG", "1-2-2.jpg", "1.png"]
    assert len({name.casefold() for name in written}) == len(listing(tmp_path)) == 5


def test_a_later_run_replaces_its_own_pictures(tmp_path: Path) -> None:
    for _ in range(2):
        assert PictureFolder(tmp_path).write(IMAGE, "1.jpg").name == "1.jpg"
    assert listing(tmp_path) == ["1.jpg"]


def test_a_source_is_never_overwritten(tmp_path: Path) -> None:
    source = tmp_path / "1.jpg"
    source.write_bytes(b"precious")
    folder = PictureFolder(tmp_path)
    folder.protect([str(source)])
    assert folder.write(IMAGE, "1.jpg").name == "1-2.jpg"
    assert source.read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.bmp", "a.tif"])
def test_only_our_own_pictures_are_replaced(name: str, tmp_path: Path) -> None:
    own = tmp_path / name
    assert PictureFolder(tmp_path).write(IMAGE, name) == own
    first = own.read_bytes()
    with Image.open(own) as image:
        edited = image.convert("RGB")
    assert PictureFolder(tmp_path).write(edited, name) == own
    assert len(listing(tmp_path)) == 1

    # A user's: another picture, one that was edited and saved by another program, and no picture at all.
    exif = Image.Exif()
    exif[0x0131] = "GIMP 3.0"
    for save in (
        lambda: IMAGE.save(own),
        lambda: edited.save(own, exif=exif),
        lambda: own.write_bytes(first[:4]),
        lambda: own.write_bytes(b"precious"),
        lambda: own.write_bytes(b""),
    ):
        save()
        before = own.read_bytes()
        other = PictureFolder(tmp_path).write(IMAGE, name)
        assert (own.read_bytes(), other.name) == (before, f"a-2{own.suffix}")
        other.unlink()


def test_links_and_folders_of_the_name_stay(tmp_path: Path) -> None:
    photo = tmp_path / "holiday.jpg"
    IMAGE.save(photo)
    before = photo.read_bytes()
    out = tmp_path / "out"
    (out / "b.jpg").mkdir(parents=True)
    (out / "a.jpg").symlink_to(photo)
    (out / "c.jpg").symlink_to(tmp_path / "gone.jpg")
    assert [PictureFolder(out).write(IMAGE, name).name for name in ("a.jpg", "b.jpg", "c.jpg")] == [
        "a-2.jpg",
        "b-2.jpg",
        "c-2.jpg",
    ]
    assert photo.read_bytes() == before


def test_only_the_colour_profile_goes_along(tmp_path: Path) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = IMAGE.copy()
    image.info["icc_profile"] = profile
    exif = image.getexif()
    exif[0x010E] = "where I live"
    image.info["exif"] = exif.tobytes()
    for name in ("a.jpg", "a.png", "a.webp", "a.tif"):
        path = PictureFolder(tmp_path).write(image, name)
        assert b"where I live" not in path.read_bytes()
        with Image.open(path) as written:
            assert written.info["icc_profile"] == profile


@pytest.mark.parametrize("place", ["file", "file/below", "file/below/deeper"])
def test_an_output_folder_that_is_a_file_stops_at_once(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file: not a folder to write pictures to"):
        PictureFolder(tmp_path / place)


def test_the_folder_is_made_with_its_first_picture(tmp_path: Path) -> None:
    folder = PictureFolder(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    folder.write(IMAGE, "a.jpg")
    assert listing(tmp_path) == ["out/a.jpg"]


def test_a_picture_too_wide_for_its_kind_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot write \S+a\.webp: "):
        PictureFolder(tmp_path).write(Image.new("RGB", (16_400, 2)), "a.webp")
    assert listing(tmp_path) == []


def test_what_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "a.bin") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert listing(tmp_path) == []
