from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from crowdmask.errors import CrowdmaskError, OutputError, UsageError
from crowdmask.live.outputs import name_outputs
from crowdmask.media.video_writer import SUFFIXES, VideoWriter


@pytest.mark.parametrize(
    ("out", "names", "expected"),
    [
        ("x.mp4", ["a.avi"], ["x.mp4"]),
        ("x.MKV", ["a.avi"], ["x.MKV"]),
        ("dir", ["a.avi"], ["dir/a.mp4"]),
        ("new.d/", ["a.avi"], ["new.d/a.mp4"]),
        ("dir", ["p/a.avi", "q/A.mov", "q/a.b.mp4"], ["dir/a.mp4", "dir/A-2.mp4", "dir/a.b.mp4"]),
        ("dir", ["0", "rtsp://10.0.0.1:554/cam?ch=1"], ["dir/camera-0.mp4", "dir/10.0.0.1-554-cam-ch-1.mp4"]),
        ("dir", ["rtsp://***@host/x", "..."], ["dir/host-x.mp4", "dir/video.mp4"]),
    ],
)
def test_names(
    out: str, names: list[str], expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert [path.as_posix() for path in name_outputs(out, names)] == expected


def test_no_source_is_overwritten(tmp_path: Path) -> None:
    source = tmp_path / "a.mp4"
    source.touch()
    assert name_outputs(str(tmp_path), ["a.mp4"], [str(source)]) == [tmp_path / "a-2.mp4"]
    with pytest.raises(UsageError, match="this is the source"):
        name_outputs(str(source), ["a.mp4"], [str(source)])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_only_a_video_of_ours_is_replaced(suffix: str, tmp_path: Path) -> None:
    """The shell turns ``--out *.mp4`` into the first film as the output of all others."""
    ours, other = tmp_path / f"ours{suffix}", tmp_path / f"other{suffix}"
    with VideoWriter(ours, 64, 48, 25) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)
    with av.open(str(other), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode(None))
    assert name_outputs(str(ours), ["a.avi"]) == [ours]
    with pytest.raises(UsageError, match="was not written by crowdmask"):
        name_outputs(str(other), ["a.avi"])


def test_in_a_folder_another_name_is_chosen(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("a film that FFmpeg does not know")
    (tmp_path / "a-2.mp4").touch()  # nothing is lost
    assert name_outputs(str(tmp_path), ["a.avi"]) == [tmp_path / "a-2.mp4"]
    with pytest.raises(UsageError, match="was not written by crowdmask"):
        name_outputs(str(tmp_path / "a.mp4"), ["a.avi"])


@pytest.mark.parametrize(
    ("out", "names", "error", "message"),
    [
        ("x.gif", ["a"], UsageError, "a video is written as .mp4"),
        ("x.mp4", ["a", "b"], UsageError, "2 sources need a folder"),
        ("file", ["a"], OutputError, "a file, not a folder"),
    ],
)
def test_wrong_names(
    out: str,
    names: list[str],
    error: type[CrowdmaskError],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(error, match=message):
        name_outputs(out, names)
