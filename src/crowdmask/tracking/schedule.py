"""Decide which frames are worth a look of the detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ADAPTIVE, EVERY = "adaptive", "every"
LOOKS: tuple[str, ...] = (ADAPTIVE, EVERY)

Reason = Literal[
    "first",
    "cut",
    "young",
    "crowd",
    "close",
    "new",
    "unsure",
    "lost",
    "camera",
    "motion",
    "people",
    "still",
    "idle",
]

# After so many seconds since the last look another one pays, by what goes on; the first that holds counts.
_AFTER_S: dict[str, float] = {
    "young": 0.0,
    "crowd": 0.0,
    "close": 0.04,
    "new": 0.0,
    "unsure": 0.10,
    "lost": 0.04,
    "camera": 0.0,
    "motion": 0.16,
    "people": 0.16,
    "still": 0.5,
    "idle": 1.0,
}
_ROUNDING_S = 0.004
"""Times of frames are rounded: 0.0999 s after the last look is 0.1 s."""


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What is known when a frame comes and before it is looked at.

    Attributes:
        since_s: seconds since the last look; None: there was none.
        is_cut: a new take begins with this frame.
        is_new: somebody was seen last who has no number yet.
        is_fresh: that is so, or it is unsettled what somebody wears, only since a moment ago.
        is_young: the take began just now.
        is_crowd: many are in view, so that somebody always comes, goes or is faint.
        is_close: what is told of somebody in view may turn with each frame.
        is_unsure: of somebody in view it is not settled what they wear.
        is_lost: somebody was missed by the last look.
        camera_moves: since the last look.
        moves: something has changed where nobody is tracked.
        changes: anything has changed since the last look.
        is_same: nothing has, not even by noise.
        people: so many are in view.
    """

    since_s: float | None
    is_cut: bool = False
    is_new: bool = False
    is_fresh: bool = False
    is_young: bool = False
    is_crowd: bool = False
    is_close: bool = False
    is_unsure: bool = False
    is_lost: bool = False
    camera_moves: bool = False
    moves: bool = False
    changes: bool = False
    is_same: bool = True
    people: int = 0


def reason_to_look(now: Situation) -> Reason | None:
    """Say why a frame should be looked at; None: what was seen last is enough."""
    if now.since_s is None:
        return "first"
    if now.is_cut:
        return "cut"
    holds: dict[Reason, bool] = {
        # In a picture in which nothing changes a second look would see the same.
        "young": now.is_young and now.changes and now.people > 0,
        "crowd": now.is_crowd and (now.changes or not now.is_same),  # in a crowd noise hides and shows faces
        "close": now.is_close and now.changes,
        # But who has just come, even into a picture that stands still, has to be seen some times to count.
        "new": now.is_new and (now.changes or now.is_fresh),
        "unsure": now.is_unsure and (now.changes or now.is_fresh),
        "lost": now.is_lost and now.changes,
        "camera": now.camera_moves,
        "motion": now.moves,
        "people": now.people > 0 and now.changes,
        "still": now.people > 0 or now.is_new or now.is_lost,
        "idle": True,
    }
    for reason, here in holds.items():
        if here and now.since_s >= _AFTER_S[reason] - _ROUNDING_S:
            return reason
    return None
