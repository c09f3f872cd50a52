from __future__ import annotations

import json

import numpy as np
import pytest

from crowdmask.errors import ModelError
from crowdmask.inference.model_file import hash_of, locate, shipped_models
from crowdmask.survey.cells import confidence_class, confidence_edges, describe_width, width_class
from crowdmask.survey.rates import count_photo, read_rates, shipped_rates

from .conftest import THRESHOLDS


def test_classes_of_confidences_begin_at_parts_of_the_threshold() -> None:
    edges = confidence_edges((0.4, 0.5, 0.4))
    assert edges[0] == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.7, 0.9])
    assert edges[1] == pytest.approx([0.0625, 0.125, 0.25, 0.5, 0.75, 0.9166667])


@pytest.mark.parametrize(
    ("width", "expected"), [(7.99, -1), (8, 0), (15.9, 0), (16, 1), (32, 2), (64, 3), (9999, 3), (np.nan, -1)]
)
def test_width_class(width: float, expected: int) -> None:
    assert width_class(np.array([width]))[0] == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(0.04, -1), (0.05, 0), (0.39, 2), (0.4, 3), (0.399995, 3), (1.0, 5)]
)
def test_confidence_class(value: float, expected: int) -> None:
    edges = confidence_edges(THRESHOLDS)
    assert confidence_class(np.array([0]), np.array([value]), edges)[0] == expected


def test_describe_width() -> None:
    assert [describe_width(index) for index in (0, 3)] == ["8 to 16 px", "64 px and wider"]


def test_count_photo_sorts_by_truth() -> None:
    found = np.array(
        [(0, 0, 20, 20), (100, 0, 140, 40), (200, 0, 220, 20), (300, 0, 304, 4), (400, 0, 420, 20)],
        np.float32,
    )
    faces = np.array([(0, 0, 20, 20), (100, 0, 140, 40), (500, 0, 510, 10), (600, 0, 606, 6)], np.float32)
    counts = count_photo(
        found, np.array([0.95, 0.5, 0.3, 0.9, 0.9], np.float32), np.array([0, 1, 0, 0, 1]),
        faces, np.array([0, 2, 1, 1]), np.array([(395, 0, 430, 30)], np.float32), THRESHOLDS,
    )  # fmt: skip
    expected = np.zeros((4, 3, 4, 6), int)
    expected[0, 0, 1, 5] = 1  # found as it is
    expected[2, 1, 2, 3] = 1  # found under another label
    expected[3, 0, 1, 2] = 1  # no face; the one in the ignored region and the one of 4 px do not count
    assert (counts.found == expected).all()
    assert counts.missed.tolist() == [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]  # 6 px are too narrow


def test_file_round_trip(rates, rates_file) -> None:
    again = read_rates(rates_file)
    assert (again.found == rates.found).all()
    assert (again.missed == rates.missed).all()
    assert again.thresholds == rates.thresholds
    assert again.model_hash == rates.model_hash


def test_from_floor_counts_what_only_lower_confidences_found_as_missed(rates) -> None:
    found, missed = rates.from_floor(3)
    assert found.shape[-1] == 3
    people = rates.found[:, :3].sum() + rates.missed.sum()
    assert found[:, :3].sum() + missed.sum() == people


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.update(format=99),
        lambda value: value.pop("photos"),
        lambda value: value["photos"][0]["found"].append([9, 9, 9, 9, 1]),
        lambda value: value["photos"][0]["missed"].append([0, 0, -3]),
        lambda value: value.update(thresholds={"with_mask": "high"}),
    ],
)
def test_damaged_file_is_one_clear_error(rates_file, tmp_path, change) -> None:
    value = json.loads(rates_file.read_text())
    change(value)
    path = tmp_path / "bad.rates.json"
    path.write_text(json.dumps(value))
    with pytest.raises(ModelError, match="measure them again"):
        read_rates(path)


@pytest.mark.parametrize("model", shipped_models())
def test_each_shipped_model_has_rates_that_were_measured_on_it(model) -> None:
    # Where this fails after a model was replaced, measure anew: make rates
    rates = shipped_rates(hash_of(locate(model)))
    assert rates is not None
    assert rates.model == model
    assert rates.photos > 100


def test_other_models_have_none() -> None:
    assert shipped_rates("no such hash") is None
    assert shipped_rates(None, "crowd") is not None
