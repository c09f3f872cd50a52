from __future__ import annotations

from pathlib import Path

import pytest

from crowdmask import paths


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.delenv("CROWDMASK_CACHE", raising=False)
    monkeypatch.setattr(
        "platformdirs.user_cache_path", lambda name, appauthor: tmp_path / "home" / "System" / name
    )
    return tmp_path / "home"


def test_the_system_says_where_a_new_cache_lies(home: Path) -> None:
    assert paths.cache_folder() == home / "System" / "crowdmask"
    assert paths.runs_folder() == home / "System" / "crowdmask" / "runs"
    assert paths.studies_folder() == home / "System" / "crowdmask" / "studies"
    assert not list(home.iterdir())


def test_a_cache_of_an_older_version_stays_in_use(home: Path) -> None:
    (home / ".cache" / "crowdmask").mkdir(parents=True)
    assert paths.cache_folder() == home / ".cache" / "crowdmask"


@pytest.mark.parametrize(("given", "expected"), [("/elsewhere", "/elsewhere"), ("~/mine", "home/mine")])
def test_the_variable_decides(home: Path, given: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".cache" / "crowdmask").mkdir(parents=True)
    monkeypatch.setenv("CROWDMASK_CACHE", given)
    assert paths.cache_folder() == home.parent / expected


def test_recipes_find_the_cache_wherever_it_lies(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = "~/.cache/crowdmask/runs/crowd/crowd.safetensors"
    assert paths.expand(named) == home / "System/crowdmask/runs/crowd/crowd.safetensors"
    monkeypatch.setenv("CROWDMASK_CACHE", str(home / "mine"))
    assert paths.expand(named) == home / "mine/runs/crowd/crowd.safetensors"
    there = home / ".cache/crowdmask/runs/crowd/crowd.safetensors"
    there.parent.mkdir(parents=True)
    there.touch()
    assert paths.expand(named) == there


@pytest.mark.parametrize(("given", "expected"), [("~/a", "a"), ("/a", "/a")])
def test_other_paths_are_only_expanded(home: Path, given: str, expected: str) -> None:
    assert paths.expand(given) == home / expected


def test_a_relative_path_stays_relative(home: Path) -> None:
    assert paths.expand("beside/a.pt") == Path("beside/a.pt")
