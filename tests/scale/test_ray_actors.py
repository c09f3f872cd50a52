"""Actors of a Ray cluster do what processes do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from crowdmask.errors import UsageError
from crowdmask.scale.engines import WORTH_RAY, choose
from crowdmask.scale.processes import ProcessPool
from crowdmask.scale.ray_actors import RayPool
from crowdmask.scale.work import DetectorMaker

from .conftest import Run, rows
from .test_run import DeadlyMaker

ray = pytest.importorskip("ray")


@pytest.fixture(autouse=True)
def path_of_workers(project_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(project_root / "src"))


def on_ray(maker: Any, types: dict[str, Any], workers: int | None, photos: int) -> RayPool:
    return RayPool(maker, types, workers, address="local")


def test_a_cluster_gives_the_rows_of_processes(
    photos: Path, run: Run, colour_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One start of Ray for all: bad photos, and a photo that ends its worker, of which Ray says nothing."""
    (photos / "a/text.jpg").write_text("a text")
    run("photos", to="processes", shard_size=2)
    plain = run("photos", make_pool=on_ray, workers=2, shard_size=2)
    assert rows("out") == rows("processes")
    assert (plain.rows, plain.failed, plain.workers, plain.deaths) == (7, 1, 2, 0)
    # Actors do not know the modules of tests.
    ray.cloudpickle.register_pickle_by_value(sys.modules[DeadlyMaker.__module__])
    maker = DeadlyMaker(str(colour_model), "a/2")
    deadly = run("photos", to="deadly", maker=maker, make_pool=on_ray, workers=2, shard_size=4)
    kinds = {row["source"]: row["error_kind"] for row in rows("deadly") if row["error"]}
    assert kinds == {"photos/a/2.png": "ended its process", "photos/a/text.jpg": "not a picture"}
    assert (deadly.rows, deadly.deaths) == (7, 2)
    assert capsys.readouterr().out == ""


def test_few_photos_are_done_by_processes_and_that_is_said() -> None:
    said: list[str] = []
    pool = choose("local", said.append)(DetectorMaker("crowd"), {}, 2, WORTH_RAY - 1)
    assert isinstance(pool, ProcessPool)
    assert said == ["3,999 photos are too few for Ray to pay: plain processes do them"]
    choose(None, said.append)(DetectorMaker("crowd"), {}, 2, 10**6)
    assert len(said) == 1


def test_no_cluster_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(**_: Any) -> None:
        raise ConnectionError("Could not find any running Ray instance.")

    # A cluster of another test may run on this machine.
    monkeypatch.setattr("ray.init", nobody)
    with pytest.raises(UsageError, match="`address` auto: no Ray cluster"):
        choose("auto", print)(DetectorMaker("crowd"), {}, 2, 10**6)
