"""The example of docs/service.md fits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from crowdmask.serve.site import Site


def test_the_site_fits(project_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOOR_CAMERA", "rtsp://user:password@10.0.0.5/stream")
    page = (project_root / "docs" / "service.md").read_text(encoding="utf-8")
    site = Site(**yaml.safe_load(re.findall(r"```yaml\n(.+?)```", page, re.DOTALL)[0]))
    assert [camera.name for camera in site.cameras] == ["door", "yard"]
    assert site.cameras[1].active[0].days == ("mon", "tue", "wed", "thu", "fri")
