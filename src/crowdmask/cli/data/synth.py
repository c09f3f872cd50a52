"""``crowdmask data synth``: draw masks and other covers onto the bare faces of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crowdmask.cli.lines import error_line, one_line, open_console
from crowdmask.cli.progress import show_progress
from crowdmask.cli.roles import Reads, Writes
from crowdmask.errors import EXIT_INPUT, Interrupted
from crowdmask.outputs import Kind


def command(
    data: Annotated[
        Path, typer.Argument(metavar="DIR", help="The data set: its folder or manifest."), Reads()
    ],
    to: Annotated[
        Path,
        typer.Option(metavar="DIR2", help="Data set that gets the new photos; DIR itself: added to it."),
        Writes(Kind.FOLDER, extends=True, locked=False),
    ],
    share: Annotated[
        float,
        typer.Option(min=0.001, max=1, help="Part of the bare faces that get a drawn mask or other cover."),
    ] = 0.3,
    occluders: Annotated[
        float, typer.Option(min=0, max=1, help="Of those, the part covered by a hand, cup, phone, scarf ...")
    ] = 0.2,
    min_face: Annotated[
        int, typer.Option(min=20, metavar="PX", help="Leave narrower faces as they are.")
    ] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of what is drawn.")] = 0,
) -> None:
    """Draw masks of many kinds onto bare faces, worn correctly and incorrectly, with matching labels.

    The new photos are of the source `synth` and keep licence, group and split of their parents. Photos of
    val and test are left alone. A run that was stopped goes on with the same command.

    Example: `crowdmask data synth crowd --to crowd --share 0.3`
    """
    from crowdmask.data.synthesis.build import Settings, synthesize

    say, complain = open_console(), open_console(stderr=True)
    settings = Settings(share, occluders, min_face, seed)
    try:
        with show_progress(complain) as progress:
            result = synthesize(data, to, settings, progress)
    except KeyboardInterrupt:
        complain.print("interrupted; the same command goes on where it stopped", soft_wrap=True)
        raise Interrupted from None
    for line in result.failed:
        complain.print(error_line(line), soft_wrap=True)
    for reason, number in sorted(result.passed.items()):
        say.print(f"passed over: {number:,} photos ({reason})", soft_wrap=True)
    say.print(
        f"{result.faces:,} bare faces can be drawn on; drawn on: {sum(result.changed.values()):,}",
        soft_wrap=True,
    )
    for label, number in sorted(result.changed.items()):
        # A hand, a cup or a scarf before the mouth is no mask.
        said = "covered by something else" if label == "without_mask" else "got a mask"
        say.print(f"  {number:,} {said}: {label}", soft_wrap=True)
    say.print(f"{len(result.photos):,} photos: {one_line(str(to))}", soft_wrap=True)
    if result.untied:
        complain.print(
            f"{result.untied:,} of them have parents without group and split, which a later split could part "
            f"from them: run  crowdmask data split {one_line(str(data))}  first, or draw with the same --to",
            soft_wrap=True,
        )
    if result.failed:
        complain.print(f"{len(result.failed)} photos cannot be read (named above)", soft_wrap=True)
        raise typer.Exit(EXIT_INPUT)
