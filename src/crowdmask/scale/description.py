"""The file that describes a run in its output, and what must not change when it continues."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from glob import has_magic
from typing import Any

import crowdmask
from crowdmask.errors import OutputError, UsageError
from crowdmask.media.sources import has_picture_suffix
from crowdmask.scale.columns import differences
from crowdmask.scale.store import Store

# Readers of a folder of Parquet files ignore names with this prefix.
RUN_FILE = "_run.json"
FORMAT = 1
_SHOWN = 5


@dataclass(frozen=True)
class Description:
    """Everything that affects the rows of a run.

    Attributes:
        sources: as given by the user.
        model, model_hash: name and hash of the model.
        settings: options of detection and reading, by parameter name.
        columns: types of the user's columns by name, as text.
    """

    sources: tuple[str, ...]
    model: str
    model_hash: str
    settings: dict[str, Any]
    columns: dict[str, str]


def check_place(store: Store, resume: bool) -> bool:
    """Check that a run may write to a place, as far as possible before anything is read.

    Args:
        resume: it may continue another one.
    Returns:
        Whether there is a run to continue.
    Raises:
        UsageError: the place is used.
    """
    names = store.names()
    if RUN_FILE not in names:
        if names:
            raise UsageError(
                f"{store.name}: is not empty and holds no run ({names[0]} ...): choose another `to`"
            )
        return False
    if not resume:
        raise UsageError(
            f"{store.name}: holds a run already: continue it with `resume`, or choose another `to`"
        )
    return True


def begin_or_go_on(store: Store, now: Description, resume: bool) -> None:
    """Write the description of a run, or compare it with the run that it continues.

    Raises:
        UsageError: the place is used, or contains another run; the message says what differs.
        OutputError: its description cannot be read or written.
    """
    if not check_place(store, resume):
        store.write(RUN_FILE, _to_json(now))
        return
    told = _differences(_read(store), now)
    if told:
        raise UsageError(f"{store.name}: holds another run: {'; '.join(told)}: choose another `to`")


def _to_json(value: Description) -> bytes:
    record = {"format": FORMAT, "crowdmask": crowdmask.__version__, **asdict(value)}
    return (json.dumps(record, indent=1) + "\n").encode()


def _read(store: Store) -> Description:
    try:
        record = json.loads(store.read(RUN_FILE))
        return Description(
            tuple(record["sources"]),
            record["model"],
            record["model_hash"],
            dict(record["settings"]),
            dict(record["columns"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{store.name}/{RUN_FILE}: describes no run: choose another `to`") from error


def _differences(before: Description, now: Description) -> list[str]:
    told = []
    if (before.model, before.model_hash) != (now.model, now.model_hash):
        told.append(f"its model is {before.model} ({before.model_hash}), not {now.model} ({now.model_hash})")
    if not _same_sources(before.sources, now.sources):
        told.append(f"its sources are {_some(before.sources)}, not {_some(now.sources)}")
    for name in sorted({*before.settings, *now.settings}):
        then, here = before.settings.get(name), now.settings.get(name)
        if then != here:
            told.append(f"its `{name}` is {_shown(then)}, not {_shown(here)}")
    return told + differences(before.columns, now.columns)


def _same_sources(before: Sequence[str], now: Sequence[str]) -> bool:
    """Return whether a run may continue: photos that are named one by one may have become more.

    A shell turns a pattern into the names of photos, and photos that came later are no other settings.
    """
    then, here = ({_plain(each) for each in sources} for sources in (before, now))
    return then <= here and all(has_picture_suffix(each) and not has_magic(each) for each in here - then)


def _plain(source: str) -> str:
    # No more than that: photos found as `./photos/a.jpg` are other names than `photos/a.jpg`.
    return source.rstrip("/") or source


def _some(sources: Sequence[str]) -> str:
    more = f" and {len(sources) - _SHOWN:,} more" if len(sources) > _SHOWN else ""
    return ", ".join(sources[:_SHOWN]) + more


def _shown(value: Any) -> str:
    return "the default" if value is None else str(value)
