"""The original command for one photo, over the package: python3 Detect_image.py --image 1.jpg"""

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

    parser = argparse.ArgumentParser(description="Find the faces of a photo and whether they wear a mask.")
    parser.add_argument("-i", "--image", required=True, metavar="FILE", help="the photo")
    parser.add_argument("-c", "--confidence", metavar="FLOAT", help="least confidence of a face, 0 to 1")
    parser.add_argument("-m", "--model", metavar="NAME|PATH", help="name or file of a model of crowdmask's")
    parser.add_argument("-f", "--face", metavar="DIR", help="no longer needed: one model does both")
    options = parser.parse_args()
    try:
        from crowdmask.cli.main import app
    except ImportError:
        print(SET_UP, file=sys.stderr)
        sys.exit(2)
    if options.face is not None:
        print(f"--face {options.face} is no longer needed: one model finds faces and masks", file=sys.stderr)
    arguments = ["detect", "--verbose", "--", options.image]
    for name in ("confidence", "model"):
        if getattr(options, name) is not None:
            arguments[1:1] = [f"--{name}", getattr(options, name)]
    app(arguments, prog_name="crowdmask")


if __name__ == "__main__":
    main()
