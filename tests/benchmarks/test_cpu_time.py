"""Processor times: the quickest of several calls counts, and settings stand behind a model's name."""

from __future__ import annotations

from pathlib import Path

import avx2_runtime
import cpu_time
import numpy as np
import pytest
from PIL import Image


def test_the_quickest_call_with_each_photo_counts(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.jpg" for number in range(2)]
    for number, file in enumerate(files):
        Image.new("RGB", (16, 16), (100 * number,) * 3).save(file)
    left = {0: [(5.0, 3.0), (4.0, 3.5)], 100: [(9.0, 8.0), (11.0, 7.0)]}

    def runner(pixels: np.ndarray) -> tuple[float, float]:
        return left[round(float(pixels.mean()), -1)].pop()

    best = cpu_time.quickest({"a": runner, "b": lambda pixels: (1.0, 1.0)}, files, 2)
    assert best["a"].tolist() == [[4, 3], [9, 7]]
    assert best["b"].tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize(("model", "size"), [("crowd", 704), ("crowd:576,1280,1.5,25", 576)])
def test_a_setting_may_stand_behind_a_models_name(model: str, size: int) -> None:
    assert cpu_time.load(model).info.input.size == size


def test_only_the_jump_past_avx512_is_changed() -> None:
    library = bytes(range(256)) + avx2_runtime.ASKS + bytes(64)
    changed = avx2_runtime.without_avx512(library)
    assert len(changed) == len(library)
    assert [(was, now) for was, now in zip(library, changed, strict=True) if was != now] == [(0x74, 0xEB)]


@pytest.mark.parametrize("times", [0, 2])
def test_a_library_where_it_does_not_fit_is_refused(times: int) -> None:
    with pytest.raises(ValueError, match=f"{times} places"):
        avx2_runtime.without_avx512(bytes(64) + avx2_runtime.ASKS * times)
