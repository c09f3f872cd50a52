"""Run a site to look at its pages: two cameras that move over the example photo, and days of made-up counts.

    python tools/demo_site.py [--port 8000]

Nothing of it is real: the people are those of `1.jpg`, and the past is drawn from random numbers.
"""

from __future__ import annotations

import argparse
import math
import random
import socket
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import av
import numpy as np
import uvicorn
from PIL import Image

from crowdmask.inference.detector import Detector
from crowdmask.serve.app import Parts, create_app
from crowdmask.serve.detecting import Workers
from crowdmask.serve.service import Service
from crowdmask.serve.site import Site
from crowdmask.store.records import Counts, Gap, StoredEvent
from crowdmask.store.store import Store, open_store
from crowdmask.tracking.mask_state import STATES

ROOT = Path(__file__).resolve().parents[1]
FPS, SECONDS = 6, 20
DAYS = 9
ZONE = {"name": "Queue", "polygon": [[0.02, 0.05], [0.6, 0.05], [0.6, 0.98], [0.02, 0.98]]}
EVENTS = ("person_appeared", "person_left", "mask_put_on", "mask_taken_off", "mask_incorrect")


def write_clip(path: Path, *, phase: float, zoom: float) -> Path:
    """Write a video that moves over the example photo.

    Args:
        phase: of its circle, radians.
        zoom: width of what is seen, of the photo's.
    """
    photo = Image.open(ROOT / "1.jpg").convert("RGB")
    width, height = photo.size
    seen_w = zoom * width
    seen_h = min(height, seen_w * 9 / 16)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FPS, options={"crf": "22"})
        stream.width, stream.height, stream.pix_fmt = 960, 540, "yuv420p"
        for index in range(FPS * SECONDS):
            angle = phase + 2 * math.pi * index / (FPS * SECONDS)
            left = (width - seen_w) / 2 * (1 + math.cos(angle))
            top = (height - seen_h) / 2 * (1 + math.sin(angle))
            part = photo.resize((960, 540), box=(left, top, left + seen_w, top + seen_h))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(part), format="rgb24")))
        container.mux(stream.encode(None))
    return path


def fill(store: Store, cameras: tuple[str, ...], now: datetime) -> None:
    """Make up what was seen before."""
    chance = random.Random(19)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    rows: list[Any] = []
    for number, camera in enumerate(cameras):
        for minute in range(DAYS * 24 * 60 + 24 * 60):
            begun = day + timedelta(minutes=minute)
            hour = begun.hour + begun.minute / 60
            if begun >= now - timedelta(minutes=1) or not 6 <= hour < 20:
                continue
            if begun.date() == (now - timedelta(days=3)).date() and 11 <= hour < 14:
                continue  # a morning without a picture
            crowd = (
                5 * math.exp(-(((hour - 9) / 1.6) ** 2)) + 7 * math.exp(-(((hour - 15.5) / 2.2) ** 2)) + 0.4
            )
            share = min(0.97, 0.66 + 0.03 * number + 0.02 * (begun.day % 7) + 0.1 * math.sin(hour))
            for zone, part in ((None, 1.0), ("Queue", 0.4)):
                people = sum(chance.random() < 0.55 for _ in range(round(2 * crowd * part)))
                seconds = dict.fromkeys(STATES, 0.0)
                for _ in range(people):
                    masked = chance.random() < share
                    state = (
                        STATES[0] if masked else chance.choice((STATES[1], STATES[1], STATES[2], STATES[3]))
                    )
                    seconds[state] += chance.uniform(10, 60)
                rows.append(
                    Counts(
                        start_utc=begun,
                        camera=camera,
                        zone=zone,
                        observed_s=60.0,
                        person_s=seconds,
                        people=people,
                    )
                )
    store.add(rows)
    began = (now - timedelta(days=3)).replace(hour=11, minute=0, second=0, microsecond=0)
    store.add(
        [
            Gap(camera=each, why="down", began_utc=began, last_utc=began + timedelta(hours=3))
            for each in cameras
        ]
    )
    store.add(
        [_event(chance, cameras, now - timedelta(minutes=3 * index + 2), index) for index in range(160)]
    )


def _event(chance: random.Random, cameras: tuple[str, ...], at: datetime, number: int) -> StoredEvent:
    event = chance.choice(EVENTS)
    return StoredEvent(
        time_utc=at, camera=chance.choice(cameras), source="demo", run=str(uuid.UUID(int=19)), track=number,
        event=event, frame=0, label=STATES[2] if event == EVENTS[4] else STATES[0],
        confidence=round(chance.uniform(0.7, 0.99), 3), zone=chance.choice((None, "Queue")),
    )  # fmt: skip


def make_site(folder: Path) -> Site:
    """Return the settings of a site whose files are in a folder."""
    clips = {
        "Entrance": write_clip(folder / "entrance.mp4", phase=0.0, zoom=0.85),
        "Hall": write_clip(folder / "hall.mp4", phase=2.0, zoom=0.7),
    }
    cameras = [{"name": name, "source": str(clip), "zones": [ZONE]} for name, clip in clips.items()]
    rule = {"name": "few-masks", "when": "share_below", "limit": 0.6, "for_s": 3600}
    settings = {
        "name": "Town hall", "timezone": "Europe/Berlin", "store": str(folder / "site.db"),
        "model": "crowd-fast", "cameras": cameras, "alerts": {"rules": [rule]},
    }  # fmt: skip
    return Site.model_validate(settings)


@contextmanager
def demo_site(folder: Path, port: int = 0, *, past: bool = True) -> Iterator[str]:
    """Run the site, and yield its address.

    Args:
        folder: for its files.
        port: 0: a free one.
        past: make up what was seen before.
    """
    site = make_site(folder)
    workers = Workers(site.model, workers=1, waiting=4, max_pixels=10**7)
    with open_store(site.store.get_secret_value()) as store, socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        if past:
            fill(store, tuple(camera.name for camera in site.cameras), datetime.now(UTC))
        service = Service(site, store, Detector(site.model, shares_cores=True))
        app = create_app(Parts(lambda: site.http, workers, service))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        service.start()
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            service.stop()
            thread.join(5)
            workers.close()


def main() -> None:
    """Run it until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, demo_site(Path(folder), given.port) as address:
        print(f"{address} until Ctrl-C")
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
