from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from crowdmask.errors import BusyError, OutputError
from crowdmask.files import lock, whole_file, whole_folder, whole_path, write_json, write_text

HOLD = """
import sys, pathlib, crowdmask.files as files
with files.lock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fill_file(path: Path, error: BaseException | None) -> None:
    with whole_file(path) as file:
        file.write(b"new")
        if error:
            raise error


def fill_path(path: Path, error: BaseException | None) -> None:
    with whole_path(path, sync=True) as temporary:
        temporary.write_bytes(b"new")
        if error:
            raise error


@pytest.mark.parametrize("fill", [fill_file, fill_path])
@pytest.mark.parametrize("error", [None, ValueError("no"), KeyboardInterrupt(), OutputError("no")])
def test_a_file_is_complete_or_as_it_was(
    fill: Callable[[Path, BaseException | None], None], error: BaseException | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    if error is None:
        fill(path, None)
    else:
        with pytest.raises(type(error)):
            fill(path, error)
    assert path.read_bytes() == (b"old" if error else b"new")
    assert names(tmp_path) == ["a.json"]


def test_two_writers_do_not_share_a_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with whole_file(path) as first, whole_file(path) as second:
        first.write(b"first" * 100)
        second.write(b"second")
    assert path.read_bytes() == b"first" * 100
    assert names(tmp_path) == ["a"]


def test_a_long_name_has_room_for_the_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 250)
    write_text(path, "x")
    assert path.read_text() == "x"


@pytest.mark.parametrize(
    ("place", "options", "message"),
    [
        ("gone/a.json", {}, r"^cannot write \S+a\.json: no such file or directory$"),
        ("gone/a.json", {"what": "the report"}, r"^cannot write the report \S+a\.json: no such file"),
        ("file/a.json", {"make_parents": True}, r"^cannot write \S+a\.json: (not a directory|file exists)"),
        ("folder", {}, r"^cannot write \S+folder: is a directory$"),
    ],
)
def test_an_error_says_what_and_why(place: str, options: dict, message: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=message):
        write_json(tmp_path / place, {}, **options)
    assert names(tmp_path) == ["file", "folder"]
    assert not names(tmp_path / "folder")


def test_parents_are_made_and_text_stays_as_it_is(tmp_path: Path) -> None:
    write_json(tmp_path / "a" / "b" / "c.json", {"x": [1, "é"]}, make_parents=True, indent=2)
    assert json.loads((tmp_path / "a/b/c.json").read_bytes()) == {"x": [1, "é"]}
    write_text(tmp_path / "t", "a\r\nb\udcff\n", sync=True)
    assert (tmp_path / "t").read_bytes() == b"a\r\nb\xff\n"


def test_an_ordinary_user_may_read_what_is_written(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "x")
    (tmp_path / "b").write_text("x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def fill_folder(path: Path, key: str, error: BaseException | None) -> list[str]:
    with whole_folder(path, key=key) as work:
        found = [name for name in names(work) if not name.startswith(".")]
        (work / f"photo{len(found)}").write_text("x")
        if error:
            raise error
    return found


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_appears_when_it_is_complete(there: bool, tmp_path: Path) -> None:
    if there:
        (tmp_path / "set").mkdir()
    assert fill_folder(tmp_path / "set", "", None) == []
    assert names(tmp_path) == ["set"]
    assert names(tmp_path / "set") == ["photo0"]


@pytest.mark.parametrize(
    ("error", "key", "next_key", "found"),
    [
        pytest.param(KeyboardInterrupt(), "k", "k", ["photo0"], id="interrupted, goes on"),
        pytest.param(KeyboardInterrupt(), "k", "other", [], id="interrupted, other work"),
        pytest.param(KeyboardInterrupt(), "", "", [], id="interrupted, cannot go on"),
        pytest.param(ValueError(), "k", "k", [], id="failed"),
    ],
)
def test_only_interrupted_work_goes_on(
    error: BaseException, key: str, next_key: str, found: list[str], tmp_path: Path
) -> None:
    with pytest.raises(type(error)):
        fill_folder(tmp_path / "set", key, error)
    assert not (tmp_path / "set").exists()
    assert bool(names(tmp_path)) == (key == "k" and isinstance(error, KeyboardInterrupt))
    assert fill_folder(tmp_path / "set", next_key, None) == found
    assert names(tmp_path) == ["set"]


def test_work_that_goes_on_removes_what_a_kill_left(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fill_folder(tmp_path / "set", "k", KeyboardInterrupt())
    left = tmp_path / ".set.part" / "below" / ".a.jpg.0123abcd.part"
    left.parent.mkdir()
    left.write_bytes(b"half")
    assert fill_folder(tmp_path / "set", "k", None) == ["below", "photo0"]
    assert names(tmp_path / "set" / "below") == []


def test_a_folder_that_holds_something_is_kept(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        fill_folder(tmp_path / "set", "", None)
    assert names(tmp_path) == ["set"]
    assert names(tmp_path / "set") == ["mine"]


@pytest.mark.parametrize("hold", [lock, whole_folder])
def test_there_is_one_writer(hold: Callable[[Path], AbstractContextManager[object]], tmp_path: Path) -> None:
    path = tmp_path / "out"
    with hold(path), pytest.raises(BusyError, match=r"another command is writing \S+out: wait"), lock(path):
        pytest.fail("two at once")
    with lock(path), lock(tmp_path / "other"):
        pass
    assert names(tmp_path) in ([], ["out"])


def test_the_next_writer_can_wait(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with lock(tmp_path / "out", wait=True):
            order.append("second")

    with lock(tmp_path / "out"):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        order.append("first")
    waiting.join(30)
    assert order == ["first", "second"]
    assert names(tmp_path) == []


def test_never_two_of_many_hold_it(tmp_path: Path) -> None:
    inside, most, done = [0], [0], [0]

    def work() -> None:
        for _ in range(15):
            with lock(tmp_path / "out", wait=True):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                done[0] += 1
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (most[0], done[0]) == (1, 60)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out"
    command = [sys.executable, "-c", HOLD, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(BusyError), lock(path):
            pytest.fail("two processes at once")
        other.kill()
        other.wait(30)
        with lock(path):
            path.write_text("mine")
    assert names(tmp_path) == ["out"]


def test_a_lock_in_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write"), lock(tmp_path / "file" / "out"):
        pytest.fail("entered")
