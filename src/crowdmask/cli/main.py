"""The command `crowdmask`: finds its subcommands and turns errors into one line and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

import crowdmask
from crowdmask.cli.extras import DATA, SCALE, SERVE, TRAINING, TUNING, require
from crowdmask.cli.lines import error_line, one_line
from crowdmask.cli.loading import collection_paused
from crowdmask.cli.options_of import running
from crowdmask.cli.roles import Roles, check_there, guarded, roles_of
from crowdmask.ctrl_c import leave_ctrl_c_to_the_command
from crowdmask.errors import (
    EXIT_INPUT,
    EXIT_INTERRUPTED,
    CrowdmaskError,
    Interrupted,
    MissingExtraError,
    NoDisplayError,
)
from crowdmask.extras import VIDEO
from crowdmask.suggestions import did_you_mean

# What the command line can do about an error of a class, beyond what its message says.
_REMEDIES: dict[type[CrowdmaskError], str] = {
    NoDisplayError: "write a video with  crowdmask track SOURCE --out FILE.mp4  instead",
}

DEBUG = "CROWDMASK_DEBUG"
"""Set this environment variable to see the traceback of an internal error."""


@dataclass(frozen=True)
class Entry:
    """A subcommand in the list of the help, which is shown without importing any of them.

    Attributes:
        summary: the first line of its own help.
        extra: that it needs, if any.
        packages: those of the extra without which nothing of it works.
    """

    summary: str
    extra: str = ""
    packages: tuple[str, ...] = ()


# Each is the function `command` of the module of its name, imported once asked for.
COMMANDS: dict[str, Entry] = {
    "detect": Entry("Find the faces of photos and say of each whether it wears a mask."),
    "batch": Entry(
        "Find the faces of very many photos, each exactly once, into Parquet shards.", "scale", SCALE
    ),
    "evaluate": Entry(
        "Measure a detector on a data set: average precision, classes of found faces, calibration.",
        "train",
        DATA,
    ),
    "train": Entry("Train a detector. A run that was stopped goes on where it was.", "train", TRAINING),
    "export": Entry(
        "Export weights to ONNX, calibrated and with thresholds chosen on val.", "train", TRAINING
    ),
    "quantize": Entry(
        "Quantise a model to int8, calibrated and with thresholds chosen on val.",
        "train",
        (*DATA, "onnx", "torch"),
    ),
    "bench": Entry("Time the stages of one photo: read, prepare, network, decode, suppress, draw."),
    "model": Entry("Show a model's card: data, recipe, scores, licence and limits."),
    "web": Entry("Write the page that detects in the browser, as static files for any web server."),
    "track": Entry(
        "Follow everyone in a video, camera or stream, and tell who puts a mask on or takes it off.",
        "video",
        VIDEO,
    ),
    "serve": Entry(
        "Follow cameras all day: counts, events and alerts are kept, told, and answered by HTTP.",
        "serve",
        SERVE,
    ),
    "survey": Entry(
        "Say how many people wear masks, with 95 % intervals, corrected for whom the detector misses."
    ),
    "data": Entry("Collect, import, clean, balance, split and look at data sets to train on.", "train", DATA),
    "tune": Entry(
        "Search for a better setting of a recipe. A study that was stopped or killed goes on where it was.",
        "train",
        TUNING,
    ),
}

# These hold commands of their own, the modules of the folder of their name. Their help in one line each
# stands here, so that it can be shown without importing any of them.
GROUPS: dict[str, dict[str, str]] = {
    "data": {
        "import": "Import a published source, from the archive as its publisher gives it.",
        "crawl": "Collect openly licensed photos from Openverse or Wikimedia Commons.",
        "label": "Propose faces with a model, and take corrections back.",
        "dedup": "Find photos that are the same or nearly so, also mirrored.",
        "synth": "Draw masks onto bare faces, with their labels.",
        "split": "Split into train, val and test without leaks.",
        "balance": "Even out classes, face sizes and sources by weights.",
        "stats": "Report on a data set in one HTML file.",
        "export": "Write a data set as COCO, YOLO or Pascal VOC.",
    },
}

FULL = (errno.ENOSPC, errno.EDQUOT)
NO_SPACE = "cannot write {}: no space left on device"

# Rich would take text in square brackets for markup and drop it.
MARKUP: Final = "markdown"


class _Group(TyperGroup):
    """Commands, of which the nearest is suggested for a name that is none."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the first word names."""
        word = args[0]
        known = ctx.resilient_parsing or self.get_command(ctx, word) is not None
        if not known and not word.startswith("-"):
            near = did_you_mean(word, self.list_commands(ctx))
            if not near and os.path.exists(word):
                near = f" did you mean {ctx.command_path} detect {word}?" if ctx.parent is None else ""
            ctx.fail(one_line(f"no such command: {word!r}:{near or f' {ctx.command_path} -h lists them'}"))
        return super().resolve_command(ctx, args)


class Commands(_Group):
    """The subcommands, none of which is imported before it is run."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line; a full disk under the version or the help, too, is one line."""
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            if error.errno not in FULL:
                raise
            typer.echo(error_line(NO_SPACE.format("standard output")), err=True)
            sys.exit(EXIT_INPUT)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return what stands for a command, or None where there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in self.commands:
            if cmd_name in GROUPS:
                self.add_command(_group(cmd_name), cmd_name)
            else:
                summary = COMMANDS[cmd_name].summary
                self.add_command(_Member(cmd_name, summary, f"crowdmask.cli.{cmd_name}", cmd_name), cmd_name)
        return self.commands[cmd_name]


class _Guarded(TyperCommand):
    """A command of which whatever goes wrong is one line on standard error and an exit code."""

    top = ""
    """Name of the command in `COMMANDS` that it is, or is a part of."""
    roles: Roles = MappingProxyType({})
    """Which of its parameters name what is read and what is written."""

    def invoke(self, ctx: Any) -> Any:
        """Run it, errors with the names of its own options."""
        with running(self.params):
            try:
                leave_ctrl_c_to_the_command()
                entry = COMMANDS[self.top]
                require(f"crowdmask {self.top}", entry.packages, entry.extra)
                with guarded(self.roles, ctx.params):
                    check_there(self.roles, ctx.params)
                    return super().invoke(ctx)
            except KeyboardInterrupt as stop:
                if not isinstance(stop, Interrupted):
                    typer.echo("interrupted", err=True)
                raise typer.Exit(EXIT_INTERRUPTED) from None
            except CrowdmaskError as error:
                remedy = _REMEDIES.get(type(error))
                _stop(f"{error}: {remedy}" if remedy else str(error), error.exit_code)
            except Exception as error:
                if isinstance(error, (typer.Exit, typer.Abort)) or DEBUG in os.environ:
                    raise
                _stop_unexpected(error, self.top)


def _single(name: str, module: str, top: str) -> Any:
    """Import the function `command` of a module as a subcommand."""
    function = import_module(module).command
    # Without a callback this app would become the command itself, which is what is wanted.
    single = typer.Typer(add_completion=False, rich_markup_mode=MARKUP)
    single.command(name, cls=_Guarded)(function)
    command = typer.main.get_command(single)
    command.top, command.roles = top, roles_of(function)  # type: ignore[attr-defined]
    return command


class _Member(TyperCommand):
    """Stands for a subcommand in its group's help, and becomes the real one when it is run."""

    def __init__(self, name: str, summary: str, module: str, top: str) -> None:
        super().__init__(name, help=summary, short_help=summary, rich_markup_mode=MARKUP)
        self._where = (name, module, top)

    def make_context(self, *args: Any, **options: Any) -> Any:
        """Import the command, and let it read its own options."""
        with collection_paused():
            return _single(*self._where).make_context(*args, **options)


def _group(name: str) -> Any:
    """Return a subcommand with subcommands, none of which is imported before it is run."""
    package = f"crowdmask.cli.{name}"

    class Members(_Group):
        def list_commands(self, ctx: Any) -> list[str]:
            return list(GROUPS[name])

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            if cmd_name not in GROUPS[name]:
                return None
            if cmd_name not in self.commands:
                # `import` is no name that a module could be imported by.
                module = f"{package}.{cmd_name}{'_' if cmd_name == 'import' else ''}"
                self.add_command(_Member(cmd_name, GROUPS[name][cmd_name], module, name), cmd_name)
            return self.commands[cmd_name]

    group = typer.Typer(
        name=name, cls=Members, no_args_is_help=True, add_completion=False, rich_markup_mode=MARKUP
    )
    group.callback()(_described(COMMANDS[name].summary))
    return typer.main.get_command(group)


def _described(text: str | None) -> Callable[[], None]:
    def callback() -> None:
        pass

    callback.__doc__ = text
    return callback


app = typer.Typer(
    name="crowdmask",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=MARKUP,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line of this process."""
    app(prog_name="crowdmask")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"crowdmask {crowdmask.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Find the faces in a crowd and say of each whether it wears a mask."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a file name or sign that the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    # Pillow would warn about, for example, damaged EXIF, about which the user can do nothing.
    warnings.filterwarnings("ignore", module=r"PIL\.")


def _stop_unexpected(error: Exception, name: str) -> None:
    extra = COMMANDS[name].extra
    if isinstance(error, ModuleNotFoundError) and extra:
        missing = MissingExtraError(f"crowdmask {name}", extra)
        _stop(str(missing), missing.exit_code)
    if isinstance(error, OSError) and error.errno in FULL:
        # Files of ours raise an error of their own, so it is standard output.
        _stop(NO_SPACE.format(error.filename or "standard output"), EXIT_INPUT)
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    _stop(f"{what} (internal error: set {DEBUG}=1 for the details, and please report it)", EXIT_INPUT)


def _stop(message: str, exit_code: int) -> None:
    typer.echo(error_line(message), err=True)
    raise typer.Exit(exit_code)
