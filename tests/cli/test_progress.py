from __future__ import annotations

import io
from functools import partial

import pytest
from rich.console import Console

from crowdmask.cli.batch_lines import show_rate
from crowdmask.cli.progress import PlainLines, show_progress


def console(terminal: bool) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, force_terminal=terminal, width=100, highlight=False), text


def test_plain_lines_come_every_half_minute() -> None:
    lines: list[str] = []
    now = [0.0]
    tell = PlainLines(lines.append, clock=lambda: now[0])
    for second, told in [
        (0, ("reading", 0, 4000)),
        (29, ("reading", 900, 4000)),
        (30, ("reading", 1000, 4000)),
        (59, ("reading", 1900, 4000)),
        (61, ("reading", 2000, 4000)),
        (300, ("reading", 3000, 4000)),
        (301, ("writing", 1, 2)),
        (331, ("writing", 2, 2)),
        (400, ("asking", 7, 0)),
        (7200, ("drawing", 0, 9)),
        (14400, ("drawing", 2, 9)),
    ]:
        now[0] = float(second)
        tell(*told)
    assert lines == [
        "reading: 1,000 of 4,000 (25 %), about 2 min left",
        "reading: 2,000 of 4,000 (50 %), about 61 s left",
        "reading: 3,000 of 4,000 (75 %), about 2 min left",
        "writing: 2 of 2 (100 %)",
        "asking: 7",
        "drawing: 0 of 9 (0 %)",
        "drawing: 2 of 9 (22 %), about 7.0 h left",
    ]


def test_a_terminal_shows_a_bar_for_each_stage() -> None:
    shown, text = console(terminal=True)
    with show_progress(shown) as progress:
        for done in range(3):
            progress("reading", done, 2)
        progress("writing", 1, 1)
    assert "reading" in text.getvalue()
    assert "2/2" in text.getvalue()
    assert "writing" in text.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_batch_shows_its_rate_and_failures(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crowdmask.cli.progress.PlainLines", partial(PlainLines, every_s=0.0))
    shown, text = console(terminal)
    now, failed = [5.0], [0]
    with show_rate(shown, lambda: failed[0], lambda: now[0]) as progress:
        progress("listing photos", 9000, 0)
        progress("detecting", 0, 9000)
        now[0], failed[0] = 25.0, 1200
        progress("detecting", 3000, 9000)
    assert "150.0 photos a second, 1,200 failed" in text.getvalue()
    if not terminal:
        assert text.getvalue().splitlines()[:2] == ["listing photos: 9,000", "detecting: 0 of 9,000 (0 %)"]


def test_nothing_is_said_of_short_work_elsewhere() -> None:
    shown, text = console(terminal=False)
    with show_progress(shown, goes_on=True) as progress:
        progress("reading", 1, 2)
    assert text.getvalue() == ""


@pytest.mark.parametrize(
    ("goes_on", "told"),
    [(True, "interrupted while reading (1,500 of 2,000 done); the same command goes on\n"), (False, "")],
)
def test_an_interruption_says_how_far_it_was(goes_on: bool, told: str) -> None:
    shown, text = console(terminal=False)
    with pytest.raises(KeyboardInterrupt), show_progress(shown, goes_on=goes_on) as progress:
        progress("reading", 1500, 2000)
        raise KeyboardInterrupt
    assert text.getvalue() == told


def test_an_interruption_before_the_first_word_says_nothing() -> None:
    shown, text = console(terminal=False)
    with pytest.raises(KeyboardInterrupt), show_progress(shown, goes_on=True):
        raise KeyboardInterrupt
    assert text.getvalue() == ""


def test_plain_lines_at_each_tenth_of_short_work() -> None:
    lines: list[str] = []
    tell = PlainLines(lines.append, clock=lambda: 0.0, tenths=True)
    for step in range(7, 21):  # it goes on where it was stopped
        tell("training", step, 20)
    assert [line.partition(",")[0] for line in lines] == [
        f"training: {step} of 20 ({step * 5} %)" for step in (8, 10, 12, 14, 16, 18, 20)
    ]


def test_the_time_left_is_that_of_work_that_goes_on() -> None:
    lines: list[str] = []
    now = [0.0]
    tell = PlainLines(lines.append, clock=lambda: now[0])
    tell("training", 900, 1000)
    now[0] = 40.0
    tell("training", 940, 1000)
    assert lines == ["training: 940 of 1,000 (94 %), about 60 s left"]
