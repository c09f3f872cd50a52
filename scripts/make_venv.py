"""Make a virtual environment with pip in it: python3 scripts/make_venv.py FOLDER."""

import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)


def main(folder: Path) -> str | None:
    """Return nothing, or one line that says what is missing."""
    if sys.version_info < OLDEST:
        have, need = ".".join(map(str, sys.version_info[:2])), ".".join(map(str, OLDEST))
        return (
            f"crowdmask needs Python {need} or newer, and {sys.executable} is {have}: "
            "name a newer one with  make PYTHON=/path/to/python"
        )
    python = folder / "bin" / "python"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if python.exists() and subprocess.run([python, "-m", "pip", "--version"], **quiet).returncode == 0:
        return None
    if subprocess.run([sys.executable, "-m", "venv", "--clear", folder], **quiet).returncode == 0:
        return None
    # Debian keeps the pip for new environments in a package of its own; the system's pip can fill in.
    bare = [sys.executable, "-m", "venv", "--clear", "--without-pip", folder]
    fill = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "pip"]
    if subprocess.run(bare, **quiet).returncode == 0 and subprocess.run(fill, **quiet).returncode == 0:
        return None
    return (
        f"{sys.executable} cannot make a virtual environment in {folder}: "
        "on Debian or Ubuntu run  sudo apt install python3-venv  and then the same command again"
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
