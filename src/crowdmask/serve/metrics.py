"""What Prometheus reads: counts and times of this one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

Gauge = tuple[str, str, Callable[[], Mapping[str, float]]]
"""Name without prefix, help, and a function that returns values by camera, "" for one of no camera."""


class Metrics:
    """The metrics of one service; all names begin with ``crowdmask_``."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._registry = CollectorRegistry()
        self._photos = Counter(
            "crowdmask_photos", "Photos that were sent.", ["result"], registry=self._registry
        )
        self._faces = Counter("crowdmask_faces", "Faces found on photos.", ["label"], registry=self._registry)
        self._requests = Counter(
            "crowdmask_http_requests", "Requests.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "crowdmask_http_request_seconds",
            "Time to the beginning of the answer.",
            ["route"],
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self._gauges: list[Gauge] = []
        self._registry.register(_Gauges(self._gauges))
        self.add_gauge("start_time_seconds", "When the service began, Unix time.", _constant(time.time()))

    def detected(self, faces: Mapping[str, int]) -> None:
        """Count a photo and its faces by label."""
        self._photos.labels("detected").inc()
        for label, number in faces.items():
            self._faces.labels(label).inc(number)

    def failed(self) -> None:
        """Count a photo that could not be read."""
        self._photos.labels("failed").inc()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def add_gauge(self, name: str, what: str, values: Callable[[], Mapping[str, float]]) -> None:
        """Add a value that is read at each scrape."""
        self._gauges.append((name, what, values))

    def text(self) -> bytes:
        """Return all metrics as Prometheus reads them."""
        return generate_latest(self._registry)


class _Gauges(Collector):
    def __init__(self, gauges: list[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for name, what, values in self._gauges:
            known = values()
            alone = set(known) == {""}
            family = GaugeMetricFamily(f"crowdmask_{name}", what, labels=None if alone else ["camera"])
            for camera, value in known.items():
                family.add_metric([] if alone else [camera], value)
            yield family


def _constant(value: float) -> Callable[[], Mapping[str, float]]:
    return lambda: {"": value}
