"""``crowdmask data balance``: weights that even out what training draws."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crowdmask.cli.data.looking import show_looking
from crowdmask.cli.data.tables import balance_table
from crowdmask.cli.lines import error_line, open_console
from crowdmask.cli.roles import Reads
from crowdmask.errors import EXIT_INPUT, DataError


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
    from crowdmask.data.manifest import Manifest, editing, write_manifest
    from crowdmask.data.sampling.balance import look_at_tones, margins_of, pick, to_balance, weigh
    from crowdmask.data.sampling.raking import aims
    from crowdmask.data.sampling.split import refuse_leaks

    say, complain = open_console(), open_console(stderr=True)
    with editing(data) as manifest:
        if not clear:
            refuse_leaks(manifest.photos)
        photos = [photo.model_copy(update={"weight": None}) for photo in manifest.photos]
        if clear:
            write_manifest(Manifest(manifest.folder, photos))
            say.print("all weights were removed")
            return
        chosen = to_balance(photos)
        if not chosen:
            raise DataError(f"{data}: no annotated photo to weight (in train, where there are splits)")
        mine = [photos[i] for i in chosen]
        looked: list[list[float | None]] | None = None
        failed = 0
        if tones:
            with show_looking(complain, "the same command goes on") as progress:
                looked, failed = look_at_tones(
                    manifest.folder, mine, threads=threads, progress=progress,
                    complain=lambda error: complain.print(error_line(error), soft_wrap=True),
                )  # fmt: skip
        margins = margins_of(mine, looked)
        weights = (
            pick(margins, subset, strength, seed) if subset is not None else weigh(margins, strength, cap)
        )
        for i, weight in zip(chosen, weights.tolist(), strict=True):
            photos[i] = photos[i].model_copy(update={"weight": round(weight, 4)})
        write_manifest(Manifest(manifest.folder, photos))
        say.print(balance_table(margins, [aims(margin, strength) for margin in margins], weights))
    if subset is not None:
        say.print(f"{subset:,} of {len(mine):,} photos were chosen; the others have the weight 0")
    else:
        say.print(f"{len(mine):,} photos weigh {weights.min():.2f} to {weights.max():.2f}, 1 on average")
    if looked is not None:
        say.print("the skin tone is a rough proxy that depends on the light", soft_wrap=True)
    if failed:
        complain.print(f"{failed} could not be read (named above): skin tone not known", soft_wrap=True)
        raise typer.Exit(EXIT_INPUT)
