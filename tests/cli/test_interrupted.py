"""Ctrl-C while the program is still being loaded is answered by one line, too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import hear_ctrl_c

ROOT = Path(__file__).parents[2]
REALTIME = "Detect-Masks-Realtime.py"
WAYS = {
    "crowdmask": [
        "-c",
        "import sys; from crowdmask.__main__ import main; sys.exit(main())",
        "detect",
        "1.jpg",
    ],
    "python -m crowdmask": ["-m", "crowdmask", "detect", "1.jpg"],
    "Detect_image.py": [str(ROOT / "Detect_image.py"), "--image", "1.jpg"],
    REALTIME: [str(ROOT / REALTIME)],
}


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
@pytest.mark.parametrize(
    ("way", "module"),
    # The realtime command looks for a display before it loads PIL.
    [(way, module) for way in WAYS for module in ("typer", "PIL") if (way, module) != (REALTIME, "PIL")],
)
def test_ctrl_c_while_it_is_loaded(way: str, module: str, tmp_path: Path) -> None:
    # A library that never finishes being loaded.
    package = tmp_path / module
    package.mkdir()
    package.joinpath("__init__.py").write_text(
        "import sys, time\nprint('loading', flush=True)\nwhile True: time.sleep(0.01)\n"
    )
    with subprocess.Popen(
        [sys.executable, *WAYS[way]],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "src")])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_ctrl_c,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "loading\n"
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, said) == (130, "interrupted\n")
