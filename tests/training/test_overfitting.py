from __future__ import annotations

import pytest

from crowdmask.training.overfitting import find_signs


def history(train, val):
    """Rows of a run that logs train every 10 steps and val every 20."""
    rows = [{"step": 10 * (i + 1), "kind": "train", "total": t} for i, t in enumerate(train)]
    return rows + [{"step": 20 * (i + 1), "kind": "val", "total": v} for i, v in enumerate(val)]


FALLING = [3.0, 2.8, 2.6, 2.4, 2.2, 2.0, 1.8, 1.6, 1.4, 1.2]


@pytest.mark.parametrize(
    ("train", "val", "rising", "worse", "words"),
    [
        # Val falls as train does.
        (FALLING, [2.8, 2.4, 2.0, 1.6, 1.2], None, None, "none"),
        # Val falls, but ever more slowly.
        (FALLING, [2.8, 2.45, 2.2, 2.05, 2.0], 20, None, "gap rises since step 20 (to +0.700)"),
        # Val turns.
        (
            FALLING,
            [2.8, 2.4, 2.1, 2.2, 2.4],
            20,
            60,
            "gap rises since step 20 (to +1.100), val worse since step 60",
        ),
        # One bad last point is noise.
        (FALLING, [2.8, 2.4, 2.0, 1.55, 1.3], None, None, "none"),
        (FALLING[:4], [2.8, 2.9], None, None, "too few validations to tell"),
        ([], [], None, None, "too few validations to tell"),
    ],
)
def test_a_rising_gap_is_a_sign(train, val, rising, worse, words):
    signs = find_signs(history(train, val))
    assert (signs.rising_since, signs.worse_since) == (rising, worse)
    assert str(signs) == words


def test_the_gap_is_to_the_train_losses_since_the_validation_before():
    signs = find_signs(history([4.0, 2.0, 1.0, 3.0], [3.5, 2.5]))
    assert signs.gaps == ((20, 0.5), (40, 0.5))
