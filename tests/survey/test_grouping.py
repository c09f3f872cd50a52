"""Groups: each has draws of its own, whatever its name."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from crowdmask.survey.grouping import Group


@pytest.mark.parametrize("name", ["entrance", "Caf\u00e9", "caf\udce9"])
def test_names_give_seeds(name: str) -> None:
    # The last one is a folder's name in another encoding than the system's, as Python reads it.
    assert Group(name, np.ones(1, bool)).seed == zlib.crc32(name.encode("utf-8", "surrogatepass"))
    assert Group(name, np.ones(1, bool)).seed != Group(f"{name} 2", np.ones(1, bool)).seed
