"""``crowdmask data crawl``: photos from public search APIs, with their licences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crowdmask.cli.lines import error_line, one_line, open_console
from crowdmask.cli.progress import show_progress
from crowdmask.cli.roles import Writes
from crowdmask.errors import EXIT_INPUT, UsageError
from crowdmask.outputs import Kind

if TYPE_CHECKING:
    from rich.console import Console

    from crowdmask.data.crawl.run import Report


def command(
    queries: Annotated[
        list[str], typer.Argument(metavar="QUERY", help="What to search for; several are taken in turn.")
    ],
    to: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Data set folder: gets photos/ and manifest.jsonl."),
        Writes(Kind.FOLDER, locked=False),
    ],
    licence: Annotated[
        str,
        typer.Option("--licence", "--license", help="cc0, pdm, by, by-sa, by-nc, by-nd, by-nc-sa, by-nc-nd."),
    ] = "cc0,pdm,by,by-sa",
    provider: Annotated[
        str, typer.Option(help="openverse, wikimedia or both, separated by a comma.")
    ] = "openverse",
    limit: Annotated[
        int,
        typer.Option(min=1, help="Total number of photos, including earlier runs of these queries."),
    ] = 100,
    min_side: Annotated[
        int, typer.Option(metavar="PX", min=1, help="Minimum length of the shorter side.")
    ] = 64,
    max_mb: Annotated[float, typer.Option(min=0.001, help="A larger file is not fetched.")] = 30,
    delay: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.05, help="Between two requests to one host.")
    ] = 1.0,
    contact: Annotated[
        str | None,
        typer.Option(envvar="CROWDMASK_CONTACT", help="Your mail or web address, sent to the servers."),
    ] = None,
    api_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Address of another server with the same API.")
    ] = None,
) -> None:
    """Collect openly licensed photos from Openverse or Wikimedia Commons.

    Each photo's title, author, licence and address go into the manifest. The licence is read from what the
    API says about the photo; photos with an unclear licence are left out. robots.txt and the servers'
    requests to wait are respected. Ctrl-C keeps what is complete; the same command continues from there.

    Example: `crowdmask data crawl "crowd face mask" --licence cc0,by --limit 200 --to crowd`
    """
    from crowdmask.data.crawl.client import Client, Manners
    from crowdmask.data.crawl.licences import parse_codes
    from crowdmask.data.crawl.providers import is_private, make_providers
    from crowdmask.data.crawl.run import Crawl, Wish

    if contact is not None and not (contact.isascii() and contact.isprintable() and contact.strip()):
        raise UsageError(f"--contact {contact!r}: give a mail or web address, in plain letters")
    wanted = tuple(dict.fromkeys(" ".join(query.split()) for query in queries))
    if "" in wanted:
        raise UsageError("a query is empty: say what to search for")
    wish = Wish(wanted, parse_codes(licence), limit, min_side, int(max_mb * 1_000_000))
    providers = make_providers(provider, api_url)
    complain = open_console(stderr=True)
    if contact is None and api_url is None:
        complain.print("note: the servers ask for a contact address: give --contact", soft_wrap=True)
    with Client(Manners(delay_s=delay), contact, private_hosts=is_private(api_url)) as client:
        crawl = Crawl(to, wish, client, providers)
        try:
            with show_progress(complain, goes_on=True) as progress:
                progress("fetching", 0, limit)
                crawl.run(lambda report: progress("fetching", report.earlier + report.kept, limit))
        finally:
            _tell(crawl.report, to, complain)
    if crawl.report.stopped:
        raise typer.Exit(EXIT_INPUT)


def _tell(report: Report, folder: Path, complain: Console) -> None:
    for line in (*report.problems, *report.stopped):
        complain.print(error_line(line), soft_wrap=True)
    say = open_console()
    known = f", {report.earlier} were there" if report.earlier else ""
    say.print(f"{report.kept} new photos{known}: {one_line(str(folder))}", soft_wrap=True)
    for reason, count in report.rejected.most_common():
        say.print(f"  {count} left out: {reason}", soft_wrap=True)
    failed = len(report.problems)
    if failed:
        complain.print(f"{failed} could not be used (named above)", soft_wrap=True)
