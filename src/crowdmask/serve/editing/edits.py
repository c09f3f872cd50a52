"""Cameras and rules that were added, changed or removed while the service runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, cast

import yaml

from crowdmask.alerts.settings import AlertRule
from crowdmask.errors import CrowdmaskError, OutputError, UsageError
from crowdmask.files import temporary_beside
from crowdmask.serve.editing.overlay import Difference, Item, Kind, Overlay, items
from crowdmask.serve.service import LOG
from crowdmask.serve.site import CameraSettings, Site

_SECTIONS: dict[str, Kind] = {"cameras": "camera", "rules": "rule"}
_ABOUT = (
    "# Changes of {name} that were made on the pages or by the API of crowdmask serve. They win over it.\n"
    "# Remove an entry, or this file, and start the service anew to go back to the site file.\n"
)


class Edits:
    """Changes of a site, over restarts; for any thread.

    They are kept in the file ``SITE.changes.yaml`` beside the site file, whose comments so stay as they are.
    Only the file's owner can read it, since addresses of cameras may hold passwords.
    """

    def __init__(self, path: Path | None, change: Callable[[Site], None]) -> None:
        """Read what was changed before.

        Args:
            path: of the site file; None: there is none, and changes last until the service ends.
            change: takes over a site; raises `CrowdmaskError` where it cannot be.
        Raises:
            UsageError: the file of changes is not as it should be.
        """
        self.path = None if path is None else path.with_suffix(".changes.yaml")
        self._about = _ABOUT.format(name="the site file" if path is None else path.name)
        self._change, self._lock = change, Lock()
        self._site = Site()
        self._overlay = Overlay()
        if self.path is not None and self.path.exists():
            self._overlay = _read(self.path)

    def begin(self, site: Site) -> Site:
        """Return a site with the changes, before it is in force.

        Args:
            site: as its file has it.
        Raises:
            UsageError: they do not fit together.
        """
        with self._lock:
            after = self._applied(site)
            self._site = site
            return after

    def take_over(self, site: Site) -> None:
        """Put a changed site file in force, with the changes.

        Raises:
            CrowdmaskError: it cannot be; the old settings stay in force.
        """
        with self._lock:
            self._change(self._applied(site))
            self._site = site

    def camera(self, name: str, make: Callable[[CameraSettings | None], CameraSettings | None]) -> None:
        """Add, change or remove a camera.

        Args:
            name: of it.
            make: gets it as it is, and returns it as it shall be; None: it is not there.
        Raises:
            UsageError: it does not fit, for example to a rule.
            OutputError: it cannot be kept; nothing is changed.
        """
        self._edit("camera", name, lambda old: make(cast(CameraSettings | None, old)))

    def rule(self, name: str, make: Callable[[AlertRule | None], AlertRule | None]) -> None:
        """Add, change or remove a rule; see `camera`."""
        self._edit("rule", name, lambda old: make(cast(AlertRule | None, old)))

    def undo(self, kind: Kind, name: str) -> bool:
        """Go back to the site file for one camera or rule; returns whether it was changed.

        Raises:
            UsageError: it would not fit to what else was changed.
            OutputError: it cannot be kept; nothing is changed.
        """
        with self._lock:
            if name not in self._overlay.of(kind):
                return False
            self._put_in_force(self._overlay.without(kind, name))
            return True

    def differences(self) -> list[Difference]:
        """Return how cameras and rules differ from the site file."""
        with self._lock:
            return self._overlay.differences(self._site)

    def _edit(self, kind: Kind, name: str, make: Callable[[Item | None], Item | None]) -> None:
        # From what is there until it is in force nobody else may change it, or one of the two would be lost.
        with self._lock:
            old = items(self._overlay.apply(self._site), kind).get(name)
            overlay = self._overlay.changed(kind, name, items(self._site, kind).get(name), make(old))
            if overlay != self._overlay:
                self._put_in_force(overlay)

    def _put_in_force(self, overlay: Overlay) -> None:
        before, after = self._overlay.apply(self._site), overlay.apply(self._site)
        part = None if self.path is None else _write_part(self.path, self._about, overlay)
        try:
            self._change(after)
            if self.path is not None and part is not None:
                try:
                    part.replace(self.path)
                except OSError as error:
                    with suppress(CrowdmaskError):
                        self._change(before)
                    raise _cannot_be_kept(self.path, error) from error
        finally:
            if part is not None:
                part.unlink(missing_ok=True)
        self._overlay = overlay

    def _applied(self, site: Site) -> Site:
        try:
            return self._overlay.apply(site, self._dropped)
        except UsageError as error:
            if self._overlay == Overlay():
                raise
            raise UsageError(f"with the changes of {self.path}: {error}") from error

    def _dropped(self, kind: Kind, name: str) -> None:
        LOG.warning("%s %s is not in the site file any more, so its changes do not count", kind, name)


def _read(path: Path) -> Overlay:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: cannot be read; correct it, or remove it to undo the changes") from error
    if not isinstance(content, dict) or not set(content) <= set(_SECTIONS):
        raise UsageError(f"{path}: must hold the sections {' and '.join(_SECTIONS)}, and nothing else")
    overlay = Overlay()
    for section, kind in _SECTIONS.items():
        changes: Any = content.get(section) or {}
        if not isinstance(changes, dict) or not all(
            isinstance(name, str) and (each is None or isinstance(each, dict))
            for name, each in changes.items()
        ):
            raise UsageError(f"{path}: {section} must hold settings by name, or null for what is removed")
        overlay = overlay.with_changes(kind, changes)
    return overlay


def _write_part(path: Path, about: str, overlay: Overlay) -> Path:
    content = {section: {**overlay.of(kind)} for section, kind in _SECTIONS.items() if overlay.of(kind)}
    part = temporary_beside(path)
    try:
        with open(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(about)
            yaml.safe_dump(content, file, sort_keys=False, allow_unicode=True)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        part.unlink(missing_ok=True)
        raise _cannot_be_kept(path, error) from error
    return part


def _cannot_be_kept(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{path}: the change cannot be kept: {(error.strerror or '').lower()}")
