"""Licences are told from what an API says, strictly."""

from __future__ import annotations

import pytest

from crowdmask.data.crawl.licences import UnclearLicence, find_licence, parse_codes
from crowdmask.errors import UsageError

CC = "https://creativecommons.org"


@pytest.mark.parametrize(
    ("code", "url", "version", "expected", "name"),
    [
        ("by-sa", f"{CC}/licenses/by-sa/2.0/", "2.0", "by-sa", "CC BY-SA 2.0"),
        ("by", None, "4.0", "by", "CC BY 4.0"),
        ("by", None, None, "by", "CC BY"),
        ("cc-by-sa-4.0", f"{CC}/licenses/by-sa/4.0", None, "by-sa", "CC BY-SA 4.0"),
        (
            "cc-by-sa-3.0-de",
            "http://creativecommons.org/licenses/by-sa/3.0/de/",
            None,
            "by-sa",
            "CC BY-SA 3.0",
        ),
        ("cc-by-sa-3.0,2.5,2.0,1.0", None, None, "by-sa", "CC BY-SA 3.0"),
        ("CC BY 3.0", None, None, "by", "CC BY 3.0"),
        ("cc0", f"{CC}/publicdomain/zero/1.0/", "1.0", "cc0", "CC0 1.0"),
        ("cc-zero", None, None, "cc0", "CC0"),
        ("pdm", f"{CC}/publicdomain/mark/1.0/", "1.0", "pdm", "Public Domain Mark 1.0"),
        ("pd", None, None, "pdm", "Public domain"),
        ("", "www.creativecommons.org/licenses/by-nc/4.0/", None, "by-nc", "CC BY-NC 4.0"),
        ("by-nc-nd", f"{CC}/licenses/by-nc-nd/4.0/", None, "by-nc-nd", "CC BY-NC-ND 4.0"),
    ],
)
def test_known(code: str, url: str | None, version: str | None, expected: str, name: str) -> None:
    licence = find_licence(code, url, version)

    assert (licence.code, licence.name) == (expected, name)


@pytest.mark.parametrize(
    ("code", "url"),
    [
        (None, None),
        ("", ""),
        ("GFDL", None),
        ("non-free", f"{CC}/licenses/by/4.0/"),
        ("by-foo", f"{CC}/licenses/by/4.0/"),
        ("by", f"{CC}/licenses/by-nc/4.0/"),
        ("cc0", f"{CC}/publicdomain/mark/1.0/"),
        (None, "https://creativecommons.org.evil.example/licenses/by/4.0/"),
        (None, "https://evil.example/creativecommons.org/licenses/by/4.0/"),
        (None, f"{CC}/licenses/by-all/4.0/"),
        (None, "http://[broken"),
        ("all rights reserved", None),
    ],
)
def test_unclear(code: str | None, url: str | None) -> None:
    with pytest.raises(UnclearLicence):
        find_licence(code, url)


def test_parse_codes() -> None:
    assert parse_codes(" CC0, by,by ") == ("cc0", "by")


@pytest.mark.parametrize("text", ["", " , ", "by,gpl", "cc-by"])
def test_parse_codes_refuses(text: str) -> None:
    with pytest.raises(UsageError, match="choose from cc0, pdm, by"):
        parse_codes(text)
