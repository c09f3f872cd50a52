"""The command `crowdmask`: finds its subcommands and turns errors into one line and an exit code."""

from __future__ import annotations

import functools
import os
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

import crowdmask
from crowdmask.cli.lines import one_line
from crowdmask.errors import EXIT_INPUT, EXIT_INTERRUPTED, CrowdmaskError, MissingExtraError

DEBUG = "CROWDMASK_DEBUG"
"""Set this environment variable to see the traceback of an error that is our mistake."""

# Each is the function `command` of the module of its name, imported once asked for; beside it the
# extra that it needs, if any.
COMMANDS: dict[str, str | None] = {
    "detect": None,
    "evaluate": "train",
    "train": "train",
    "export": "train",
    "quantize": "train",
    "bench": None,
    "model": None,
    "track": None,
    "data": "train",
    "tune": "train",
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

# Rich's own markup would swallow what stands in square brackets.
MARKUP: Final = "markdown"


class Commands(TyperGroup):
    """The subcommands, none of which is imported before it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import one command, or return None where there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in self.commands:
            if cmd_name in GROUPS:
                self.add_command(_group(cmd_name), cmd_name)
            else:
                self.add_command(_single(cmd_name, f"crowdmask.cli.{cmd_name}", cmd_name), cmd_name)
        return self.commands[cmd_name]


def _single(name: str, module: str, command: str) -> Any:
    """Import the function `command` of a module as a subcommand."""
    function = import_module(module).command
    # Without a callback this app would become the command itself, which is what is wanted.
    single = typer.Typer(add_completion=False, rich_markup_mode=MARKUP)
    single.command(name)(_in_one_line(function, command))
    return typer.main.get_command(single)


class _Member(TyperCommand):
    """Stands for a subcommand in its group's help, and becomes the real one when it is run."""

    def __init__(self, name: str, summary: str, module: str, group: str) -> None:
        super().__init__(name, help=summary, short_help=summary)
        self._where = (name, module, group)

    def make_context(self, *args: Any, **options: Any) -> Any:
        """Import the command, and let it read its own options."""
        return _single(*self._where).make_context(*args, **options)


def _group(name: str) -> Any:
    """Return a subcommand with subcommands, none of which is imported before it is asked for."""
    package = f"crowdmask.cli.{name}"

    class Members(TyperGroup):
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
    group.callback()(_described(import_module(package).__doc__))
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
    add_completion=False,
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
    # Of a photo with, say, damaged EXIF, Pillow would tell twice as much as there is to do about it.
    warnings.filterwarnings("ignore", module=r"PIL\.")


def _in_one_line(function: Callable[..., None], name: str) -> Callable[..., None]:
    """Wrap a command, so that whatever goes wrong is one line on standard error and an exit code."""

    @functools.wraps(function)
    def guarded(*args: Any, **options: Any) -> None:
        try:
            function(*args, **options)
        except KeyboardInterrupt:
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except CrowdmaskError as error:
            _stop(str(error), error.exit_code)
        except Exception as error:
            if isinstance(error, (typer.Exit, typer.Abort)) or DEBUG in os.environ:
                raise
            extra = COMMANDS[name]
            if isinstance(error, ModuleNotFoundError) and extra is not None:
                missing = MissingExtraError(f"crowdmask {name}", extra)
                _stop(str(missing), missing.exit_code)
            what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            _stop(f"{what} (a mistake of crowdmask's: set {DEBUG}=1 for the details to report)", EXIT_INPUT)

    return guarded


def _stop(message: str, exit_code: int) -> None:
    typer.echo(f"error: {one_line(message)}", err=True)
    raise typer.Exit(exit_code)
