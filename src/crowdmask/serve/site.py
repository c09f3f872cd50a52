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

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=255,
            title="Name",
            description="Unique name of the camera, used in counts, events and the API.",
        ),
    ]
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
        Field(
            title="Units",
            description="Unit of all corners: fraction of the picture's width and height, or pixels.",
        ),
    ] = "fraction"
    zones: Annotated[
        tuple[Zone, ...],
        Field(title="Zones", description="Parts of the picture that are counted separately."),
    ] = ()
    lines: Annotated[
        tuple[Line, ...], Field(title="Lines", description="Lines at which people who cross are counted.")
    ] = ()
    ignore: Annotated[
        tuple[Annotated[tuple[Point, ...], Field(min_length=3)], ...],
        Field(
            title="Ignore",
            description="Polygons in which faces are ignored, for example posters and screens.",
        ),
    ] = ()
    min_face_px: Annotated[
        float,
        Field(
            ge=0,
            le=10_000,
            title="Least face",
            description="Faces narrower than this, in pixels, are ignored.",
        ),
    ] = 0.0
    still_s: Annotated[
        float | None,
        Field(
            ge=60,
            le=7 * 86_400,
            title="Still",
            description="A face that does not move for this many seconds is not counted; null: no limit.",
        ),
    ] = 1800.0
    max_fps: Annotated[
        float | None,
        Field(
            gt=0,
            le=MOST_FPS,
            title="Most frames a second",
            description="Maximum frames per second to process; null: as many as possible.",
        ),
    ] = None
    look: Annotated[
        Literal["adaptive", "every"],
        Field(
            title="Look",
            description="adaptive: run the detector on a frame if that is worth it and predict the others; "
            "every: run it on every frame. With `max_fps`, adaptive has no effect.",
        ),
    ] = "every"
    grace_s: Annotated[
        float,
        Field(
            ge=0,
            le=MOST_S,
            title="Grace",
            description="A person without a mask for this many seconds causes a no_mask event.",
        ),
    ] = GRACE_S
    active: Annotated[
        tuple[Hours, ...],
        Field(title="Active", description="Hours in which the camera is used, local time; empty: always."),
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
        """The options for the live session; shown pictures are blurred."""
        placed = self.zones or self.lines
        zones = ZonesFile(units=self.units, zones=self.zones, lines=self.lines) if placed else None
        return CameraOptions(
            max_fps=self.max_fps,
            look=self.look,
            grace_s=self.grace_s,
            zones=zones,
            ignored=Ignored(self._regions(), self.min_face_px),
            still_s=self.still_s,
            blur=True,
            paced=True,
        )


class Retention(StrictModel):
    """How long each kind of data is kept."""

    counts_days: Annotated[
        int, Field(ge=1, le=3660, title="Counts", description="Days to keep the counts per minute.")
    ] = 730
    events_days: Annotated[
        int, Field(ge=1, le=3660, title="Events", description="Days to keep events and alerts.")
    ] = 30
    tracks_days: Annotated[
        int,
        Field(ge=1, le=3660, title="Tracks", description="Days to keep track summaries, which surveys read."),
    ] = 7
    audit_days: Annotated[
        int, Field(ge=1, le=3660, title="Audit", description="Days to keep the audit log.")
    ] = 365


class Site(StrictModel):
    """All settings of a running site."""

    name: Annotated[
        str,
        Field(
            min_length=1, max_length=100, title="Name", description="Name of the site, part of every message."
        ),
    ] = "crowdmask"
    timezone: Annotated[
        str, Field(title="Time zone", description="Time zone of the site, for example Europe/Berlin.")
    ] = "UTC"
    store: Annotated[
        Secret,
        Field(
            title="Store",
            description="Database: path of an SQLite file, or postgresql://user:password@host/name.",
            json_schema_extra={"default": "crowdmask.db"},
        ),
    ] = SecretStr("crowdmask.db")
    spool_mb: Annotated[
        int,
        Field(
            ge=1,
            le=100_000,
            title="Spool",
            description="Maximum disk space, in MB, for records while the store is not available.",
        ),
    ] = 256
    model: Annotated[
        str,
        Field(min_length=1, title="Model", description="Name of a built-in model, or path of a model file."),
    ] = "crowd"
    mode: Annotated[
        Literal["operation", "statistics"],
        Field(
            title="Mode",
            description="statistics: only counts per 20 minutes, nothing about individual people.",
        ),
    ] = "operation"
    cameras: Annotated[
        tuple[CameraSettings, ...], Field(title="Cameras", description="The cameras of the site.")
    ] = ()
    alerts: Annotated[
        AlertSettings, Field(title="Alerts", description="Alert rules, and the channels that deliver alerts.")
    ] = AlertSettings()
    retention: Annotated[Retention, Field(title="Retention", description="How long data is kept.")] = (
        Retention()
    )
    http: Annotated[
        HttpSettings,
        Field(title="HTTP", description="Address, limits, users and tokens of the HTTP service."),
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
        """The length of one row of counts."""
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
    return read_yaml(path, Site, error=UsageError, what="the site", hint=_HINT, columns=True)


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
