from __future__ import annotations

from crowdmask.evaluation.slices import FACE_WIDTHS_PX, slices

FACE = (0, 0, 20, 20)


def test_slices_in_order(scored):
    bare = scored([(*FACE, 1, 0)], [], source="bare")
    masked = scored([(*FACE, 0, 0)], [], source="masked")
    worn_wrongly = scored([(*FACE, 2, 0)], [], source="careless")
    result = slices([bare, masked, worn_wrongly])
    assert list(result) == ["all", "masks", "bare", "careless", "masked"]
    assert result["all"] == [bare, masked, worn_wrongly]
    assert result["masks"] == [masked, worn_wrongly]
    assert result["bare"] == [bare]


def test_no_slice_of_masks_where_it_would_be_all_or_nothing(scored):
    bare = scored([(*FACE, 1, 0)], [], source="bare")
    # An ignore region is nobody who wears a mask.
    region = scored([(*FACE, 0, 1)], [], source="region")
    masked = scored([(*FACE, 0, 0)], [], source="masked")
    assert list(slices([bare, region])) == ["all", "bare", "region"]
    assert list(slices([masked])) == ["all", "masked"]


def test_widths_leave_no_gap():
    edges = list(FACE_WIDTHS_PX.values())
    assert [high for _, high in edges[:-1]] == [low for low, _ in edges[1:]]
