"""`python -m crowdmask` is the command `crowdmask`."""

from crowdmask.cli.loading import collection_paused, keep_for_ever
from crowdmask.ctrl_c import answer_ctrl_c


def main() -> None:
    """Run the command line of this process."""
    # Loading the command takes a moment; Ctrl-C must work during that time, too.
    answer_ctrl_c()
    with collection_paused():
        from crowdmask.cli.main import app
    keep_for_ever()

    app(prog_name="crowdmask")


if __name__ == "__main__":
    main()
