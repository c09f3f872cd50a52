"""``crowdmask web``: write the page that detects in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crowdmask.cli.lines import one_line
from crowdmask.cli.roles import Writes
from crowdmask.outputs import Kind


def command(
    to: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Folder of the page: new, empty, or with an older page, which is replaced.",
            show_default=False,
        ),
        Writes(Kind.FOLDER, locked=False),  # writing locks it
    ],
    webgpu: Annotated[
        bool, typer.Option("--webgpu", help="Also use graphics cards, where a browser can: 27 MB more.")
    ] = False,
) -> None:
    """Write the page that detects in the browser, as static files for any web server.

    Models and all else come from the installed package: neither a network nor Node.js is needed. Photos
    stay in the visitor's browser.
    """
    from crowdmask.web.site import write_page

    size = write_page(to, webgpu)
    typer.echo(f"the page is in {one_line(str(to))} ({size / 1e6:.1f} MB)")
    typer.echo(
        f"try it:  python3 -m http.server --directory {one_line(str(to))}  and open http://localhost:8000"
    )
