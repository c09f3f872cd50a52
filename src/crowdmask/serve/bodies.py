"""Read the bodies of requests within bounds of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from threading import Lock

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from crowdmask.serve.http_settings import HttpSettings

_MB = 1_000_000
_MOST_FIELDS = 16


@dataclass(frozen=True)
class Upload:
    """One uploaded photo.

    Attributes:
        name: of the file, as the caller said, or "photo".
        data: its content.
    """

    name: str
    data: bytes


class Bodies:
    """Reads uploads, with a maximum number at the same time."""

    def __init__(self, settings: HttpSettings) -> None:
        """Take the limits."""
        self._settings = settings
        self._lock = Lock()
        self._open = 0

    async def photos(self, request: Request, most: int = 1, field: str = "file") -> list[Upload]:
        """Return the photos of a request: of a multipart form's fields, or the body itself.

        Raises:
            HTTPException: 400, 408, 413, 415 or 503.
        """
        with self._lock:
            if self._open >= self._settings.uploads:
                raise HTTPException(503, "too many uploads at one time", {"Retry-After": "1"})
            self._open += 1
        try:
            return await asyncio.wait_for(self._read(request, most, field), self._settings.upload_s)
        except TimeoutError:
            raise HTTPException(408, f"the upload took over {self._settings.upload_s:g} seconds") from None
        except ClientDisconnect:
            raise HTTPException(400, "the upload is not complete") from None
        finally:
            with self._lock:
                self._open -= 1

    async def _read(self, request: Request, most: int, field: str) -> list[Upload]:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            return await self._form(request, most, field)
        if kind not in ("", "application/octet-stream") and not kind.startswith("image/"):
            raise HTTPException(415, f"{kind} is not a photo: send image/… or multipart/form-data")
        body = b"".join([part async for part in self._within(request)])
        if not body:
            raise HTTPException(400, "there is no photo in the request")
        return [Upload("photo", body)]

    async def _form(self, request: Request, most: int, field: str) -> list[Upload]:
        parser = MultiPartParser(
            request.headers, self._within(request), max_files=most, max_fields=_MOST_FIELDS
        )
        try:
            form = await parser.parse()
        except MultiPartException as error:
            raise HTTPException(400, f"the form cannot be read: {error.message}") from None
        except (KeyError, ValueError, UnicodeError, AssertionError):
            raise HTTPException(400, "the form cannot be read") from None
        found = []
        try:
            for each in form.getlist(field):
                if isinstance(each, UploadFile):
                    found.append(Upload(each.filename or "photo", await each.read()))
        finally:
            await form.close()
        if not found:
            raise HTTPException(400, f"the form has no file in a field {field}")
        return found

    async def _within(self, request: Request) -> AsyncGenerator[bytes, None]:
        most = int(self._settings.upload_mb * _MB)
        told = HTTPException(413, f"an upload may have {self._settings.upload_mb:g} MB")
        stated = request.headers.get("content-length", "")
        if stated.isdecimal() and int(stated) > most:
            raise told
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise told
            yield part
