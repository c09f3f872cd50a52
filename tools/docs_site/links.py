"""Turn links between files of the repository into links between pages of the site."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

_FENCE = re.compile(r"^( {0,3})(```|~~~).*?^\1\2[^\n]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?P<text>!?\[[^\]]*\])\((?P<target>[^)\s]+)\)")


def site_links(text: str, source: str, page: str, pages: Mapping[str, str], root: Path) -> str:
    """Rewrite the relative links of one page.

    A file of the repository that is no page of the site (a script, a folder) becomes plain text with
    its path. A target that does not exist is left as it is, so that the strict build names it and fails.

    Args:
        text: the page in Markdown.
        source: its file, as a path below `root`.
        page: its place in the site, as a path.
        pages: the place in the site of each file that has one, both as paths.
        root: the repository.
    Returns:
        The page with links that hold in the site.
    """

    def replace(match: re.Match[str]) -> str:
        target, _, section = match["target"].partition("#")
        if not target or "://" in target or target.startswith("mailto:"):
            return match[0]
        place = os.path.normpath((PurePosixPath(source).parent / target).as_posix())
        if place in pages:
            link = os.path.relpath(pages[place], PurePosixPath(page).parent.as_posix())
            return f"{match['text']}({link}{'#' if section else ''}{section})"
        if (root / place).exists() and not match["text"].startswith("!"):
            return f"{match['text'][1:-1]} (`{place}`)"
        return match[0]

    parts, end = [], 0
    for fence in _FENCE.finditer(text):
        parts += [_LINK.sub(replace, text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, _LINK.sub(replace, text[end:])])
