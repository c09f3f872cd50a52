"""Download a data set from Kaggle with its own client and the user's token; only on request."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from crowdmask.errors import DataError, UsageError
from crowdmask.files import whole_folder

_FOLDER = ".download"


def download_folder(to: Path) -> Path:
    """Return where archives are kept between download and import, inside a data set's folder."""
    return to / _FOLDER


def download(dataset: str, to: Path) -> Path:
    """Return the archive of a Kaggle data set; a complete earlier download is reused.

    Args:
        dataset: owner/name.
        to: the data set's folder; the archive is kept inside it until it is imported.
    Raises:
        UsageError: the client or the token is missing.
        DataError: the client failed; it says why on standard error.
        OutputError: the folder cannot be written.
    """
    program = shutil.which("kaggle")
    if program is None:
        raise UsageError("`download` needs Kaggle's client: run  pip install kaggle")
    if not _has_token():
        raise UsageError(
            "`download` needs your Kaggle token: make one in your account's settings at kaggle.com and put "
            "it into ~/.kaggle/kaggle.json, or set KAGGLE_USERNAME and KAGGLE_KEY"
        )
    whole = download_folder(to) / dataset.replace("/", "-")
    if not whole.is_dir():
        with whole_folder(whole) as work:
            command = [program, "datasets", "download", "-d", dataset, "-p", str(work)]
            code = subprocess.run(command, check=False, stdout=2).returncode
            if code or not any(work.iterdir()):
                raise DataError(f"the kaggle client could not fetch {dataset} (exit code {code}); see above")
    archives = sorted(path for path in whole.iterdir() if path.is_file())
    # The client can be configured to unpack immediately.
    return archives[0] if len(archives) == 1 else whole


def _has_token() -> bool:
    if os.environ.get("KAGGLE_API_TOKEN"):
        return True
    if os.environ.get("KAGGLE_USERNAME") and os.environ.get("KAGGLE_KEY"):
        return True
    given = os.environ.get("KAGGLE_CONFIG_DIR")
    folders = [Path(given)] if given else [Path.home() / ".kaggle", Path.home() / ".config" / "kaggle"]
    return any((folder / name).is_file() for folder in folders for name in ("kaggle.json", "access_token"))
