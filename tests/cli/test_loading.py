from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from crowdmask.cli.loading import collection_paused


@pytest.fixture(params=[True, False], ids=["on before", "off before"])
def before(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether Python collects garbage before the block; afterwards it does in any case."""
    (gc.enable if request.param else gc.disable)()
    yield request.param
    gc.enable()


def test_nothing_is_collected_while_loading_and_then_it_is_as_before(before: bool) -> None:
    with collection_paused():
        assert not gc.isenabled()
        with collection_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled() is before


def test_it_is_as_before_after_an_error_too(before: bool) -> None:
    with pytest.raises(ImportError), collection_paused():
        raise ImportError
    assert gc.isenabled() is before
