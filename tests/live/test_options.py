"""What is out of bounds is refused, and told what the bounds are."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crowdmask.cli.main import app
from crowdmask.errors import EXIT_USAGE, UsageError
from crowdmask.live.options import CameraOptions

from .clips import write_clip


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0, -1.0, 1e12])
@pytest.mark.parametrize("name", ["max_fps", "for_s"])
def test_limits_have_bounds(name: str, value: float) -> None:
    with pytest.raises(UsageError, match="must be above 0 and at most 1,000"):
        CameraOptions(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_grace_has_bounds(value: float) -> None:
    with pytest.raises(UsageError, match="0 to 1,000,000,000 seconds"):
        CameraOptions(grace_s=value)


@pytest.mark.parametrize("value", [0.01, 0.5, 30.0])
def test_slow_is_allowed(value: float) -> None:
    assert CameraOptions(max_fps=value, for_s=value).max_fps == value


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--threads", "9999"], "1 to 512"),
        (["--threads", "513"], "1 to 512"),
        (["--max-fps", "nan"], "at most 1,000"),
        (["--max-fps", "inf"], "at most 1,000"),
        (["--for", "nan"], "at most 1,000,000,000"),
        (["--for", "-3"], "above 0"),
        (["--grace", "inf"], "0 to 1,000,000,000 seconds"),
    ],
)
def test_the_command_ends_with_one_line(
    words: list[str], told: str, tmp_path: Path, colour_model: Path
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 3)
    done = CliRunner().invoke(app, ["track", str(clip), "--model", str(colour_model), *words])
    assert done.exit_code == EXIT_USAGE
    assert told in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize("words", [["--every", "15"], ["--max-fps", ".6"]])
def test_below_one_look_a_second_people_are_tracked(
    words: list[str], tmp_path: Path, colour_model: Path
) -> None:
    clip, events = write_clip(tmp_path / "clip.mp4", 120), tmp_path / "e.jsonl"
    done = CliRunner().invoke(
        app, ["track", str(clip), "--model", str(colour_model), "--events", str(events), *words]
    )
    assert done.exit_code == 0, done.output
    assert "2 tracks" in done.output
    assert events.read_text().count("person_appeared") == 2
