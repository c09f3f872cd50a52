"""``crowdmask track``: follow the people of videos, cameras and streams."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crowdmask.cli.lines import error_line, one_line, open_console
from crowdmask.cli.loading import collection_paused
from crowdmask.cli.roles import Reads, Writes
from crowdmask.errors import EXIT_INPUT, Interrupted
from crowdmask.outputs import Kind

if TYPE_CHECKING:
    from crowdmask.inference.detector import Detector
    from crowdmask.tracking.zones import ZonesFile


def command(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Video files, folders of videos, numbers of webcams, rtsp:// and http(s):// streams, "
            "or .txt files with one of these a line.",
            show_default=False,
        ), Reads(there=True),
    ],
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|DIR", help="Annotated video; a folder for several sources [default: none written]."
        ), Writes(Kind.VIDEO),
    ] = None,
    json_file: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write one JSON record a frame; - is standard output."),
        Writes(Kind.RECORDS),
    ] = None,
    events: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write one JSON record an event; - is standard output."),
        Writes(Kind.RECORDS),
    ] = None,
    csv_file: Annotated[
        str | None,
        typer.Option("--csv", metavar="FILE", help="Write one row a track; - is standard output."),
        Writes(Kind.RECORDS),
    ] = None,
    zones: Annotated[
        str | None, typer.Option(metavar="FILE", help="Zones and lines to count at, YAML."),
        Reads(),
    ] = None,
    zone_counts: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write the zones' counts, one JSON record a second."),
        Writes(Kind.RECORDS),
    ] = None,
    every: Annotated[int, typer.Option(metavar="N", min=1, help="Look at every N-th frame only.")] = 1,
    look: Annotated[
        str,
        typer.Option(
            metavar="adaptive|every",
            help="adaptive: look at a frame when it pays, and predict the others; every: look at all "
            "[default: adaptive for files, every for live sources and with a window].",
            show_default=False,
        ),
    ] = "",
    max_fps: Annotated[
        float | None, typer.Option(metavar="FPS", help="Look at no more frames a second.", show_default=False)
    ] = None,
    for_s: Annotated[
        float | None,
        typer.Option("--for", metavar="SECONDS", help="End after this time [default: with the source]."),
    ] = None,
    grace: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Time without a mask until the event no_mask.")
    ] = 5.0,
    algorithm: Annotated[
        str | None, typer.Option(metavar="NAME", help="How faces are followed; see docs/tracking.md.")
    ] = None,
    rtsp_transport: Annotated[
        str,
        typer.Option(metavar="auto|tcp|udp", help="How RTSP cameras send; auto: TCP, or UDP if they refuse."),
    ] = "auto",
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", show_default=False,
            help="Connect anew to a camera that sends no frame for so long [default: 5, or by its own pace].",
        ),
    ] = None,
    blur: Annotated[
        str, typer.Option(metavar="faces|none", help="faces: make every face unreadable in video and window.")
    ] = "none",
    show: Annotated[bool, typer.Option("--show", help="Show it in a window; q ends.")] = False,
    stats: Annotated[bool, typer.Option("--stats", help="Print frame rate, drops and latency.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only errors.")] = False,
    confidence: Annotated[
        float | None,
        typer.Option(
            "--confidence", "-c", min=0, max=1,
            help="Minimum confidence of a face [default: the model's own, by label].",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option("--model", "-m", metavar="NAME|PATH", help="A shipped model or a model file."),
        Reads(),
    ] = "crowd",
    face: Annotated[
        str | None, typer.Option("--face", "-f", metavar="DIR", help="No longer needed: one model does both.")
    ] = None,
    input_size: Annotated[
        int | None,
        typer.Option(metavar="PX", min=1, help="Long side of the network's input [default: by the frames]."),
    ] = None,
    backend: Annotated[str, typer.Option(help="Runtime: onnxruntime or openvino.")] = "onnxruntime",
    device: Annotated[
        str,
        typer.Option(
            metavar="auto|cpu|...",
            help="What computes: cpu; with onnxruntime cuda, tensorrt, coreml, directml; with openvino gpu; "
            "auto: the best that is there.",
        ),
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Compute threads [default: one a physical core].")
    ] = None,
) -> None:  # fmt: skip
    """Follow everyone in a video, camera or stream, and tell who puts a mask on or takes it off.

    Ends with 1 where a source could not be read (the others are done all the same), with 130 after Ctrl-C.
    """
    to_stdout = "-" in (json_file, events, csv_file, zone_counts)
    say, complain = open_console(stderr=to_stdout), open_console(stderr=True)
    say.quiet = quiet
    if face is not None and not quiet:
        complain.print(one_line(f"--face {face} is no longer needed: one model finds faces and masks"))

    from contextlib import nullcontext

    with collection_paused():
        loading = _load_ahead(
            sources, model, confidence=confidence, input_size=input_size, backend=backend, device=device,
            threads=threads,
        )  # fmt: skip
        from crowdmask.media.window import Newest, Windows

        # OpenCV has to be loaded before PyAV, which all below loads.
        windows, newest = (Windows(), Newest()) if show else (None, None)

        from crowdmask.cli.track_lines import Watch
        from crowdmask.drawing.blur import check_choice
        from crowdmask.live.job import RecordFiles, plan_job, run_job
        from crowdmask.live.options import CameraOptions
        from crowdmask.signals import StopOnSignal
        from crowdmask.tracking.tracker import DEFAULT_ALGORITHM

    options = CameraOptions(
        every=every, look=look or None, max_fps=max_fps, for_s=for_s,
        blur=check_choice(blur),
        paced=show,
        algorithm=algorithm or DEFAULT_ALGORITHM,
        grace_s=grace,
        zones=_zones(zones),
        rtsp_transport=rtsp_transport,
        timeout_s=timeout,
    )  # fmt: skip
    files = RecordFiles(json=json_file, events=events, csv=csv_file, zone_counts=zone_counts)
    job = plan_job(sources, out=out, files=files, options=options)
    for problem in job.problems:
        complain.print(error_line(problem), soft_wrap=True)
    with StopOnSignal() as signals, windows or nullcontext():
        with Watch(say, complain, stats, quiet, windows, newest, signals.stop) as watch:
            done = run_job(
                job,
                loading.result,
                input_size=input_size,
                listener=watch.listener(any(each.is_live for each in job.sources)),
                look=watch.look,
                stop=signals.stop,
            )  # fmt: skip
        if signals.interrupted:
            complain.print("interrupted; what was written is whole")
            raise Interrupted
    if done.failed or job.problems:
        raise typer.Exit(EXIT_INPUT)


def _load_ahead(sources: list[str], model: str, **options: Any) -> Future[Detector]:
    """Load the model in a thread: the runtime prepares it without Python, which imports the rest then."""

    def load() -> Detector:
        from crowdmask.inference.detector import Detector
        from crowdmask.live.sources import find_videos

        is_live = any(each.is_live for each in find_videos(sources).sources)
        return Detector(model, shares_cores=True, at_once=1 if is_live else 2, **options)

    loader = ThreadPoolExecutor(1, "load model")
    loading = loader.submit(load)
    loader.shutdown(wait=False)
    return loading


def _zones(path: str | None) -> ZonesFile | None:
    if path is None:
        return None
    from crowdmask.tracking.zones import read_zones

    return read_zones(path)
