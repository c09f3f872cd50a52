"""What a command reads and writes, said beside each option, and checked before the command begins.

An option that names a file or folder bears one of these in its annotation:
``Annotated[Path, typer.Option(...), Writes(Kind.RECORDS)]``. A test looks for those that don't.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from crowdmask.errors import SourceError
from crowdmask.files import hold
from crowdmask.outputs import STANDARD_STREAM, Input, Kind, Output, check_outputs


@dataclass(frozen=True)
class Reads:
    """An option or argument that names what is read.

    Attributes:
        refers: a description in YAML, whose files are read as well.
        there: it must exist, which is checked before the command loads anything; of several files, one.
    """

    refers: bool = False
    there: bool = False


@dataclass(frozen=True)
class Writes:
    """An option that names what is written.

    Attributes:
        kind: of output.
        extends: it may be an input, since it is added to.
        locked: one run at a time; False: many may share it, or the command locks it itself.
        parents: the command makes the folders above it; where it does not, a missing one stays missing.
        unless: another option that, where given, means that this one is not used.
        urls: it may be the URL of an object store.
        still_for: a third option that, where given, means that it is used all the same.
    """

    kind: Kind
    extends: bool = False
    locked: bool = True
    parents: bool = True
    unless: str = ""
    still_for: str = ""
    urls: bool = False


Roles = Mapping[str, Reads | Writes]


def roles_of(command: Callable[..., Any]) -> Roles:
    """Return the roles of a command's parameters, by name."""
    found: dict[str, Reads | Writes] = {}
    for name, hint in get_type_hints(command, include_extras=True).items():
        for extra in get_args(hint)[1:] if get_origin(hint) is not None else ():
            if isinstance(extra, Reads | Writes):
                found[name] = extra
    return found


def check_there(roles: Roles, values: Mapping[str, Any]) -> None:
    """Check that the inputs of a command exist, before it loads anything.

    Args:
        roles: of its parameters.
        values: of its parameters.
    Raises:
        SourceError: one that must be there is missing.
    """
    absent = [
        each
        for name, role in roles.items()
        if isinstance(role, Reads) and role.there
        for each in _absent(_texts(values.get(name)))
    ]
    if absent:
        raise SourceError(f"{', '.join(absent)}: no such file or folder")


@contextmanager
def guarded(roles: Roles, values: Mapping[str, Any]) -> Iterator[None]:
    """Check the outputs of a command and keep other commands from writing them meanwhile.

    Args:
        roles: of its parameters.
        values: of its parameters.
    Raises:
        UsageError: an output is an input, another output, or of another kind.
        BusyError: another command is writing one of them.
    """
    inputs, outputs, held = [], [], []
    for name, role in roles.items():
        if isinstance(role, Reads):
            inputs += [Input(each, role.refers) for each in _texts(values.get(name))]
        elif not (role.unless and values.get(role.unless)) or values.get(role.still_for):
            for each in _texts(values.get(name)):
                outputs.append(Output(name, each, role.kind, role.extends, role.urls))
                # Without its folder such an output fails, and needs no lock, which would make the folder.
                there = (role.parents and role.kind is not Kind.PAGE) or Path(each).absolute().parent.is_dir()
                if role.locked and there and each != STANDARD_STREAM:
                    held.append(Path(each))
    check_outputs(outputs, inputs)
    with ExitStack() as stack:
        for path in held:
            stack.enter_context(hold(path))
        yield


def _absent(names: Sequence[str]) -> list[str]:
    """Return the names if none of them is there; what is no path, like an address or a pattern, may be."""
    if any(
        os.path.lexists(name) or "://" in name or name.isdigit() or name == STANDARD_STREAM or has_magic(name)
        for name in names
    ):
        return []
    return list(names)


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)]
