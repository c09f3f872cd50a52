"""Parts of a self-contained HTML page: no script, no external resources, all text escaped."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape

from PIL import Image

STYLE = """
:root { color-scheme: light; --ink: #1f2933; --soft: #5b6775; --line: #e1e6ec; --accent: #0b62a4; }
* { box-sizing: border-box; }
body { margin: 0; background: #f5f6f8; color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
.page { max-width: 1180px; margin: 0 auto; padding: 28px 24px 80px; display: grid; gap: 28px;
  grid-template-columns: 210px minmax(0, 1fr); }
header { grid-column: 1 / -1; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 0 0 10px; }
h3 { font-size: 1.02rem; margin: 22px 0 8px; overflow-wrap: anywhere; }
p { margin: 0 0 12px; } .soft { color: var(--soft); font-size: .92rem; }
nav { position: sticky; top: 20px; align-self: start; font-size: .93rem; }
nav ol { list-style: none; margin: 0; padding: 0; border-left: 2px solid var(--line); }
nav a { display: block; padding: 4px 12px; color: var(--soft); text-decoration: none; }
nav a:hover, nav a:focus { color: var(--accent); }
main { min-width: 0; display: grid; gap: 20px; }
section { background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 22px 24px;
  scroll-margin-top: 16px; min-width: 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(132px, 1fr)); gap: 12px; }
.card { border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; background: #fbfcfd; }
.card b { display: block; font-size: 1.45rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.card span { color: var(--soft); font-size: .87rem; }
figure { margin: 0 0 14px; } figcaption { color: var(--soft); font-size: .88rem; }
img { max-width: 100%; height: auto; display: block; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 6px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th.words, td.words { text-align: left; min-width: 9em; white-space: normal; overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; } th:not(.words) { white-space: normal; }
.review { display: grid; grid-template-columns: repeat(auto-fill, minmax(168px, 1fr)); gap: 14px;
  list-style: none; margin: 0; padding: 0; }
.review li { border: 1px solid var(--line); border-radius: 8px; overflow: hidden; background: #fbfcfd;
  font-size: .82rem; line-height: 1.4; }
.review img { width: 100%; aspect-ratio: 1; object-fit: cover; }
.review div { padding: 8px 10px; overflow-wrap: anywhere; }
.review code { font-size: .95em; } .nothing { background: #eef1f4; aspect-ratio: 1; display: grid;
  place-items: center; color: var(--soft); }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.swatch { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .45em; }
ul.lines { margin: 0; padding-left: 1.2em; font-size: .88rem; overflow-wrap: anywhere; }
@media (max-width: 860px) { .page { grid-template-columns: minmax(0, 1fr); padding: 18px 14px 60px; }
  nav { position: static; } section { padding: 18px 16px; } }
@media print { body { background: #fff; } nav { display: none; } .page { display: block; }
  section { border: 0; padding: 12px 0; } .review li, figure { break-inside: avoid; } }
"""

# Even if something got into the page, it could neither run nor reach the network.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(title: str, lead: str, sections: Sequence[tuple[str, str, str]]) -> str:
    """Return the whole page.

    Args:
        title: plain text.
        lead: HTML below the title.
        sections: an id, a heading in plain text, and the HTML below it.
    """
    contents = "".join(f'<li><a href="#{key}">{escape(head)}</a></li>' for key, head, _ in sections)
    bodies = "\n".join(
        f'<section id="{key}" aria-label="{escape(head)}"><h2>{escape(head)}</h2>{body}</section>'
        for key, head, body in sections
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<div class="page">
<header><h1>{escape(title)}</h1>{lead}</header>
<nav aria-label="Contents"><ol>{contents}</ol></nav>
<main>
{bodies}
</main>
</div>
</body>
</html>
"""


def cards(values: Iterable[tuple[str, str]]) -> str:
    """Return a row of numbers, each with a caption."""
    inside = "".join(
        f'<div class="card"><b>{escape(value)}</b><span>{escape(what)}</span></div>' for value, what in values
    )
    return f'<div class="cards">{inside}</div>'


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], words: tuple[int, ...] = (0,)) -> str:
    """Return a table; numbers get thousands separators.

    Args:
        words: the columns with text, which are left-aligned.
    """
    kinds = [' class="words"' if number in words else "" for number in range(len(heads))]
    top = "".join(
        f'<th scope="col"{kind}>{escape(head)}</th>' for head, kind in zip(heads, kinds, strict=True)
    )
    body = "".join(f"<tr>{''.join(map(_cell, row, kinds))}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def chart(svg: str, what: str) -> str:
    """Return a chart as an image, so that its names and ids do not clash with the page's."""
    data = base64.b64encode(svg.encode()).decode()
    return f'<figure><img alt="{escape(what)}" src="data:image/svg+xml;base64,{data}"></figure>'


def picture(image: Image.Image, what: str, caption: str = "") -> str:
    """Return a picture, with its caption in plain text."""
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{_img(image, what)}{below}</figure>"


def review(entries: Iterable[tuple[Image.Image | None, str, str]]) -> str:
    """Return a list of thumbnails, each with a name and a note; None shows a placeholder."""
    items = []
    for image, name, text in entries:
        shown = _img(image, name) if image is not None else '<span class="nothing">no picture</span>'
        items.append(f"<li>{shown}<div><code>{escape(name)}</code><br>{escape(text)}</div></li>")
    return f'<ul class="review">{"".join(items)}</ul>'


def lines(texts: Iterable[str]) -> str:
    """Return a plain list."""
    return f'<ul class="lines">{"".join(f"<li>{escape(text)}</li>" for text in texts)}</ul>'


def paragraph(text: str, soft: bool = False) -> str:
    """Return a paragraph of plain text."""
    return f'<p class="soft">{escape(text)}</p>' if soft else f"<p>{escape(text)}</p>"


def _cell(value: object, kind: str) -> str:
    return f"<td{kind}>{f'{value:,}' if isinstance(value, int) else escape(str(value))}</td>"


def _img(image: Image.Image, what: str) -> str:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=82)
    data = base64.b64encode(file.getvalue()).decode()
    size = f'width="{image.width}" height="{image.height}"'
    return f'<img alt="{escape(what)}" {size} src="data:image/jpeg;base64,{data}">'
