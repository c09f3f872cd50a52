"""What is done stands in the store; a store that is away makes nobody wait."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from crowdmask.serve.auth.audited import Audited
from crowdmask.store.store import open_store


def test_what_is_done_is_kept(tmp_path: Path) -> None:
    with open_store(str(tmp_path / "audit.db")) as store:
        audited = Audited(store.audit)
        audited("anna", "login", "10.0.0.7")
        audited("anna", "added", "camera door")
        audited.close()
        kept = [(each.who, each.what, each.thing) for each in store.audit.entries()]
    assert kept == [("anna", "added", "camera door"), ("anna", "login", "10.0.0.7")]


def test_a_store_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    audited = Audited(None)  # type: ignore[arg-type]
    with caplog.at_level(logging.INFO, "crowdmask.serve"):
        audited("anna", "login", "10.0.0.7")
        audited.close()
    assert ["anna: login 10.0.0.7" in caplog.text, "cannot be written" in caplog.text] == [True, True]
