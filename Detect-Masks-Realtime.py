"""The original command for a webcam, over the package: python3 Detect-Masks-Realtime.py (q quits)"""

import sys

SET_UP = "crowdmask is not installed in this Python. Set it up with:  make setup"


def main() -> None:
    try:
        from crowdmask.ctrl_c import answer_ctrl_c
    except ImportError:
        pass  # said below, after the help
    else:
        answer_ctrl_c()
    import argparse

    parser = argparse.ArgumentParser(description="Watch a webcam and see who wears a mask. q quits.")
    parser.add_argument("-s", "--source", default="0", help="webcam, video or address [default: webcam 0]")
    parser.add_argument("-c", "--confidence", metavar="FLOAT", help="least confidence of a face, 0 to 1")
    parser.add_argument("-m", "--model", metavar="NAME|PATH", help="name or file of a model of crowdmask's")
    parser.add_argument("-f", "--face", metavar="DIR", help="no longer needed: one model does both")
    options = parser.parse_args()
    try:
        from crowdmask.cli.main import app
    except ImportError:
        print(SET_UP, file=sys.stderr)
        sys.exit(2)
    arguments = ["track", "--show"]
    for name in ("confidence", "model", "face"):
        if getattr(options, name) is not None:
            arguments += [f"--{name}", getattr(options, name)]
    app([*arguments, "--", options.source], prog_name="crowdmask")


if __name__ == "__main__":
    main()
