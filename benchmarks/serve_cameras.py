"""Two cameras, one of which dies, hangs and freezes now and then: what the store holds, and what was shown.

    python benchmarks/serve_cameras.py [--minutes 10] [--seed 0] [--model crowd]

Both cameras show the people of the example photo for 10 of each 20 seconds of the clock, so it is known how
many events and how much time in view each cycle must give. Every 75 seconds one of them is killed and started
again, held, or its picture stands still, for 12 to 25 seconds. Ends with 1 where a promise does not hold:

- the other camera's rate does not drop, and it has no gap;
- every event that was told by `/v1/stream` is in the store, once, and each whole cycle gave its events;
- counts of whole minutes are true, and each fault is a gap in the store;
- memory and threads at the end are as they were in the second minute.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
from moving_camera import CYCLE_S, FPS, HERE_S, PEOPLE, MovingCamera
from service import service

from crowdmask.client.client import Client
from crowdmask.errors import ServiceError
from crowdmask.store.records import Counts, Gap, StoredEvent
from crowdmask.store.store import open_store

NUMBER = sum(PEOPLE.values())
EVENTS = {"person_appeared": NUMBER, "person_left": NUMBER, "no_mask": 2, "mask_incorrect": 1}
"""Of one cycle: who wears a mask wrongly or not at all is told of each time."""
PAUSE_S, FAULT_S = 75.0, (12.0, 25.0)
NOTICED_S, BACK_S = 15.0, 20.0
"""A frozen picture is noticed after 10 s, silence after 5 s; the longest pause between tries is 4 s."""
LEFT_S = 8.0
"""Who left is told of 5 s later."""
TRUE = 0.85, 1.04
"""Of the true time in view; people count from their third sighting on, and later on a busy machine."""
STEADY, DYING = "steady", "dying"


@dataclass
class Fault:
    """What was done to a camera.

    Attributes:
        kind: "killed", "held" or "frozen".
        began, ended: Unix times.
        back_s: seconds after the end until it was looked at again.
    """

    kind: str
    began: float
    ended: float
    back_s: float | None = None


@dataclass
class Seen:
    """What was told and measured while it ran."""

    events: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    looked: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    rates: list[tuple[float, float]] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    threads: list[tuple[float, int]] = field(default_factory=list)


def key(event: dict[str, Any]) -> tuple[Any, ...]:
    """Return what names an event."""
    return tuple(event[name] for name in ("camera", "run", "track", "event", "frame"))


def follow(client: Client, seen: Seen) -> None:
    """Note what the stream tells, until the service ends."""
    try:
        for news in client.follow():
            if news.kind == "event":
                seen.events[key(dict(news.record))] += 1
            elif news.kind == "now" and news.record["people"] is not None:
                seen.looked[news.record["camera"]].append(time.time())
    except ServiceError:
        return


def measure(client: Client, process: psutil.Process, seen: Seen, until: float) -> None:
    """Note the steady camera's rate, memory and threads each second."""
    while (now := time.time()) < until:
        seen.rates += [(now, each.fps) for each in client.cameras() if each.name == STEADY]
        seen.memory.append((now, process.memory_info().rss / 1e6))
        seen.threads.append((now, process.num_threads()))
        time.sleep(1)


def disturb(camera: MovingCamera, chance: random.Random, ends: float) -> list[Fault]:
    """Do something to the camera now and then, and say what and when."""
    faults: list[Fault] = []
    for kind in ("killed", "held", "frozen") * 1000:
        if time.time() + PAUSE_S + FAULT_S[1] + BACK_S > ends:
            break
        time.sleep(PAUSE_S)
        began = time.time()
        actions = {"held": signal.SIGSTOP, "frozen": signal.SIGUSR1}
        camera.kill() if kind == "killed" else camera.send(actions[kind])
        time.sleep(chance.uniform(*FAULT_S))
        if kind == "killed":
            camera.start()
        else:
            camera.send(signal.SIGCONT if kind == "held" else signal.SIGUSR1)
        faults.append(Fault(kind, began, time.time()))
        print(json.dumps({"fault": kind, "lasted_s": round(faults[-1].ended - began, 1)}), flush=True)
    time.sleep(max(0.0, ends - time.time()))
    return faults


def whole(began: float, ended: float, faults: Sequence[Fault], length_s: int) -> Iterator[int]:
    """Yield the starts of all spans of the clock in which nothing was done, nor shortly before or after."""
    for start in range(int(began // length_s + 1) * length_s, int(ended), length_s):
        after = start + length_s
        if after + 2 < ended and not any(
            each.began < after + 1 and start < each.ended + (each.back_s or BACK_S) + LEFT_S
            for each in faults
        ):
            yield start


def wrong_events(events: Sequence[StoredEvent], camera: str, cycles: Sequence[int]) -> list[str]:
    """Return the cycles whose events are not those that were shown."""
    found = {start: Counter[str]() for start in cycles}
    for each in events:
        start = int(each.time_utc.timestamp()) // CYCLE_S * CYCLE_S
        if each.camera == camera and start in found:
            found[start][each.event] += 1
    return [f"{camera}: cycle {start}: {dict(got)}" for start, got in found.items() if got != EVENTS]


def wrong_counts(rows: Sequence[Counts], camera: str, minutes: Sequence[int]) -> list[str]:
    """Print the least and most share of the true time in view, and return the minutes that are wrong."""
    true_s, found = NUMBER * HERE_S * 60 / CYCLE_S, dict.fromkeys(minutes, (0.0, 0.0))
    for each in rows:
        if each.camera == camera and int(each.start_utc.timestamp()) in found:
            found[int(each.start_utc.timestamp())] = (each.observed_s, sum(each.person_s.values()) / true_s)
    shares = [round(share, 3) for _, share in found.values()]
    print(json.dumps({"camera": camera, "whole_minutes": len(minutes), "in_view_of_true": shares}))
    return [
        f"{camera}: minute {start}: observed {observed_s:.1f} s, {share:.3f} of the true time in view"
        for start, (observed_s, share) in found.items()
        if observed_s < 59 or not TRUE[0] <= share <= TRUE[1]
    ]


def wrong_gaps(gaps: Sequence[Gap], faults: Sequence[Fault]) -> list[str]:
    """Return faults without a gap of their time, and gaps without a fault."""
    wrong = [f"{STEADY}: a gap at {each.began_utc}" for each in gaps if each.camera == STEADY]
    left = [each for each in gaps if each.camera == DYING]
    for fault in faults:
        why = "frozen" if fault.kind == "frozen" else "down"
        fits = [
            each
            for each in left
            if each.why == why
            and fault.began - 3 < each.began_utc.timestamp() < fault.began + NOTICED_S
            and fault.ended - 2 < each.last_utc.timestamp() < fault.ended + BACK_S
        ]
        left = [each for each in left if each not in fits]
        if len(fits) != 1:
            wrong.append(f"{DYING}: {len(fits)} gaps of {fault}")
    return wrong + [f"{DYING}: a gap without a fault: {each}" for each in left]


@contextmanager
def two_cameras() -> Iterator[dict[str, MovingCamera]]:
    """Run them, and end them."""
    made = {STEADY: MovingCamera(), DYING: MovingCamera()}
    try:
        for each in made.values():
            each.start()
        yield made
    finally:
        for each in made.values():
            each.kill()


def judge(folder: Path, seen: Seen, faults: Sequence[Fault], began: float, ended: float) -> list[str]:
    """Print what was found, and return what is wrong."""
    start, end = datetime.fromtimestamp(began - 60, UTC), datetime.now(UTC) + timedelta(minutes=1)
    with open_store(str(folder / "site.db")) as store:
        events, rows = store.events(start=start, end=end, limit=1_000_000), store.counts(start=start, end=end)
        gaps = store.gaps(start=start, end=end)
    kept = Counter(key(vars(each)) for each in events)
    wrong = [f"told but not kept, or twice: {each}" for each in seen.events if kept[each] != 1]
    for each in faults:
        again = [moment for moment in seen.looked[DYING] if moment > each.ended]
        each.back_s = round(min(again) - each.ended, 1) if again else None
        print(json.dumps({"fault": each.kind, "back_s": each.back_s}))
        if each.back_s is None or each.back_s > BACK_S:
            wrong.append(f"{DYING}: back after {each.back_s} s")
    looked = {STEADY: whole(began, ended, (), CYCLE_S), DYING: whole(began, ended, faults, CYCLE_S)}
    for camera, cycles in looked.items():
        listed = list(cycles)
        wrong += wrong_events(events, camera, listed)
        minutes = list(whole(began, ended, faults if camera == DYING else (), 60))
        wrong += wrong_counts(rows, camera, minutes)
        print(json.dumps({"camera": camera, "whole_cycles": len(listed)}))
    wrong += wrong_gaps(gaps, faults)
    return wrong + _steady(seen, faults, began)


def _steady(seen: Seen, faults: Sequence[Fault], began: float) -> list[str]:
    during: list[float] = []
    between: list[float] = []
    for now, fps in seen.rates:
        if now > began + 10:
            (during if any(each.began <= now <= each.ended for each in faults) else between).append(fps)
    rates = statistics.fmean(during or [0.0]), statistics.fmean(between)
    second = [each for now, each in seen.memory if began + 60 <= now < began + 120]
    grown = statistics.fmean([each for _, each in seen.memory[-60:]]) / statistics.fmean(second) - 1
    threads = [
        max(n for now, n in part)
        for part in ([e for e in seen.threads if e[0] < began + 45], seen.threads[-15:])
    ]
    told = {
        "fps_during_faults": round(rates[0], 2), "fps_between": round(rates[1], 2), "fps_sent": FPS,
        "memory_mb": round(seen.memory[-1][1]), "memory_grown": round(grown, 4), "threads": threads,
        "events": sum(seen.events.values()),
    }  # fmt: skip
    print(json.dumps(told))
    checks = {
        f"the other camera's rate dropped: {rates}": not faults or rates[0] > 0.95 * rates[1],
        f"memory grew by {grown:.1%}": grown < 0.05,
        f"threads: {threads}": threads[1] <= threads[0] + 2,
    }
    return [what for what, holds in checks.items() if not holds]


def main() -> int:
    """Run the cameras and the service, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="crowd")
    options = parser.parse_args()
    if options.minutes < 3:
        parser.error("--minutes: at least 3")
    with tempfile.TemporaryDirectory() as name, two_cameras() as cameras:
        folder, seen = Path(name), Seen()
        listed = [{"name": name, "source": each.address} for name, each in cameras.items()]
        text = json.dumps({"store": str(folder / "site.db"), "model": options.model, "cameras": listed})
        (folder / "site.yaml").write_text(text, encoding="utf-8")  # JSON is YAML, too
        with service("--config", str(folder / "site.yaml")) as (port, process):
            client = Client(f"http://127.0.0.1:{port}")
            Thread(target=follow, args=(client, seen), daemon=True).start()
            while not all(seen.looked.get(each) for each in cameras):
                time.sleep(0.1)
            began = time.time()
            ends = began + options.minutes * 60
            watcher = Thread(target=measure, args=(client, process, seen, ends), daemon=True)
            watcher.start()
            faults = disturb(cameras[DYING], random.Random(options.seed), ends)
            watcher.join(10)
        wrong = judge(folder, seen, faults, began, ends)
    for each in wrong:
        print(f"wrong: {each}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
