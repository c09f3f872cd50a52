"""Describe the site file from its own settings: a JSON schema for editors, and a page for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from crowdmask.serve.site import Site

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_BEGINNING = """\
# The site file

All settings of [crowdmask serve](service.md), generated from the program. Keys without a default are
required. For completion and checks in an editor, write the JSON schema beside the file, and name it in the
first line:

```sh
crowdmask serve --schema > site.schema.json
```

```yaml
# yaml-language-server: $schema=site.schema.json
```

A **secret** is text, `{env: NAME}` (an environment variable) or `{file: PATH}`; the last two keep it out of
the site file.
A **point** is `[x, y]`.
"""
_PLACES: Mapping[str, str] = {
    "CameraSettings": "an entry of `cameras`",
    "Zone": "an entry of `zones` of a camera",
    "Line": "an entry of `lines` of a camera",
    "Hours": "an entry of `active` of a camera, or of `quiet_hours` of a rule",
    "AlertSettings": "the section `alerts`",
    "ShareRule": "an entry of `alerts.rules`",
    "EventRule": "an entry of `alerts.rules`",
    "DownRule": "an entry of `alerts.rules`",
    "FrozenRule": "an entry of `alerts.rules`",
    "NobodyRule": "an entry of `alerts.rules`",
    "MqttSettings": "an entry of `alerts.channels`",
    "WebhookSettings": "an entry of `alerts.channels`",
    "EmailSettings": "an entry of `alerts.channels`",
    "AppriseSettings": "an entry of `alerts.channels`",
    "Retention": "the section `retention`",
    "HttpSettings": "the section `http`",
    "User": "an entry of `http.users`",
    "Token": "an entry of `http.tokens`",
}


def site_schema() -> dict[str, Any]:
    """Return the JSON schema of a site file."""
    return {"$schema": _DIALECT, **Site.model_json_schema()}


def site_reference() -> str:
    """Return docs/site-file.md: all settings with their bounds, defaults and meaning, as Markdown."""
    schema = site_schema()
    parts = [_BEGINNING, "## The file\n\n" + "\n".join(_table(schema)) + "\n"]
    for name, place in _PLACES.items():
        known = schema["$defs"][name]
        fixed = next((each["const"] for each in known["properties"].values() if "const" in each), None)
        title = place if fixed is None else f"{place}: `{fixed}`"
        about = " ".join(known["description"].split())
        parts.append(f"## {title[0].upper()}{title[1:]}\n\n{about}\n\n" + "\n".join(_table(known)) + "\n")
    return "\n".join(parts)


def _table(section: Mapping[str, Any]) -> Iterator[str]:
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    for key, value in section["properties"].items():
        default = "" if key in section.get("required", ()) else _default(value.get("default"))
        yield f"| `{key}` | {_value(value)} | {default} | {_cell(value['description'])} |"


def _default(value: Any) -> str:
    if isinstance(value, dict):
        return "see below"
    if value in ([], ()):
        return "none"
    return "null" if value is None else f"`{json.dumps(value) if not isinstance(value, str) else value}`"


def _value(value: Mapping[str, Any]) -> str:
    """Return in a few words what a setting may be."""
    if "$ref" in value:
        return "section"
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return " or ".join(f"`{each}`" for each in value["enum"])
    if "anyOf" in value:
        kinds = [_value(each) for each in value["anyOf"] if not _is_reference_to_secret(each)]
        if any(_is_reference_to_secret(each) for each in value["anyOf"]):
            kinds = ["secret" if each.startswith("text") else each for each in kinds]
        return " or ".join(dict.fromkeys(kinds))
    if value.get("type") == "array":
        return _list(value)
    kinds_of = {"string": "text", "number": "number", "integer": "whole number", "boolean": "true or false"}
    kind = kinds_of.get(value.get("type", ""), value.get("type", "any"))
    return " ".join(each for each in (kind, _bounds(value)) if each)


def _list(value: Mapping[str, Any]) -> str:
    if "prefixItems" in value:
        return "point"
    item = value.get("items", {})
    if "$ref" in item or "oneOf" in item or "discriminator" in item:
        return "list of sections"
    return f"list of {_value(item)}" if "anyOf" not in item else "list of secrets"


def _bounds(value: Mapping[str, Any]) -> str:
    low, high = (
        value.get("minimum", value.get("exclusiveMinimum")),
        value.get("maximum", value.get("exclusiveMaximum")),
    )
    least = None if low is None else f"{'above ' if 'exclusiveMinimum' in value else ''}{low:g}"
    most = None if high is None else f"{'below ' if 'exclusiveMaximum' in value else ''}{high:g}"
    if least is not None and most is not None:
        return f"{least} to {most}"
    return f"{least} or more" if least is not None else f"up to {most}" if most is not None else ""


def _is_reference_to_secret(value: Mapping[str, Any]) -> bool:
    return value.get("type") == "object" and set(value.get("properties", {})) in ({"env"}, {"file"})


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
