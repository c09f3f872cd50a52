"""From samples to batches: each crop depends on the seed and its own number alone."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from crowdmask.data.sample import Sample
from crowdmask.errors import DataError
from crowdmask.labels import MASK_WORN_INCORRECT
from crowdmask.models.detector import InputSpec
from crowdmask.training.augmentation import augment
from crowdmask.training.recipe import Augmentation, Recipe
from crowdmask.training.views import Crop, cut, draw_window

Batch = tuple[Tensor, list[dict[str, Tensor]]]
# No photo is needed larger than this: views go up to about twice the scale of use.
_LONGEST_SIDE = 1024
# The label of a face this wide or wider counts fully; that of a smaller one is partly guessed.
_CLEAR_LABEL_PX = 16
_LEAST_LABEL_WEIGHT = 0.25


class Photos:
    """Decoded photos, kept in memory up to a limit."""

    def __init__(self, limit_bytes: float) -> None:
        self._limit = limit_bytes
        self._used = 0
        self._kept: dict[str, Image.Image] = {}
        self._lock = threading.Lock()

    def get(self, sample: Sample) -> Image.Image:
        """Return the upright RGB photo, at most 1,024 px long."""
        kept = self._kept.get(sample.name)
        if kept is not None:
            return kept
        try:
            with Image.open(sample.path) as opened:
                photo = ImageOps.exif_transpose(opened).convert("RGB")
        except OSError as error:
            raise DataError(f"cannot read the training photo {sample.path}: {error}") from error
        if max(photo.size) > _LONGEST_SIDE:
            photo.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.BILINEAR)
        size = photo.width * photo.height * 4  # Pillow keeps RGB in four bytes a pixel
        with self._lock:
            if self._used + size <= self._limit and sample.name not in self._kept:
                self._kept[sample.name] = photo
                self._used += size
        return photo


class Sampler:
    """Draws photos: sources by weight, photos with incorrectly worn masks more often."""

    def __init__(self, samples: list[Sample], recipe: Recipe) -> None:
        sources = [s.source for s in samples]
        given = recipe.sampling.sources
        unknown = set(given) - set(sources)
        if unknown:
            raise DataError(f"the recipe weighs sources that the data set lacks: {', '.join(sorted(unknown))}")
        number = {source: sources.count(source) for source in set(sources)}
        weight = np.array([given.get(s, number[s]) / number[s] for s in sources])
        if not weight.sum():
            raise DataError("the recipe gives every source the weight 0")
        self._chance = weight / weight.sum()
        rare = np.array([bool((s.class_id[~s.ignore] == MASK_WORN_INCORRECT).any()) for s in samples])
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
    """Training batches by number, made ahead by threads."""

    def __init__(self, samples: list[Sample], recipe: Recipe, spec: InputSpec, threads: int = 2) -> None:
        self._sampler = Sampler(samples, recipe)
        self._photos = Photos(recipe.cache_gib * 2**30)
        self._recipe = recipe
        self._spec = spec
        self._threads = threads

    def make(self, number: int) -> Batch:
        """Return batch `number`: (B, 3, S, S) uint8 pictures and a target for each."""
        first = number * self._recipe.batch_size
        return collate([self._crop(first + i) for i in range(self._recipe.batch_size)], self._recipe)

    def iterate(self, numbers: list[int]) -> Iterator[Batch]:
        """Yield the batches of these numbers in order, some of them ready ahead of time."""
        waiting: dict[int, queue.Queue[Batch | BaseException]] = {n: queue.Queue(1) for n in numbers}
        ahead = threading.Semaphore(2 * self._threads)
        todo = iter(numbers)
        lock = threading.Lock()
        stop = threading.Event()

        def work() -> None:
            while not stop.is_set():
                ahead.acquire()
                with lock:
                    number = next(todo, None)
                if number is None or stop.is_set():
                    return
                try:
                    waiting[number].put(self.make(number))
                except BaseException as error:  # handed on: it is raised where the batch is used
                    waiting[number].put(error)
                    return

        workers = [threading.Thread(target=work, daemon=True) for _ in range(self._threads)]
        for worker in workers:
            worker.start()
        try:
            for number in numbers:
                batch = waiting.pop(number).get()
                ahead.release()
                if isinstance(batch, BaseException):
                    raise batch
                yield batch
        finally:
            stop.set()
            for _ in workers:
                ahead.release()

    def _crop(self, index: int) -> Crop:
        rng = np.random.default_rng((self._recipe.seed, index))
        sample = self._sampler.draw(rng)
        crop = _view(self._photos, sample, self._recipe, self._spec, rng)
        return augment(crop, self._recipe.augmentation, rng)


def validation_batches(samples: list[Sample], recipe: Recipe, spec: InputSpec) -> list[Batch]:
    """Return fixed crops of the val photos, not augmented, at the scale of use."""
    photos = Photos(0)
    views = recipe.views.model_copy(update={"use": 1.0, "face": 0.0, "whole": 0.0, "use_scale": (1.0, 1.0)})
    plain = recipe.model_copy(
        update={"views": views, "augmentation": Augmentation.model_construct(aspect=0.0)}
    )
    crops = []
    for index in range(recipe.validation_crops):
        rng = np.random.default_rng((recipe.seed, 2**40 + index))
        crops.append(_view(photos, samples[index * len(samples) // recipe.validation_crops], plain, spec, rng))
    size = recipe.batch_size
    return [collate(crops[i : i + size], recipe) for i in range(0, len(crops), size)]


def collate(crops: list[Crop], recipe: Recipe) -> Batch:
    """Stack crops into tensors."""
    pictures = torch.from_numpy(np.stack([crop.picture for crop in crops])).permute(0, 3, 1, 2)
    return pictures, [_target(crop, recipe) for crop in crops]


def _view(
    photos: Photos, sample: Sample, recipe: Recipe, spec: InputSpec, rng: np.random.Generator
) -> Crop:
    side = recipe.crop_px if spec.resize == "fit" else spec.size
    window = draw_window(sample, recipe.views, side, spec.size, recipe.augmentation.aspect, rng)
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
