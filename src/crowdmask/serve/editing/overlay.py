"""Changes of a site's cameras and rules as plain values, apart from the site file that they are made to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from pydantic import SecretStr, TypeAdapter, ValidationError

from crowdmask.alerts.settings import AlertRule
from crowdmask.errors import UsageError
from crowdmask.live.sources import hide_credentials
from crowdmask.serve.site import CameraSettings, Site
from crowdmask.settings import describe_problems

Kind: TypeAlias = Literal["camera", "rule"]
Item: TypeAlias = CameraSettings | AlertRule
Plain: TypeAlias = Mapping[str, Any]
ByName: TypeAlias = Mapping[str, Plain | None]
"""What is other than in the site file, by name; None: it is removed."""

_ADAPTERS: Mapping[Kind, TypeAdapter[Any]] = MappingProxyType(
    {"camera": TypeAdapter(CameraSettings), "rule": TypeAdapter(AlertRule)}
)
# Without this key a change does not make a whole camera or rule.
_NEEDED: Mapping[Kind, str] = MappingProxyType({"camera": "source", "rule": "when"})


@dataclass(frozen=True)
class FieldDifference:
    """One setting that is other than in the site file; None where there is none on that side."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Difference:
    """How a camera or rule differs from the site file; without credentials."""

    kind: Kind
    name: str
    action: Literal["added", "changed", "removed"]
    fields: tuple[FieldDifference, ...]


@dataclass(frozen=True)
class Overlay:
    """Changes that win over the site file.

    Only the settings that differ are kept of a changed camera or rule, so that the others still follow the
    site file, and secrets that stand in environment variables or files stay there.
    """

    cameras: ByName = field(default_factory=dict)
    rules: ByName = field(default_factory=dict)

    def of(self, kind: Kind) -> ByName:
        """Return the changes of cameras or of rules."""
        return self.cameras if kind == "camera" else self.rules

    def apply(self, site: Site, dropped: Callable[[Kind, str], None] = lambda kind, name: None) -> Site:
        """Return a site with the changes.

        Args:
            site: as its file has it.
            dropped: is told of changes of what the site file has no longer; they do not count.
        Raises:
            UsageError: they do not fit together.
        """
        cameras = _merged("camera", site.cameras, self.cameras, dropped)
        rules = _merged("rule", site.alerts.rules, self.rules, dropped)
        try:
            alerts = site.alerts.model_validate({**dict(site.alerts), "rules": rules})
            return Site.model_validate({**dict(site), "cameras": cameras, "alerts": alerts})
        except ValidationError as error:
            raise UsageError("; ".join(describe_problems(error))) from error

    def changed(self, kind: Kind, name: str, before: Item | None, after: Item | None) -> Overlay:
        """Return an overlay in which one camera or rule is another one.

        Args:
            kind: of it.
            name: of it.
            before: as the site file has it; None: not at all.
            after: as it shall be; None: not there.
        """
        changes = {each: change for each, change in self.of(kind).items() if each != name}
        if before != after:
            changes[name] = None if after is None else _difference(before, after)
        return self.with_changes(kind, changes)

    def without(self, kind: Kind, name: str) -> Overlay:
        """Return an overlay in which one camera or rule is as the site file has it."""
        return self.with_changes(kind, {each: it for each, it in self.of(kind).items() if each != name})

    def with_changes(self, kind: Kind, changes: ByName) -> Overlay:
        """Return an overlay with other changes of cameras or of rules."""
        return Overlay(changes, self.rules) if kind == "camera" else Overlay(self.cameras, changes)

    def differences(self, site: Site) -> list[Difference]:
        """Return how what is in force differs from the site file.

        Args:
            site: as its file has it.
        """
        found = []
        after = self.apply(site)
        for kind in ("camera", "rule"):
            old, new = items(site, kind), items(after, kind)
            for name in self.of(kind):
                before, now = old.get(name), new.get(name)
                if before == now:
                    continue
                names = [*dict.fromkeys(each for item in (before, now) if item for each, _ in item)]
                found.append(
                    Difference(
                        kind, name,
                        "added" if before is None else "removed" if now is None else "changed",
                        tuple(
                            FieldDifference(each, _shown(before, each), _shown(now, each))
                            for each in names
                            if each != "name" and getattr(before, each, None) != getattr(now, each, None)
                        ),
                    )
                )  # fmt: skip
        return found


def items(site: Site, kind: Kind) -> dict[str, Item]:
    """Return the cameras or the rules of a site by their names."""
    found: Sequence[Item] = site.cameras if kind == "camera" else site.alerts.rules
    return {each.name: each for each in found}


def _merged(
    kind: Kind, found: Sequence[Item], changes: ByName, dropped: Callable[[Kind, str], None]
) -> list[Item]:
    merged: list[Item] = []
    for item in found:
        change = changes.get(item.name, {})
        if change is not None:
            whole = _NEEDED[kind] in change and kind == "rule"
            merged.append(_checked(kind, item.name, change if whole else {**dict(item), **change}))
    known = {item.name for item in found}
    for name, change in changes.items():
        if name not in known and change is not None:
            if _NEEDED[kind] in change:
                merged.append(_checked(kind, name, change))
            else:
                dropped(kind, name)
    return merged


def _checked(kind: Kind, name: str, values: Plain) -> Item:
    try:
        item: Item = _ADAPTERS[kind].validate_python({**values, "name": name})
    except ValidationError as error:
        raise UsageError(f"{kind} {name}: {'; '.join(describe_problems(error))}") from error
    return item


def _difference(before: Item | None, after: Item) -> Plain:
    """Return the settings to keep; those of a new camera or rule, and of a rule of another kind: all."""
    if before is None or type(before) is not type(after):
        return _plain(after, {name for name, _ in after} - {"name"}, exclude_defaults=True)
    return _plain(after, {name for name, value in after if value != getattr(before, name)})


def _plain(item: Item, names: set[str], *, exclude_defaults: bool = False) -> dict[str, Any]:
    plain: dict[str, Any] = item.model_dump(mode="json", include=names, exclude_defaults=exclude_defaults)
    for name in plain:
        value = getattr(item, name)
        if isinstance(value, SecretStr):
            plain[name] = value.get_secret_value()
    return plain


def _shown(item: Item | None, name: str) -> Any:
    if item is None or not hasattr(item, name):
        return None
    value = _plain(item, {name})[name]
    return hide_credentials(value) if isinstance(getattr(item, name), SecretStr) else value
