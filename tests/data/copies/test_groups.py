from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdmask.data.copies.groups import UnionFind, group_copies


def run(number, pairs, alike=lambda a, b: False, least=0.5):
    """Group with links of the given weights; `alike` says what further looks find."""
    asked = []

    def likeness(first, second):
        asked.extend(zip(first.tolist(), second.tolist(), strict=True))
        return np.array([0.9 if alike(a, b) else 0.1 for a, b in asked[-len(first) :]], np.float32)

    none = [np.zeros(0, int)] * 3
    first, second, weight = (np.array(x) for x in zip(*pairs, strict=True)) if pairs else none
    return group_copies(number, first, second, weight.astype(np.float32), likeness, least), asked


def test_sets_are_joined():
    union = UnionFind(6)
    union.join(4, 1)
    union.join(1, 3)
    union.join(0, 5)
    assert union.sets() == [[0, 5], [1, 3, 4]]
    assert union.sets([4, 5, 1]) == [[1, 4]]
    assert union.find(4) == union.find(3) == 1


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], []),
        ([(0, 1, 1)], [[0, 1]]),
        ([(0, 1, 0.9), (1, 2, 0.95), (0, 2, 0.9)], [[1, 0, 2]]),
        ([(0, 3, 1), (1, 2, 1)], [[0, 3], [1, 2]]),
    ],
)
def test_directly_linked_photos_are_grouped_without_another_look(pairs, expected):
    groups, asked = run(4, pairs)
    assert groups == expected
    assert asked == []


def test_a_chain_does_not_join_the_unlike():
    """1, 2 and 3 are copies, and 5, 6 and 7; 4 is like 3 and like 5."""
    copies = [(a, b, 1.0) for a, b in ((1, 2), (1, 3), (2, 3), (5, 6), (5, 7), (6, 7))]
    groups, asked = run(8, [*copies, (3, 4, 0.9), (4, 5, 0.9)], alike=lambda a, b: {a, b} <= {1, 2, 3, 4})
    assert groups == [[3, 1, 2, 4], [5, 6, 7]]
    assert all(3 in pair for pair in asked)


def test_members_that_only_a_chain_links_stay_where_they_are_like_the_leader():
    groups, _ = run(5, [(0, 1, 1), (1, 2, 1), (2, 3, 1), (3, 4, 1)], alike=lambda a, b: True)
    assert groups == [[1, 0, 2, 3, 4]]


@given(
    st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19), st.floats(0.5, 1)), max_size=60),
    st.sets(st.integers(0, 399)),
)
def test_every_linked_photo_is_in_at_most_one_group_and_no_group_is_alone(links, like):
    pairs = [(min(a, b), max(a, b), w) for a, b, w in links if a != b]
    groups, _ = run(20, pairs, alike=lambda a, b: min(a, b) * 20 + max(a, b) in like)
    members = [item for group in groups for item in group]
    assert len(members) == len(set(members))
    assert all(len(group) > 1 for group in groups)
    linked = {item for a, b, _ in pairs for item in (a, b)}
    assert set(members) <= linked
    direct = {(a, b) for a, b, _ in pairs}
    for leader, *others in groups:
        for other in others:
            a, b = sorted((leader, other))
            assert (a, b) in direct or a * 20 + b in like
