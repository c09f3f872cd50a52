"""Live pictures: one encoder a camera, for any number of viewers, as long as somebody looks."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crowdmask.errors import UsageError
from crowdmask.serve.following import pictures as module
from crowdmask.serve.following.pictures import Pictures, Shot

from ...alerts.conftest import wait_for


class View:
    """A frame that remembers how it was drawn."""

    def __init__(self, width: int = 64, height: int = 48) -> None:
        self.blurred: list[bool | None] = []
        self._size = (height, width, 3)

    def render(self, *, blur: bool | None = None) -> Any:
        self.blurred.append(blur)
        return np.zeros(self._size, np.uint8)


class Session:
    """Shows whatever view it is given."""

    def __init__(self) -> None:
        self.newest: View | None = View()

    def view(self, camera: str) -> View | None:
        if camera != "door":
            raise UsageError("no such camera")
        return self.newest


@pytest.fixture
def session() -> Session:
    return Session()


def make(session: Session, **options: Any) -> Pictures:
    return Pictures(session, **options)  # type: ignore[arg-type]


def test_many_viewers_cost_one_encoder(session: Session) -> None:
    pictures, first = make(session, fps=50), session.newest

    async def viewer(after: int) -> Shot:
        shot = await pictures.newer("door", after, 10)
        assert shot is not None
        return shot

    async def go() -> None:
        shots = await asyncio.gather(*(viewer(0) for _ in range(20)))
        assert (len({each.number for each in shots}), pictures.encoded, pictures.encoders) == (1, 1, 1)
        assert first is not None
        assert first.blurred == [True]
        waiting = asyncio.gather(*(viewer(shots[0].number) for _ in range(20)))
        await asyncio.sleep(0)
        session.newest = View()
        later = await waiting
        assert {each.number > shots[0].number for each in later} == {True}
        assert pictures.encoded == 2
        assert await pictures.newer("door", later[0].number, 0.05) is None  # it stands still
        assert (await viewer(0)).number == later[0].number  # that is what it shows now

    asyncio.run(go())
    pictures.close()
    wait_for(lambda: pictures.encoders == 0)


def test_large_frames_are_made_smaller(session: Session) -> None:
    session.newest = View(4000, 3000)
    pictures = make(session, longest_px=320)
    shot = asyncio.run(pictures.newer("door", 0, 10))
    assert shot is not None
    assert (shot.width, shot.height) == (320, 240)
    assert Image.open(io.BytesIO(shot.jpeg)).size == (320, 240)
    assert shot.time_utc.timestamp() == pytest.approx(shot.number / 1000)
    pictures.close()


def test_it_ends_when_nobody_looks_and_begins_again(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_IDLE_S", 0.05)
    pictures = make(session)
    assert asyncio.run(pictures.newer("door", 0, 10)) is not None
    wait_for(lambda: pictures.encoders == 0)
    session.newest = View()
    assert asyncio.run(pictures.newer("door", 0, 10)) is not None
    pictures.close()


def test_no_picture_and_no_camera(session: Session) -> None:
    session.newest = None
    pictures = make(session)
    assert asyncio.run(pictures.newer("door", 0, 0.05)) is None
    with pytest.raises(UsageError):
        asyncio.run(pictures.newer("none", 0, 0.05))
    pictures.close()
