"""When the detector looks."""

from __future__ import annotations

import pytest

from crowdmask.tracking.schedule import Situation, reason_to_look


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (Situation(since_s=None), "first"),
        (Situation(since_s=0.04, is_cut=True), "cut"),
        (Situation(since_s=0.04, is_young=True, changes=True, people=1), "young"),
        (Situation(since_s=0.04, is_young=True, changes=True), None),  # nobody is there
        (Situation(since_s=0.04, is_crowd=True, changes=True), "crowd"),
        (Situation(since_s=0.04, is_crowd=True, people=9), None),  # the picture stands still
        (Situation(since_s=0.04, is_crowd=True, people=9, is_same=False), "crowd"),  # but for its noise
        (Situation(since_s=0.04, is_close=True, changes=True, people=1), "close"),
        (Situation(since_s=0.0333, is_close=True, changes=True, people=1), None),
        (Situation(since_s=0.04, is_close=True, people=1, is_same=False), None),
        (Situation(since_s=0.04, is_new=True, changes=True), "new"),
        (Situation(since_s=0.04, is_new=True, is_fresh=True), "new"),  # who has come and stands still
        (Situation(since_s=0.04, is_new=True), None),
        (Situation(since_s=0.08, is_unsure=True, changes=True, people=1), None),
        (Situation(since_s=0.0999, is_unsure=True, changes=True, people=1), "unsure"),
        (Situation(since_s=0.04, is_lost=True, changes=True), "lost"),
        (Situation(since_s=0.0333, is_lost=True, changes=True), None),
        (Situation(since_s=0.12, is_lost=True), None),
        (Situation(since_s=0.0333, camera_moves=True, changes=True), "camera"),
        (Situation(since_s=0.12, camera_moves=True, changes=True), "camera"),
        (Situation(since_s=0.12, moves=True, changes=True), None),
        (Situation(since_s=0.16, moves=True, changes=True), "motion"),
        (Situation(since_s=0.16, people=1, changes=True), "people"),
        (Situation(since_s=0.4, people=1), None),
        (Situation(since_s=0.5, people=1), "still"),
        (Situation(since_s=0.96), None),
        (Situation(since_s=1.0), "idle"),
    ],
)
def test_a_frame_is_looked_at_when_it_pays(now: Situation, reason: str | None) -> None:
    assert reason_to_look(now) == reason
