from __future__ import annotations

import pytest

from crowdmask.alerts.judging import Judge


def seconds(masked: float, bare: float, wrong: float = 0.0) -> dict[str, float]:
    return {"with_mask": masked, "without_mask": bare, "mask_worn_incorrect": wrong, "unknown": 5.0}


@pytest.mark.parametrize(("masked", "bare"), [(0, 600), (180, 420), (420, 180), (600, 0)])
def test_the_interval_holds_the_estimate_and_is_no_wider_than_it_must(
    judge: Judge, masked: int, bare: int
) -> None:
    found = judge.judge(seconds(masked, bare), "with_mask", 0.5, 10, 60.0)
    assert found is not None
    assert 0 <= found.low <= found.share <= found.high <= 1
    assert abs(found.share - masked / 600) < 0.05  # the detector's errors are small and known
    assert 0.005 < found.high - found.low < 0.35
    assert (found.above > 0.9) == (masked == 600 or masked == 420)
    assert found == judge.judge(seconds(masked, bare), "with_mask", 0.5, 10, 60.0)


def test_more_people_are_surer_and_the_limit_moves_the_probability(judge: Judge) -> None:
    few = judge.judge(seconds(300, 300), "with_mask", 0.6, 10, 60.0)
    many = judge.judge(seconds(3000, 3000), "with_mask", 0.6, 100, 60.0)
    assert many.high - many.low < few.high - few.low
    above = [judge.judge(seconds(300, 300), "with_mask", limit, 10, 60.0).above for limit in (0.3, 0.5, 0.8)]
    assert above == sorted(above, reverse=True)
    assert above[2] < 0.01


def test_mistakes_of_a_longer_time_are_those_of_its_minutes(judge: Judge) -> None:
    hour = judge.over_time(seconds(3000, 3000), "with_mask", 100, 3600.0)
    at_once = judge.judge(seconds(3000, 3000), "with_mask", 0.5, 100, 3600.0)
    day = judge.over_time(seconds(72_000, 72_000), "with_mask", 2400, 86_400.0)
    assert hour.low < hour.share < hour.high
    assert hour.share == at_once.share
    assert hour.high - hour.low < at_once.high - at_once.low
    assert day.high - day.low < hour.high - hour.low + 0.01
    minute = judge.over_time(seconds(30, 30), "with_mask", 10, 60.0)
    assert (minute.low, minute.high) == tuple(
        getattr(judge.judge(seconds(30, 30), "with_mask", 0.5, 10, 60.0), end) for end in ("low", "high")
    )
    assert judge.over_time({"unknown": 60.0}, "with_mask", 10, 60.0) is None
    assert Judge(None).over_time(seconds(30, 30), "with_mask", 10, 3600.0).share == 0.5


def test_figures_differ_by_who_wears_it_incorrectly(judge: Judge) -> None:
    given = seconds(300, 200, 100)
    assert judge.estimate(given, "any_mask") > judge.estimate(given, "with_mask") + 0.1


def test_without_rates_the_raw_share_has_wilsons_interval() -> None:
    found = Judge(None).judge(seconds(300, 300), "with_mask", 0.8, 10, 60.0)
    assert (found.share, round(found.low, 4), round(found.high, 4)) == (0.5, 0.2366, 0.7634)
    assert 0.01 < found.above < 0.03
    assert Judge(None).false_without_mask(seconds(1, 1)) is None


def test_nobody_with_a_label_has_no_share(judge: Judge) -> None:
    assert judge.estimate({"unknown": 60.0}, "with_mask") is None
    assert judge.judge({"unknown": 60.0}, "with_mask", 0.8, 10, 60.0) is None


def test_where_nearly_all_wear_masks_more_of_the_others_are_mistakes(judge: Judge) -> None:
    parts = [judge.false_without_mask(seconds(masked, 100)) for masked in (10, 100, 1000, 10_000)]
    assert parts == sorted(parts)
    assert 0 < parts[0] < 0.1 < parts[3] < 1
