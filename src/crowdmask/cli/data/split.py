"""``crowdmask data split``: train, val and test without leaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crowdmask.cli.data.tables import splits_table
from crowdmask.cli.lines import open_console
from crowdmask.cli.roles import Reads
from crowdmask.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from crowdmask.data.sampling.run import SplitResult


def command(
    data: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a data set, with its manifest."), Reads()
    ],
    fractions: Annotated[
        str, typer.Option(metavar="PARTS", help="What part of the photos each split gets.")
    ] = "train=.8,val=.1,test=.1",
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the split.")] = 0,
    again: Annotated[
        bool, typer.Option("--again", help="Forget the split made before; older scores no longer compare.")
    ] = False,
    unannotated: Annotated[
        bool, typer.Option("--unannotated", help="Give photos that are not annotated yet a split, too.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only look for leaks; ends with 1 where there is one.")
    ] = False,
) -> None:
    """Split a data set into train, val and test, alike in sources, classes, face sizes and crowd sizes.

    Copies and photos of one group go together, so run `dedup` first. Photos that have a split keep it, and
    new photos of their group follow; so data may be added later. Ends with 1, and changes nothing, where a
    group lies in two splits.

    Example: `crowdmask data split crowd --fractions train=.8,val=.1,test=.1 --seed 1`
    """
    from crowdmask.data.sampling.run import check_split, split_data_set
    from crowdmask.data.sampling.split import parse_fractions

    if check and (again or unannotated):
        raise UsageError("--check changes nothing: leave out --again and --unannotated")
    parts = parse_fractions(fractions)
    say, complain = open_console(), open_console(stderr=True)
    if check:
        checked = check_split(data)
        _tell_uncompared(checked, data, complain)
        say.print(splits_table(checked.after, "as it is"))
        say.print("no group lies in two splits")
        return
    with complain.status("splitting"):
        done = split_data_set(data, parts, seed=seed, again=again, unannotated=unannotated)
    _tell_uncompared(done, data, complain)
    say.print(splits_table(done.before, "before"))
    say.print(splits_table(done.after, "after"))
    say.print(f"{done.changed:,} of {len(done.after):,} photos were given a split; no group lies in two")
    for name in done.empty:
        complain.print(f"note: {name} is empty: there are too few groups for {parts[name]:.0%} of them")


def _tell_uncompared(done: SplitResult, data: Path, complain: Console) -> None:
    if not done.compared:
        complain.print(
            "note: these photos were not compared with one another, so copies may come apart: "
            f"run  crowdmask data dedup {data}  first",
            soft_wrap=True,
        )
