"""Time charts of a store of a year: ten cameras, a row a minute. The CPU time is of this process only.

python benchmarks/store_charts.py --rows 5000000 --store year.db

The store may be a path or postgresql://user:password@host/name; it must be empty, and stays.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from crowdmask.store.engine import open_engine
from crowdmask.store.store import Store, open_store

CAMERAS = 10
END = datetime(2026, 11, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_ROWS = 50_000


def rows(number: int) -> Iterator[tuple[Any, ...]]:
    """Yield rows of all cameras, minute by minute, until `END`."""
    last = int(END.timestamp() // 60)
    for back in range(-(-number // CAMERAS), 0, -1):
        minute = last - back
        busy = (minute * 7) % 60
        for camera in range(CAMERAS):
            yield (
                f"camera {camera}",
                "",
                minute,
                60.0,
                0.0,
                0.0,
                float(busy),
                busy / 5,
                busy / 9,
                1.0,
                busy // 4,
            )


def fill(address: str, number: int) -> None:
    """Write the rows, and their sums as the migration makes them."""
    engine = open_engine(address)
    with closing(engine.raw_connection()) as raw, closing(raw.cursor()) as cursor:
        mark = "?" if engine.dialect.name == "sqlite" else "%s"
        waiting = rows(number)
        size = _ROWS if engine.dialect.name == "sqlite" else 1000
        line = f"({', '.join([mark] * 11)})"
        while batch := [row for _, row in zip(range(size), waiting, strict=False)]:
            if isinstance(raw.driver_connection, sqlite3.Connection):
                cursor.executemany(f"INSERT INTO counts VALUES {line}", batch)
            else:
                values = [value for row in batch for value in row]
                cursor.execute(f"INSERT INTO counts VALUES {', '.join([line] * len(batch))}", values)
        raw.commit()
    columns = (
        "observed_s",
        "down_s",
        "frozen_s",
        "with_mask",
        "without_mask",
        "mask_worn_incorrect",
        "unknown",
        "people",
    )
    sums = ", ".join(f"sum({name})" for name in columns)
    with engine.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO counts_quarters (minute, camera, zone, {', '.join(columns)}) "
                f"SELECT (minute / 15) * 15, camera, zone, {sums} FROM counts GROUP BY 1, 2, 3"
            )
        )
    engine.dispose()


def charts(store: Store) -> dict[str, Callable[[], list[Any]]]:
    """Return each chart that the API allows at its widest, by name."""
    berlin = ZoneInfo("Europe/Berlin")

    def chart(days: int, per: Any, **wanted: Any) -> Callable[[], list[Any]]:
        return lambda: store.counts(
            start=END - timedelta(days=days), end=END, per=per, timezone=berlin, **wanted
        )

    return {
        "a day, ten cameras, by the hour": chart(1, "hour"),
        "a day, ten cameras, by the minute": chart(1, "minute"),
        "two days, ten cameras, by the minute": chart(2, "minute"),
        "62 days, ten cameras, by the hour": chart(62, "hour"),
        "a year, ten cameras, by the day": chart(365, "day"),
        "a year, one camera, by the day": chart(365, "day", camera="camera 3"),
        "a year, ten cameras, by the week": chart(365, "week"),
        "a year, ten cameras and all zones, by the day": chart(365, "day", all_zones=True),
        "a day, one camera, a year ago, by the minute": lambda: store.counts(
            start=END - timedelta(days=300), end=END - timedelta(days=299), camera="camera 3"
        ),
    }


def main() -> None:
    """Fill the store and print the times as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", required=True)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--filled", action="store_true", help="it holds the rows already")
    options = parser.parse_args()
    if not options.filled:
        fill(options.store, options.rows)
    with open_store(options.store) as store:
        for name, chart in charts(store).items():
            times, number, cpu_s = [], 0, time.process_time()
            for _ in range(options.repeats):
                begun = time.perf_counter()
                number = len(chart())
                times.append((time.perf_counter() - begun) * 1000)
            cpu_ms = (time.process_time() - cpu_s) * 1000 / options.repeats
            told = {"chart": name, "rows": number, "median_ms": round(statistics.median(times), 1)}
            told["cpu_ms"] = round(cpu_ms, 1)
            print(json.dumps(told | {"worst_ms": round(max(times), 1)}), flush=True)
        begun = time.perf_counter()
        newest = store.counts(start=END - _MINUTE, end=END)
        store.add(newest)
        print(
            json.dumps(
                {"write": "a minute of ten cameras", "ms": round((time.perf_counter() - begun) * 1000, 1)}
            )
        )


if __name__ == "__main__":
    main()
