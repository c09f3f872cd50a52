from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crowdmask.errors import PictureError
from crowdmask.media.pictures import as_picture, as_rgb, open_picture


def scene(width: int = 80, height: int = 48) -> Image.Image:
    """Return a smooth picture whose corners differ, so that turning and mirroring show."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return Image.fromarray((np.stack([x, y, 1 - x * y], axis=-1) * 255).astype(np.uint8))


def difference(a: Image.Image, b: Image.Image) -> float:
    assert a.size == b.size
    return float(np.abs(np.asarray(a, np.float32) - np.asarray(b, np.float32)).mean())


@pytest.mark.parametrize(
    ("suffix", "options", "tolerance"),
    [
        (".jpg", {"quality": 95}, 3),
        (".jpg", {"quality": 95, "progressive": True}, 3),
        (".png", {}, 0),
        (".webp", {"lossless": True}, 0),
        (".bmp", {}, 0),
        (".tif", {}, 0),
        (".tiff", {"compression": "tiff_lzw"}, 0),
        (".tiff", {"compression": "jpeg"}, 6),
    ],
)
def test_kinds_of_file(suffix: str, options: dict[str, Any], tolerance: float, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    scene().save(path, **options)
    picture = open_picture(path)
    assert (picture.image.mode, picture.width, picture.height) == ("RGB", 80, 48)
    assert difference(picture.image, scene()) <= tolerance


def test_the_content_counts_and_not_the_suffix(tmp_path: Path) -> None:
    path = tmp_path / "really-a-png.jpg"
    scene().save(path, "PNG")
    assert difference(open_picture(str(path)).image, scene()) == 0


UNDO = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", [*UNDO, 0, 9])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".jpg"])
def test_exif_orientation(orientation: int, suffix: str, tmp_path: Path) -> None:
    undo = UNDO.get(orientation)
    stored = scene() if undo is None else scene().transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned{suffix}"
    stored.save(path, exif=exif, **({"lossless": True} if suffix == ".webp" else {"quality": 95}))
    picture = open_picture(path)
    assert (picture.width, picture.height) == (80, 48)
    assert difference(picture.image, scene()) <= (3 if suffix == ".jpg" else 0)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_is_no_reason_to_refuse_a_photo(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    scene().save(path, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12\0\x03")
    assert open_picture(path).width == 80


def deep_grey() -> Image.Image:
    x = np.linspace(0, 65535, 80).astype(np.uint16)
    return Image.fromarray(np.broadcast_to(x, (48, 80)).copy())


def see_through() -> Image.Image:
    image = scene().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 40, 48))
    return image


GREY = scene().convert("L").convert("RGB")
RAMP = Image.fromarray(np.repeat((np.linspace(0, 65535, 80).astype(int) >> 8).astype(np.uint8)[None], 48, 0))


def half_white() -> Image.Image:
    image = scene()
    image.paste((255, 255, 255), (0, 0, 40, 48))
    return image


@pytest.mark.parametrize(
    ("make", "suffix", "expected", "tolerance"),
    [
        pytest.param(lambda: scene().convert("L"), ".png", GREY, 0, id="grey"),
        pytest.param(lambda: scene().convert("L"), ".jpg", GREY, 3, id="grey JPEG"),
        pytest.param(lambda: scene().convert("LA"), ".png", GREY, 0, id="grey with alpha"),
        pytest.param(lambda: scene().convert("1"), ".png", scene().convert("1").convert("RGB"), 0, id="bits"),
        pytest.param(lambda: scene().quantize(256), ".png", scene(), 8, id="palette"),
        pytest.param(lambda: scene().convert("CMYK"), ".jpg", scene(), 6, id="CMYK JPEG"),
        pytest.param(lambda: scene().convert("CMYK"), ".tif", scene(), 3, id="CMYK TIFF"),
        pytest.param(lambda: scene().convert("LAB"), ".tif", scene(), 30, id="Lab TIFF"),
        pytest.param(lambda: scene().convert("RGBA"), ".png", scene(), 0, id="opaque alpha"),
        pytest.param(see_through, ".png", half_white(), 0, id="transparent becomes white"),
        pytest.param(see_through, ".webp", half_white(), 8, id="transparent WebP"),
        pytest.param(deep_grey, ".png", RAMP.convert("RGB"), 0, id="16-bit PNG"),
        pytest.param(deep_grey, ".tif", RAMP.convert("RGB"), 0, id="16-bit TIFF"),
        pytest.param(
            lambda: Image.fromarray(np.asarray(deep_grey()).astype(np.int32)),
            ".tif",
            RAMP.convert("RGB"),
            0,
            id="32-bit TIFF in the range of 16",
        ),
        pytest.param(
            lambda: Image.fromarray(np.asarray(RAMP).astype(np.int32)),
            ".tif",
            RAMP.convert("RGB"),
            0,
            id="32-bit TIFF in the range of 8",
        ),
        pytest.param(
            lambda: Image.fromarray(np.asarray(deep_grey()).astype(np.float32) / 65535),
            ".tif",
            RAMP.convert("RGB"),
            1,
            id="floats",
        ),
    ],
)
def test_colour_modes(
    make: Callable[[], Image.Image], suffix: str, expected: Image.Image, tolerance: float, tmp_path: Path
) -> None:
    path = tmp_path / f"a{suffix}"
    make().save(path, quality=95)
    picture = open_picture(path)
    assert picture.image.mode == "RGB"
    assert difference(picture.image, expected) <= tolerance


def test_palette_with_a_transparent_colour(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "a.png", transparency=0)
    found = open_picture(tmp_path / "a.png").image
    assert [found.getpixel((0, 0)), found.getpixel((1, 0))] == [(255, 255, 255), (200, 0, 0)]


def test_the_first_frame_of_several(tmp_path: Path) -> None:
    other = Image.new("RGB", (80, 48))
    scene().save(tmp_path / "a.tif", save_all=True, append_images=[other])
    scene().save(tmp_path / "a.webp", save_all=True, append_images=[other], lossless=True)
    for name in ("a.tif", "a.webp"):
        assert difference(open_picture(tmp_path / name).image, scene()) == 0


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64))


def jpeg_bytes(folder: Path) -> bytes:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (200, 300, 3), dtype=np.uint8)).save(folder / "whole.jpg")
    return (folder / "whole.jpg").read_bytes()


def cut(suffix: str) -> Callable[[Path], bytes]:
    def half(folder: Path) -> bytes:
        rng = np.random.default_rng(0)
        path = folder / f"whole{suffix}"
        Image.fromarray(rng.integers(0, 256, (200, 300, 3), dtype=np.uint8)).save(path)
        data = path.read_bytes()
        return data[: len(data) // 2]

    return half


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(lambda folder: b"", "empty file", id="empty"),
        pytest.param(lambda folder: b"this is a text\n", "not a picture", id="text"),
        pytest.param(lambda folder: b"GIF89a" + bytes(50), "not a picture", id="another kind"),
        pytest.param(lambda folder: b"\xff\xd8\xff\xe0", "not a picture", id="the first bytes of a JPEG"),
        pytest.param(cut(".jpg"), "truncated", id="cut JPEG"),
        pytest.param(lambda folder: jpeg_bytes(folder)[:200], "", id="JPEG cut in its head"),
        pytest.param(cut(".png"), "truncated", id="cut PNG"),
        pytest.param(cut(".webp"), "", id="cut WebP"),
        pytest.param(cut(".bmp"), "truncated", id="cut BMP"),
        pytest.param(cut(".tif"), "", id="cut TIFF"),
        pytest.param(
            lambda folder: png_header(50_000, 50_000),
            "50,000 x 50,000 pixels are more than the limit of 200 megapixels",
            id="PNG head of 50,000 x 50,000",
        ),
        pytest.param(lambda folder: png_header(300, 300), "truncated", id="PNG head without pixels"),
        pytest.param(lambda folder: png_header(0, 300), "", id="PNG of no width"),
    ],
)
def test_bad_files_are_refused_with_file_and_reason(
    content: Callable[[Path], bytes], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.jpg"
    path.write_bytes(content(tmp_path))
    with pytest.raises(PictureError) as caught:
        open_picture(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert reason in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "reason"), [("missing.jpg", "no such file"), (".", "a folder, not a picture")]
)
def test_what_is_no_file(name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=reason):
        open_picture(tmp_path / name)


def test_devices_are_not_read() -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("no /dev/zero on this system")
    with pytest.raises(PictureError, match="not a regular file"):
        open_picture("/dev/zero")


def test_every_cut_of_a_jpeg_is_a_picture_or_an_error(tmp_path: Path) -> None:
    whole = jpeg_bytes(tmp_path)
    path = tmp_path / "cut.jpg"
    for end in range(1, len(whole), len(whole) // 40):
        path.write_bytes(whole[:end])
        with pytest.raises(PictureError):
            open_picture(path)


def test_a_panorama_is_within_the_limit_and_pillows_own_is_left_alone(tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    path = tmp_path / "wide.png"
    path.write_bytes(png_header(20_000, 9_000))
    with pytest.raises(PictureError, match="truncated"):  # so its size was accepted
        open_picture(path)
    assert before == Image.MAX_IMAGE_PIXELS
    Image.new("1", (20_000, 300)).save(path)
    assert open_picture(path).width == 20_000


@pytest.mark.parametrize(("limit", "scale"), [(80 * 48, 1), (80 * 48 - 1, 2), (300, 4), (1, 8)])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_huge_jpeg_is_read_smaller_but_measured_whole(
    limit: int, scale: int, orientation: int, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.jpg"
    scene().transpose(Image.Transpose.ROTATE_90 if orientation == 6 else Image.Transpose.ROTATE_180).save(
        path, exif=exif, quality=95
    )
    picture = open_picture(path, full_scale_pixels=limit)
    assert (picture.width, picture.height) == (80, 48)
    assert picture.image.size == (80 // scale, 48 // scale)
    upright = scene() if orientation == 6 else scene().transpose(Image.Transpose.ROTATE_180)
    assert difference(picture.image, upright.resize(picture.image.size, Image.Resampling.BOX)) < 4


def test_the_limit_can_be_lowered(tmp_path: Path) -> None:
    scene().save(tmp_path / "a.png")
    with pytest.raises(PictureError, match="80 x 48 pixels"):
        open_picture(tmp_path / "a.png", max_pixels=80 * 48 - 1)


def test_colour_profile_stays_only_with_the_colours_it_is_for() -> None:
    for mode, kept in (("RGB", True), ("CMYK", False), ("L", False)):
        image = scene().convert(mode)
        image.info["icc_profile"] = b"profile"
        assert ("icc_profile" in as_rgb(image).info) is kept


def test_an_upright_rgb_image_is_not_copied() -> None:
    image = scene()
    assert as_picture(image).image is image


def test_an_image_opened_lazily_may_turn_out_damaged(tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    path.write_bytes(cut(".jpg")(tmp_path))
    with Image.open(path) as image, pytest.raises(PictureError, match=r"cut\.jpg: .*truncated"):
        as_picture(image)
