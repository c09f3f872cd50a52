"""A state does not flicker, waits for evidence, and says when it began."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crowdmask.detections import Detections
from crowdmask.labels import LABELS, MASK_WORN_INCORRECT, WITH_MASK, WITHOUT_MASK
from crowdmask.tracking.far_faces import FarEvidence
from crowdmask.tracking.mask_state import STATES, UNKNOWN, MaskStates, States

Sighting = tuple[int, float]  # label, confidence


def one_face(label: int, confidence: float, side: float = 60) -> Detections:
    return Detections(
        np.array([[100, 100, 100 + side, 100 + side]], np.float32),
        np.array([confidence], np.float32),
        np.array([label], np.int64),
    )


def watch(
    states: MaskStates, sightings: list[Sighting], fps: float = 30, start_s: float = 0, side: float = 60
) -> list[States]:
    """Show one track frame by frame."""
    track = np.array([7])
    return [
        states.update(start_s + index / fps, track, one_face(*sighting, side))
        for index, sighting in enumerate(sightings)
    ]


def labels(found: list[States]) -> list[str]:
    return [each.label[0] for each in found]


def test_states_are_the_labels_and_unknown() -> None:
    assert list(STATES) == [*LABELS, UNKNOWN]


def test_unknown_until_there_is_enough_evidence() -> None:
    found = watch(MaskStates(), [(WITH_MASK, 0.9)] * 10)
    assert labels(found)[:2] == [UNKNOWN, UNKNOWN]
    assert set(labels(found)[2:]) == {"with_mask"}
    assert found[0].confidence[0] == 0
    assert math.isnan(found[0].since[0])
    assert found[-1].confidence[0] > 0.95
    assert found[-1].since[0] == 0


def test_unsure_detections_take_longer() -> None:
    sure, unsure = (labels(watch(MaskStates(), [(WITH_MASK, c)] * 60)).index("with_mask") for c in (0.9, 0.3))
    assert sure < unsure < 30


def test_torn_evidence_stays_unknown() -> None:
    found = watch(MaskStates(), [(WITH_MASK, 0.7), (WITHOUT_MASK, 0.7)] * 30)
    assert set(labels(found)) == {UNKNOWN}


@pytest.mark.parametrize(
    "flicker",
    [
        [(WITHOUT_MASK, 0.9)] * 10,
        [(WITHOUT_MASK, 0.5)] * 25,
        [(MASK_WORN_INCORRECT, 0.6), (WITHOUT_MASK, 0.6)] * 6,
        [(WITHOUT_MASK, 0.9), (WITH_MASK, 0.9)] * 60,
    ],
)
def test_flicker_does_not_change_the_state(flicker: list[Sighting]) -> None:
    found = watch(MaskStates(), [(WITH_MASK, 0.9)] * 60 + flicker + [(WITH_MASK, 0.9)] * 60)
    assert set(labels(found)[2:]) == {"with_mask"}


@pytest.mark.parametrize("fps", [0.5, 1, 2])
def test_few_frames_a_second_are_enough(fps: float) -> None:
    found = watch(MaskStates(), [(WITHOUT_MASK, 0.9)] * 5 + [(WITH_MASK, 0.9)] * 5, fps)
    assert labels(found)[4] == "without_mask"
    assert labels(found)[-1] == "with_mask"


def test_a_flicker_before_a_gap_does_not_date_the_change() -> None:
    states = MaskStates()
    watch(states, [(WITH_MASK, 0.9)] * 60 + [(WITHOUT_MASK, 0.4)] * 3)
    found = watch(states, [(WITHOUT_MASK, 0.9)] * 60, start_s=4)
    assert labels(found)[-1] == "without_mask"
    assert found[-1].since[0] == 4


@pytest.mark.parametrize("fps", [5, 10, 30, 60])
def test_change_is_taken_on_within_a_second_and_dated_to_when_it_began(fps: float) -> None:
    n = int(3 * fps)
    found = watch(MaskStates(), [(WITHOUT_MASK, 0.9)] * n + [(WITH_MASK, 0.9)] * n, fps)
    first = labels(found).index("with_mask")
    assert 3.0 < first / fps <= 4.0
    assert set(labels(found)[first:]) == {"with_mask"}
    assert found[first].since[0] == pytest.approx(3.0, abs=1.01 / fps)


def test_change_through_flicker_is_dated_to_its_middle() -> None:
    gesture = [(WITHOUT_MASK, 0.4), (WITH_MASK, 0.4), (MASK_WORN_INCORRECT, 0.4)] * 10
    found = watch(MaskStates(), [(WITHOUT_MASK, 0.9)] * 60 + gesture + [(WITH_MASK, 0.9)] * 60)
    assert labels(found)[-1] == "with_mask"
    assert 2.0 <= found[-1].since[0] <= 3.0


def test_state_outlasts_a_gap_and_changes_only_on_evidence() -> None:
    states = MaskStates()
    watch(states, [(WITHOUT_MASK, 0.9)] * 60)
    after = labels(watch(states, [(WITH_MASK, 0.9)] * 30, start_s=5.0))
    assert after[0] == "without_mask"
    assert after[-1] == "with_mask"


def test_small_face_is_unknown_and_does_not_vote() -> None:
    states = MaskStates(min_face_px=20)
    assert set(labels(watch(states, [(WITHOUT_MASK, 0.9)] * 60, side=15))) == {UNKNOWN}
    near = labels(watch(states, [(WITH_MASK, 0.9)] * 30, start_s=2, side=40))
    assert near[-1] == "with_mask"
    assert "without_mask" not in near
    far = labels(watch(states, [(WITHOUT_MASK, 0.9)] * 60, start_s=3, side=15))
    assert set(far) == {UNKNOWN}
    assert labels(watch(states, [(WITH_MASK, 0.9)], start_s=5, side=40)) == ["with_mask"]


def test_size_at_the_border_does_not_flicker() -> None:
    states = MaskStates(min_face_px=20)
    watch(states, [(WITH_MASK, 0.9)] * 30, side=30)
    found = [
        watch(states, [(WITH_MASK, 0.9)], start_s=1 + i / 30, side=20 + (-1) ** i * 1.5) for i in range(30)
    ]
    assert len({labels(each)[0] for each in found[1:]}) == 1


def test_faces_without_a_track_are_unknown_and_tracks_are_kept_apart() -> None:
    states = MaskStates()
    boxes = np.array([[0, 0, 50, 50], [100, 0, 150, 50], [200, 0, 250, 50]], np.float32)
    seen = Detections(boxes, np.full(3, 0.9, np.float32), np.array([0, 1, 1]))
    for frame in range(30):
        found = states.update(frame / 30, np.array([4, -1, 9]), seen)
    assert found.label == ["with_mask", UNKNOWN, "without_mask"]
    assert found.confidence[1] == 0
    assert states.update(2.0, np.zeros(0, np.int64), Detections.empty()).label == []


def test_confidence_says_how_torn_the_evidence_is() -> None:
    steady = watch(MaskStates(), [(WITH_MASK, 0.9)] * 60)[-1]
    torn = watch(MaskStates(), [(WITH_MASK, 0.9), (WITH_MASK, 0.9), (WITHOUT_MASK, 0.9)] * 20)[-1]
    assert torn.label == steady.label == ["with_mask"]
    assert torn.confidence[0] == pytest.approx(2 / 3, abs=0.05)
    assert steady.confidence[0] > 0.95


def test_memory_stays_flat_while_people_come_and_go() -> None:
    states = MaskStates()
    for track in range(200):
        for frame in range(10):
            states.update(track + frame / 10, np.array([track]), one_face(WITH_MASK, 0.9))
    assert len(states._votes) <= 22
    for frame in range(3000):
        states.update(200 + frame / 30, np.array([500]), one_face(WITH_MASK, 0.9))
    assert len(states._votes[500].sightings) <= 32


@pytest.mark.parametrize(
    ("side", "confidence", "looks", "told"),
    [
        (20.0, 0.70, 7, "unknown"),
        (23.0, 0.75, 7, "unknown"),
        (14.0, 0.75, 7, "unknown"),
        (20.0, 0.60, 30, "unknown"),
        (20.0, 0.75, 30, "without_mask"),
        (20.0, 0.95, 7, "without_mask"),
        (30.0, 0.70, 7, "without_mask"),
    ],
)
def test_a_far_face_is_bare_only_on_strong_evidence(
    side: float, confidence: float, looks: int, told: str
) -> None:
    states = MaskStates()
    bare = Detections(
        np.array([[50, 50, 50 + side, 60 + side]], np.float32),
        np.array([confidence], np.float32),
        np.array([LABELS.index("without_mask")]),
    )
    for i in range(looks):
        known = states.update(i / 10, np.array([1]), bare)
    assert known.label == [told]


@pytest.mark.parametrize("step_s", [0.04, 0.3, 1.0, 3.0])
def test_sure_for_long_is_strong_at_any_pace_and_a_doubt_is_not(step_s: float) -> None:
    evidence, torn = FarEvidence(), FarEvidence()
    for i in range(40):
        evidence.add(i * step_s, WITHOUT_MASK, 0.5, max(5.0, 2.5 * step_s))
        torn.add(i * step_s, WITHOUT_MASK if i % 5 else WITH_MASK, 0.9, max(5.0, 2.5 * step_s))
    assert evidence.is_strong(WITHOUT_MASK)
    assert not evidence.is_strong(MASK_WORN_INCORRECT)
    assert not torn.is_strong(WITHOUT_MASK)


def test_a_far_face_with_a_mask_needs_no_more_than_others() -> None:
    states = MaskStates()
    masked = Detections(np.array([[50, 50, 68, 70]], np.float32), np.array([0.6], np.float32), np.array([0]))
    for i in range(30):
        known = states.update(i / 10, np.array([1]), masked)
    assert known.label == ["with_mask"]
