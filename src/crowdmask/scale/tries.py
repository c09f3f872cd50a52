"""Find the photo that kills its worker, and give it up after two attempts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from crowdmask.inference.ahead import AHEAD
from crowdmask.scale.work import Share

TRIES = 2
"""A photo that killed this many processes is given up."""


@dataclass
class Tries:
    """How often the photos of each share were being processed when a process ended."""

    _counts: dict[int, Counter[int]] = field(default_factory=dict)

    def again(self, share: Share, place: int | None) -> Share:
        """Return a share whose process ended, to be repeated without the photos that are given up.

        A photo is a suspect if it was being processed or opened ahead. The second time its share is processed
        one by one, so that the others are cleared; a kill from outside costs no photo.

        Args:
            place: index in the share of the photo that came next; None: unknown, so all are suspects.
        """
        counts = self._counts.setdefault(share.number, Counter())
        if place is None:
            place, last = 0, len(share.entries)
        else:
            last = place if share.one_by_one else place + AHEAD + 1
        for suspect in range(place, min(last + 1, len(share.entries))):
            counts[suspect] += 1
        given_up = set(share.given_up)
        if share.one_by_one and place < len(share.entries) and counts[place] >= TRIES:
            given_up.add(place)
        return replace(share, given_up=frozenset(given_up), one_by_one=True)

    def forget(self, share: Share) -> None:
        """Record that a share is done."""
        self._counts.pop(share.number, None)
