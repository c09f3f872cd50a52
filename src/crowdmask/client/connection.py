"""Requests to a service: asked again while it has too much to do, and followed over broken connections."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from crowdmask.client.values import News
from crowdmask.errors import ServiceError

_LONGEST_WAIT_S = 60.0
_AGAIN_S = 2.0
_SILENT_S = 30.0
_TRY_AGAIN = (429, 503)


class Connection:
    """Connections to one service; for any thread."""

    def __init__(
        self,
        address: str,
        token: str | None,
        timeout_s: float,
        tries: int,
        sleep: Callable[[float], None],
    ) -> None:
        """See `crowdmask.client.client.Client`."""
        self._tries, self._sleep = tries, sleep
        self._http = httpx.Client(
            base_url=address,
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
            timeout=timeout_s,
            # A service on this machine is not behind a proxy.
            trust_env=not address.startswith(("http://127.", "http://localhost", "http://[::1]")),
        )

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a request.

        Raises:
            ServiceError: the service cannot be reached, refuses, or has too much to do all the time.
        """
        for left in reversed(range(self._tries)):
            try:
                answer = self._http.request(method, path, **options)
            except httpx.HTTPError as error:
                raise ServiceError(f"{self._http.base_url}: {_why(error)}") from error
            if answer.is_success:
                return answer
            if answer.status_code not in _TRY_AGAIN or not left:
                raise _refusal(answer)
            self._sleep(_wait_s(answer))
        raise AssertionError("the loop ends by itself")

    def follow(self) -> Iterator[News]:
        """Yield all news of the site; what happens while a connection is broken comes later.

        Raises:
            ServiceError: the service refuses.
        """
        last: str | None = None
        while True:
            headers = {"Accept": "text/event-stream"} | ({} if last is None else {"Last-Event-ID": last})
            try:
                with self._http.stream("GET", "/v1/stream", headers=headers, timeout=_SILENT_S) as answer:
                    if answer.is_success:
                        for number, news in _news(answer.iter_lines()):
                            last = number or last
                            yield news
                    elif answer.status_code not in _TRY_AGAIN:
                        answer.read()
                        raise _refusal(answer)
            except httpx.HTTPError:
                pass
            self._sleep(_AGAIN_S)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _news(lines: Iterator[str]) -> Iterator[tuple[str | None, News]]:
    """Yield the number and content of server-sent events."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if name:
            fields[name] = value
        elif "data" in fields:
            yield fields.get("id"), News(fields.get("event", "message"), json.loads(fields["data"]))
            fields = {}
        else:
            fields = {}


def _wait_s(answer: httpx.Response) -> float:
    told = answer.headers.get("retry-after", "1")
    return min(float(told), _LONGEST_WAIT_S) if told.isdecimal() else 1.0


def _refusal(answer: httpx.Response) -> ServiceError:
    try:
        reason = str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        reason = f"the answer was {answer.status_code}"
    return ServiceError(reason, answer.status_code)


def _why(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx.ConnectError):
        return "cannot be reached: is the service running?"
    return f"the connection broke ({type(error).__name__})"
