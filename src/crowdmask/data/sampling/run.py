"""Split or balance a whole data set: read its manifest, choose, write it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crowdmask.data.manifest import Photo, editing, read_manifest, write_manifest
from crowdmask.data.sampling.balance import look_at_tones, margins_of, pick, to_balance, weigh
from crowdmask.data.sampling.raking import Margin, Weights
from crowdmask.data.sampling.split import refuse_leaks, split_photos
from crowdmask.errors import DataError, PictureError
from crowdmask.progress import Progress, silent


@dataclass(frozen=True, eq=False)
class SplitResult:
    """A split of a data set.

    Attributes:
        before: the photos as they were.
        after: the photos as they are now, in the same order.
        empty: splits that should have photos and have none, since there are too few groups.
    """

    before: Sequence[Photo]
    after: Sequence[Photo]
    empty: tuple[str, ...] = ()

    @property
    def changed(self) -> int:
        """How many photos were given another split."""
        return sum(old.split != new.split for old, new in zip(self.before, self.after, strict=True))

    @property
    def compared(self) -> bool:
        """Whether the photos were compared with one another; if not, copies may lie in several splits."""
        return not self.before or any(photo.hash is not None for photo in self.before)


def check_split(place: Path) -> SplitResult:
    """Look for leaks and change nothing.

    Args:
        place: the data set's folder, or its manifest.
    Raises:
        DataError: the manifest cannot be read, or a group lies in several splits.
    """
    photos = read_manifest(place).photos
    refuse_leaks(photos)
    return SplitResult(photos, photos)


def split_data_set(
    place: Path,
    fractions: Mapping[str, float],
    *,
    seed: int = 0,
    again: bool = False,
    unannotated: bool = False,
) -> SplitResult:
    """Split a data set and write the splits into its manifest.

    Args:
        place: the data set's folder, or its manifest.
        fractions, seed, again, unannotated: see `split_photos`.
    Raises:
        DataError: the manifest cannot be read; else see `split_photos`.
        BusyError: another command is changing the data set.
        OutputError: the manifest cannot be written.
    """
    with editing(place) as manifest:
        after = split_photos(manifest.photos, fractions, seed, again, unannotated)
        write_manifest(manifest.with_photos(after))
    used = {photo.split for photo in after}
    empty = tuple(name for name, part in fractions.items() if part and name not in used)
    return SplitResult(manifest.photos, after, empty)


@dataclass(frozen=True, eq=False)
class BalanceResult:
    """The weights of a data set.

    Attributes:
        margins: what each weighted photo adds to its source, class, face size and skin tone.
        weights: (N,) of these photos.
        failed: how many of them could not be read to look at the skin tone.
    """

    margins: Sequence[Margin]
    weights: Weights
    failed: int = 0


def clear_weights(place: Path) -> None:
    """Remove all weights from a data set's manifest.

    Args:
        place: the data set's folder, or its manifest.
    Raises:
        DataError, BusyError, OutputError: see `editing` and `write_manifest`.
    """
    with editing(place) as manifest:
        write_manifest(manifest.with_photos(_without_weights(manifest.photos)))


def balance_data_set(
    place: Path,
    *,
    subset: int | None = None,
    strength: float = 0.5,
    cap: float = 4.0,
    seed: int = 0,
    tones: bool = True,
    threads: int = 2,
    progress: Progress = silent,
    complain: Callable[[PictureError], None] = lambda error: None,
) -> BalanceResult:
    """Weight the training photos of a data set, or choose some, and write the weights into its manifest.

    Args:
        place: the data set's folder, or its manifest; what was looked at is kept beside it.
        subset: choose this number of photos: weight 1, all others 0; None: weight all.
        strength: of the correction; 0 changes nothing, 1 aims at equal shares.
        cap: upper limit of a weight; its inverse is the lower limit.
        seed: of the choice of a subset.
        tones: look at the photos for the apparent skin tone.
        threads: number of photos decoded at the same time.
        progress: is told of every photo that was looked at.
        complain: is told of each photo that cannot be read; it is weighted all the same.
    Raises:
        DataError: the manifest cannot be read, its split leaks, or no photo is annotated.
        UsageError: `subset` is larger than the data set.
        BusyError: another command is changing the data set.
        OutputError: the manifest cannot be written.
    """
    with editing(place) as manifest:
        refuse_leaks(manifest.photos)
        photos = _without_weights(manifest.photos)
        chosen = to_balance(photos)
        if not chosen:
            raise DataError(f"{place}: no annotated photo to weight (in train, where there are splits)")
        mine = [photos[i] for i in chosen]
        looked: list[list[float | None]] | None = None
        failed = 0
        if tones:
            looked, failed = look_at_tones(
                manifest.folder, mine, threads=threads, progress=progress, complain=complain
            )
        margins = margins_of(mine, looked)
        weights = weigh(margins, strength, cap) if subset is None else pick(margins, subset, strength, seed)
        for i, weight in zip(chosen, weights.tolist(), strict=True):
            photos[i] = photos[i].model_copy(update={"weight": round(weight, 4)})
        write_manifest(manifest.with_photos(photos))
    return BalanceResult(margins, weights, failed)


def _without_weights(photos: Sequence[Photo]) -> list[Photo]:
    return [photo.model_copy(update={"weight": None}) for photo in photos]
