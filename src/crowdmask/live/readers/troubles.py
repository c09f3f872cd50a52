"""Describe the error of a live source in one line, and whether to try again."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import av

from crowdmask.live.sources import HIDDEN, VideoSource
from crowdmask.media.video import reason

Sort = Literal["password", "camera", "silent", "useless", "other"]


@dataclass(frozen=True)
class Trouble:
    """Why a connection ended.

    Attributes:
        text: one line without credentials, beginning with the source's name.
        sort: the kind of error: a wrong password is not tried for ever, since the camera may
            lock the account; a camera that never existed is not waited for; a silent one may be slow;
            a useless one is not tried again.
    """

    text: str
    sort: Sort = "other"


def describe(
    source: VideoSource, error: Exception, deadline_s: float, waited_s: float, opened: bool
) -> Trouble:
    """Describe an error of FFmpeg without FFmpeg's text, which contains the address.

    Args:
        deadline_s: FFmpeg's time-out.
        waited_s: how long it waited.
        opened: whether the source had answered.
    """
    if source.kind == "camera":
        return _of_camera(source, error)
    password = f"{HIDDEN}@" in source.name or f"={HIDDEN}" in source.name
    sort: Sort
    match error:
        case av.HTTPUnauthorizedError() if password:
            told, sort = "wrong user or password", "password"
        case av.HTTPUnauthorizedError():
            scheme = urlsplit(source.address).scheme
            told, sort = f"asks for a password: write {scheme}://USER:PASSWORD@HOST/...", "password"
        case av.HTTPForbiddenError():
            told, sort = "access is forbidden (403)", "password"
        case av.HTTPNotFoundError():
            told, sort = "the server has no such stream (404): check the path", "other"
        case av.HTTPClientError() | av.HTTPServerError():
            told, sort = f"the server answers: {reason(error)}", "other"
        case av.ConnectionRefusedError():
            told, sort = "connection refused: check that it is on, and its port", "other"
        case av.ExitError() | av.TimeoutError():
            told, sort = silent(deadline_s, opened), "silent"
        case av.EOFError():
            told, sort = "the stream ended", "other"
        case av.InvalidDataError() if waited_s >= 0.9 * deadline_s:  # how RTSP reports a time-out
            told, sort = silent(deadline_s, opened), "silent"
        case av.InvalidDataError():
            told, sort = "sends nothing that FFmpeg takes for a video", "other"
        case av.FFmpegError() if error.errno == errno.EPROTONOSUPPORT:  # 461, for all that were asked for
            told, sort = "sends nothing by this RTSP transport: choose auto, tcp or udp", "other"
        case av.FFmpegError() if not opened and not _has_host(source.address):
            told, sort = "no host of this name is known: check the address and the network", "other"
        case av.FFmpegError() if opened:
            told, sort = f"the connection broke: {reason(error)}", "other"
        case av.FFmpegError():
            told, sort = f"cannot be opened: {reason(error)}", "other"
        case _:
            told, sort = type(error).__name__, "other"
    return Trouble(f"{source.name}: {told}", sort)


def silent(deadline_s: float, opened: bool) -> str:
    """Return the message that nothing came in time."""
    seconds = "1 second" if deadline_s == 1 else f"{deadline_s:g} seconds"
    return f"no {'frame' if opened else 'answer'} for {seconds}"


def _of_camera(source: VideoSource, error: Exception) -> Trouble:
    number = error.errno if isinstance(error, OSError) else None
    sort: Sort = "other"
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        told, sort = "no such camera: connect it, or give the number of another", "camera"
    elif number == errno.EBUSY:
        told = "in use by another program"
    elif number in (errno.EACCES, errno.EPERM):
        told, sort = "no permission to use it: see that your user may (on Linux the group 'video')", "camera"
    elif isinstance(error, ModuleNotFoundError):
        told, sort = "needs OpenCV: run  pip install 'crowdmask[video]'", "camera"
    else:
        told = reason(error) if isinstance(error, av.FFmpegError) else str(error) or type(error).__name__
        sort = "camera"
    return Trouble(f"{source.name}: {told}", sort)


def _has_host(address: str) -> bool:
    try:
        socket.getaddrinfo(urlsplit(address).hostname, None)
    except (OSError, ValueError):  # ValueError: an invalid name
        return False
    return True
