"""Install the built wheels into a clean environment, and use them there as their users do.

    python -m build && python -m build --wheel --outdir dist supplement && python tools/check_wheel.py dist

The environment is new and outside the checkout, so only what the wheels hold and ask for is there:

1. The package alone: it is small, shows the help of every command and detects on a photo; whatever needs an
   extra or the supplement says so in one line.
2. With the extra `video`: it tracks through a clip made of that photo.
3. With the supplement: it has the other models, their weights, and the page for graphics cards.

It ends with 1 and one line that says what failed.
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
MOST_MB = 250
"""Of the environment with the package alone, without Python's own pip, in 1,000,000 bytes."""
NOT_IN_BASE = {"torch", "av", "opencv-python", "supervision", "trackers", "scipy", "matplotlib"}

SUPPLEMENT = "the package crowdmask-supplement"
LACKING = {
    "batch a.jpg --to rows": "scale",
    "evaluate a.yaml": "train",
    "train a.yaml": "train",
    "export a.safetensors --data a.yaml --to a.onnx": "train",
    "quantize crowd --data a.yaml --to a.onnx": "train",
    "track clip.mp4": "video",
    "serve 0": "serve",
    "survey clip.mp4": "video",
    "survey --store a.db": "serve",
    "data import a --to b": "train",
    "data crawl masks --to b": "train",
    "data label a": "train",
    "data dedup a": "train",
    "data synth a --to b": "train",
    "data split a": "train",
    "data balance a": "train",
    "data stats a --to a.html": "train",
    "data export a --format yolo --to b": "train",
    "tune a.yaml --space b.yaml": "train",
    "bench --backend openvino": "openvino",
    "detect a.jpg --model ssdlite": SUPPLEMENT,
    "model crowd-float": SUPPLEMENT,
    "web --to page --webgpu": SUPPLEMENT,
}
"""Commands that the package alone does not run, and what they must name."""

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
ASK = """
import json, sys
from typer.testing import CliRunner
from crowdmask.cli.main import app
answers = {}
for line in json.loads(sys.argv[1]):
    done = CliRunner().invoke(app, line.split())
    answers[line] = [done.exit_code, done.stderr]
print(json.dumps(answers))
"""
PYTHON_IN_BASE = """
from crowdmask import *
from crowdmask.errors import MissingExtraError, ServiceError
try:
    Client("http://127.0.0.1:9", tries=1).health()
except ServiceError:
    pass
try:
    Tracker()
except MissingExtraError as error:
    print(error)
"""
FIND_WEIGHTS = """
from crowdmask.supplement import supplement
found = sorted(path.name for path in (supplement("this check") / "weights").iterdir())
assert found == ["crowd-fast.safetensors", "crowd.safetensors", "ssdlite.safetensors"], found
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


def check_photos(run: Runner, folder: Path, home: Path) -> list[str]:
    """Use what the package has without extras.

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
    if "95 %" not in run(["-m", "crowdmask", "survey", str(PHOTO)]):
        raise CheckError("survey gave no interval")
    run(["-m", "crowdmask", "web", "--to", "page"])
    return done


def check_video(run: Runner, folder: Path) -> str:
    """Use what the extra `video` adds; arguments, errors and the result as those of `check_photos`."""
    run(["-c", MAKE_CLIP, str(PHOTO), "clip.mp4"])
    run(["-m", "crowdmask", "track", "clip.mp4", "--out", "tracked.mp4", "--json", "frames.jsonl"])
    frames = _records(folder / "frames.jsonl")
    if len(frames) != 24 or not (folder / "tracked.mp4").is_file():
        raise CheckError(f"track wrote {len(frames)} of 24 frames")
    numbers = {face["track"] for frame in frames for face in frame["detections"]} - {None}
    if len(numbers) < 3:
        raise CheckError(f"of the faces in the clip track followed {len(numbers)}")
    return f"track: {len(frames)} frames, {len(numbers)} tracks"


def check_lacking(run: Runner, folder: Path, commands: dict[str, str]) -> str:
    """Check that commands say which extra they need, in one line and with exit code 2.

    Args:
        commands: what each must name; their inputs are made.
        run, folder: see `check_photos`.
    """
    for name in ("a.jpg", "clip.mp4", "a.db"):
        (folder / name).write_bytes(PHOTO.read_bytes())
    answers = json.loads(run(["-c", ASK, json.dumps(list(commands))]))
    for line, (code, said) in answers.items():
        named = commands[line] if " " in commands[line] else f"the extra '{commands[line]}'"
        if code != 2 or said.count("\n") != 1 or f"needs {named}" not in said:
            raise CheckError(f"crowdmask {line} does not name {named}, but ends with {code}: {said[:200]!r}")
    return f"{len(answers)} commands name the extra that they need"


def _detect(run: Runner, folder: Path) -> str:
    run(["-m", "crowdmask", "detect", str(PHOTO), "--out", "photos", "--json", "faces.jsonl"])
    (record,) = _records(folder / "faces.jsonl")
    counts = record["counts"]
    if set(counts) != LABELS or sum(counts.values()) < 4:
        raise CheckError(f"of the five faces of the example photo it found {counts}")
    if not list((folder / "photos").glob("*.jpg")):
        raise CheckError("detect wrote no annotated picture")
    return f"detect: {counts}"


def _records(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def size_of(folder: Path) -> float:
    """Return the size of all files in a folder, in MB of 1,000,000 bytes; links are not followed."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files) / 1e6


def check_in_clean_environment(wheel: Path, supplement: Path, folder: Path) -> list[str]:
    """Install the wheels into a new environment in a folder, and check them there.

    Raises:
        CheckError: one cannot be installed, is too large, brings what it must not, or does not work.
    """
    home = folder / "environment"
    venv.create(home, with_pip=True)
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run = runner(python, folder)

    def install(what: str) -> None:
        run(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", what])
        run(["-m", "pip", "check"])

    pip = size_of(home)
    install(str(wheel.resolve()))
    size = size_of(home) - pip
    if size > MOST_MB:
        raise CheckError(f"what was installed has {size:.1f} MB, more than {MOST_MB}")
    done = [f"size: {size:.1f} MB, and {pip:.1f} of Python's own pip (1 MB is 1,000,000 bytes)"]
    brought = {line.partition("==")[0].lower() for line in run(["-m", "pip", "freeze"]).splitlines()}
    if brought & NOT_IN_BASE:
        raise CheckError(f"without extras it brings {', '.join(sorted(brought & NOT_IN_BASE))}")
    program = python.with_name("crowdmask.exe" if os.name == "nt" else "crowdmask")
    run(["-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))", str(program), "--version"])
    done += check_photos(run, folder, home)
    done.append(check_lacking(run, folder, LACKING))
    if "crowdmask.Tracker needs the extra 'video'" not in run(["-c", PYTHON_IN_BASE]):
        raise CheckError("crowdmask.Tracker does not name its extra")
    run([str(ROOT / "Detect_image.py"), "--image", "a.jpg"])

    install(f"{wheel.resolve()}[video]")
    done.append(check_video(run, folder))
    install(str(supplement.resolve()))
    run(["-m", "crowdmask", "detect", "a.jpg", "--no-pictures", "--model", "ssdlite"])
    run(["-m", "crowdmask", "web", "--to", "page", "--webgpu"])
    if "needs" in (models := run(["-m", "crowdmask", "model", "--list"])) or models.count("hash") != 4:
        raise CheckError("with the supplement not all models are there")
    run(["-c", FIND_WEIGHTS])
    done.append("supplement: models, weights and the page for graphics cards")
    return done


def main() -> int:
    """Check the wheels of a folder; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("dist", type=Path, help="folder with the wheels of the package and its supplement")
    dist = parser.parse_args().dist
    with tempfile.TemporaryDirectory(prefix="crowdmask-wheel-") as folder:
        try:
            (wheel,), (supplement,) = (
                list(dist.glob(f"{name}-*.whl")) for name in ("crowdmask", "crowdmask_supplement")
            )
            for line in check_in_clean_environment(wheel, supplement, Path(folder)):
                print(line)
        except (CheckError, subprocess.SubprocessError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        except ValueError:
            print(f"error: {dist} does not hold one wheel of each package: run  make build", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
