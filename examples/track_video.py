"""Follow the people of a video or camera from Python: python examples/track_video.py SOURCE [LAST_FRAME]

SOURCE is a video file, the number of a webcam, or an address (rtsp://, http://). Events are told as they
come; at the end, or after Ctrl-C, the last frame is written to LAST_FRAME with faces blurred.
"""

import sys
from pathlib import Path

from PIL import Image

from crowdmask import Tracker
from crowdmask.errors import CrowdmaskError


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    source = sys.argv[1]
    picture = Path(sys.argv[2]) if len(sys.argv) > 2 else Path("last-frame.png")

    tracker = Tracker()  # or Tracker(Detector("crowd-fast"), zones="zones.yaml", every=2)
    states: dict[int, str] = {}
    seen = None
    try:
        for seen in tracker.track(source):
            for track, state in zip(seen.tracks.tolist(), seen.states, strict=True):
                if track >= 0:  # -1: seen too shortly to be numbered
                    states[track] = state
            for event in seen.events:
                print(f"{event.time_s:7.1f} s  person {event.track}: {event.event} ({event.label})")
    except KeyboardInterrupt:
        print("interrupted")
    except CrowdmaskError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)

    counts = {state: list(states.values()).count(state) for state in sorted(set(states.values()))}
    print(f"{len(states)} people, by what they wore last: {counts}")
    if seen is not None:
        Image.fromarray(seen.draw(blur=True)).save(picture)
        print(f"wrote {picture}")


if __name__ == "__main__":
    main()
