"""Every setting of the site file is described; the schema and the page are made from the settings."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from crowdmask.serve.reference import site_reference, site_schema
from crowdmask.serve.site import Site

DOCS = Path(__file__).resolve().parents[2] / "docs"
RENEW = """python -c 'from crowdmask.serve.reference import *; print(site_reference(), end="")' >"""


def settings() -> Iterator[tuple[str, dict[str, Any]]]:
    schema = site_schema()
    for name, section in {"Site": schema, **schema["$defs"]}.items():
        for key, value in section["properties"].items():
            yield f"{name}.{key}", value


def example() -> dict[str, Any]:
    """Return the site file that docs/service.md begins with."""
    text = (DOCS / "service.md").read_text(encoding="utf-8")
    found = re.search(r"Write `site.yaml`:\n\n```yaml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    content: dict[str, Any] = yaml.safe_load(found[1])
    return content


def test_every_setting_has_a_title_and_a_description() -> None:
    found = dict(settings())
    assert len(found) > 100
    bare = [name for name, value in found.items() if not value.get("title") and "$ref" not in value]
    assert bare + [name for name, value in found.items() if len(value.get("description", "")) < 8] == []


def test_the_page_is_up_to_date() -> None:
    page = (DOCS / "site-file.md").read_text(encoding="utf-8")
    assert page == site_reference(), f"make it anew: {RENEW} docs/site-file.md"
    for name, _ in settings():
        assert f"| `{name.partition('.')[2]}` |" in page


def test_the_schema_takes_what_the_program_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOOR_CAMERA", "rtsp://10.0.0.5/stream")
    schema = site_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(example(), schema)
    Site.model_validate(example())


@pytest.mark.parametrize(
    "change",
    [
        {"zone": 1}, {"mode": "other"}, {"spool_mb": 0}, {"cameras": [{"name": "door"}]},
        {"store": {"env": "A", "file": "B"}}, {"alerts": {"rules": [{"name": "a", "when": "never"}]}},
        {"http": {"port": 70_000}},
    ],
)  # fmt: skip
def test_the_schema_refuses_what_the_program_refuses(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**example(), **change}, site_schema())
    with pytest.raises(ValueError, match="validation error"):
        Site.model_validate(change)


def test_the_command_prints_it() -> None:
    command = [sys.executable, "-m", "crowdmask", "serve", "--schema"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == json.loads(json.dumps(site_schema()))
