"""The tracking library is imported when it is needed, or ahead of that in a thread."""

from __future__ import annotations

import json
import subprocess
import sys
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
    monkeypatch.setattr(library, "fetch", lambda package, *_: asked.append(package))
    preload(["sort", "sort"]).join()
    assert asked == ["trackers"]


def test_that_it_is_missing_is_told_by_whoever_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, *_: Any) -> None:
        raise ImportError(name)

    told: list[Any] = []
    monkeypatch.setattr(library, "fetch", missing)
    monkeypatch.setattr("threading.excepthook", told.append)
    preload(ALGORITHMS).join()
    assert not told


_IN_VAIN = ("scipy.interpolate", "scipy.special", "matplotlib", "requests", "tqdm", "supervision.annotators")
_FOLLOW = """
from crowdmask.detections import Detections
from crowdmask.tracking.tracker import ALGORITHMS, FaceTracker
import numpy as np

def numbers(algorithm):
    random, faces, all_numbers = np.random.default_rng(3), FaceTracker(algorithm, fps=25.0), []
    places, speeds = random.uniform(0, 600, (9, 2)), random.normal(0, 4, (9, 2))
    for _ in range(60):
        places = places + speeds
        seen = np.flatnonzero(random.random(9) < 0.9)
        boxes = np.concatenate([places, places + 30], axis=1)[seen] + random.normal(0, 1, (len(seen), 1))
        confidence = np.sort(random.uniform(0.2, 1, len(seen)))[::-1].astype(np.float32)
        found = Detections(boxes.astype(np.float32), confidence, np.zeros(len(seen), np.int64))
        all_numbers.append(faces.update(found).tolist())
    return all_numbers

told = {algorithm: numbers(algorithm) for algorithm in ALGORITHMS}
"""
_AFTERWARDS = f"""
import json, sys
from types import ModuleType

needless = [name for name in {_IN_VAIN!r} if name in sys.modules]
lean = {{name: type(sys.modules[name]).__name__ for name in ("trackers", "supervision", "scipy.optimize")}}
kind = sys.modules["trackers.core.cbiou.tracker"].CBIoUTracker

import scipy.optimize, supervision, trackers
from trackers import *
from trackers.utils.iou import IoU as of_module

names = {{each.__name__: sorted(set(dir(each))) for each in (trackers, supervision, scipy.optimize)}}
alike = CBIoUTracker is kind and IoU is of_module and round(scipy.optimize.minimize(abs, 1.0).fun) == 0
whole = [type(each) is ModuleType for each in (trackers, supervision, scipy.optimize)]
print(json.dumps([told, needless, lean, names, alike and all(whole)]))
"""


def _told_by(program: str) -> Any:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_little_of_it_is_imported_and_all_of_it_is_there_for_others() -> None:
    told, needless, lean, names, is_whole = _told_by(_FOLLOW + _AFTERWARDS)
    plain, _, ordinary, all_names, _ = _told_by("import trackers\n" + _FOLLOW + _AFTERWARDS)
    assert not needless
    assert set(lean.values()) == {"LeanPackage"}
    assert set(ordinary.values()) == {"module"}
    assert told == plain
    assert min(max(map(max, told[algorithm])) for algorithm in ALGORITHMS) > 3  # people were followed
    assert is_whole
    for package, expected in all_names.items():
        assert not {name for name in set(expected) - set(names[package]) if not name.startswith("__")}
