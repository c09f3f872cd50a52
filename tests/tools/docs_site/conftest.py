"""The modules of the site's build can be imported by their names, as MkDocs does it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools" / "docs_site"))
