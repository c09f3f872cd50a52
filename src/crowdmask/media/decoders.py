"""The decoders of photos: Pillow's for most formats, and pillow-heif for HEIC if it is installed."""

from __future__ import annotations

from importlib import import_module
from threading import Lock
from typing import IO, TYPE_CHECKING, Any

from PIL import (
    BmpImagePlugin,  # noqa: F401
    Image,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from crowdmask.errors import PictureError, PictureFault

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".hif",
    ".avif", ".mpo", ".jp2", ".j2k", ".jpf", ".jpx", ".jpc", ".j2c",
)  # fmt: skip
"""Of the files that are taken from folders."""

NAMES = "JPEG, PNG, WebP, BMP, TIFF, HEIC, AVIF or JPEG 2000"
"""Of the formats, for messages."""

# Only these decoders read untrusted files. They are imported above, since Pillow would otherwise import
# all its decoders at the first file; the rare ones are imported with their first file.
_COMMON = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
_RARE = {"AVIF": "PIL.AvifImagePlugin", "JPEG2000": "PIL.Jpeg2KImagePlugin", "HEIF": "pillow_heif"}

_HEAD_BYTES = 256
_JPEG_2000 = (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n")
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1",
}  # fmt: skip

_REDUCED_COPY, _SUBFILE_TYPE = 1, 254
_MOST_PAGES = 1_000
_opening = Lock()


def identify(source: str | IO[bytes]) -> ImageFile:
    """Read the header only, with the decoders for untrusted files.

    Pillow's own size limit is a global number below ours, with a warning from half of it: it is
    disabled while the header is read, and the caller checks the size right afterwards.

    Raises:
        PictureError: a HEIC photo, and the package that reads it is not installed; a damaged AVIF, HEIC or
            JPEG 2000 photo.
        UnidentifiedImageError, OSError: it is no such picture, or cannot be read.
    """
    rare = _rare_format(_head(source))
    with _opening:
        if rare is not None:
            _load(rare)
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            return Image.open(source, formats=_COMMON if rare is None else (rare,))
        except UnidentifiedImageError as error:
            if rare is None:
                raise
            raise PictureError(f"damaged {rare} picture", kind=PictureFault.DAMAGED) from error
        finally:
            Image.MAX_IMAGE_PIXELS = before


def count_pictures(image: Any) -> int:
    """Return the number of pictures in a file: pages or frames.

    Smaller copies of a page do not count, nor do the second view, depth and brightness maps that cameras
    keep in a JPEG.

    Args:
        image: as `identify` returns it, not loaded yet; it is left at its first picture.
    """
    if image.format == "MPO":
        return 1
    if image.format != "TIFF":
        return int(getattr(image, "n_frames", 1))
    pages = 0
    try:
        for number in range(_MOST_PAGES):
            image.seek(number)
            pages += not int(image.tag_v2.get(_SUBFILE_TYPE, 0)) & _REDUCED_COPY
    except EOFError:  # behind the last
        pass
    except Exception:
        # What comes after the first page may be damaged in any way.
        pages = max(pages, 1)
    image.seek(0)
    return max(pages, 1)


def _head(source: str | IO[bytes]) -> bytes:
    if isinstance(source, str):
        with open(source, "rb") as file:
            return file.read(_HEAD_BYTES)
    head = source.read(_HEAD_BYTES)
    source.seek(0)
    return head


def _rare_format(head: bytes) -> str | None:
    """Return Pillow's name of a rare format, by the first bytes of a file."""
    if head.startswith(_JPEG_2000):
        return "JPEG2000"
    if head[4:8] != b"ftyp":
        return None
    # The file type box: its length, "ftyp", the major brand, a version, and more brands that it fits.
    end = int.from_bytes(head[:4], "big")
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(end, len(head)), 4))}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if brands & _HEIC_BRANDS else None


def _load(rare: str) -> None:
    try:
        module = import_module(_RARE[rare])
    except ImportError as error:
        if rare != "HEIF":
            raise
        raise PictureError(
            "a HEIC photo: to read it, install the extra  pip install 'crowdmask[heic]', or save it as JPEG"
        ) from error
    if rare == "HEIF" and rare not in Image.OPEN:
        module.register_heif_opener()
