"""Cameras that were added, changed or removed while the service runs; kept beside the site file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import ValidationError

from crowdmask.errors import OutputError, UsageError
from crowdmask.files import temporary_beside
from crowdmask.serve.site import CameraSettings, Site
from crowdmask.settings import describe_problems


class Edits:
    """Changes of a site's cameras, over restarts; for any thread.

    They stand in the file ``SITE.changes.json`` beside the site file, which only its owner can read, since
    addresses may hold passwords. A camera in it counts instead of the site file's one of the same name.
    """

    def __init__(self, path: Path | None, change: Callable[[Site], None]) -> None:
        """Read what was changed before.

        Args:
            path: of the site file; None: there is none, and changes last until the service ends.
            change: takes over a site; raises `CrowdmaskError` where it cannot be.
        Raises:
            UsageError: the file of changes is not as it should be.
        """
        self._path = None if path is None else path.with_suffix(".changes.json")
        self._change, self._lock = change, Lock()
        self._cameras: dict[str, CameraSettings | None] = {}
        if self._path is not None and self._path.exists():
            self._cameras = _read(self._path)

    def applied(self, site: Site) -> Site:
        """Return a site as the file has it with the changes.

        Raises:
            UsageError: they do not fit together.
        """
        return _with(site, self._cameras)

    def put(self, site: Site, camera: CameraSettings, instead_of: str | None = None) -> None:
        """Add a camera, or change the one of its name.

        Args:
            site: in force.
            camera: as it shall be.
            instead_of: the name that it has had; None: the same, or it is new.
        Raises:
            UsageError: it does not fit, for example to a rule.
            OutputError: it cannot be kept.
        """
        gone: dict[str, CameraSettings | None] = {} if instead_of is None else {instead_of: None}
        self._take_over(site, {**gone, camera.name: camera})

    def remove(self, site: Site, name: str) -> None:
        """Remove a camera.

        Raises:
            UsageError: a rule needs it.
            OutputError: it cannot be kept.
        """
        self._take_over(site, {name: None})

    def _take_over(self, site: Site, changed: Mapping[str, CameraSettings | None]) -> None:
        with self._lock:
            after = {**self._cameras, **changed}
            new = _with(site, changed)
            if self._path is not None:
                _write(self._path, after)
            self._cameras = after
            self._change(new)


def _with(site: Site, changed: Mapping[str, CameraSettings | None]) -> Site:
    kept = [changed.get(camera.name, camera) for camera in site.cameras]
    names = {camera.name for camera in site.cameras}
    cameras = [each for each in (*kept, *(changed[n] for n in changed if n not in names)) if each is not None]
    try:
        return Site.model_validate({**dict(site), "cameras": tuple(cameras)})
    except ValidationError as error:
        raise UsageError("; ".join(describe_problems(error))) from error


def _read(path: Path) -> dict[str, CameraSettings | None]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["cameras"]
        return {
            name: None if each is None else CameraSettings.model_validate(each)
            for name, each in found.items()
        }
    except ValidationError as error:
        raise UsageError(f"{path}: {'; '.join(describe_problems(error))}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path}: cannot be read; mend it, or remove it to undo the changes") from error


def _write(path: Path, cameras: Mapping[str, CameraSettings | None]) -> None:
    content = {"cameras": {name: None if each is None else _plain(each) for name, each in cameras.items()}}
    part = temporary_beside(path)
    try:
        with open(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path}: the change cannot be kept: {(error.strerror or '').lower()}") from error


def _plain(camera: CameraSettings) -> dict[str, Any]:
    return {**camera.model_dump(mode="json"), "source": camera.source.get_secret_value()}
