"""A polite HTTP client: one request per host at a time, robots.txt, waits that servers ask for, retries."""

from __future__ import annotations

import ipaddress
import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import IO, Any, Self

import httpx
from protego import Protego

import crowdmask

ROBOT_NAME = "crowdmask"
MAX_ANSWER = 20_000_000
MAX_ROBOTS = 500 * 1024
"""Maximum bytes of a robots.txt; RFC 9309 requires at least this much."""

_TRY_AGAIN = {429, 500, 502, 503, 504}
_MAX_HOPS = 5
_PHOTO_TYPES = {"image/jpeg", "image/jpg", "image/png", "image/webp"}


@dataclass(frozen=True)
class Manners:
    """Limits on how often a server is asked.

    Attributes:
        delay_s: between two requests to one host; robots.txt may ask for more.
        retries: number of further attempts after a temporary failure.
        backoff_s: before the first retry; twice as long before each further one.
        longest_wait_s: a server that asks for a longer wait is not asked again in this run.
        timeout_s: of one connection or silence; a photo may take six times as long in all.
    """

    delay_s: float = 1.0
    retries: int = 4
    backoff_s: float = 1.0
    longest_wait_s: float = 300.0
    timeout_s: float = 30.0


class FetchError(Exception):
    """A photo or answer that could not be fetched.

    Attributes:
        lasting: another attempt later would not help.
    """

    def __init__(self, why: str, lasting: bool = False) -> None:
        super().__init__(why)
        self.lasting = lasting


class _Passing(FetchError):
    """A temporary failure: may be retried after `wait_s`."""

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


def user_agent(contact: str | None) -> str:
    """Return the user agent, with contact data of the person who runs the crawl."""
    about = f"{ROBOT_NAME}/{crowdmask.__version__}"
    return f"{about} (data collection; {contact})" if contact else f"{about} (data collection)"


class Client:
    """Fetches answers of an API, and photos of hosts that allow it; also a context manager."""

    def __init__(self, manners: Manners, contact: str | None = None, private_hosts: bool = False) -> None:
        """Open it.

        Args:
            contact: mail or web address for the user agent.
            private_hosts: photos may also be on this machine or network; otherwise an
                answer could make us send requests to hosts that only we can reach.
        """
        self._manners = manners
        self._private_hosts = private_hosts
        self._free_at: dict[str, float] = {}
        self._robots: dict[str, Protego | FetchError] = {}
        headers = {"User-Agent": user_agent(contact), "Accept-Encoding": "identity"}
        self._http = httpx.Client(headers=headers, timeout=manners.timeout_s, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get_json(
        self, url: str, params: dict[str, str], busy: Callable[[Any], bool] = lambda answer: False
    ) -> Any:
        """Ask an API.

        Args:
            busy: returns whether an answer says that the server is too busy; some say so with status 200.
        Raises:
            FetchError: no answer after all retries, or one that is not JSON.
        """

        def read(response: httpx.Response) -> Any:
            body = b"".join(_limited(response, MAX_ANSWER, self._manners.timeout_s * 6))
            try:
                answer = json.loads(body)
            except (ValueError, RecursionError) as error:
                raise FetchError(f"{url}: the answer is not JSON") from error
            if busy(answer):
                raise _Passing(f"{url}: the server is busy", _retry_after(response))
            return answer

        return self._fetch(httpx.URL(url, params=params), read, "application/json")

    def download(self, url: str, max_bytes: int, file: IO[bytes]) -> None:
        """Write a photo into an open file.

        Raises:
            FetchError: robots.txt forbids it, it is too large or not a photo, or the server fails.
        """

        def write(response: httpx.Response) -> None:
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind not in _PHOTO_TYPES:
                raise FetchError(f"{url}: its type is '{kind}', not JPEG, PNG or WebP", lasting=True)
            file.seek(0)
            file.truncate()
            for chunk in _limited(response, max_bytes, self._manners.timeout_s * 6):
                file.write(chunk)

        try:
            start = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise FetchError(f"{url}: no address", lasting=True) from error
        checks = (self._check_host, self._check_robots)
        self._fetch(start, write, "image/jpeg, image/png, image/webp", checks)

    def _fetch(
        self,
        url: httpx.URL,
        read: Callable[[httpx.Response], Any],
        accept: str,
        checks: tuple[Callable[[httpx.URL], None], ...] = (),
    ) -> Any:
        """Send a request, with retries if they may help; follow redirections and check each of them."""
        for _ in range(_MAX_HOPS + 1):
            for check in checks:
                check(url)
            outcome = self._ask(url, read, accept)
            if not isinstance(outcome, _Moved):
                return outcome
            url = outcome.to
        raise FetchError(f"{url}: too many redirections", lasting=True)

    def _ask(self, url: httpx.URL, read: Callable[[httpx.Response], Any], accept: str) -> Any:
        for attempt in range(self._manners.retries + 1):
            try:
                call = self._http.stream("GET", url, headers={"Accept": accept})
                with self._turn(url.host), call as response:
                    if response.has_redirect_location and response.next_request is not None:
                        return _Moved(response.next_request.url)
                    _check_status(url, response)
                    return read(response)
            except _Passing as error:
                last: FetchError = error
                wait = max(error.wait_s, self._backoff(attempt))
            except httpx.TransportError as error:
                last = FetchError(f"{url}: {str(error) or type(error).__name__}")
                wait = self._backoff(attempt)
            except httpx.HTTPError as error:
                raise FetchError(f"{url}: {error}", lasting=True) from error
            if wait > self._manners.longest_wait_s:
                raise FetchError(f"{url}: the server asks to wait {wait:.0f} s; run the same command later")
            self._free_at[url.host] = max(self._free_at.get(url.host, 0), time.monotonic() + wait)
        raise FetchError(f"{last}; given up after {self._manners.retries + 1} attempts")

    def _backoff(self, attempt: int) -> float:
        return self._manners.backoff_s * 2**attempt * random.uniform(0.75, 1.25)

    @contextmanager
    def _turn(self, host: str, delay_s: float | None = None) -> Iterator[None]:
        """Wait until this host may be asked again."""
        time.sleep(max(0.0, self._free_at.get(host, 0) - time.monotonic()))
        try:
            yield
        finally:
            gap = self._manners.delay_s if delay_s is None else delay_s
            robots = next((r for key, r in self._robots.items() if httpx.URL(key).host == host), None)
            if isinstance(robots, Protego):
                gap = max(gap, float(robots.crawl_delay(ROBOT_NAME) or 0))
            self._free_at[host] = max(self._free_at.get(host, 0), time.monotonic() + gap)

    def _check_host(self, url: httpx.URL) -> None:
        if url.scheme not in ("http", "https") or not url.host:
            raise FetchError(f"{url}: not an address of the web", lasting=True)
        if self._private_hosts:
            return
        try:
            found = socket.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
        except OSError:
            return  # the request itself will report it
        if any(not ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_global for entry in found):
            raise FetchError(f"{url}: its host is on a private network", lasting=True)

    def _check_robots(self, url: httpx.URL) -> None:
        origin = str(url.copy_with(raw_path=b"/robots.txt", fragment=None))
        if origin not in self._robots:
            self._robots[origin] = self._read_robots(origin)
        robots = self._robots[origin]
        if isinstance(robots, FetchError):
            raise robots
        if not robots.can_fetch(str(url), ROBOT_NAME):
            raise FetchError(f"{url}: robots.txt forbids it", lasting=True)
        wait = float(robots.crawl_delay(ROBOT_NAME) or 0)
        if wait > self._manners.longest_wait_s:
            raise FetchError(f"{url}: robots.txt asks for {wait:.0f} s between requests", lasting=True)

    def _read_robots(self, origin: str) -> Protego | FetchError:
        """Read a host's robots.txt; if there is none, everything is allowed; if the server fails, nothing is.

        Source: RFC 9309, section 2.3.1.
        """

        def read(response: httpx.Response) -> bytes:
            # Text beyond the limit is ignored.
            body = b""
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) >= MAX_ROBOTS:
                    break
            return body[:MAX_ROBOTS]

        try:
            body = self._fetch(httpx.URL(origin), read, "text/plain", (self._check_host,))
        except _Missing:
            body = b""
        except FetchError as error:
            return FetchError(f"{origin} cannot be read, so nothing is fetched there now ({error})")
        return Protego.parse(body.decode("utf-8", "replace"))


@dataclass(frozen=True)
class _Moved:
    to: httpx.URL


class _Missing(FetchError):
    """The server does not have it, or does not give it to us."""


def _check_status(url: httpx.URL, response: httpx.Response) -> None:
    status = response.status_code
    if status in _TRY_AGAIN:
        raise _Passing(f"{url}: the server answers {status}", _retry_after(response))
    if 400 <= status < 500:
        raise _Missing(f"{url}: the server answers {status}", lasting=True)
    if status != 200:
        raise FetchError(f"{url}: the server answers {status}")


def _retry_after(response: httpx.Response) -> float:
    """Return how many seconds a server asks to wait, given as a number or a date."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _limited(response: httpx.Response, max_bytes: int, max_s: float) -> Iterator[bytes]:
    """Yield the body; raise an error if it is too large or does not end."""
    stated = response.headers.get("content-length", "")
    end = time.monotonic() + max_s
    size = 0
    if stated.isdecimal() and int(stated) > max_bytes:
        size = int(stated)
    else:
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > max_bytes:
                break
            if time.monotonic() > end:
                raise FetchError(f"{response.url}: not complete after {max_s:.0f} s")
            yield chunk
    if size > max_bytes:
        raise FetchError(f"{response.url}: more than {max_bytes / 1e6:g} MB", lasting=True)
