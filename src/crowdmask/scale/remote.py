"""Object stores and other file systems with URLs, through fsspec."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from crowdmask.errors import CrowdmaskError, MissingExtraError, UsageError
from crowdmask.scale.extra import EXTRA, load

LOCAL = ("file", "local")
"""Kinds of URL that name a file of this machine."""
BUCKETS = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss")
"""Kinds of URL of object stores, which have no folders that would have to be made."""
_PACKAGES = {
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "sftp": "paramiko",
}
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")


def is_url(name: str) -> bool:
    """Return whether a name is a URL such as ``s3://bucket/photos``, and not a path."""
    return _URL.match(name) is not None


def file_system(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL, and the path in it.

    Raises:
        MissingExtraError: fsspec, or the package of this kind of store, is not installed.
        UsageError: fsspec does not know this kind of URL, or its package is in no extra of ours.
    """
    fsspec = load("fsspec", f"reading {scheme(url)} URLs")
    try:
        return fsspec.core.url_to_fs(url)
    except ImportError as error:
        package = _PACKAGES.get(scheme(url).lower())
        if package is None:
            raise MissingExtraError(f"reading {scheme(url)} URLs ({_line(error)})", EXTRA) from error
        told = f"{scheme(url)} URLs need the package {package}, which is not installed: pip install {package}"
        raise UsageError(f"{url}: {told}") from error
    except ValueError as error:
        raise UsageError(f"{url}: no kind of address that can be read ({_line(error)})") from error


def scheme(url: str) -> str:
    """Return the kind of store of a URL, like ``s3``."""
    return url.partition("://")[0]


def with_scheme(url: str, path: str) -> str:
    """Return the URL of a path in the same store."""
    if is_url(path):
        return path
    # The path of a file on this machine keeps its first stroke: file:///photos.
    return f"{scheme(url)}://{path if scheme(url).lower() in LOCAL else path.lstrip('/')}"


def why(error: BaseException) -> str:
    """Return a store's error in a few words, without the details of the request."""
    if isinstance(error, FileNotFoundError):
        return "no such file or folder"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return _line(error) or type(error).__name__


@contextmanager
def as_error(kind: type[CrowdmaskError], name: str) -> Iterator[None]:
    """Turn every error of a store into one of ours: each store has its own classes.

    Raises:
        CrowdmaskError: of this kind.
    """
    try:
        yield
    except CrowdmaskError:
        raise
    except Exception as error:
        raise kind(f"{name}: {why(error)}") from error


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
