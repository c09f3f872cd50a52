"""The brightness of a face and the lightness of its skin in a photo: rough proxies, for balance and slices.

These numbers describe pixels, not people. The same person comes out darker in the shade, bluer under an
overcast sky and yellower under a lamp, and a camera's own exposure moves all of it; make-up, a veil or a
warm background count as skin. A single value means little. Averages over hundreds of faces tell whether a
data set or a detector leaves out the light or the dark end, and no more. Never store them by person.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

SKIN_BANDS: Final = ("dark", "brown", "tan", "intermediate", "light", "very light")
"""The usual names of the ranges of the individual typology angle, from dark to light."""

_BAND_EDGES: Final = (-30.0, 10.0, 28.0, 41.0, 55.0)
# Range of skin colours in CIELAB: paper masks are grey, surgical masks blue or green.
_LIGHTNESS: Final = (10.0, 95.0)
_CHROMA: Final = (6.0, 50.0)
_HUE_DEGREES: Final = (15.0, 80.0)
_LEAST_PIXELS: Final = 24
_LEAST_SHARE: Final = 0.10
# sRGB to CIE XYZ by the white point D65, so that white is (1, 1, 1).
_TO_XYZ: Final = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
) / np.array([[0.95047], [1.0], [1.08883]])


def face_light(pixels: Pixels) -> float:
    """Return how bright a face is: the median lightness L* of its pixels, 0 black to 100 white.

    It mixes the light that fell on the face, the camera's exposure, and the face and mask themselves.

    Args:
        pixels: RGB uint8 (H, W, 3) or (N, 3).
    Returns:
        NaN if there are no pixels.
    """
    flat = pixels.reshape(-1, 3)
    return float(np.median(to_lab(flat)[:, 0])) if len(flat) else float("nan")


def skin_ita(pixels: Pixels) -> float:
    """Estimate the individual typology angle of a face: the greater, the lighter the skin looks.

    Pixels whose colour cannot be skin (cloth, grey, blue, blown out) are left out, and the medians of
    L* and b* of the rest give the angle arctan((L* - 50) / b*). Under the controlled light of a
    laboratory it sorts skin by pigment; in photos it depends on light and white balance at least as
    much, so this is a rough proxy. See the head of this module before you use it.

    Args:
        pixels: RGB uint8 (H, W, 3) or (N, 3), of a face; better without hair, mask and background,
            see `skin_region`.
    Returns:
        Degrees, -90 to 90; NaN if too few pixels have the colour of skin.
    Source: Chardon, Cretois and Hourseau, Skin colour typology and suntanning pathways (1991).
    """
    lab = to_lab(pixels.reshape(-1, 3))
    lightness, b = lab[:, 0], lab[:, 2]
    chroma = np.hypot(lab[:, 1], b)
    hue = np.degrees(np.arctan2(b, lab[:, 1]))
    skin = np.ones(len(lab), bool)
    for values, (least, most) in ((lightness, _LIGHTNESS), (chroma, _CHROMA), (hue, _HUE_DEGREES)):
        skin &= (values >= least) & (values <= most)
    if skin.sum() < max(_LEAST_PIXELS, _LEAST_SHARE * len(lab)):
        return float("nan")
    return float(np.degrees(np.arctan2(np.median(lightness[skin]) - 50, np.median(b[skin]))))


def skin_band(ita: float) -> str | None:
    """Return the name of an angle's range, one of `SKIN_BANDS`, or None for NaN."""
    if np.isnan(ita):
        return None
    return SKIN_BANDS[int(np.searchsorted(_BAND_EDGES, ita, side="left"))]


def skin_region(picture: Pixels, box: tuple[float, float, float, float], covered: bool) -> Pixels:
    """Cut the part of a face where skin is likely: without the border of its box and without its mask.

    Args:
        picture: RGB uint8 (H, W, 3).
        box: xyxy in its pixels, forehead to chin.
        covered: a mask may cover the lower half, so only the upper one is taken.
    Returns:
        (h, w, 3); empty if the box lies outside.
    """
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    columns = (left + 0.2 * width, right - 0.2 * width)
    rows = (top + 0.12 * height, top + (0.48 if covered else 0.85) * height)
    x1, x2 = (int(np.clip(np.rint(x), 0, picture.shape[1])) for x in columns)
    y1, y2 = (int(np.clip(np.rint(y), 0, picture.shape[0])) for y in rows)
    return picture[y1:y2, x1:x2]


def to_lab(pixels: Pixels) -> NDArray[np.float64]:
    """Turn sRGB uint8 (N, 3) into CIELAB (N, 3) under D65: L* 0 to 100, a* and b* about -128 to 127."""
    values = pixels.astype(np.float64) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T
    edge = 6 / 29
    f = np.where(xyz > edge**3, np.cbrt(xyz), xyz / (3 * edge**2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)
