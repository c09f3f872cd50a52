"""`python -m crowdmask` is the command `crowdmask`."""

from crowdmask.cli.main import app

if __name__ == "__main__":
    app(prog_name="crowdmask")
