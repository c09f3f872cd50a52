"""Groups of copies: linked photos belong together, but a chain of links does not join different pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Likeness = Callable[[Indices, Indices], NDArray[np.float32]]


class UnionFind:
    """Disjoint sets of the numbers 0 to N - 1 (union-find)."""

    def __init__(self, number: int) -> None:
        self._parent = list(range(number))

    def find(self, item: int) -> int:
        """Return the number that represents the item's set."""
        parent = self._parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def join(self, first: int, second: int) -> None:
        """Join two sets; the lower number represents the result."""
        a, b = sorted((self.find(first), self.find(second)))
        self._parent[b] = a

    def sets(self, items: Iterable[int] | None = None) -> list[list[int]]:
        """Return the sets of two or more, each sorted, in the order of their lowest numbers."""
        members: dict[int, list[int]] = defaultdict(list)
        for item in sorted(items) if items is not None else range(len(self._parent)):
            members[self.find(item)].append(item)
        return [found for found in members.values() if len(found) > 1]


def group_copies(
    number: int,
    first: Indices,
    second: Indices,
    weight: NDArray[np.float32],
    likeness: Likeness,
    least: float,
) -> list[list[int]]:
    """Put linked photos into groups whose members are all similar to the group's leader.

    Photos that are linked, directly or through others, are handled together. The one with the most
    and strongest links becomes the leader; photos similar to it stay with it, the others are grouped again by
    the links between them. So two different pictures stay apart even if small steps lead from one to the
    other.

    Args:
        number: of photos.
        first, second, weight: (P,) linked pairs and their similarity, 0 to 1.
        likeness: returns the similarity of further pairs.
        least: minimum similarity of a member and its leader.
    Returns:
        Groups of two or more, the leader first, no photo twice.
    """
    groups: list[list[int]] = []
    while len(first):
        union = UnionFind(number)
        strength: dict[int, float] = defaultdict(float)
        neighbours: dict[int, set[int]] = defaultdict(set)
        for a, b, w in zip(first.tolist(), second.tolist(), weight.tolist(), strict=True):
            union.join(a, b)
            strength[a] += w
            strength[b] += w
            neighbours[a].add(b)
            neighbours[b].add(a)
        started: list[list[int]] = []
        doubtful: list[tuple[int, int]] = []  # which group, which photo
        for members in union.sets(neighbours):
            leader = max(members, key=lambda item: (strength[item], -item))
            doubtful += [
                (len(started), item) for item in members if item != leader and item not in neighbours[leader]
            ]
            started.append([leader, *sorted(neighbours[leader])])
        apart = _settle(started, doubtful, likeness, least)
        groups += started
        left = np.isin(first, apart) & np.isin(second, apart)
        first, second, weight = first[left], second[left], weight[left]
    return sorted(groups, key=min)


def _settle(
    started: list[list[int]], doubtful: list[tuple[int, int]], likeness: Likeness, least: float
) -> list[int]:
    """Put the photos that are similar to the leader into its group, and return the others."""
    if not doubtful:
        return []
    leaders = np.array([started[group][0] for group, _ in doubtful], np.int64)
    items = np.array([item for _, item in doubtful], np.int64)
    apart = []
    for (group, item), found in zip(doubtful, likeness(leaders, items), strict=True):
        if found >= least:
            started[group].append(item)
        else:
            apart.append(item)
    return apart
