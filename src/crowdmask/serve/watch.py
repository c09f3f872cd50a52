"""Take over a changed site file without a restart; a broken one leaves the settings in force."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from crowdmask.errors import CrowdmaskError
from crowdmask.serve.service import LOG
from crowdmask.serve.site import Site, read_site


class SiteFile:
    """Watches the site file for changes; call `look` regularly."""

    def __init__(
        self, path: Path, change: Callable[[Site], None], read: Callable[[Path], Site] = read_site
    ) -> None:
        """Take the file as it is now for read.

        Args:
            path: the site file.
            change: takes over new settings; raises `CrowdmaskError` where they cannot be.
            read: reads the file, with the options of the command line.
        """
        self._path, self._change, self._read = path, change, read
        self._seen = self._state()

    def look(self) -> bool:
        """Apply the file if it has changed; return whether it was applied."""
        state = self._state()
        if state is None or state == self._seen:  # an editor may be writing it anew
            return False
        self._seen = state
        try:
            self._change(self._read(self._path))
        except CrowdmaskError as error:
            LOG.error("the changed site file is not taken over, the old settings stay in force: %s", error)
            return False
        LOG.info("the changed site file is taken over")
        return True

    def _state(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
