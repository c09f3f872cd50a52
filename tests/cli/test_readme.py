"""What the README says of `crowdmask detect` is what the program does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from typer.testing import CliRunner

from crowdmask.cli.main import Commands, app


def test_the_record_in_the_readme_is_the_programs(project_root: Path, example_photo: Path) -> None:
    text = (project_root / "README.md").read_text(encoding="utf-8")
    shown = next(
        block for block in re.findall(r"```json\n(.*?)```", text, re.S) if '"source": "1.jpg"' in block
    )
    record = json.loads(shown.replace(", ...]", "]"))
    done = CliRunner().invoke(app, ["detect", str(example_photo), "--no-pictures", "--json", "-"])
    found = json.loads(done.stdout)
    assert list(record) == list(found)
    for key in ("width", "height", "counts", "model", "model_hash"):
        assert record[key] == found[key], key
    first, real = record["detections"][0], found["detections"][0]
    assert list(first) == list(real)
    assert first["label"] == real["label"]
    # Processors differ in the last bits of 8-bit arithmetic.
    assert max(abs(a - b) for a, b in zip(first["box"], real["box"], strict=True)) < 8


def test_every_option_of_detect_is_in_the_readmes_table(project_root: Path) -> None:
    text = (project_root / "README.md").read_text(encoding="utf-8")
    part = text.partition("## Find faces in photos")[2].partition("\n## ")[0]
    table = set(re.findall(r"^\| `(--[a-z-]+)", part, re.M))
    command = Commands().get_command(None, "detect").make_context("detect", ["1.jpg"]).command
    options = {
        name
        for parameter in command.params
        for name in (*parameter.opts[:1], *parameter.secondary_opts[:1])
        if name.startswith("--")
    }
    assert {"--blur", "--json", "--no-closer-look"} <= table
    assert table <= options
    assert options - table <= {"--help", "--closer-look"}
