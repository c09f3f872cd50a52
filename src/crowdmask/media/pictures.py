"""Open a photo of any common format as upright RGB, or say why it cannot be opened."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from io import BytesIO
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from crowdmask.errors import PictureError, PictureFault
from crowdmask.media.decoders import NAMES, count_pictures, identify

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

MAX_PIXELS = 200_000_000
"""A larger picture is refused before it is decoded; RGB takes 4 bytes a pixel in Pillow."""

FULL_SCALE_PIXELS = 48_000_000
"""A larger JPEG is decoded at a half, a quarter or an eighth of its size, to save memory."""

SCALE_IT_DOWN = "save it as a file and scale it down"
"""What to do with a photo that arrives and is too large."""

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright photo in memory.

    Attributes:
        image: RGB; smaller than the photo if a huge JPEG was decoded at a lower scale.
        width, height: of the upright photo at full size, pixels; boxes are in these pixels.
        among: how many pictures the file holds, pages or frames, of which this is the first.
    """

    image: Image.Image
    width: int
    height: int
    among: int = 1


@runtime_checkable
class PictureSource(Protocol):
    """Something that can open a photo: a file, a member of an archive, an upload."""

    def open_picture(self) -> Picture:
        """Read the photo.

        Raises:
            PictureError: it cannot be read.
        """


def open_picture(
    path: str | PathLike[str],
    max_pixels: int = MAX_PIXELS,
    full_scale_pixels: int = FULL_SCALE_PIXELS,
) -> Picture:
    """Read a photo: apply the EXIF orientation, convert any colour mode to 8-bit RGB.

    Args:
        path: JPEG, PNG, WebP, BMP, TIFF, AVIF, JPEG 2000, or HEIC with the extra `heic`; only the first page
            or frame is read.
        max_pixels: refuse a picture that is larger according to its header.
        full_scale_pixels: decode a larger JPEG at a lower scale.
    Raises:
        PictureError: the file is missing, empty, damaged, too large or not a picture.
    """
    return _decode(os.fspath(path), None, max_pixels, full_scale_pixels)


def read_picture(
    data: bytes, name: str, max_pixels: int = MAX_PIXELS, full_scale_pixels: int = FULL_SCALE_PIXELS
) -> Picture:
    """Read a photo from the bytes of its file, like `open_picture`: for uploads and archives.

    Args:
        data: the file's content.
        name: of the photo, for messages.
        max_pixels, full_scale_pixels: see `open_picture`.
    Raises:
        PictureError: the data are empty, damaged, too large or not a picture.
    """
    return _decode(name, data, max_pixels, full_scale_pixels)


def _decode(name: str, data: bytes | None, max_pixels: int, full_scale_pixels: int) -> Picture:
    try:
        _require_content(name, data)
        with identify(name if data is None else BytesIO(data)) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise PictureError(
                    f"{width:,} x {height:,} pixels are more than the limit of "
                    f"{max_pixels / 1e6:,.0f} megapixels: scale it down",
                    kind=PictureFault.TOO_LARGE,
                )
            among = count_pictures(image)
            _lower_scale(image, full_scale_pixels)
            image.load()
            # Read after loading: in a PNG it may be at the end, and Pillow has already rotated a TIFF by
            # then.
            if _orientation(image) in _SIDEWAYS:
                width, height = height, width
            return Picture(as_rgb(image), width, height, among)
    except PictureError as error:
        raise PictureError(error.reason, name, error.kind) from error
    except UnidentifiedImageError as error:
        raise PictureError(f"not a picture ({NAMES})", name, PictureFault.NO_PICTURE) from error
    except MemoryError as error:
        raise PictureError(
            "not enough memory to decode it: scale it down", name, PictureFault.TOO_LARGE
        ) from error
    except FileNotFoundError as error:
        raise PictureError(_reason(error), name, PictureFault.MISSING) from error
    except OSError as error:
        # Pillow raises it for truncated files, too; only errors of the system have a number.
        kind = PictureFault.DAMAGED if error.errno is None else PictureFault.UNREADABLE
        raise PictureError(_reason(error), name, kind) from error
    except Exception as error:
        # Decoders raise many kinds of errors on damaged data: struct.error, zlib.error, KeyError ...
        raise PictureError(f"damaged picture ({_reason(error)})", name, PictureFault.DAMAGED) from error


def as_picture(value: Any) -> Picture:
    """Accept anything that a user may pass as a photo.

    Args:
        value: a path; uint8 RGB (H, W, 3), RGBA (H, W, 4) or grey (H, W); a PIL image of any mode; the bytes
            of a photo's file, or a binary file object to read them from; a `Picture`, or a `PictureSource`.
    Raises:
        PictureError: a path, file or lazily opened image that cannot be read.
        TypeError, ValueError: something else, or an array of another shape or type.
    """
    if isinstance(value, Picture):
        return value
    if isinstance(value, (str, PathLike)):
        return open_picture(value)
    if isinstance(value, PictureSource):
        return value.open_picture()
    if isinstance(value, np.ndarray):
        image = from_array(value)
    elif isinstance(value, Image.Image):
        try:
            image = as_rgb(value)
        except Exception as error:
            name = getattr(value, "filename", "") or "the given image"
            raise PictureError(_reason(error), name, PictureFault.DAMAGED) from error
    elif (content := _content_of(value)) is not None:
        return read_picture(*content)
    else:
        raise TypeError(
            "a picture is a path, a uint8 array (H, W, 3), (H, W, 4) or (H, W), a PIL image, or the bytes of "
            f"a file, not {type(value).__name__}"
        )
    return Picture(image, image.width, image.height)


def _content_of(value: Any) -> tuple[bytes, str] | None:
    """Return what is in a file that was handed over, and its name; None where it is no file."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value), "the given bytes"
    if not callable(getattr(value, "read", None)):
        return None
    name = getattr(value, "name", None)
    name = name if isinstance(name, str) and name else "the given file"
    try:
        # Somebody who has just written it, or read it before, means all of it.
        if callable(getattr(value, "seekable", None)) and value.seekable():
            value.seek(0)
        data = value.read()
    except (OSError, ValueError) as error:  # a closed file raises ValueError
        raise PictureError(_reason(error), name) from error
    if not isinstance(data, bytes):
        raise TypeError(f"{name}: opened as text: open it with mode 'rb'")
    return data, name


def from_array(pixels: NDArray[np.uint8]) -> Image.Image:
    """Copy uint8 RGB (H, W, 3), RGBA (H, W, 4) or grey (H, W) or (H, W, 1) into an RGB image.

    Transparent parts become white.

    Raises:
        ValueError: another shape or type, or no pixels at all.
    """
    grey = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    colours = grey.shape[2] if grey.ndim == 3 else 1
    if grey.dtype != np.uint8 or grey.ndim not in (2, 3) or colours not in (1, 3, 4) or grey.size == 0:
        raise ValueError(
            f"an array must be RGB uint8 (H, W, 3), RGBA (H, W, 4) or grey (H, W), not {pixels.dtype} "
            f"{pixels.shape}"
        )
    return as_rgb(Image.fromarray(np.ascontiguousarray(grey)))


def as_rgb(image: Image.Image) -> Image.Image:
    """Return the image upright and in 8-bit RGB; the same object if it already is.

    Transparent parts become white. 16-bit grey keeps its upper byte; floats are stretched to the
    range they use.
    """
    image.load()
    upright = _turn(image, _orientation(image))
    mode = upright.mode
    if mode == "RGB" and "transparency" not in upright.info:
        return upright
    if mode == "I" or mode == "F" or mode.startswith("I;16"):
        return Image.fromarray(_grey_8bit(np.asarray(upright))).convert("RGB")
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        flat = Image.new("RGB", layer.size, (255, 255, 255))
        flat.paste(layer, mask=layer.getchannel("A"))
        return flat
    if mode == "LAB":
        return _lab_to_rgb(upright)
    rgb = upright.convert("RGB")
    # A profile of another colour space would be wrong for the RGB result.
    rgb.info.pop("icc_profile", None)
    return rgb


def too_many_bytes(limit: int, remedy: str, name: str = "") -> PictureError:
    """Return the error for a file that is too large to be read into memory.

    Args:
        limit: bytes.
        remedy: what to do.
        name: of the photo.
    """
    return PictureError(f"more than {limit // 1_000_000} MB: {remedy}", name, PictureFault.TOO_LARGE)


def _require_content(name: str, data: bytes | None) -> None:
    if data is not None:
        if not data:
            raise PictureError("empty file", kind=PictureFault.EMPTY)
        return
    status = os.stat(name)
    if stat.S_ISDIR(status.st_mode):
        raise PictureError("a folder, not a picture", kind=PictureFault.NO_PICTURE)
    if not stat.S_ISREG(status.st_mode):
        raise PictureError("not a regular file", kind=PictureFault.NO_PICTURE)
    if status.st_size == 0:
        raise PictureError("empty file", kind=PictureFault.EMPTY)


def _lower_scale(image: ImageFile, full_scale_pixels: int) -> None:
    scale = 1
    while scale < 8 and image.width * image.height > full_scale_pixels * scale**2:
        scale *= 2
    if scale > 1:
        # Has an effect on JPEG only; never goes below the requested size.
        image.draft(None, (image.width // scale, image.height // scale))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:
        # Damaged EXIF says nothing about the pixels: use them as they are.
        return 1


def _turn(image: Image.Image, orientation: int) -> Image.Image:
    method = _UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def _grey_8bit(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.dtype.kind == "f":
        finite = np.nan_to_num(pixels.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        low, high = float(finite.min()), float(finite.max())
        return np.rint((finite - low) * (255 / max(high - low, 1e-9))).astype(np.uint8)
    top = int(pixels.max())
    if pixels.dtype.itemsize > 2 and (top > 65535 or int(pixels.min()) < 0):
        return _grey_8bit(pixels.astype(np.float32))
    if pixels.dtype.itemsize > 2 and top <= 255:
        return pixels.astype(np.uint8)
    return (pixels.astype(np.uint16) >> 8).astype(np.uint8)


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return cast(Image.Image, ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB"))


def _reason(error: Exception) -> str:
    """Return in a few words what went wrong, without the path, which the caller adds."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    text = " ".join(str(error).split())
    return text or type(error).__name__
