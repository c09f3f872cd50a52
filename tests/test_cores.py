from __future__ import annotations

import builtins
import io
import os

import psutil
import pytest

from crowdmask import cores


def test_there_is_at_least_one_core() -> None:
    assert 1 <= cores.physical_cores() <= cores.logical_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("allowed", "siblings", "physical", "quota", "expected"),
    [
        ([0, 1, 2, 3], {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}, 2, None, (2, 4)),
        ([0, 2], {0: "0,2", 2: "0,2"}, 2, None, (1, 2)),
        ([0, 1, 2, 3], {0: "0", 1: "1", 2: "2", 3: "3"}, 4, "200000 100000", (2, 2)),
        ([0, 1, 2, 3], {0: "0", 1: "1", 2: "2", 3: "3"}, 4, "max 100000", (4, 4)),
        ([0, 1, 2, 3], {}, 2, None, (2, 4)),
        ([1], {}, 2, None, (1, 1)),
        ([0, 1], {}, None, None, (2, 2)),
        ([0, 1], {}, 2, "10000 100000", (1, 1)),
    ],
    ids=[
        "two threads a core",
        "one core of two",
        "quota",
        "no quota",
        "no topology",
        "one",
        "nothing",
        "tenth",
    ],
)
def test_cores_that_may_be_used(
    monkeypatch: pytest.MonkeyPatch,
    allowed: list[int],
    siblings: dict[int, str],
    physical: int | None,
    quota: str | None,
    expected: tuple[int, int],
) -> None:
    files = {
        f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list": text
        for cpu, text in siblings.items()
    }
    if quota is not None:
        files["/sys/fs/cgroup/cpu.max"] = quota
    real = builtins.open

    def answer(path: object, *args: object, **options: object) -> object:
        if not str(path).startswith("/sys/"):
            return real(path, *args, **options)  # type: ignore[call-overload]
        if str(path) not in files:
            raise FileNotFoundError(path)
        return io.StringIO(files[str(path)])

    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda self: allowed, raising=False)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: len(allowed) if logical else physical)
    monkeypatch.setattr(builtins, "open", answer)
    assert (cores.physical_cores(), cores.logical_cores()) == expected
