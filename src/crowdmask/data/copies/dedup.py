"""Find the copies in a data set, name their groups in the manifest, and drop all but the best."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crowdmask.data.copies.groups import UnionFind, group_copies
from crowdmask.data.copies.hashing import Fingerprint
from crowdmask.data.copies.near_duplicates import ALIKE, find_pairs
from crowdmask.data.copies.views import views_of
from crowdmask.data.manifest import Photo

PREFIX: Final = "copy-"
"""Prefix of the group names that this module assigns; other names come from people and are kept."""

# A copy may be a little less similar to its group's leader than to the photo that links it.
_LEADER_SLACK: Final = 0.007
_NAME_DIGITS: Final = 16


@dataclass(frozen=True)
class Copy:
    """Two photos of the same picture, by their indices in the manifest.

    Attributes:
        first, second: indices.
        likeness: 1 for the same file, otherwise the correlation after alignment.
        exact: the two files are identical, byte by byte.
    """

    first: int
    second: int
    likeness: float
    exact: bool


@dataclass(frozen=True)
class Duplicates:
    """The copies in a data set.

    Attributes:
        groups: indices of two or more photos each, the leader first.
        copies: the leader of each group with each other member.
    """

    groups: list[list[int]]
    copies: list[Copy]


def find_duplicates(
    photos: Sequence[Photo],
    looks: Sequence[Fingerprint | None],
    alike: float = ALIKE,
    progress: Callable[[float], None] = lambda part: None,
) -> Duplicates:
    """Group the photos that are copies of one another.

    Args:
        photos: of one manifest.
        looks: fingerprint of each photo; None for one that cannot be read, which is in no group.
        alike: minimum correlation of copies.
        progress: receives the completed part from time to time, 0 to 1.
    """
    same_file: dict[str, list[int]] = defaultdict(list)
    # Only one of several identical files is compared.
    chosen: dict[str, Fingerprint] = {}
    for index, found in enumerate(looks):
        if found is not None:
            same_file[found.sha256].append(index)
            chosen.setdefault(found.sha256, found)
    files = list(same_file.values())
    known: dict[tuple[str, str], float] = {}
    groups = _group([photos[file[0]] for file in files], list(chosen.values()), alike, known, progress)
    whole = [[j for i in group for j in files[i]] for group in groups]
    whole = sorted((group for group in whole if len(group) > 1), key=min)
    return Duplicates(whole, _copies(whole, looks, known))


def _group(
    photos: Sequence[Photo],
    looks: Sequence[Fingerprint],
    alike: float,
    known: dict[tuple[str, str], float],
    progress: Callable[[float], None],
) -> list[list[int]]:
    """Group different files, a photo without a copy alone; note in `known` how alike those compared are."""
    if not photos:
        return []
    views = views_of(looks, [photo.width / photo.height for photo in photos])

    def note(first: NDArray[np.int64], second: NDArray[np.int64], values: NDArray[np.float32]) -> None:
        for one, two, value in zip(first.tolist(), second.tolist(), values.tolist(), strict=True):
            a, b = sorted((looks[one].sha256, looks[two].sha256))
            known[a, b] = value

    def likeness(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float32]:
        found = views.likeness(first, second, least)
        note(first, second, found)
        return found

    least = alike - _LEADER_SLACK
    first, second, values = views.links(
        find_pairs(views.small, views.aspect, alike, progress, views.owner), alike
    )
    note(first, second, values)
    groups = group_copies(len(photos), first, second, values, likeness, least)
    return groups + [[i] for i in sorted(set(range(len(photos))) - {i for group in groups for i in group})]


def with_groups(
    photos: Sequence[Photo], looks: Sequence[Fingerprint | None], duplicates: Duplicates
) -> list[Photo]:
    """Return the photos with sha256, hash and group filled in.

    A group that already has a name keeps it. A group named by a person also keeps its members; copies of
    these join it.
    """
    union = UnionFind(len(photos))
    given: dict[str, int] = {}
    for index, photo in enumerate(photos):
        if photo.group is not None and not photo.group.startswith(PREFIX):
            union.join(given.setdefault(photo.group, index), index)
    for group in duplicates.groups:
        for index in group[1:]:
            union.join(group[0], index)
    leaders = {index: group[0] for group in duplicates.groups for index in group}
    taken = set(given)
    name_of: dict[int, str] = {}
    # Larger sets first, so that most photos keep the name that they had.
    for members in sorted(union.sets(), key=len, reverse=True):
        leader = leaders.get(members[0], members[0])
        found = looks[leader]
        digits = found.sha256[:_NAME_DIGITS] if found is not None else str(leader)
        name = _group_name([photos[i].group for i in members], PREFIX + digits, taken)
        taken.add(name)
        name_of.update(dict.fromkeys(members, name))
    filled = []
    for index, (photo, found) in enumerate(zip(photos, looks, strict=True)):
        alone = photo.group if photo.group is not None and not photo.group.startswith(PREFIX) else None
        update: dict[str, str | None] = {"group": name_of.get(index, alone)}
        if found is not None:
            update |= {"sha256": found.sha256, "hash": found.hash}
        else:
            # A photo that cannot be read now may be readable later, so it keeps its group.
            update["group"] = name_of.get(index, photo.group)
        filled.append(photo.model_copy(update=update))
    return filled


def best_of(photos: Sequence[Photo], group: Sequence[int]) -> int:
    """Return which photo of a group to keep: prefer reviewed, annotated, in a split, large, the first."""

    def worth(index: int) -> tuple[bool, bool, int, bool, int]:
        photo = photos[index]
        area = photo.width * photo.height
        return photo.reviewed, photo.faces is not None, area, photo.split is not None, -index

    return max(group, key=worth)


def drop_copies(photos: Sequence[Photo], duplicates: Duplicates) -> tuple[list[Photo], list[Photo]]:
    """Keep the best photo of each group.

    Returns:
        The photos that are kept, in order, and those that are dropped. A kept photo without a split
        takes the split of its copies, if they agree.
    """
    dropped: set[int] = set()
    split: dict[int, str] = {}
    for group in duplicates.groups:
        best = best_of(photos, group)
        dropped |= set(group) - {best}
        splits = {found for i in group if (found := photos[i].split) is not None}
        if photos[best].split is None and len(splits) == 1:
            split[best] = splits.pop()
    kept = [
        photo.model_copy(update={"split": split[i]}) if i in split else photo
        for i, photo in enumerate(photos)
        if i not in dropped
    ]
    return kept, [photos[i] for i in sorted(dropped)]


def _group_name(names: Sequence[str | None], new: str, taken: set[str]) -> str:
    """Return the name of a set of photos: one given by a person, or the most common one, or a new one."""
    count = Counter(name for name in names if name is not None)
    foreign = sorted(name for name in count if not name.startswith(PREFIX))
    if foreign:
        return foreign[0]
    for name in sorted(count, key=lambda n: (-count[n], n)):
        if name not in taken:
            return name
    name, number = new, 2
    while name in taken:
        name, number = f"{new}-{number}", number + 1
    return name


def _copies(
    groups: list[list[int]], looks: Sequence[Fingerprint | None], known: dict[tuple[str, str], float]
) -> list[Copy]:
    links = [(group[0], other) for group in groups for other in group[1:]]
    files = [(_sha256(looks, a), _sha256(looks, b)) for a, b in links]
    return [
        Copy(a, b, 1.0 if one == two else known[min(one, two), max(one, two)], one == two)
        for (a, b), (one, two) in zip(links, files, strict=True)
    ]


def _sha256(looks: Sequence[Fingerprint | None], index: int) -> str:
    found = looks[index]
    return "" if found is None else found.sha256
