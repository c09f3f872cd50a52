#!/bin/sh
# PyAV 18.1.0: frames of an AVI with B-frames come in the order in which they are shown, but their `pts` and `time` are
# those of decoding: they go back and forth (.04, .12, .16, .08, .24 seconds), so a program that sorts or measures by them
# shuffles the film and times what happens wrongly. `dts` of the same frames counts up by one a frame; in Matroska, where
# the times are stored, `time` is right, too. Recorders write H.264 with B-frames into AVI.
# Seen with Python 3.11.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv tool
tool/bin/python -m pip install --quiet av==18.1.0 numpy==2.4.2
cat > look.py <<'PY'
import av
import numpy as np

FRAMES = 50


def write(name):
    with av.open(name, "w") as film:
        options = {"bf": "2", "g": "25", "x264-params": "b-adapt=0"}
        stream = film.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for number in range(FRAMES):
            picture = np.full((96, 160, 3), 40, np.uint8)
            picture[:, 2 * number : 2 * number + 20] = 220
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        film.mux(stream.encode())


def rising(values):
    return all(later > earlier for earlier, later in zip(values, values[1:]))


print("av", av.__version__)
for name, right in (("film.mkv", True), ("film.avi", False)):
    write(name)
    with av.open(name) as film:
        frames = list(film.decode(video=0))
    bars = [float((frame.to_ndarray(format="gray").mean(0) > 130).nonzero()[0].mean()) for frame in frames]
    times = [frame.time for frame in frames]
    print(name, len(frames), "frames, the bar moves on:", rising(bars), "times rise:", rising(times), times[:5])
    assert len(frames) == FRAMES and rising(bars), "the frames come in another order now"
    stored = [frame.dts for frame in frames if frame.dts is not None]  # the decoder's last ones have none
    assert len(stored) > FRAMES - 5 and rising(stored), "dts is another now"
    assert rising(times) == right, "the times are others now"
PY
tool/bin/python look.py
