"""``crowdmask data balance``: weights that even out what training draws."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crowdmask.cli.data.looking import show_looking
from crowdmask.cli.data.tables import balance_table
from crowdmask.cli.lines import error_line, open_console
from crowdmask.cli.roles import Reads
from crowdmask.errors import EXIT_INPUT


def command(
    data: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a data set, with its manifest."), Reads()
    ],
    subset: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Choose N photos: weight 1, all others 0."),
    ] = None,
    strength: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Strength of the correction: 0 changes nothing, 1 aims at equal shares."
        ),
    ] = 0.5,
    cap: Annotated[
        float, typer.Option(min=1, help="Upper limit of a weight; its inverse is the lower limit.")
    ] = 4.0,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the choice of a subset.")] = 0,
    tones: Annotated[
        bool, typer.Option("--tones/--no-tones", help="Look at the photos for the apparent skin tone.")
    ] = True,
    clear: Annotated[bool, typer.Option("--clear", help="Only remove all weights.")] = False,
    threads: Annotated[int, typer.Option(min=1, help="Number of photos decoded at the same time.")] = 2,
) -> None:
    """Weight the training photos so that classes, face sizes, sources and skin tones are more balanced.

    The weights go into the manifest, and `crowdmask train` draws by them. The skin tone is a rough proxy of
    the pixels that depends on the light; see the documentation on data for its limits. Photos of `train`
    are weighed, or all where nothing is split yet; a split that leaks is refused. What was looked at is kept
    in DIR.

    Example: `crowdmask data balance crowd --strength 0.5 --cap 4`
    """
    from crowdmask.data.sampling.raking import aims
    from crowdmask.data.sampling.run import balance_data_set, clear_weights

    say, complain = open_console(), open_console(stderr=True)
    if clear:
        clear_weights(data)
        say.print("all weights were removed")
        return
    with show_looking(complain, "the same command goes on") as progress:
        done = balance_data_set(
            data, subset=subset, strength=strength, cap=cap, seed=seed, tones=tones, threads=threads,
            progress=progress, complain=lambda error: complain.print(error_line(error), soft_wrap=True),
        )  # fmt: skip
    weights = done.weights
    say.print(balance_table(done.margins, [aims(margin, strength) for margin in done.margins], weights))
    if subset is not None:
        say.print(f"{subset:,} of {len(weights):,} photos were chosen; the others have the weight 0")
    else:
        say.print(f"{len(weights):,} photos weigh {weights.min():.2f} to {weights.max():.2f}, 1 on average")
    if tones:
        say.print("the skin tone is a rough proxy that depends on the light", soft_wrap=True)
    if done.failed:
        complain.print(f"{done.failed} could not be read (named above): skin tone not known", soft_wrap=True)
        raise typer.Exit(EXIT_INPUT)
