"""Watch the memory of one `crowdmask detect` call over 1,000 photos.

    python benchmarks/memory.py --photos DIR

Peak memory must not grow after the first 50 photos and must stay below 700 MB; ends with 1 where it
does not. It is read from /proc, so this runs on Linux. Where there are fewer photos, some come twice.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STEP = 50
LIMIT_MB = 700
# Photos differ in size, so a later one may need a little more than all before it.
GROWTH_MB = 30
DETECT = [sys.executable, "-c", "from crowdmask.cli.main import main; main()", "detect"]


def peak_mb(process_id: int) -> float:
    """Return the most resident memory that a process ever had, MB; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def watch(process: subprocess.Popen[bytes], out: Path) -> dict[int, float]:
    """Return the peak, MB, by photos done, every 50 photos and at the end.

    Args:
        process: writes one annotated picture a photo.
        out: where to.
    """
    peaks: dict[int, float] = {}
    peak = 0.0
    while process.poll() is None:
        done = sum(1 for file in out.rglob("*.jpg")) if out.is_dir() else 0
        peak = peak_mb(process.pid) or peak
        step = done // STEP * STEP
        if step and step not in peaks:
            print(f"{step:5} photos  {peak:6.0f} MB", flush=True)
            peaks[step] = peak
        time.sleep(0.1)
    done = sum(1 for file in out.rglob("*.jpg"))
    peaks[done] = max(peak, peaks.get(done, 0.0))
    print(f"{done:5} photos  {peaks[done]:6.0f} MB at the end")
    return peaks


def main() -> None:
    """Print the peaks and judge them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True, help="folder of JPEG photos")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--model", default="crowd")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    files = sorted(arguments.photos.rglob("*.jpg"))
    if not files:
        raise SystemExit(f"{arguments.photos}: no .jpg in this folder")
    # Evenly over the folder, so that the sizes of its sources are mixed from the start.
    stride = max(1, len(files) // arguments.count)
    chosen = itertools.islice(itertools.cycle(files[::stride]), arguments.count)
    with tempfile.TemporaryDirectory() as folder:
        photos, out = Path(folder) / "photos", Path(folder) / "out"
        photos.mkdir()
        for number, file in enumerate(chosen):
            shutil.copyfile(file, photos / f"{number:05}.jpg")
        command = [*DETECT, str(photos), "--out", str(out), "--json", str(Path(folder) / "faces.jsonl")]
        command += ["--model", arguments.model, "--threads", str(arguments.threads)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peaks = watch(process, out)
    if process.returncode or max(peaks) != arguments.count:
        raise SystemExit(f"{max(peaks)} of {arguments.count} photos written, exit code {process.returncode}")
    growth = max(peaks.values()) - peaks[min(peaks)]
    print(f"growth after the first {min(peaks)} photos {growth:.0f} MB, peak {max(peaks.values()):.0f} MB")
    if growth > GROWTH_MB or max(peaks.values()) > LIMIT_MB:
        raise SystemExit(f"too much: at most {GROWTH_MB} MB of growth and {LIMIT_MB} MB in all")


if __name__ == "__main__":
    main()
