"""The tracking library is imported when it is needed, or ahead of that in a thread."""

from __future__ import annotations

from typing import Any

import pytest
import trackers

from crowdmask.errors import UsageError
from crowdmask.tracking import library
from crowdmask.tracking.library import make_library, preload
from crowdmask.tracking.tracker import ALGORITHMS, FaceTracker


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_tracker_is_made_without_the_library(algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Any, ...]] = []
    monkeypatch.setattr("crowdmask.tracking.tracker.make_library", lambda *options: made.append(options))
    faces = FaceTracker(algorithm, fps=25.0)
    faces.reset()
    assert not made
    assert faces._library is None
    assert made == [(algorithm, 25.0, 2)]


def test_a_library_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(trackers, "SORTTracker")
    with pytest.raises(UsageError, match="no SORTTracker: upgrade it"):
        make_library("sort", 25.0, 3)


def test_it_is_imported_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(library, "import_module", asked.append)
    preload().join()
    assert asked == ["trackers"]


def test_that_it_is_missing_is_told_by_whoever_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    told: list[Any] = []
    monkeypatch.setattr(library, "import_module", missing)
    monkeypatch.setattr("threading.excepthook", told.append)
    preload().join()
    assert not told
