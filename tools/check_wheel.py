"""Install a built wheel into a clean environment, and use it there as its users do.

    python -m build && python tools/check_wheel.py dist/*.whl

The environment is new and outside the checkout, so only what the wheel holds and asks for is there. It shows
the help of every command, detects on a photo, and tracks through a clip made of that photo. It ends
with 1 and one line that says what failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PHOTO = ROOT / "1.jpg"
TIMEOUT_S = 600
LABELS = {"with_mask", "without_mask", "mask_worn_incorrect"}

# The camera pans over the photo for two seconds.
MAKE_CLIP = """
import sys, av, numpy
from PIL import Image
photo = numpy.asarray(Image.open(sys.argv[1]).convert("RGB"))
with av.open(sys.argv[2], "w") as clip:
    stream = clip.add_stream("mpeg4", rate=12)
    stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 800, 640, "yuv420p", 8_000_000
    for number in range(24):
        picture = numpy.ascontiguousarray(photo[20:660, 4 * number : 4 * number + 800])
        clip.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    clip.mux(stream.encode())
"""
LIST_COMMANDS = """
import json
from crowdmask.cli.main import COMMANDS, GROUPS
print(json.dumps([[name] for name in COMMANDS] + [[name, each] for name in GROUPS for each in GROUPS[name]]))
"""
WHERE = "import crowdmask; print(crowdmask.__file__)"

Runner = Callable[[Sequence[str]], str]
"""Runs Python with these arguments and returns what it printed."""


class CheckError(Exception):
    """The wheel does not do what it shall; the message is one line."""


def runner(python: Path, folder: Path, environment: dict[str, str] | None = None) -> Runner:
    """Return what runs an interpreter in a folder, without variables that lead to another crowdmask."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(arguments: Sequence[str]) -> str:
        done = subprocess.run(
            [str(python), *arguments],
            cwd=folder,
            env={**inherited, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            said = last[0] if last else "without a message"
            raise CheckError(f"{' '.join(arguments)[:200]} ended with {done.returncode}: {said}")
        return done.stdout

    return run


def check(run: Runner, folder: Path, home: Path) -> list[str]:
    """Use the installed package.

    Args:
        run: runs its interpreter.
        folder: where its files are written.
        home: the folder that the package must be loaded from.
    Returns:
        What was done, one line each.
    Raises:
        CheckError: something failed.
    """
    place = Path(run(["-c", WHERE]).strip())
    if home.resolve() not in place.resolve().parents:
        raise CheckError(f"crowdmask was loaded from {place}, not from {home}")
    done = [run(["-m", "crowdmask", "--version"]).strip()]
    commands = json.loads(run(["-c", LIST_COMMANDS]))
    for words in [[], *commands]:
        if "Usage" not in run(["-m", "crowdmask", *words, "--help"]):
            raise CheckError(f"crowdmask {' '.join(words)} --help shows no usage")
    done.append(f"help of {len(commands)} commands")
    done.append(_detect(run, folder))
    done.append(_track(run, folder))
    return done


def _detect(run: Runner, folder: Path) -> str:
    run(["-m", "crowdmask", "detect", str(PHOTO), "--out", "photos", "--json", "faces.jsonl"])
    (record,) = _records(folder / "faces.jsonl")
    counts = record["counts"]
    if set(counts) != LABELS or sum(counts.values()) < 4:
        raise CheckError(f"of the five faces of the example photo it found {counts}")
    if not list((folder / "photos").glob("*.jpg")):
        raise CheckError("detect wrote no annotated picture")
    return f"detect: {counts}"


def _track(run: Runner, folder: Path) -> str:
    run(["-c", MAKE_CLIP, str(PHOTO), "clip.mp4"])
    run(["-m", "crowdmask", "track", "clip.mp4", "--out", "tracked.mp4", "--json", "frames.jsonl"])
    frames = _records(folder / "frames.jsonl")
    if len(frames) != 24 or not (folder / "tracked.mp4").is_file():
        raise CheckError(f"track wrote {len(frames)} of 24 frames")
    numbers = {face["track"] for frame in frames for face in frame["detections"]} - {None}
    if len(numbers) < 3:
        raise CheckError(f"of the faces in the clip track followed {len(numbers)}")
    return f"track: {len(frames)} frames, {len(numbers)} tracks"


def _records(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def check_in_clean_environment(wheel: Path, folder: Path) -> list[str]:
    """Install a wheel into a new environment in a folder, and check it there.

    Raises:
        CheckError: it cannot be installed, brings torch, or does not work.
    """
    home = folder / "environment"
    venv.create(home, with_pip=True)
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run = runner(python, folder)
    run(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel.resolve())])
    run(["-m", "pip", "check"])
    if "torch" in {line.partition("==")[0] for line in run(["-m", "pip", "freeze"]).splitlines()}:
        raise CheckError("the wheel brings torch, which only the extra 'train' may")
    program = python.with_name("crowdmask.exe" if os.name == "nt" else "crowdmask")
    run(["-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))", str(program), "--version"])
    return check(run, folder, home)


def main() -> int:
    """Check one wheel; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("wheel", type=Path)
    wheel = parser.parse_args().wheel
    with tempfile.TemporaryDirectory(prefix="crowdmask-wheel-") as folder:
        try:
            for line in check_in_clean_environment(wheel, Path(folder)):
                print(line)
        except (CheckError, subprocess.SubprocessError, OSError) as error:
            print(f"error: {wheel.name}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
