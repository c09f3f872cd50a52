"""The light, noise and blur of a photo around a face, so that the drawing looks like part of the photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from crowdmask.data.synthesis.surface import Floats, Surface

Pixels = NDArray[np.uint8]

_SKIN: Final = np.array([1.22, 0.95, 0.83], np.float32)
"""The typical colour of skin in white light, relative to its lightness."""
_SKIN_LIGHTNESS: Final = 0.61
_LOOKED_AT: Final = 1500


@dataclass(frozen=True, eq=False)
class Light:
    """How a photo shows objects near one face.

    Attributes:
        shade: (H, W) light relative to the face's average light.
        white: (3,) colour of a white object in the photo, 0 to 255.
        black: colour of a black object in the photo.
        grey: whether the photo has no colours.
        blur: standard deviation of its sharpest edges, pixels.
        noise: standard deviation of its noise.
    """

    shade: Floats
    white: Floats
    black: float
    grey: bool
    blur: float
    noise: float


def read_light(part: Pixels, surface: Surface) -> Light:
    """Estimate the light from a face's pixels.

    Args:
        part: (H, W, 3) the part of the picture that `surface` describes.
        surface: the face's position in it.
    """
    lightness = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).astype(np.float32)
    face = (np.abs(surface.x) < 0.7) & (surface.y > -0.3) & (surface.y < 0.95)
    values = lightness[face] if face.any() else lightness.ravel()
    dark, usual, top = _ranked(values, 0.04, 0.65, 0.97)
    usual = max(usual, 12.0)
    skin = part[face] if face.any() else part.reshape(-1, 3)
    colour = skin[values >= min(usual, float(values.max()))].mean(0)
    grey = _ranked(_spread(skin), 0.9)[0] < 12
    ratio = (colour / max(float(colour.mean()), 1.0)).astype(np.float32)
    tint = ratio if grey else np.clip(ratio / _SKIN, 0.75, 1.25) ** np.float32(0.55)
    darkest, brightest = _ranked(lightness, 0.015, 0.98)
    white = 0.6 * usual / _SKIN_LIGHTNESS + 0.4 * max(brightest, top)
    white = min(max(white, 1.1 * usual), 250.0)
    black = min(dark, darkest, 0.45 * usual)
    return Light(
        shade=_shade(lightness, surface, usual),
        white=np.clip(white * tint, 0, 255).astype(np.float32),
        black=black,
        grey=grey,
        blur=_blur(lightness, top - black, surface.width),
        noise=_noise(lightness),
    )


def _shade(lightness: Floats, surface: Surface, usual: float) -> Floats:
    """Return the smooth part of the face's light: shadows stay; mouth, beard and eyes are removed."""
    height, width = lightness.shape
    scale = 28 / surface.width
    size = (max(6, round(width * scale)), max(6, round(height * scale)))
    small = cv2.resize(lightness, size, interpolation=cv2.INTER_AREA)
    x = cv2.resize(surface.x, size, interpolation=cv2.INTER_AREA)
    y = cv2.resize(surface.y, size, interpolation=cv2.INTER_AREA)
    weight = np.exp(-((x / 0.75) ** 4) - (((y - 0.35) / 0.7) ** 4)).astype(np.float32)
    weight = weight * np.where(small > 0.5 * usual, np.float32(1), np.float32(0.15)) + np.float32(0.004)
    near = cv2.GaussianBlur(small * weight, (0, 0), 4.0) / cv2.GaussianBlur(weight, (0, 0), 4.0)
    shade = np.clip(near / np.float32(usual), 0.62, 1.3).astype(np.float32)
    return cv2.resize(shade, (width, height), interpolation=cv2.INTER_LINEAR)


def _blur(lightness: Floats, contrast: float, face_width: float) -> float:
    """Estimate the blur of edges from the steepest slopes: a step C has the slope C / (2.5 blur)."""
    across = np.abs(lightness[:, 2:] - lightness[:, :-2])
    down = np.abs(lightness[2:] - lightness[:-2])
    slope = max(*_ranked(across, 0.99), *_ranked(down, 0.99), 1.0) / 2
    return min(max(0.32 * max(contrast, 20.0) / slope, 0.45), max(0.5, 0.045 * face_width))


def _noise(lightness: Floats) -> float:
    """Estimate the noise: the difference of a pixel from its neighbours, in smooth areas."""
    rest = lightness[1:-1, 1:-1] - 0.25 * (
        lightness[:-2, 1:-1] + lightness[2:, 1:-1] + lightness[1:-1, :-2] + lightness[1:-1, 2:]
    )
    # The smoothest third: eyelashes and hair are not noise.
    return min(max(1.6 * _ranked(np.abs(rest), 0.33)[0], 0.3), 5.0) if rest.size else 0.3


def _ranked(values: NDArray[Any], *parts: float) -> tuple[float, ...]:
    """Return quantiles; of many values only a sample is used."""
    flat = values.reshape(-1)
    ordered = np.sort(flat[:: max(1, flat.size // _LOOKED_AT)])
    return tuple(float(ordered[int(part * (ordered.size - 1))]) for part in parts)


def _spread(colours: Pixels) -> Pixels:
    """Return the range of the channels of each colour, (N,)."""
    first, second, third = colours[:, 0], colours[:, 1], colours[:, 2]
    high = np.maximum(np.maximum(first, second), third)
    return high - np.minimum(np.minimum(first, second), third)


def put(
    part: Pixels,
    albedo: Floats,
    alpha: Floats,
    light: Light,
    rng: np.random.Generator,
    shadow_px: float,
    keep: NDArray[np.bool_] | None = None,
) -> Pixels:
    """Insert a drawn object into the photo.

    Args:
        part: (H, W, 3) the photo there.
        albedo: (H, W, 3) colour of the object with its own shading, 0 to about 1.
        alpha: (H, W) opacity, 0 to 1.
        light: of the photo.
        rng: random generator for the noise.
        shadow_px: softness of its shadow.
        keep: (H, W) pixels that stay unchanged.
    """
    colour = albedo * light.shade[..., None]
    colour *= light.white - np.float32(light.black)
    colour += np.float32(light.black)
    if light.grey:
        # A faded print has its own tint.
        mean = colour.mean(2, keepdims=True)
        colour = mean * (light.white / light.white.mean())
    kernel = (0, 0)
    # Colours are blurred together with their opacity, so that nothing from outside the object bleeds in.
    covered: NDArray[Any] = np.asarray(cv2.GaussianBlur(alpha, kernel, light.blur))
    inner: NDArray[Any] = np.asarray(cv2.GaussianBlur(colour * alpha[..., None], kernel, light.blur))
    inner /= np.maximum(covered, np.float32(1e-3))[..., None]
    grain: NDArray[Any] = cv2.GaussianBlur(rng.standard_normal(alpha.shape, np.float32), kernel, 0.5)
    inner += (grain * np.float32(1.3 * light.noise))[..., None]
    halo = np.maximum(cv2.GaussianBlur(alpha, kernel, max(0.6, shadow_px)) - alpha, 0)
    ground: NDArray[Any] = part * (1 - np.float32(0.45) * halo)[..., None]
    ground += (inner - ground) * covered[..., None]
    result: Pixels = np.clip(ground + np.float32(0.5), 0, 255).astype(np.uint8)
    untouched = (covered < 0.004) & (halo < 0.01)
    if keep is not None:
        untouched |= keep
    result[untouched] = part[untouched]
    return result
