"""Which cameras look at nothing for now, over restarts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, insert, select, update

from crowdmask.store.tables import camera_switches


class Switches:
    """The privacy switches of all cameras; for any thread."""

    def __init__(self, engine: Engine) -> None:
        """Use a database whose tables exist."""
        self._engine = engine

    def private(self) -> set[str]:
        """Return the names of the cameras whose privacy switch is on."""
        query = select(camera_switches.c.camera).where(camera_switches.c.private)
        with self._engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def switch(self, camera: str, private: bool, by: str, now: datetime) -> None:
        """Store the privacy switch of a camera.

        Args:
            camera: its name.
            private: whether it looks at nothing.
            by: who switched it.
            now: UTC.
        """
        values = {"private": private, "changed_utc": now, "changed_by": by}
        here = camera_switches.c.camera == camera
        with self._engine.begin() as connection:
            if not connection.execute(update(camera_switches).where(here).values(values)).rowcount:
                connection.execute(insert(camera_switches).values({"camera": camera, **values}))
