"""Cameras and zones are changed by admins, and no answer shows a password."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from ...conftest import Running

SOURCE = "rtsp://me:hidden@127.0.0.1:9/stream"
SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]


@pytest.fixture
def site(running: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.address, trust_env=False, timeout=20) as client:
        yield client
        for name in ("hall", "yard"):
            client.delete(f"/v1/cameras/{name}")


def names(site: httpx.Client) -> list[str]:
    return [camera["name"] for camera in site.get("/v1/cameras").json()]


def test_a_camera_comes_is_changed_and_goes(site: httpx.Client, running: Running) -> None:
    answers = [
        site.post(
            "/v1/cameras",
            json={"name": "hall", "source": SOURCE, "zones": [{"name": "B", "polygon": SQUARE}]},
        ),
        site.get("/v1/cameras"),
        site.patch(
            "/v1/cameras/hall",
            json={"min_face_px": 12, "look": "adaptive", "active": [{"start": "08:00", "end": "18:00"}]},
        ),
        site.put(
            "/v1/zones/hall", json={"zones": [{"name": "C", "polygon": SQUARE}], "ignore": [SQUARE[:3]]}
        ),
        site.get("/v1/zones"),
    ]
    assert [each.status_code for each in answers] == [201, 200, 200, 200, 200], [
        each.text for each in answers
    ]
    assert names(site) == ["door", "hall"]
    (hall,) = [zones for zones in answers[-1].json() if zones["camera"] == "hall"]
    assert ([zone["name"] for zone in hall["zones"]], len(hall["ignore"])) == (["C"], 1)
    (kept,) = [each for each in running.service.site.cameras if each.name == "hall"]
    assert (kept.min_face_px, kept.source.get_secret_value()) == (12, SOURCE)
    shown = site.get("/v1/cameras/hall/settings")
    assert "hidden" not in shown.text
    assert shown.json()["source"].endswith("@127.0.0.1:9/stream")
    assert shown.json()["active"][0]["start"] == "08:00"
    assert shown.json()["look"] == "adaptive"
    assert "hidden" not in "".join(each.text for each in answers)
    assert site.delete("/v1/cameras/hall").status_code == 204
    assert names(site) == ["door"]
    told = [what for _, what, thing in running.audit if thing == "camera hall" and what != "looked at"]
    assert told[:4] == ["added", "changed active, look, min_face_px", "changed zones", "removed"]
    assert "hidden" not in repr(running.audit)


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/v1/cameras", {"name": "yard", "source": "/etc/passwd"}, 422),
        ("POST", "/v1/cameras", {"name": "yard", "source": "file:///etc/passwd"}, 422),
        ("POST", "/v1/cameras", {"name": "yard", "source": {"file": "/etc/passwd"}}, 422),
        ("POST", "/v1/cameras", {"name": "yard", "source": "ftp://a/b"}, 422),
        ("POST", "/v1/cameras", {"name": "../yard", "source": SOURCE}, 422),
        ("POST", "/v1/cameras", {"name": "yard"}, 422),
        ("POST", "/v1/cameras", {"name": "yard", "source": SOURCE, "min_face_px": "12"}, 422),
        ("POST", "/v1/cameras", {"name": "yard", "source": SOURCE, "max_fps": True}, 422),
        ("POST", "/v1/cameras", {"name": "door", "source": SOURCE}, 409),
        (
            "POST",
            "/v1/cameras",
            {"name": "yard", "source": SOURCE, "ignore": [[[0, 0], [2, 0], [1, 1]]]},
            409,
        ),
        ("PATCH", "/v1/cameras/none", {"min_face_px": 1}, 404),
        ("GET", "/v1/cameras/none/settings", None, 404),
        ("PATCH", "/v1/cameras/door", {"nmae": 1}, 422),
        ("PUT", "/v1/zones/none", {}, 404),
        ("PUT", "/v1/zones/door", {}, 409),  # a rule needs its zone A
        ("DELETE", "/v1/cameras/none", None, 404),
    ],
)
def test_what_is_refused(site: httpx.Client, method: str, path: str, body: Any, code: int) -> None:
    answer = site.request(method, path, json=body)
    assert (answer.status_code, list(answer.json())) == (code, ["error"]), answer.text
    assert "hidden" not in answer.text
    assert names(site) == ["door"]


def test_what_a_rule_needs_stays_and_the_rule_is_named(site: httpx.Client) -> None:
    square = {"name": "B", "polygon": SQUARE}
    told = "the rule 'few' is about the zone 'A': change or remove the rule first"
    for answer in (site.put("/v1/zones/door", json={"zones": [square]}), site.delete("/v1/cameras/door")):
        assert (answer.status_code, answer.json()["error"]) == (409, told)
    site.post(
        "/v1/cameras", json={"name": "hall", "source": SOURCE, "active": [{"start": "03:00", "end": "03:01"}]}
    )
    rule = {"name": "hall", "when": "camera_down", "cameras": ["hall"]}
    assert site.post("/v1/rules", json={"rule": rule}).status_code == 201
    answer = site.delete("/v1/cameras/hall")
    told = "the rule 'hall' is about the camera 'hall': change or remove the rule first"
    assert (answer.status_code, answer.json()["error"]) == (409, told)
    assert site.delete("/v1/rules/hall").status_code == 204
    assert site.delete("/v1/cameras/hall").status_code == 204
    assert names(site) == ["door"]


def test_a_method_that_is_not_there(site: httpx.Client) -> None:
    answer = site.put("/v1/cameras")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert site.get("/v1/cameras/door").headers["allow"] == "DELETE, PATCH"


def test_a_picture_to_draw_on_is_blurred_and_bare(site: httpx.Client) -> None:
    plain, drawn = (
        np.asarray(Image.open(BytesIO(site.get(f"/v1/cameras/door/snapshot?annotated={shown}").content)))
        for shown in ("false", "true")
    )
    assert plain.shape == drawn.shape == (192, 320, 3)
    # The zone's colour lies along its border only on the one.
    assert np.ptp(plain[:8].astype(int), axis=2).max() < 30 < np.ptp(drawn[:8].astype(int), axis=2).max()
