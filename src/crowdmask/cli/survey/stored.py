"""What ``crowdmask survey --store`` reads."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from crowdmask.cli.extras import SERVE, require
from crowdmask.errors import StoreError, UsageError

if TYPE_CHECKING:
    from crowdmask.survey import Sightings


def check_sources(sources: list[str] | None, store: str | None, span: str | None, audit: int | None) -> None:
    """Refuse options that do not go together.

    Args:
        sources, store: of which one is needed.
        span: a time, which a store only has.
        audit: photos to draw, which a store does not hold.
    """
    if store is not None and (sources or audit is not None):
        raise UsageError("--store takes neither SOURCE nor --audit: it holds no pictures")
    if store is None and not sources:
        raise UsageError("give a SOURCE, or --store")
    if store is None and span:
        raise UsageError("--since and --until belong to --store")


def read_store(
    address: str, unit: str | None, since: str | None, until: str | None, timezone: str | None
) -> Sightings:
    """Read the tracks of a store.

    Args:
        address: path of its file, or URL.
        unit: "person-time" or "passage"; None: person-time.
        since, until: local times; None: all that is kept.
        timezone: of the cameras' clocks; None: UTC.
    Raises:
        StoreError: it cannot be opened.
        SourceError: nothing is kept of that time.
        DataError: the unit does not fit, or the tracks are of several models.
    """
    require("crowdmask survey --store", SERVE, "serve")
    from crowdmask.store.store import open_store
    from crowdmask.store.surveyed import StoredTracks
    from crowdmask.survey.design import check_timezone

    if timezone is not None:
        check_timezone(timezone)
    clock: tzinfo = UTC if timezone is None else ZoneInfo(timezone)
    start, end = (_moment(name, text, clock) for name, text in (("since", since), ("until", until)))
    if "://" not in address and not Path(address).is_file():
        raise StoreError(f"there is no store {address}")
    with open_store(address) as store:
        return StoredTracks(store=store, unit=unit, start=start, end=end, timezone=clock).read()


def _moment(name: str, text: str | None, clock: tzinfo) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=clock)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"`{name}` {text!r}: write it like 2026-03-02T08:15") from error
