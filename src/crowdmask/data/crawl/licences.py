"""Determine a photo's open licence from what an API says, or that it is unclear."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from crowdmask.errors import UsageError

CODES = ("cc0", "pdm", "by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd")
DEFAULT = ("cc0", "pdm", "by", "by-sa")

_BY = "by|by-sa|by-nc|by-nd|by-nc-sa|by-nc-nd"
# "by-sa", "cc-by-sa-4.0", "cc-by-sa-3.0-de", "cc-by-sa-3.0,2.5": a country or further versions may follow.
_CODE = re.compile(rf"(?:cc-)?({_BY})(?:-(\d\.\d)(?:[-,].*)?)?")
_ZERO = re.compile(r"(?:cc-?0|cc-zero)(?:-\d\.\d)?")
_PUBLIC = {"pd", "pdm", "public-domain", "public-domain-mark", "pdm-1.0", "public-domain-mark-1.0"}
_URL = re.compile(rf"/licenses/({_BY})/(\d\.\d)(?:/.*)?")
_URL_PUBLIC = re.compile(r"/publicdomain/(zero|mark)/(\d\.\d)(?:/.*)?")


@dataclass(frozen=True)
class Licence:
    """One of `CODES`, with its version if known."""

    code: str
    version: str | None = None

    @property
    def name(self) -> str:
        """The usual spelling, like ``CC BY-SA 4.0``."""
        if self.code == "pdm":
            return f"Public Domain Mark {self.version}" if self.version else "Public domain"
        name = "CC0" if self.code == "cc0" else f"CC {self.code.upper()}"
        return f"{name} {self.version}" if self.version else name


class UnclearLicence(Exception):
    """The answer names no known licence, or two different ones."""


def parse_codes(text: str) -> tuple[str, ...]:
    """Read the option ``cc0,by,by-sa``.

    Raises:
        UsageError: an unknown code, or none.
    """
    codes = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    unknown = [code for code in codes if code not in CODES]
    if unknown or not codes:
        raise UsageError(f"`licence` {text!r}: choose from {', '.join(CODES)}, separated by commas")
    return codes


def find_licence(code: str | None, url: str | None, version: str | None = None) -> Licence:
    """Return the licence of a photo according to the API's answer.

    Args:
        code: as the API writes it: ``by-sa``, ``cc-by-sa-4.0``, ``CC BY-SA 4.0``, ``pd`` ...
        url: of the licence's text.
        version: if the API gives it separately.
    Raises:
        UnclearLicence: neither is understood, or they differ.
    """
    by_code = _from_code(code) if code and code.strip() else None
    by_url = _from_url(url) if url else None
    if code and code.strip() and by_code is None:
        raise UnclearLicence(f"'{code}' is not a licence that can be chosen")
    if by_code and by_url and by_code.code != by_url.code:
        raise UnclearLicence(f"it says '{code}' and {url}, which differ")
    known = by_url or by_code
    if known is None:
        raise UnclearLicence("no licence is named")
    return Licence(known.code, known.version or (by_code and by_code.version) or version or None)


def _from_code(text: str) -> Licence | None:
    plain = re.sub(r"[\s_]+", "-", text.strip().lower())
    if plain in _PUBLIC:
        return Licence("pdm")
    if _ZERO.fullmatch(plain):
        return Licence("cc0")
    match = _CODE.fullmatch(plain)
    return Licence(match[1], match[2]) if match else None


def _from_url(url: str) -> Licence | None:
    try:
        parts = urlsplit(url if "//" in url else f"https://{url}")
        host = parts.hostname or ""
    except ValueError:
        return None
    if host.removeprefix("www.") != "creativecommons.org":
        return None
    path = parts.path.lower()
    if match := _URL.fullmatch(path):
        return Licence(match[1], match[2])
    if match := _URL_PUBLIC.fullmatch(path):
        return Licence("cc0" if match[1] == "zero" else "pdm", match[2])
    return None
