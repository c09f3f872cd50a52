"""Kill a running service at random seconds, and see what its store lost.

    python benchmarks/serve_kills.py CLIP [--kills 5] [--seed 0] [--store FILE|URL]

The clip is the camera, played at its own pace. Prints a line a kill: the seconds that were looked at and are
not in the store. Ends with 1 where more than a second was lost, or an event is there twice.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crowdmask.store.store import Store, open_store

# What was read may be a step of a second old, and reading it takes a moment.
MOST_LOST_S = 1.0
_LIVES_S = 90.0


def observed_s(store: Store) -> float:
    """Return the seconds that were looked at since yesterday."""
    now = datetime.now(UTC)
    return sum(each.observed_s for each in store.counts(start=now - timedelta(days=1), end=now))


def begin(clip: Path, store: str, model: str) -> subprocess.Popen[str]:
    """Start the service and wait until it answers."""
    site = Path(tempfile.mkdtemp()) / "site.yaml"
    camera = {"name": "door", "source": str(clip.absolute())}
    # JSON is YAML, too.
    text = json.dumps({"store": store, "model": model, "cameras": [camera], "http": {"port": 0}})
    site.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "crowdmask", "serve", "--config", str(site)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if "answers at" not in process.stdout.readline():
        sys.exit("the service did not start")
    return process


def kill_once(clip: Path, store: Store, address: str, model: str, after_s: float) -> float:
    """Let it run, kill it, and return how many seconds are missing."""
    before = observed_s(store)
    process = begin(clip, address, model)
    began_s = time.monotonic()
    while (seen := observed_s(store)) <= before:
        if time.monotonic() - began_s > _LIVES_S:
            process.kill()
            sys.exit("the camera gave nothing")
        time.sleep(0.02)
    seen_s = time.monotonic()  # just written
    time.sleep(after_s)
    process.kill()
    ran_s = time.monotonic() - seen_s
    process.wait()
    return ran_s - (observed_s(store) - seen)


def main() -> int:
    """Kill it so often, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", type=Path)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", default=str(Path(tempfile.mkdtemp()) / "site.db"))
    parser.add_argument("--model", default="crowd")
    options = parser.parse_args()
    chance, worst = random.Random(options.seed), 0.0
    with open_store(options.store) as store:
        for number in range(options.kills):
            after_s = chance.uniform(3, 12)
            lost_s = kill_once(options.clip, store, options.store, options.model, after_s)
            worst = max(worst, lost_s)
            print(
                json.dumps({"kill": number + 1, "after_s": round(after_s, 2), "lost_s": round(lost_s, 2)}),
                flush=True,
            )
        events = store.events(limit=1_000_000)
        keys = Counter((each.camera, each.run, each.track, each.event, each.frame) for each in events)
        double = sum(number - 1 for number in keys.values())
        runs = len({each.run for each in events})
        print(json.dumps({"events": len(events), "double": double, "runs": runs, "worst_s": round(worst, 2)}))
    return int(worst > MOST_LOST_S or double > 0)


if __name__ == "__main__":
    sys.exit(main())
