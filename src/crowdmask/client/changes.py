"""The part of the client for the cameras and settings of a site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crowdmask.client.asking import Asking, quoted
from crowdmask.client.site_values import Change, Zones, to_change, to_zones
from crowdmask.client.values import Camera, to_camera


class ChangesClient(Asking):
    """Cameras of a service; all methods raise `ServiceError` where it cannot be reached, or refuses."""

    def test_camera(self, source: str) -> bytes:
        """Return one frame of a camera that need not be added yet, faces blurred, as a JPEG file. For admins.

        Args:
            source: rtsp://, rtsps://, http:// or https://, or the number of a webcam at the service.
        Raises:
            ServiceError: no frame came, and why (status 409); see the class.
        """
        return self._send("POST", "/v1/cameras/test", {"source": source}).content

    def add_camera(self, name: str, source: str, **settings: Any) -> Zones:
        """Add a camera, which is looked at from the next second on. For admins.

        Args:
            name: as it is to be called.
            source: see `test_camera`.
            settings: others of the site file, for example `zones`, `min_face_px=12`, `max_fps=5`.
        Raises:
            ServiceError: there is one of this name already (status 409), or a setting does not fit; see the
                class.
        """
        body = {**settings, "name": name, "source": source}
        return to_zones(self._send("POST", "/v1/cameras", body).json())

    def change_camera(self, name: str, **settings: Any) -> Zones:
        """Change settings of a camera; those that are not named stay as they are. For admins.

        Args:
            name: of the camera.
            settings: of the site file, for example `max_fps=5`.
        Raises:
            ServiceError: there is no such camera (status 404), or a setting does not fit; see the class.
        """
        return to_zones(self._send("PATCH", f"/v1/cameras/{quoted(name)}", settings).json())

    def remove_camera(self, name: str) -> None:
        """Remove a camera; what was counted stays. For admins.

        Raises:
            ServiceError: there is no such camera (status 404), or a rule names it (409); see the class.
        """
        self._send("DELETE", f"/v1/cameras/{quoted(name)}")

    def camera_settings(self, name: str) -> dict[str, Any]:
        """Return all settings of a camera, its source without a password. For admins.

        Raises:
            ServiceError: there is no such camera (status 404); see the class.
        """
        return dict(self._get(f"/v1/cameras/{quoted(name)}/settings").json())

    def switch_privacy(self, name: str, on: bool) -> Camera:
        """Look at nothing of a camera, over restarts, or look at it again. For admins.

        Raises:
            ServiceError: there is no such camera (status 404); see the class.
        """
        return to_camera(self._send("PUT", f"/v1/cameras/{quoted(name)}/privacy", {"on": on}).json())

    def zones(self) -> list[Zones]:
        """Return the zones, lines and ignored parts of all cameras."""
        return [to_zones(each) for each in self._get("/v1/zones").json()]

    def set_zones(
        self,
        name: str,
        *,
        zones: Sequence[Mapping[str, Any]] = (),
        lines: Sequence[Mapping[str, Any]] = (),
        ignore: Sequence[Sequence[Sequence[float]]] = (),
        units: str = "fraction",
    ) -> Zones:
        """Replace all zones, lines and ignored parts of a camera. For admins.

        Args:
            name: of the camera.
            zones: for example `{"name": "A", "polygon": [[0, 0], [1, 0], [1, 1]]}`.
            lines: as in the site file.
            ignore: polygons in which nobody counts.
            units: of all corners: "fraction" of the picture's width and height, or "pixels".
        Raises:
            ServiceError: there is no such camera (status 404), or something does not fit; see the class.
        """
        body = {
            "units": units, "zones": [dict(each) for each in zones], "lines": [dict(each) for each in lines],
            "ignore": [[list(point) for point in polygon] for polygon in ignore],
        }  # fmt: skip
        return to_zones(self._send("PUT", f"/v1/zones/{quoted(name)}", body).json())

    def changes(self) -> list[Change]:
        """Return how cameras and rules in force differ from the site file. For admins."""
        return [to_change(each) for each in self._get("/v1/changes").json()["changes"]]

    def undo_change(self, kind: str, name: str) -> None:
        """Go back to the site file for one camera or rule. For admins.

        Args:
            kind: "camera" or "rule".
            name: of it.
        Raises:
            ServiceError: it is as in the site file (status 404); see the class.
        """
        self._send("DELETE", f"/v1/changes/{quoted(kind)}/{quoted(name)}")
