"""``crowdmask serve``: follow the cameras of a site all day, keep what they see, and tell what is wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crowdmask.cli.lines import error_line, one_line
from crowdmask.cli.roles import Reads, Writes
from crowdmask.errors import EXIT_INPUT
from crowdmask.outputs import STANDARD_STREAM, Kind

if TYPE_CHECKING:
    from crowdmask.serve.site import Site


def command(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE",
            help="Cameras without a site file: numbers of webcams, rtsp:// and http(s):// streams, videos.",
            show_default=False,
        ),
        Reads(),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The site: its cameras, rules and store, in YAML.", show_default=False
        ),
        Reads(),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Where it listens; others need users or tokens [default: the site's, 127.0.0.1]."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="TCP port [default: the site's, 8000].")
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Check the site, its channels and its store, and say how often each rule would have told "
            "on the last days, and how often wrongly; then end.",
        ),
    ] = False,
    days: Annotated[int, typer.Option(min=1, max=31, metavar="N", help="Days that --check looks back.")] = 7,
    privacy_report: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Write what a data-protection impact assessment asks, from the settings, with a sign for "
            "the door, as Markdown; - is standard output. Then end.",
            show_default=False,
        ),
        Writes(Kind.RECORDS),
    ] = None,
    backup: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Copy the store into one file while the service runs on, and end; SQLite only.",
            show_default=False,
        ),
        Writes(Kind.DATABASE),
    ] = None,
    test_alert: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Send a test message by a rule or channel, and end.", show_default=False
        ),
    ] = None,
    schema: Annotated[
        bool,
        typer.Option("--schema", help="Print the JSON schema of the site file, for editors, and end."),
    ] = False,
    hash_password: Annotated[
        bool,
        typer.Option(
            "--hash-password", help="Ask for a password, print its hash for the site file, and end."
        ),
    ] = False,
) -> None:
    """Follow cameras all day: counts, events and alerts are kept, told, and answered by HTTP.

    Ends with 1 where a test message did not arrive.
    """
    if hash_password:
        _hash()
        return
    if schema:
        _schema()
        return
    from crowdmask.serve.site import site_of

    site = site_of(config, sources or [], host=host, port=port)
    if privacy_report is not None or test_alert is not None or check:
        from crowdmask.serve.editing.edits import Edits

        site = Edits(config, lambda new: None).begin(site)  # with what was changed on the pages
    if privacy_report is not None:
        _report(site, privacy_report)
    elif test_alert is not None:
        _test(site, test_alert)
    elif backup is not None:
        _back_up(site, backup)
    elif check:
        _check(site, days)
    else:
        _serve(site, config, lambda path: site_of(path, [], host=host, port=port))


def _hash() -> None:
    from crowdmask.serve.auth.sessions import hash_password

    password = typer.prompt("password", hide_input=True, err=True)
    typer.echo(hash_password(password))


def _schema() -> None:
    from crowdmask.serve.reference import site_schema

    typer.echo(json.dumps(site_schema(), indent=2))


def _test(site: Site, name: str) -> None:
    from crowdmask.alerts.channels.channel import Sender
    from crowdmask.alerts.trial import send_test

    trials = send_test(site.alerts, name, Sender(site.name, site.clock))
    for trial in trials:
        if trial.error is None:
            typer.echo(one_line(f"{trial.channel}: arrived"))
        else:
            typer.echo(error_line(f"{trial.channel}: {trial.error}"), err=True)
    if any(trial.error is not None for trial in trials):
        raise typer.Exit(EXIT_INPUT)


def _report(site: Site, to: str) -> None:
    from crowdmask.files import write_text
    from crowdmask.inference.model_file import hash_of, locate
    from crowdmask.serve.privacy_report import privacy_report
    from crowdmask.survey.rates import shipped_rates

    report = privacy_report(site, shipped_rates(hash_of(locate(site.model))))
    if to == STANDARD_STREAM:
        typer.echo(report, nl=False)
    else:
        write_text(Path(to), report, what="the report")


def _back_up(site: Site, path: Path) -> None:
    from crowdmask.store.backup import back_up

    size = back_up(site.store.get_secret_value(), path)
    typer.echo(one_line(f"{path}: {size / 1e6:.1f} MB, a whole copy of the store"))


def _check(site: Site, days: int) -> None:
    from crowdmask.serve.checking.check import check_site

    for line in check_site(site, days):
        typer.echo(one_line(line))


def _serve(site: Site, config: Path | None, read: Callable[[Path], Site]) -> None:
    from crowdmask.serve.run import serve

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    logging.getLogger("crowdmask").setLevel(logging.INFO)
    # It logs a traceback of each connection that a lost database closed; we say ourselves that it is away.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    serve(site, lambda line: typer.echo(one_line(line)), config, read)
