from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crowdmask.errors import PictureError, PictureFault
from crowdmask.media.pictures import open_picture, read_picture

TURNED = 6
"""EXIF orientation: shown a quarter turn clockwise from how it is stored."""


def scene(size: tuple[int, int] = (96, 64)) -> Image.Image:
    """A picture whose corners differ."""
    image = Image.new("RGB", size, (30, 90, 200))
    image.paste((230, 40, 40), (0, 0, size[0] // 2, size[1] // 2))
    image.paste((240, 240, 60), (size[0] // 2, size[1] // 2, *size))
    return image


def difference(a: Image.Image, b: Image.Image) -> float:
    return float(np.abs(np.asarray(a, float) - np.asarray(b, float)).mean())


def save(image: Image.Image, path: Path, **options: Any) -> Path:
    if path.suffix in (".heic", ".heif", ".hif"):
        heif = pytest.importorskip("pillow_heif")
        heif.register_heif_opener()
        options = {"format": "HEIF", **options}
    image.save(path, **options)
    return path


RARE = ["a.avif", "a.heic", "a.hif", "a.jp2", "a.j2k", "a.jpx", "a.mpo"]


@pytest.mark.parametrize("name", RARE)
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_rare_formats_in_any_mode(name: str, mode: str, tmp_path: Path) -> None:
    if (name, mode) == ("a.mpo", "RGBA"):
        pytest.skip("JPEG has no transparency")
    options = {"save_all": True, "append_images": [scene().rotate(180)]} if name == "a.mpo" else {}
    path = save(scene().convert(mode), tmp_path / name, **options)
    wanted = scene().convert(mode).convert("RGB")
    for picture in (open_picture(path), read_picture(path.read_bytes(), "a")):
        assert (picture.width, picture.height, picture.among) == (96, 64, 1)
        assert difference(picture.image, wanted) < 6


@pytest.mark.parametrize("name", ["a.avif", "a.heic"])
def test_they_are_turned_upright(name: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = TURNED
    path = save(scene().transpose(Image.Transpose.ROTATE_90), tmp_path / name, exif=exif.tobytes())
    picture = open_picture(path)
    assert (picture.width, picture.height) == (96, 64)
    assert difference(picture.image, scene()) < 6


def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    path = save(scene(), tmp_path / "a.avif").rename(tmp_path / "a.jpg")
    assert difference(open_picture(path).image, scene()) < 6


def tiff_with_a_small_copy(path: Path) -> None:
    from PIL import TiffImagePlugin

    small = TiffImagePlugin.ImageFileDirectory_v2()
    small[254] = 1
    copy = scene((48, 32))
    copy.encoderinfo = {"tiffinfo": small}
    scene().save(path, save_all=True, append_images=[copy])


@pytest.mark.parametrize(
    ("name", "number", "among"),
    [
        ("a.tif", 3, 3), ("a.tif", 1, 1), ("a.webp", 4, 4), ("a.png", 2, 2), ("a.avif", 2, 2),
        ("a.heic", 2, 2), ("a.mpo", 2, 1), ("a.jpg", 1, 1),
    ],
)  # fmt: skip
def test_pictures_of_a_file_are_counted_and_the_first_is_read(
    name: str, number: int, among: int, tmp_path: Path
) -> None:
    others = [scene().rotate(180)] * 1 + [
        scene().transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        scene().rotate(9),
    ]
    options = {"save_all": True, "append_images": others[: number - 1]} if number > 1 else {}
    picture = open_picture(save(scene(), tmp_path / name, **options))
    assert picture.among == among
    assert difference(picture.image, scene()) < 6


def test_a_smaller_copy_is_no_page(tmp_path: Path) -> None:
    tiff_with_a_small_copy(tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as image:
        assert getattr(image, "n_frames", 1) == 2
    assert open_picture(tmp_path / "a.tif").among == 1


@pytest.mark.parametrize("part", [0.3, 0.9])
@pytest.mark.parametrize("name", ["a.avif", "a.heic", "a.jp2"])
def test_a_cut_file_is_damaged(name: str, part: float, tmp_path: Path) -> None:
    data = save(scene(), tmp_path / name).read_bytes()
    with pytest.raises(PictureError, match=r"^cut: ") as caught:
        read_picture(data[: int(len(data) * part)], "cut")
    assert caught.value.kind is PictureFault.DAMAGED


def test_heic_without_its_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(scene(), tmp_path / "a.heic")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PictureError, match=r"a\.heic: a HEIC photo: .*pip install 'crowdmask\[heic\]'"):
        open_picture(path)


def test_other_files_of_the_family_are_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="not a picture"):
        read_picture(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(64), "a.mp4")
