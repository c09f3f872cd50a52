from __future__ import annotations

import numpy as np
import pytest

from crowdmask.errors import UsageError
from crowdmask.survey import Settings, read, survey
from crowdmask.survey.comparison.compare import DIFFERS, NOT_TOLD, Difference, Side, adjust, compare, judged

from .conftest import face, photo

FIGURES = ("with_mask", "any_mask", "mask_worn_incorrect")


def side(name: str, share: float, spread: float, freedom: int | None = None, seed: int = 0) -> Side:
    draws = share + spread * np.random.default_rng(seed).normal(size=4000)
    return Side(name, dict.fromkeys(FIGURES, (share, draws)), freedom)


@pytest.mark.parametrize(
    ("shares", "verdict"), [((0.7, 0.5), DIFFERS), ((0.5, 0.7), DIFFERS), ((0.52, 0.5), NOT_TOLD)]
)
def test_verdict(shares, verdict) -> None:
    found = compare([side("a", shares[0], 0.03), side("b", shares[1], 0.03, seed=1)], [("a", "b")])
    assert [each.verdict for each in found] == [verdict] * 3
    assert found[0].difference == pytest.approx(shares[0] - shares[1])
    low, high = found[0].interval
    assert high - low == pytest.approx(2 * 1.96 * 0.03 * 2**0.5, rel=0.08)
    assert (low > 0 or high < 0) == (verdict == DIFFERS)


def test_few_clusters_make_it_less_sure() -> None:
    wide, narrow = (
        compare([side("a", 0.6, 0.03, freedom), side("b", 0.5, 0.03, freedom, 1)], [("a", "b")])[0]
        for freedom in (2, None)
    )
    assert wide.p > 2 * narrow.p


def test_holm() -> None:
    chances = (0.01, 0.04, 0.03)
    found = adjust([Difference("a", str(at), "with_mask", 0.1, (0, 0.2), p) for at, p in enumerate(chances)])
    assert [each.p_adjusted for each in found] == pytest.approx([0.03, 0.06, 0.06])
    assert [each.verdict for each in found] == [DIFFERS, NOT_TOLD, NOT_TOLD]


def test_no_figure_is_no_verdict() -> None:
    nothing = Side("b", dict.fromkeys(FIGURES), None)
    found = compare([side("a", 0.5, 0.1), nothing], None)
    assert found[0].difference is None
    assert found[0].verdict == ""
    assert found[0].notes == ("no figure of b",)


def test_shared_rates_cancel_in_a_difference(write, rates_file) -> None:
    photos = [photo(f"{'ab'[at % 2]}/{at}.jpg", [face(0)] * 6 + [face(1)] * 6) for at in range(400)]
    result = survey(
        read([str(write(photos))]), Settings(by="folder", rates=str(rates_file), compare=(("a", "b"),))
    )
    low, high = result.comparisons[0].interval
    widths = [
        end - start for start, end in (each.estimate.figures["with_mask"].interval for each in result.groups)
    ]
    assert high - low < 2**0.5 * max(widths)
    assert result.comparisons[0].verdict == NOT_TOLD


def season(write, tmp_path, shift: float, days: int = 12, seed: int = 0):
    """Photos of two cameras over days; from the middle on `shift` more masks, and another hour, too."""
    random = np.random.default_rng(seed)
    photos, rows = [], ["source,camera,time"]
    for day in range(2 * days):
        level = random.normal(0, 0.05)
        for camera, base in (("door", 0.3), ("hall", 0.7)):
            for hour in (9, 15) if day < days else (9, 15, 20):
                name = f"{camera}-{day}-{hour}.jpg"
                share = np.clip(base + level + (shift if day >= days else 0), 0, 1)
                if hour == 20:
                    share = 1.0  # at an hour that was not looked at before
                faces = [face(0 if random.random() < share else 1) for _ in range(20)]
                photos.append(photo(name, faces))
                rows.append(f"{name},{camera},2026-03-{1 + day:02d}T{hour:02d}:00")
    table = tmp_path / "times.csv"
    table.write_text("\n".join(rows))
    return str(write(photos)), str(table)


@pytest.mark.parametrize(("shift", "verdict"), [(0.3, DIFFERS), (0.0, NOT_TOLD)])
def test_before_and_after_pairs_camera_weekday_and_hour(write, tmp_path, rates_file, shift, verdict) -> None:
    path, table = season(write, tmp_path, shift, days=14)
    result = survey(
        read([path]),
        Settings(design=table, before_after="2026-03-15", rates=str(rates_file), draws=400),
    )
    first = result.comparisons[0]
    assert (first.first, first.second) == ("from 2026-03-15 on", "before 2026-03-15")
    assert first.verdict == verdict
    assert first.difference == pytest.approx(shift, abs=0.08)
    assert first.notes[0].startswith("28 pairs of camera, weekday and hour, 14 days before and 14 after")


def test_before_and_after_needs_days(write, tmp_path, rates_file) -> None:
    path, table = season(write, tmp_path, 0.1, days=2)
    result = survey(read([path]), Settings(design=table, before_after="2026-03-03", rates=str(rates_file)))
    assert result.comparisons[0].difference is None
    assert "at least 3 of each" in result.comparisons[0].notes[0]


@pytest.mark.parametrize("day", ["someday", "2026-13-01"])
def test_before_and_after_of_no_day(write, rates_file, day) -> None:
    with pytest.raises(UsageError, match="2026-03-02"):
        survey(
            read([str(write([photo("a.jpg", [face()])]))]), Settings(before_after=day, rates=str(rates_file))
        )


def test_interval_never_leaves_minus_one_to_one() -> None:
    found = judged("a", "b", "with_mask", 0.95, np.random.default_rng(0).normal(0.95, 0.1, 500), 2)
    assert found.interval[1] == 1.0
