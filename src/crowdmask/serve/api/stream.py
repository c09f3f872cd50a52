"""``/v1/stream``: what happens on the site, as server-sent events over one connection."""

# Without postponed annotations: FastAPI reads those of routes.

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException
from fastapi.responses import StreamingResponse

from crowdmask.serve.auth.guards import Guards
from crowdmask.serve.following.hub import Hub, News

KEEP_ALIVE_S = 10.0
_MOST_FOLLOWERS = 200
_RETRY_MS = 2000


def stream_router(hub: Hub, guards: Guards) -> APIRouter:
    """Return the route.

    Args:
        hub: passes on the news.
        guards: let those in who may look.
    """
    router = APIRouter(tags=["stream"])

    @router.get(
        "/v1/stream",
        response_class=StreamingResponse,
        # It never ends, so programs that try out all of a description would wait for ever.
        include_in_schema=False,
        dependencies=[Depends(guards.viewer)],
    )
    async def stream(
        last_event_id: Annotated[
            str | None,
            Header(description="What browsers send after a broken connection: news since then come first."),
        ] = None,
    ) -> StreamingResponse:
        """Follow everything of all cameras: server-sent events."""
        if hub.followers >= _MOST_FOLLOWERS:
            raise HTTPException(503, "too many follow already", {"Retry-After": "10"})
        after = int(last_event_id) if last_event_id and _is_number(last_event_id) else None
        return StreamingResponse(
            _lines(hub, after), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    return router


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 15


async def _lines(hub: Hub, after: int | None) -> AsyncIterator[str]:
    with hub.subscribe(after) as subscription:
        yield f"retry: {_RETRY_MS}\n\n"
        while True:
            try:
                news = await subscription.next(KEEP_ALIVE_S)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if news is None:
                return
            yield to_lines(news)


def to_lines(news: News) -> str:
    """Return news as a server-sent event."""
    number = "" if news.number is None else f"id: {news.number}\n"
    return f"{number}event: {news.kind}\ndata: {json.dumps(news.record)}\n\n"
