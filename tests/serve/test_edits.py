"""Changes of cameras are kept beside the site file, for its owner only, and count after a restart."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from crowdmask.errors import OutputError, UsageError
from crowdmask.serve.edits import Edits
from crowdmask.serve.site import CameraSettings, Site

RULE = {"name": "away", "when": "camera_down", "for_s": 60, "cameras": ["hall"]}


def camera(name: str, **values: Any) -> CameraSettings:
    return CameraSettings.model_validate({"name": name, "source": f"rtsp://me:hidden@{name}/1", **values})


@pytest.fixture
def site() -> Site:
    return Site(cameras=(camera("door"), camera("hall"))).model_copy(
        update={
            "alerts": Site.model_validate({"cameras": [camera("hall")], "alerts": {"rules": [RULE]}}).alerts
        }
    )


def test_changes_outlive_a_restart(tmp_path: Path, site: Site) -> None:
    path = tmp_path / "site.yaml"
    taken: list[Site] = [site]
    edits = Edits(path, taken.append)
    edits.put(taken[-1], camera("yard"))
    edits.put(taken[-1], camera("hall", min_face_px=20))
    edits.remove(taken[-1], "door")
    assert [each.name for each in taken[-1].cameras] == ["hall", "yard"]
    assert taken[-1].cameras[0].min_face_px == 20
    kept = tmp_path / "site.changes.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert sorted(tmp_path.iterdir()) == [kept]
    again = Edits(path, taken.append).applied(site)
    assert again.cameras == taken[-1].cameras
    assert again.cameras[1].source.get_secret_value() == "rtsp://me:hidden@yard/1"


def test_what_does_not_fit_changes_nothing(tmp_path: Path, site: Site) -> None:
    taken: list[Site] = []
    edits = Edits(tmp_path / "site.yaml", taken.append)
    with pytest.raises(UsageError, match=r"away.cameras: there is no camera 'hall'"):
        edits.remove(site, "hall")
    missing = Edits(tmp_path / "none" / "site.yaml", taken.append)
    with pytest.raises(OutputError, match="cannot be kept"):
        missing.put(site, camera("yard"))
    assert (taken, list(tmp_path.iterdir())) == ([], [])


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"cameras": []}', json.dumps({"cameras": {"a": {"name": "a", "hidden": 1}}})]
)
def test_a_broken_file_of_changes(tmp_path: Path, text: str) -> None:
    (tmp_path / "site.changes.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"site\.changes\.json"):
        Edits(tmp_path / "site.yaml", lambda site: None)


def test_without_a_site_file_they_last_until_the_end(site: Site) -> None:
    taken: list[Site] = []
    Edits(None, taken.append).put(site, camera("yard"))
    assert [each.name for each in taken[0].cameras] == ["door", "hall", "yard"]
