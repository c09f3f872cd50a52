"""``/v1/live``: a WebSocket with the live pictures of all cameras and what happens, for pages."""

# Without postponed annotations: FastAPI reads those of routes.

import asyncio
import contextlib
import json
import struct
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect
from starlette.exceptions import HTTPException

from crowdmask.errors import UsageError
from crowdmask.serve.auth.guards import Guards
from crowdmask.serve.following.hub import Hub
from crowdmask.serve.following.looking import Looking
from crowdmask.serve.following.pictures import MOST_FPS, Pictures, Shot

_WAIT_S = 10.0
_MISSING_S = 2.0
_MOST_CONNECTIONS = 200
_REFUSED, _TOO_MANY, _OVER = 4401, 4429, 1001

Send = Callable[[str | bytes], Awaitable[None]]


@dataclass(frozen=True)
class LiveParts:
    """What the resource works on.

    Attributes:
        pictures: of the cameras.
        hub: passes on the news.
        cameras: returns the names of the site's cameras.
        looking: notes who looks at what.
    """

    pictures: Pictures
    hub: Hub
    cameras: Callable[[], list[str]]
    looking: Looking


def live_router(parts: LiveParts, guards: Guards) -> APIRouter:
    """Return the route.

    Args:
        parts: what it works on.
        guards: let those in who may look.
    """
    router = APIRouter()

    @router.websocket("/v1/live")
    async def live(
        socket: WebSocket,
        camera: Annotated[list[str] | None, Query()] = None,
        fps: Annotated[float, Query(gt=0, le=MOST_FPS)] = MOST_FPS,
        pictures: Annotated[bool, Query()] = True,
    ) -> None:
        """Send news as text (JSON) and pictures as binary messages, see `packed`."""
        try:
            user = guards.viewer(socket)
        except HTTPException as error:
            await socket.close(_REFUSED, error.detail)
            return
        if parts.hub.followers >= _MOST_CONNECTIONS:
            await socket.close(_TOO_MANY, "too many follow already")
            return
        await socket.accept()
        send = _one_at_a_time(socket)
        works = [_news(parts.hub, send), _until_closed(socket)]
        if pictures:
            watch = _Watch(parts.pictures, send, lambda name: parts.looking.begins(user, name), 1 / fps)
            works.append(watch.run((lambda: camera) if camera else parts.cameras))
        await _first_of(works)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect, OSError):
            await socket.close(_OVER)

    return router


def packed(camera: str, shot: Shot) -> bytes:
    """Return a picture as one message: length of the head (4 bytes, big-endian), head (JSON), JPEG."""
    head = {"camera": camera, "number": shot.number, "width": shot.width, "height": shot.height}
    text = json.dumps(head).encode()
    return struct.pack(">I", len(text)) + text + shot.jpeg


class _Watch:
    """Sends the pictures of cameras as fast as the caller reads them; old ones are left out."""

    def __init__(self, pictures: Pictures, send: Send, begins: Callable[[str], None], every_s: float) -> None:
        self._pictures, self._send, self._begins, self._every_s = pictures, send, begins, every_s

    async def run(self, cameras: Callable[[], list[str]]) -> None:
        """Follow the cameras that there are; they may change."""
        followed: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                names = cameras()
                for name in set(followed) - set(names):
                    followed.pop(name).cancel()
                for name in names:
                    if name not in followed:
                        followed[name] = group.create_task(self._follow(name))
                await asyncio.sleep(_MISSING_S)

    async def _follow(self, camera: str) -> None:
        last, loop = 0, asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            try:
                shot = await self._pictures.newer(camera, last, _WAIT_S)
            except UsageError:  # not active now
                await asyncio.sleep(_MISSING_S)
                continue
            if shot is not None:
                self._begins(camera)
                await self._send(packed(camera, shot))
                last = shot.number
            await asyncio.sleep(max(0.0, began_s + self._every_s - loop.time()))


def _one_at_a_time(socket: WebSocket) -> Send:
    lock = asyncio.Lock()

    async def send(message: str | bytes) -> None:
        async with lock:
            await (socket.send_text(message) if isinstance(message, str) else socket.send_bytes(message))

    return send


async def _news(hub: Hub, send: Send) -> None:
    with hub.subscribe() as subscription:
        while True:
            try:
                news = await subscription.next(_WAIT_S)
            except TimeoutError:
                await send('{"kind": "alive"}')
                continue
            if news is None:
                return
            await send(json.dumps({"kind": news.kind, "record": news.record}))


async def _until_closed(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass


async def _first_of(works: list[Coroutine[Any, Any, None]]) -> None:
    """Let works run until one has ended, and end the others."""
    tasks = [asyncio.ensure_future(each) for each in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
