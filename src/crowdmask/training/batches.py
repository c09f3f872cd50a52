"""From samples to batches: each crop depends only on the seed and its own number."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from crowdmask.data.sample import Sample
from crowdmask.errors import DataError, PictureError
from crowdmask.inference.model_file import InputSpec
from crowdmask.labels import MASK_WORN_INCORRECT
from crowdmask.media.pictures import open_picture
from crowdmask.training.augmentation import augment
from crowdmask.training.recipe import Augmentation, Recipe
from crowdmask.training.views import Crop, cut, draw_window

Batch = tuple[Tensor, list[dict[str, Tensor]]]
# Maximum size of photos in memory: views have at most about twice the scale of use.
_LONGEST_SIDE = 1024
# The label of a face of this width or more has the full weight; that of a smaller one is partly a guess.
_CLEAR_LABEL_PX = 16
_LEAST_LABEL_WEIGHT = 0.25
# This many consecutive unreadable photos are an error.
_MOST_UNREADABLE = 50


class Photos:
    """Decoded photos, kept in memory up to a limit.

    Attributes:
        unreadable: photos that could not be read, each as ``where: why``.
    """

    def __init__(self, limit_bytes: float) -> None:
        self.unreadable: dict[Path, str] = {}
        self._limit = limit_bytes
        self._used = 0
        self._kept: dict[Path, Image.Image] = {}
        self._lock = threading.Lock()

    def get(self, sample: Sample) -> Image.Image:
        """Return the upright RGB photo as in detection, with at most 1,024 px on its long side.

        Raises:
            PictureError: it cannot be read; it is added to `unreadable`.
        """
        kept = self._kept.get(sample.path)
        if kept is not None:
            return kept
        if sample.path in self.unreadable:
            raise PictureError(self.unreadable[sample.path])
        try:
            photo = open_picture(sample.path).image
        except PictureError as error:
            self.unreadable[sample.path] = str(error)
            raise
        if max(photo.size) > _LONGEST_SIDE:
            photo.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.BILINEAR)
        size = photo.width * photo.height * 4  # Pillow stores RGB in four bytes per pixel
        with self._lock:
            if self._used + size <= self._limit and sample.path not in self._kept:
                self._kept[sample.path] = photo
                self._used += size
        return photo


class Sampler:
    """Draws photos by their own weight and their source's weight, with incorrectly worn masks more often.

    A source with a weight in the recipe gets its share independent of its photos' weights, which divide this
    share.

    Raises:
        DataError: the recipe weights missing sources, or nothing is left to draw.
    """

    def __init__(self, samples: list[Sample], recipe: Recipe) -> None:
        sources = [s.source for s in samples]
        given = recipe.sampling.sources
        unknown = set(given) - set(sources)
        if unknown:
            names = ", ".join(sorted(unknown))
            raise DataError(f"the recipe has weights of sources that the data set does not have: {names}")
        own = np.array([s.weight for s in samples], float)
        total = dict.fromkeys(sources, 0.0)
        for source, photo_weight in zip(sources, own.tolist(), strict=True):
            total[source] += photo_weight
        weight = own * [given[s] / total[s] if s in given and total[s] else 1.0 for s in sources]
        if not weight.sum():
            raise DataError(
                "nothing to draw: the recipe gives every source the weight 0, or the manifest every photo"
            )
        self._chance = weight / weight.sum()
        rare = own * [bool((s.class_id[~s.ignore] == MASK_WORN_INCORRECT).any()) for s in samples]
        if recipe.sampling.incorrect and rare.any():
            part = recipe.sampling.incorrect
            self._chance = (1 - part) * self._chance + part * rare / rare.sum()
        self._cumulative = np.cumsum(self._chance)
        self.samples = samples

    def draw(self, rng: np.random.Generator) -> Sample:
        """Return one sample."""
        at = int(np.searchsorted(self._cumulative, rng.random() * self._cumulative[-1], side="right"))
        return self.samples[min(at, len(self.samples) - 1)]


class Batches:
    """Training batches by number, prepared ahead by threads."""

    def __init__(
        self, samples: list[Sample], recipe: Recipe, spec: InputSpec, threads: int = 2, world: int = 1
    ) -> None:
        """Read nothing yet.

        Args:
            threads: number of threads that prepare batches.
            world: number of processes that train together: this many consecutive batches form one step.
        """
        self._sampler = Sampler(samples, recipe)
        self._close: tuple[Recipe, Sampler] | None = None
        if recipe.close is not None:
            self._close_every = recipe.close.every
            changed = recipe.close.model_dump(exclude={"every", "sources"})
            sampling = recipe.sampling.model_copy(update={"sources": recipe.close.sources, "incorrect": 0.0})
            own = recipe.model_copy(update={**changed, "views": recipe.close.views, "sampling": sampling})
            self._close = own, Sampler(samples, own)
        self._photos = Photos(recipe.cache_gib * 2**30)
        self._recipe = recipe
        self._spec = spec
        self._threads = threads
        self._world = world

    @property
    def unreadable(self) -> list[str]:
        """Skipped photos that could not be read, each as ``where: why``."""
        return sorted(self._photos.unreadable.values())

    def make(self, number: int) -> Batch:
        """Return batch `number`: (B, 3, S, S) uint8 pictures and a target for each."""
        recipe, sampler = self._of(number)
        first = number * self._recipe.batch_size
        return collate([self._crop(first + i, recipe, sampler) for i in range(recipe.batch_size)], recipe)

    def _of(self, number: int) -> tuple[Recipe, Sampler]:
        """Return the recipe and the sampler of a batch: every n-th batch shows close faces."""
        if self._close is None or number // self._world % self._close_every != self._close_every - 1:
            return self._recipe, self._sampler
        return self._close

    def iterate(self, numbers: list[int]) -> Iterator[Batch]:
        """Yield the batches of these numbers in order, prepared ahead of time."""
        todo = iter(numbers)
        with ThreadPoolExecutor(self._threads, "crops") as pool:
            ahead = deque(pool.submit(self.make, n) for n in islice(todo, 2 * self._threads))
            try:
                while ahead:
                    batch = ahead.popleft().result()
                    ahead.extend(pool.submit(self.make, n) for n in islice(todo, 1))
                    yield batch
            finally:
                for future in ahead:
                    future.cancel()

    def _crop(self, index: int, recipe: Recipe, sampler: Sampler) -> Crop:
        rng = np.random.default_rng((recipe.seed, index))
        for _ in range(_MOST_UNREADABLE):
            sample = sampler.draw(rng)
            try:
                crop = _view(self._photos, sample, recipe, self._spec, rng)
            except PictureError:
                continue
            return augment(crop, recipe.augmentation, rng)
        raise DataError(f"{_MOST_UNREADABLE} photos in a row cannot be read, such as {self.unreadable[0]}")


def validation_batches(samples: list[Sample], recipe: Recipe, spec: InputSpec) -> list[Batch]:
    """Return fixed crops of the val photos, not augmented, at the scale of use.

    Raises:
        DataError: none of the photos can be read.
    """
    photos = Photos(0)
    views = recipe.views.model_copy(update={"use": 1.0, "face": 0.0, "whole": 0.0, "use_scale": (1.0, 1.0)})
    plain = recipe.model_copy(
        update={"views": views, "augmentation": Augmentation.model_construct(aspect=0.0)}
    )
    crops = []
    for index in range(recipe.validation_crops):
        at = index * len(samples) // recipe.validation_crops
        # Uses the next photo if this one cannot be read.
        for sample in samples[at:] + samples[:at]:
            rng = np.random.default_rng((recipe.seed, 2**40 + index))
            try:
                crops.append(_view(photos, sample, plain, spec, rng))
            except PictureError:
                continue
            break
        else:
            raise DataError(f"none of the val photos can be read, such as {samples[0].path}")
    size = recipe.batch_size
    return [collate(crops[i : i + size], recipe) for i in range(0, len(crops), size)]


def collate(crops: list[Crop], recipe: Recipe) -> Batch:
    """Stack crops into tensors."""
    pictures = torch.from_numpy(np.stack([crop.picture for crop in crops])).permute(0, 3, 1, 2)
    return pictures, [_target(crop, recipe) for crop in crops]


def _view(photos: Photos, sample: Sample, recipe: Recipe, spec: InputSpec, rng: np.random.Generator) -> Crop:
    side = recipe.crop_px if spec.resize == "fit" else spec.size
    square = spec.resize == "stretch"
    chances = recipe.augmentation
    window = draw_window(sample, recipe.views, side, spec.size, chances.aspect, rng, square, chances.squeeze)
    return cut(photos.get(sample), sample, window, side, spec.pad)


def _target(crop: Crop, recipe: Recipe) -> dict[str, Tensor]:
    width = crop.boxes[:, 2] - crop.boxes[:, 0]
    weight: NDArray[np.float32] = np.clip(width / _CLEAR_LABEL_PX, _LEAST_LABEL_WEIGHT, 1).astype(np.float32)
    weight[crop.labels == MASK_WORN_INCORRECT] *= recipe.sampling.incorrect_label_weight
    return {
        "boxes": torch.from_numpy(crop.boxes.astype(np.float32)),
        "labels": torch.from_numpy(crop.labels),
        "label_weight": torch.from_numpy(weight),
        "ignore": torch.from_numpy(crop.ignore.astype(np.float32)),
    }
