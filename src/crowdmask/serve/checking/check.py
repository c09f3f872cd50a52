"""Check a site before it runs: file, channels, store and machine, and how often its rules would have told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from crowdmask.alerts.channels.channel import Sender
from crowdmask.alerts.channels.make import make_channel
from crowdmask.alerts.forecast import forecast
from crowdmask.alerts.judging import Judge
from crowdmask.inference.detector import Detector
from crowdmask.inference.model_file import hash_of, locate
from crowdmask.serve.checking.capacity import measure
from crowdmask.serve.history import read_history
from crowdmask.serve.site import Site
from crowdmask.store.store import open_store
from crowdmask.survey.rates import shipped_rates


def check_site(site: Site, days: int) -> Iterator[str]:
    """Yield the results of the checks of a site, one line each.

    Args:
        site: its settings, which fit already.
        days: how far rules look back.
    Raises:
        UsageError: a channel's settings are wrong.
        StoreError: the store cannot be opened.
        ModelError: there is no such model, or it has other labels than ours.
    """
    yield f"{_number(len(site.cameras), 'camera')}, {_number(len(site.alerts.rules), 'rule')}: the site fits"
    capacity = measure(Detector(site.model, shares_cores=True))
    yield from capacity.to_lines(len(site.cameras), [camera.max_fps for camera in site.cameras])
    rates = shipped_rates(hash_of(locate(site.model)))
    if rates is None:
        yield f"model {site.model}: its error rates were not measured, so shares are raw"
    for channel in site.alerts.channels:
        make_channel(channel, Sender(site.name, site.clock)).close()
    with open_store(site.store.get_secret_value()) as store:
        end = datetime.now(UTC).replace(second=0, microsecond=0)
        seen = read_history(store, end - timedelta(days=days), end, site.step)
        for found in forecast(site.alerts.rules, seen, Judge(rates)):
            yield found.to_line()


def _number(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
