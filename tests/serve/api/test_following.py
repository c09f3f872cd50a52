"""Pictures, server-sent events and the WebSocket, over real connections to a running site."""

from __future__ import annotations

import json
import struct
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from ...alerts.conftest import wait_for
from ..conftest import Running

PICTURE = "/v1/cameras/door/picture.jpg"


def test_pictures_one_after_the_other(running: Running) -> None:
    with httpx.Client(base_url=running.address, trust_env=False, timeout=20) as client:
        first = client.get(PICTURE)
        assert (first.status_code, first.content[:2]) == (200, b"\xff\xd8"), first.text
        number = int(first.headers["x-picture-number"])
        second = client.get(PICTURE, params={"after": number})
        assert int(second.headers["x-picture-number"]) > number
        same = client.get(PICTURE, headers={"if-none-match": f'"{2**50}"'})
        assert same.status_code == 200
        assert client.get("/v1/cameras/none/picture.jpg").status_code == 404
        assert client.get(PICTURE, params={"after": -1}).status_code == 422
    assert [told for told in running.audit if told[2] == "camera door"] == [
        ("local", "looked at", "camera door")
    ]


def test_events_come_over_one_connection(running: Running) -> None:
    kinds: dict[str, dict[str, Any]] = {}
    number = 0
    with (
        httpx.Client(base_url=running.address, trust_env=False, timeout=30) as client,
        client.stream("GET", "/v1/stream", headers={"last-event-id": "0"}) as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        kind = ""
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "id":
                assert int(value) > number
                number = int(value)
            elif name == "data":
                kinds[kind] = json.loads(value)
            if {"event", "now", "health"} <= set(kinds):
                break
    assert kinds["event"]["camera"] == "door"
    assert set(kinds["event"]) >= {"time_utc", "camera", "run", "track", "event", "zone"}
    assert kinds["now"]["camera"] == "door"
    wait_for(lambda: running.service.hub.followers == 0)  # who has gone is forgotten


def _split(message: bytes) -> tuple[dict[str, Any], bytes]:
    (size,) = struct.unpack(">I", message[:4])
    return json.loads(message[4 : 4 + size]), message[4 + size :]


def test_pictures_and_events_by_websocket(running: Running) -> None:
    address = running.address.replace("http", "ws") + "/v1/live"
    with connect(address, proxy=None) as socket:
        pictures, texts = [], []
        while len(pictures) < 3 or not texts:
            message = socket.recv(20)
            if isinstance(message, bytes):
                pictures.append(_split(message))
            else:
                texts.append(json.loads(message))
    assert {head["camera"] for head, _ in pictures} == {"door"}
    numbers = [head["number"] for head, _ in pictures]
    assert numbers == sorted(set(numbers))
    assert all(jpeg.startswith(b"\xff\xd8") for _, jpeg in pictures)
    assert {text["kind"] for text in texts} <= {"now", "event", "health", "alert"}
    with connect(address + "?pictures=false", proxy=None) as socket:
        assert isinstance(socket.recv(20), str)
    wait_for(lambda: running.service.hub.followers == 0)


@pytest.mark.parametrize(
    ("query", "headers"), [("", {"Origin": "http://a.example"}), ("?fps=-1", {}), ("?fps=nan", {})]
)
def test_a_websocket_that_is_refused(running: Running, query: str, headers: dict[str, str]) -> None:
    address = running.address.replace("http", "ws") + "/v1/live" + query
    with (
        pytest.raises((InvalidStatus, ConnectionClosed)),
        connect(address, proxy=None, additional_headers=headers) as socket,
    ):
        socket.recv(5)
