#!/bin/sh
# PyAV 18.1.0: `VideoFrame.from_numpy_buffer(array, "yuv420p")` takes the height to be `rows // 6 * 4`, where it is
# `rows * 2 // 3`. An even height that is no multiple of 4, such as that of 480x270, loses two rows without a word, and
# the colours are read from the wrong place: the last rows of brightness are taken for the first ones of colour, and
# all colours come some rows lower. `from_ndarray`, which copies, is right for the same array. Who draws into frames
# without copying them gets a smaller film with shifted colours.
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

WIDTH = 480
RED, BLUE = (90, 240), (240, 110)


def planar(height):
    """Return a picture of even brightness, red above and blue below, as planes one after the other."""
    planes = [np.full((height, WIDTH), 100, np.uint8)]
    for red, blue in zip(RED, BLUE):
        plane = np.full((height // 2, WIDTH // 2), red, np.uint8)
        plane[height // 4 :] = blue
        planes.append(plane)
    return np.concatenate([plane.reshape(-1) for plane in planes]).reshape(-1, WIDTH)


def seen(frame):
    """Return the height, and what the first and the last row of the colour planes hold."""
    ends = []
    for plane in frame.planes[1:]:
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        ends.append((int(rows[0, 0]), int(rows[frame.height // 2 - 1, 0])))
    return frame.height, *ends


print("av", av.__version__)
right = {height: (height, (90, 240), (240, 110)) for height in (268, 270, 272, 358)}
wrong = {}
for height in right:
    array = planar(height)
    copied = seen(av.VideoFrame.from_ndarray(array, format="yuv420p"))
    shared = seen(av.VideoFrame.from_numpy_buffer(array, format="yuv420p"))
    print(f"{WIDTH}x{height}: from_ndarray {copied}, from_numpy_buffer {shared}")
    assert copied == right[height], "from_ndarray has changed"
    if shared != copied:
        wrong[height] = shared
assert sorted(wrong) == [270, 358], f"other heights are wrong now: {sorted(wrong)}"
assert [wrong[height][0] for height in (270, 358)] == [268, 356]
assert wrong[270][1][0] == 100, "the colours begin elsewhere now"
PY
tool/bin/python look.py
