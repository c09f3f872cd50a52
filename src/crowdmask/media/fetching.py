"""Fetch a file from a web address within limits of size and time."""

from __future__ import annotations

import base64
import threading
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import crowdmask
from crowdmask.errors import PictureError, PictureFault
from crowdmask.media.pictures import SCALE_IT_DOWN, too_many_bytes

SILENCE_S = 15.0
"""Maximum silence of a server, seconds."""
TOTAL_S = 60.0
"""Maximum time for fetching a photo, seconds."""

_SCHEMES = ("https://", "http://")
# What an address may hold as it is; spaces and letters outside of ASCII are escaped.
_SIGNS = "%/:=&?~#+!$,;'@()*[]"
_CHUNK = 1 << 16
_LOOK_EVERY_S = 0.1
_MISSING = (404, 410)


def fetch(address: str, max_bytes: int, give_up: threading.Event) -> bytes:
    """Return the content of a web address.

    Args:
        address: https:// or http://.
        max_bytes: refuse a larger file.
        give_up: once it is set, the file is not waited for any longer.
    Raises:
        PictureError: the address is wrong, the server fails, or the file is too large or takes too long.
    """
    done: list[bytes | Exception] = []

    def work() -> None:
        try:
            done.append(_read(address, max_bytes))
        except Exception as error:
            done.append(error)

    # The standard library has no time limit for looking up a name and reading headers.
    thread = threading.Thread(target=work, name="crowdmask-fetch", daemon=True)
    thread.start()
    end = time.monotonic() + TOTAL_S
    while thread.is_alive() and time.monotonic() < end and not give_up.is_set():
        thread.join(_LOOK_EVERY_S)
    if not done:
        raise PictureError(f"it has not arrived within {TOTAL_S:.0f} s")
    if isinstance(done[0], Exception):
        raise _as_picture_error(done[0]) from done[0]
    return done[0]


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections, but never from an encrypted address to one that is not encrypted."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        secure = req.full_url.lower().startswith("https:")
        if not newurl.lower().startswith(_SCHEMES[:1] if secure else _SCHEMES):
            raise PictureError("the server points to an address that is not encrypted, or of another kind")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _read(address: str, max_bytes: int) -> bytes:
    parts = urlsplit(address)
    who, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(
        quote(urlunsplit(parts._replace(netloc=host)), safe=_SIGNS),
        headers={"User-Agent": f"crowdmask/{crowdmask.__version__}", "Accept": "image/*, */*;q=0.5"},
    )
    if who:  # never sent on to where the server points
        word = base64.b64encode(unquote(who).encode()).decode("ascii")
        request.add_unredirected_header("Authorization", f"Basic {word}")
    opener = urllib.request.build_opener(Redirects)
    with opener.open(request, timeout=SILENCE_S) as answer:
        if int(answer.headers.get("Content-Length") or 0) > max_bytes:
            raise too_many_bytes(max_bytes, SCALE_IT_DOWN)
        data = bytearray()
        while chunk := answer.read1(_CHUNK):
            data += chunk
            if len(data) > max_bytes:
                raise too_many_bytes(max_bytes, SCALE_IT_DOWN)
        return bytes(data)


def _as_picture_error(error: Exception) -> PictureError:
    if isinstance(error, PictureError):
        return error
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        kind = PictureFault.MISSING if error.code in _MISSING else PictureFault.UNREADABLE
        return PictureError(f"the server answered {error.code} {error.reason}".rstrip(), kind=kind)
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return PictureError(f"no answer within {SILENCE_S:.0f} s")
    text = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
    return PictureError(f"cannot be fetched ({' '.join(text.split()) or type(reason).__name__})")
