"""Kill `crowdmask batch` five times at random moments, go on with it, and compare the rows.

    python benchmarks/batch_kills.py PHOTOS [--number 400] [--address auto] [--seed 0]

The command or one of its workers is killed, as `kill -9` does, after a random number of further shards. At
the end the rows must be those of a run that nobody disturbed; ends with 1 where they differ. For actors,
start a cluster first: `ray start --head --num-cpus 3`.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as parquet

from crowdmask.media.sources import has_picture_suffix

KILLS = ("command", "worker", "command", "worker", "command")
MOST_SHARDS_BETWEEN = 6
PHOTOS_A_SHARD = 8


def rows(folder: Path) -> list[dict[str, Any]]:
    """Return all rows of an output, by source."""
    found: list[dict[str, Any]] = []
    for path in folder.glob("part-*.parquet"):
        found += parquet.read_table(path).to_pylist()
    return sorted(found, key=lambda row: str(row["source"]))


def workers(command: psutil.Popen) -> Iterator[psutil.Process]:
    """Yield the processes that do photos: the command's own, or the actors of a cluster on this machine."""
    for process in command.children():
        with suppress(psutil.Error):
            if "spawn_main" in " ".join(process.cmdline()):
                yield process
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if " ".join(process.cmdline()).startswith("ray::_Actor"):
                yield process


def disturb(words: list[str], out: Path, chance: random.Random) -> list[str]:
    """Run until the end, with all kills; return what was killed, and after how many shards."""
    kills = list(KILLS)
    chance.shuffle(kills)
    log: list[str] = []
    while True:
        running = psutil.Popen([*words, "--to", str(out), "--resume"], stderr=subprocess.DEVNULL)
        before = done = len(list(out.glob("part-*")))
        wait_for = before + chance.randrange(1, MOST_SHARDS_BETWEEN)
        while kills and running.poll() is None:
            done = len(list(out.glob("part-*")))
            found = list(workers(running))
            if done < wait_for or not found:
                time.sleep(0.01)
                continue
            kind = kills.pop()
            log.append(f"{kind} after {done} shards")
            if kind == "command":
                running.send_signal(signal.SIGKILL)
                break
            chance.choice(found).kill()
            wait_for = done + chance.randrange(1, MOST_SHARDS_BETWEEN)
        if running.wait() != -signal.SIGKILL:
            return log


def main() -> int:
    """Compare, print, and say whether all rows are there once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--number", type=int, default=400)
    parser.add_argument("--address")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    paths = [str(path) for path in sorted(given.photos.rglob("*")) if has_picture_suffix(path.name)]
    with tempfile.TemporaryDirectory() as place:
        listed = Path(place, "list.csv")
        listed.write_text("path\n" + "\n".join(paths[: given.number]) + "\n")
        words = [sys.executable, "-m", "crowdmask", "batch", str(listed), "--workers", "2"]
        words += [
            "--shard-size",
            str(PHOTOS_A_SHARD),
            *(["--address", given.address] if given.address else []),
        ]
        whole, out = Path(place, "whole"), Path(place, "out")
        subprocess.run([*words, "--to", str(whole)], check=True, stderr=subprocess.DEVNULL)
        log = disturb(words, out, random.Random(given.seed))
        wanted, found = rows(whole), rows(out)
    print("killed:", "; ".join(log))
    print(f"{len(found)} rows, {'the same as' if found == wanted else 'NOT THOSE OF'} the undisturbed run")
    return 0 if found == wanted and len(log) == len(KILLS) else 1


if __name__ == "__main__":
    sys.exit(main())
