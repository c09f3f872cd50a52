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
from crowdmask.data.copies.near_duplicates import ALIKE, compare, find_pairs
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
    for index, found in enumerate(looks):
        if found is not None:
            same_file[found.sha256].append(index)
    # Only one of several identical files is compared.
    chosen = [indices[0] for indices in same_file.values()]
    small = np.stack([found.small for i in chosen if (found := looks[i]) is not None]) if chosen else None
    groups: list[list[int]] = [[i] for i in range(len(chosen))]
    if small is not None:
        aspect = np.array([photos[i].width / photos[i].height for i in chosen])
        pairs = find_pairs(small, aspect, alike, progress)

        def likeness(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float32]:
            return _either_way(small, first, second)

        least = alike - _LEADER_SLACK
        groups = group_copies(len(chosen), pairs.first, pairs.second, pairs.likeness, likeness, least)
        groups += [[i] for i in sorted(set(range(len(chosen))) - {i for group in groups for i in group})]
    whole = [[j for i in group for j in same_file[_sha256(looks, chosen[i])]] for group in groups]
    whole = sorted((group for group in whole if len(group) > 1), key=min)
    return Duplicates(whole, _copies(whole, looks))


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


def _either_way(
    small: NDArray[np.uint8], first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float32]:
    plain = compare(small, first, second, np.zeros(len(first), bool))
    return np.maximum(plain, compare(small, first, second, np.ones(len(first), bool)))


def _copies(groups: list[list[int]], looks: Sequence[Fingerprint | None]) -> list[Copy]:
    links = [(group[0], other) for group in groups for other in group[1:]]
    near = [(a, b) for a, b in links if _sha256(looks, a) != _sha256(looks, b)]
    likeness: dict[tuple[int, int], float] = {}
    step = 1024
    for start in range(0, len(near), step):
        part = near[start : start + step]
        pictures = [[found.small for i in side if (found := looks[i])] for side in zip(*part, strict=True)]
        small = np.concatenate([np.stack(side) for side in pictures])
        first = np.arange(len(part))
        likeness |= zip(part, _either_way(small, first, first + len(part)).tolist(), strict=True)
    return [Copy(a, b, likeness.get((a, b), 1.0), (a, b) not in likeness) for a, b in links]


def _sha256(looks: Sequence[Fingerprint | None], index: int) -> str:
    found = looks[index]
    return "" if found is None else found.sha256
