"""The files of deploy/: what a container engine and systemd would refuse is refused here, without either."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from crowdmask.serve.site import read_site

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SECRETS = {
    "STORE": "postgresql://crowdmask:x@database/crowdmask",
    "DOOR_CAMERA": "rtsp://10.0.0.5/",
    "API_TOKEN": "0123456789abcdef",
}


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


def test_no_service_is_root_or_reached_from_elsewhere(compose: Any) -> None:
    for name, service in compose["services"].items():
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service.get("user", "") or name == "crowdmask", name
        assert all(each.startswith("127.0.0.1:") for each in service.get("ports", [])), name
        assert service["restart"] == "unless-stopped", name
    assert set(compose["volumes"]) == {
        volume.split(":")[0]
        for service in compose["services"].values()
        for volume in service["volumes"]
        if not volume.startswith(".")
    }


def test_what_compose_needs_is_there_and_demanded(compose: Any) -> None:
    ours = compose["services"]["crowdmask"]
    assert (DEPLOY / ours["build"]["context"] / ours["build"]["dockerfile"]).is_file()
    assert (DEPLOY / "mosquitto.conf").is_file()
    for other, wanted in ours["depends_on"].items():
        assert other in compose["services"]
        if wanted["condition"] == "service_healthy":
            assert "healthcheck" in compose["services"][other]
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert all(":?" in each for each in re.findall(r"(?<!\$)\$\{[^}]*\}", text))  # an empty secret is refused


def test_the_site_of_compose_fits(compose: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(compose["services"]["crowdmask"]["environment"]) == set(SECRETS)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    site = read_site(DEPLOY / "site.yaml")
    (channel,) = site.alerts.channels
    assert channel.host in compose["services"]
    assert (site.http.host, site.http.is_open) == ("0.0.0.0", False)


def test_the_image_is_small_in_rights() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    known = (
        "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL",
        "ENTRYPOINT", "CMD",
    )  # fmt: skip
    assert {name for name, _ in lines} <= set(known)
    last = {each[0]: each[1] for each in lines}
    assert int(last["USER"]) > 0
    assert "/v1/health" in last["HEALTHCHECK"]
    assert all(":" in value for name, value in lines if name == "FROM")
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    copied = [value for name, value in lines if name == "COPY" and "--from" not in value]
    for source in {word.removeprefix("./") for value in copied for word in value.split()[:-1]}:
        assert (DEPLOY.parent / source).exists()
        assert f"!{source}" in ignored


def test_the_unit(tmp_path: Path) -> None:
    text = (DEPLOY / "crowdmask.service").read_text(encoding="utf-8")
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    service = parser["Service"]
    assert (service["DynamicUser"], service["NoNewPrivileges"], service["Restart"]) == (
        "yes",
        "yes",
        "always",
    )
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "crowdmask.service"
    unit.write_text(text.replace("/opt/crowdmask/bin/crowdmask", "/bin/true"), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", str(unit)], capture_output=True, text=True
    )
    assert (done.returncode, "crowdmask.service:" in done.stderr) == (0, False), done.stderr
