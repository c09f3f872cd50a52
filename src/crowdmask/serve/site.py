"""A site: one YAML with its cameras, its store, its rules and who may reach it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator

from crowdmask.alerts.settings import AlertRule, AlertSettings, EventRule, ShareRule
from crowdmask.errors import UsageError
from crowdmask.hours import Hours
from crowdmask.live.options import MOST_FPS, MOST_S, CameraOptions
from crowdmask.secret import Secret
from crowdmask.serve.cells import CELL_MINUTES, LEAST_PEOPLE
from crowdmask.serve.http_settings import HttpSettings
from crowdmask.settings import StrictModel, describe_problems, read_yaml
from crowdmask.tracking.events import GRACE_S
from crowdmask.tracking.ignoring import Ignored
from crowdmask.tracking.zones import Line, Point, Zone, ZonesFile

_HINT = "docs/service.md shows a site file"


class CameraSettings(StrictModel):
    """One camera of a site."""

    name: Annotated[str, Field(min_length=1, max_length=255, title="Name", description="As people call it.")]
    source: Annotated[
        Secret,
        Field(
            title="Source",
            description="rtsp:// or http:// address, number of a webcam, or a video file, which is played at "
            "its own pace again and again.",
        ),
    ]
    units: Annotated[
        Literal["fraction", "pixels"],
        Field(title="Units", description="Of the corners: parts of the picture's sides, or pixels."),
    ] = "fraction"
    zones: Annotated[tuple[Zone, ...], Field(title="Zones", description="Parts of the picture.")] = ()
    lines: Annotated[tuple[Line, ...], Field(title="Lines", description="To count who crosses them.")] = ()
    ignore: Annotated[
        tuple[Annotated[tuple[Point, ...], Field(min_length=3)], ...],
        Field(title="Ignore", description="Corners of parts in which nobody counts: posters, screens."),
    ] = ()
    min_face_px: Annotated[
        float, Field(ge=0, le=10_000, title="Least face", description="Width under which a face is left out.")
    ] = 0.0
    still_s: Annotated[
        float | None,
        Field(
            ge=60,
            le=7 * 86_400,
            title="Still",
            description="Seconds without moving after which a face counts no longer; null: never.",
        ),
    ] = 1800.0
    max_fps: Annotated[
        float | None,
        Field(gt=0, le=MOST_FPS, title="Most frames a second", description="None: as many as there is time."),
    ] = None
    grace_s: Annotated[
        float,
        Field(
            ge=0, le=MOST_S, title="Grace", description="Seconds without a mask that make a no_mask event."
        ),
    ] = GRACE_S
    active: Annotated[
        tuple[Hours, ...],
        Field(title="Active", description="When it is looked at, local time; none: always."),
    ] = ()

    @model_validator(mode="after")
    def _fits(self) -> CameraSettings:
        if self.zones or self.lines:
            ZonesFile(units=self.units, zones=self.zones, lines=self.lines)
        self._regions()
        return self

    def _regions(self) -> ZonesFile | None:
        zones = [Zone(name=f"ignore {number}", polygon=each) for number, each in enumerate(self.ignore, 1)]
        return ZonesFile(units=self.units, zones=tuple(zones)) if zones else None

    @property
    def options(self) -> CameraOptions:
        """How it is worked on; what is shown of it is blurred."""
        placed = self.zones or self.lines
        zones = ZonesFile(units=self.units, zones=self.zones, lines=self.lines) if placed else None
        return CameraOptions(
            max_fps=self.max_fps,
            grace_s=self.grace_s,
            zones=zones,
            ignored=Ignored(self._regions(), self.min_face_px),
            still_s=self.still_s,
            blur=True,
            paced=True,
        )


class Retention(StrictModel):
    """How long what is kept."""

    counts_days: Annotated[
        int, Field(ge=1, le=3660, title="Counts", description="Days that counts by the minute are kept.")
    ] = 730
    events_days: Annotated[
        int, Field(ge=1, le=3660, title="Events", description="Days that events and alerts are kept.")
    ] = 30
    tracks_days: Annotated[
        int,
        Field(ge=1, le=3660, title="Tracks", description="Days that tracks are kept, which surveys read."),
    ] = 7
    audit_days: Annotated[
        int, Field(ge=1, le=3660, title="Audit", description="Days that the log of who did what is kept.")
    ] = 365


class Site(StrictModel):
    """All settings of a running site."""

    name: Annotated[
        str, Field(min_length=1, max_length=100, title="Name", description="Stands in all messages.")
    ] = "crowdmask"
    timezone: Annotated[str, Field(title="Time zone", description="Of people there, like Europe/Berlin.")] = (
        "UTC"
    )
    store: Annotated[
        Secret,
        Field(
            title="Store", description="Path of a file of SQLite, or postgresql://user:password@host/name."
        ),
    ] = SecretStr("crowdmask.db")
    spool_mb: Annotated[
        int,
        Field(
            ge=1,
            le=100_000,
            title="Spool",
            description="Megabytes of disk for what is seen while the store is away.",
        ),
    ] = 256
    model: Annotated[
        str,
        Field(min_length=1, title="Model", description="Name of a shipped model, or path of a model file."),
    ] = "crowd"
    mode: Annotated[
        Literal["operation", "statistics"],
        Field(title="Mode", description="statistics: counts of 20 minutes, and nothing about one person."),
    ] = "operation"
    cameras: Annotated[
        tuple[CameraSettings, ...], Field(title="Cameras", description="What is looked at.")
    ] = ()
    alerts: Annotated[AlertSettings, Field(title="Alerts", description="What is told, and where.")] = (
        AlertSettings()
    )
    retention: Annotated[Retention, Field(title="Retention", description="How long what is kept.")] = (
        Retention()
    )
    http: Annotated[
        HttpSettings, Field(title="HTTP", description="Where the service listens, and who may come in.")
    ] = HttpSettings()

    @field_validator("timezone")
    @classmethod
    def _is_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError, KeyError) as error:
            raise ValueError("is no time zone: write it like Europe/Berlin") from error
        return value

    @model_validator(mode="after")
    def _fits(self) -> Site:
        names = [camera.name for camera in self.cameras]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two cameras have the name {name!r}")
        for rule in self.alerts.rules:
            if self.mode == "statistics":
                _check_statistics(rule)
            for name in rule.cameras:
                if name not in names:
                    raise ValueError(f"alerts.rules.{rule.name}.cameras: there is no camera {name!r}")
            zone = getattr(rule, "zone", None)
            followed = [each for each in self.cameras if not rule.cameras or each.name in rule.cameras]
            if zone is not None and not any(zone == has.name for each in followed for has in each.zones):
                raise ValueError(f"alerts.rules.{rule.name}.zone: none of its cameras has a zone {zone!r}")
        return self

    @property
    def step(self) -> timedelta:
        """How long the time is that one row of counts is of."""
        return timedelta(minutes=CELL_MINUTES if self.mode == "statistics" else 1)

    @property
    def clock(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)


def _check_statistics(rule: AlertRule) -> None:
    if isinstance(rule, EventRule):
        raise ValueError(f"alerts.rules.{rule.name}: mode statistics has no alerts about a person")
    if isinstance(rule, ShareRule) and rule.min_people < LEAST_PEOPLE:
        raise ValueError(
            f"alerts.rules.{rule.name}.min_people: must be {LEAST_PEOPLE} or more in mode statistics"
        )


def read_site(path: Path) -> Site:
    """Read a site file.

    Raises:
        UsageError: it cannot be read, or is not as it should be: all problems in one line.
    """
    return read_yaml(path, Site, error=UsageError, what="the site", hint=_HINT)


def site_of(path: Path | None, sources: Sequence[str], *, host: str | None, port: int | None) -> Site:
    """Return the site of a command line.

    Args:
        path: of the site file; None: there is none.
        sources: cameras that stand on the command line.
        host, port: instead of the site's; None: as it says.
    Raises:
        UsageError: the file is not as it should be, or the options do not fit.
    """
    if path is not None and sources:
        raise UsageError("give either `config` or cameras, not both: a camera of a site stands in its file")
    site = Site() if path is None else read_site(path)
    changes = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    cameras = [{"name": f"camera {number}", "source": each} for number, each in enumerate(sources, 1)]
    try:
        http = HttpSettings(**{**dict(site.http), **changes})
        quick = tuple(CameraSettings(**each) for each in cameras)
    except ValidationError as error:
        raise UsageError("; ".join(describe_problems(error))) from error
    return site.model_copy(update={"http": http, "cameras": site.cameras + quick})
