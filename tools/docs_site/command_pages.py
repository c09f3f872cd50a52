"""Write one page a command from the commands themselves, so that no option is missing or out of date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

PROGRAM = "crowdmask"


@dataclass(frozen=True)
class CommandPage:
    """One command or group of commands.

    Attributes:
        words: what is typed after `crowdmask`, such as ("data", "import").
        markdown: the page.
    """

    words: tuple[str, ...]
    markdown: str

    @property
    def path(self) -> str:
        """Return the place of the page below the folder of all commands."""
        return f"{'-'.join(self.words)}.md"


def command_pages() -> list[CommandPage]:
    """Return a page for every command, in the order of the help; a group comes before its members."""
    from crowdmask.cli.main import app

    root = typer.main.get_command(app)
    return list(_pages(root, root.make_context(PROGRAM, [], resilient_parsing=True), ()))


def _pages(command: Any, context: Any, words: tuple[str, ...]) -> Iterator[CommandPage]:
    names = list(command.list_commands(context)) if hasattr(command, "list_commands") else []
    if words:
        yield CommandPage(words, _page(command, context, words, names))
    for name in names:
        found = command.get_command(context, name)
        if found is None:
            raise LookupError(f"{' '.join((PROGRAM, *words, name))} is listed but cannot be found")
        # A command that is only looked up at its first use becomes the real one in its context.
        inner = found.make_context(name, [], parent=context, resilient_parsing=True)
        yield from _pages(inner.command, inner, (*words, name))


def _page(command: Any, context: Any, words: tuple[str, ...], members: list[str]) -> str:
    usage = re.sub(r"^Usage:\s*", "", command.get_usage(context))
    parts = [f"# {' '.join((PROGRAM, *words))}", (command.help or "").strip(), f"```\n{usage}\n```"]
    if members:
        rows = [
            (f"[`{name}`]({'-'.join((*words, name))}.md)", _summary(command, context, name))
            for name in members
        ]
        parts.append(_table(("command", "does"), rows))
    for kind, title in (("argument", "Arguments"), ("option", "Options")):
        # A hidden parameter has no record.
        records = [
            record
            for param in command.get_params(context)
            if param.param_type_name == kind and (record := param.get_help_record(context))
        ]
        if records:
            rows = [(_code(name), _cell(text)) for name, text in records]
            parts += [f"## {title}", _table((kind, "meaning"), rows)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(command: Any, context: Any, name: str) -> str:
    return _cell(command.get_command(context, name).get_short_help_str(200))


def _table(header: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    lines = [header, ("---", "---"), *rows]
    return "\n".join(f"| {left} | {right} |" for left, right in lines)


def _code(text: str) -> str:
    return f"<code>{_plain(text)}</code>"


def _cell(text: str) -> str:
    """Return a help text for a cell, its parts between backticks as code."""
    parts = " ".join(text.split()).split("`")
    if len(parts) % 2 == 0:  # a backtick that none closes
        return _plain("`".join(parts))
    return "".join(_code(part) if index % 2 else _plain(part) for index, part in enumerate(parts))


def _plain(text: str) -> str:
    # Neither HTML nor Markdown nor the end of a cell, whatever signs there are.
    return re.sub(r"[^\w\s.,:;()/'=-]", lambda sign: f"&#{ord(sign[0])};", text)
