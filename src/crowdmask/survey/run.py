"""Run a survey: the main function of this package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

import crowdmask
from crowdmask.errors import UsageError
from crowdmask.inference.model_file import DEFAULT_MODEL
from crowdmask.survey.audit.apply import CHIN_MASKS, INCORRECT, NONE, apply_audit, read_audit
from crowdmask.survey.comparison.compare import Difference
from crowdmask.survey.comparison.requests import compare_groups, compare_times
from crowdmask.survey.design import Design, check_timezone, parse_time, read_design, times_of
from crowdmask.survey.estimate import PHOTOS, PLACE, TARGETS, Estimate, estimate_group
from crowdmask.survey.floor import find_floor
from crowdmask.survey.grouping import DAY, HOUR, Group, make_clusters, make_groups
from crowdmask.survey.quantify import CONFUSION, CORRECTIONS
from crowdmask.survey.rates import Rates, read_rates, shipped_rates
from crowdmask.survey.shares import FIGURES
from crowdmask.survey.sightings import PASSAGE, Sightings
from crowdmask.survey.sources.exif import taken_at
from crowdmask.survey.uncertainty import DRAWS, Knowledge
from crowdmask.survey.words import CHIN_NONE, DEFINITION, percent

AUDIT = "audit"
"""Added to the corrections if a person labelled photos."""

_MANY_GROUPS, _FEWER_DRAWS = 200, 400


@dataclass(frozen=True)
class Settings:
    """Settings of a survey.

    Attributes:
        by: "folder", "camera", "hour", "day", "zone", "face-size", or a CSV file with a
            column `group`; None: all.
        design: a CSV file with information about the sources; None: the one of `by`.
        target: "photos": the people in exactly these photos; "place": the place from which they were sampled.
        corrections: any of "confidence", "confusion" and "recall".
        rates: a file of counts; None: those shipped for the model.
        timezone: time zone of the sources' clocks, like "Europe/Zurich".
        start: when a video began, ISO 8601.
        compare: pairs of groups to compare, or "all": each with each.
        before_after: first day of the period after a change, ISO 8601: compare it with the period before.
        answers: one or two people's files of an audit, on which the figures are then based.
        chin_mask: how a mask under the chin counts: "incorrect", or "none", which needs an audit.
        draws, seed: number of draws for the intervals, and their random seed.
    """

    by: str | None = None
    design: str | None = None
    target: str = PHOTOS
    corrections: tuple[str, ...] = CORRECTIONS
    rates: str | None = None
    timezone: str | None = None
    start: str | None = None
    compare: tuple[tuple[str, str], ...] | Literal["all"] = ()
    before_after: str | None = None
    answers: tuple[str, ...] = ()
    chin_mask: str = INCORRECT
    draws: int = DRAWS
    seed: int = 0


@dataclass(frozen=True, eq=False)
class GroupResult:
    """One group: place, time and estimate."""

    name: str
    estimate: Estimate
    begins: datetime | None
    ends: datetime | None
    observed_s: float | None
    gaps_s: float | None


@dataclass(frozen=True, eq=False)
class Survey:
    """The result for all groups.

    Attributes:
        groups: in order.
        unit, target: what is counted, and for whom.
        corrections: the corrections that were made.
        definition: definition of the labels.
        model_hash, model: of the detector.
        timezone: name, or None.
        seed: random seed of the draws.
        problems: sources that could not be read.
        rates: the counts used.
        comparisons: of groups, or of the periods before and after.
    """

    groups: tuple[GroupResult, ...]
    unit: str
    target: str
    corrections: tuple[str, ...]
    definition: str
    model: str | None
    model_hash: str | None
    timezone: str | None
    seed: int
    problems: tuple[str, ...] = ()
    rates: Rates | None = field(default=None, repr=False)
    comparisons: tuple[Difference, ...] = ()

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield one record for each group; other programs rely on its fields."""
        for group in self.groups:
            yield self._record(group)

    def _record(self, group: GroupResult) -> dict[str, Any]:
        estimate = group.estimate
        figures = {name: estimate.figures[name].to_record() for name in FIGURES}
        people = estimate.people
        return {
            "group": group.name,
            "photos": estimate.photos,
            "faces": estimate.faces,
            "people": None if people is None else round(people, 2),
            **figures,
            "not_judged": round(estimate.not_judged, 2),
            "unit": self.unit,
            "target": self.target,
            "clusters": estimate.clusters,
            "from": None if group.begins is None else group.begins.isoformat(timespec="seconds"),
            "to": None if group.ends is None else group.ends.isoformat(timespec="seconds"),
            "timezone": self.timezone,
            "observed_s": None if group.observed_s is None else round(group.observed_s, 2),
            "gaps_s": None if group.gaps_s is None else round(group.gaps_s, 2),
            "definition": self.definition,
            "corrections": list(self.corrections),
            "model_hash": self.model_hash,
            "version": crowdmask.__version__,
            "seed": self.seed,
            "notes": list(estimate.notes),
        }


def survey(seen: Sightings, settings: Settings = Settings()) -> Survey:
    """Estimate how many people wear masks, with reliable confidence intervals.

    Args:
        seen: from `crowdmask.survey.read`, or any `crowdmask.survey.sightings.Source`.
        settings: the settings.
    Raises:
        UsageError: the settings do not fit together or do not fit the sightings.
        DataError: a table does not fit.
    """
    _check(settings)
    design = _design(settings)
    seen = _with_times(seen, design, settings)
    groups = make_groups(seen, _way(settings), design)
    if settings.target == PLACE and (design is None or "cluster" not in design.columns):
        raise UsageError(
            "`target` place needs to know what was drawn as a whole: a CSV with the columns source "
            "and cluster "
            "(visit, day or place)"
        )
    clusters = make_clusters(seen, design)
    rates = find_rates(seen, settings.rates)
    corrections = settings.corrections
    if seen.unit == PASSAGE:
        corrections = tuple(each for each in corrections if each == CONFUSION)
    known: Knowledge | None = None
    told: list[str] = []
    if rates is not None:
        floor, told = find_floor(seen, rates)
        draws = settings.draws if len(groups) <= _MANY_GROUPS else min(settings.draws, _FEWER_DRAWS)
        known = Knowledge(rates, floor, corrections, draws, settings.seed)
        if seen.model_hash is None:
            told.append(f"the records do not name their model: the rates of {rates.model} were taken")
        elif seen.model_hash != rates.model_hash:
            told.append("the rates were measured on another model than the records come from")
    if design is not None:
        told += _unmatched(design, seen)
    audit = read_audit(settings.answers, settings.chin_mask, seen.sources) if settings.answers else None
    results = []
    for group in groups:
        estimate = estimate_group(seen, group, clusters, known, settings.target)
        if audit is not None:
            estimate = apply_audit(seen, group, clusters, known, settings.target, audit, estimate)
        results.append(_result(seen, group, estimate, told))
    if audit is not None:
        corrections = (*corrections, AUDIT) if known is not None else (AUDIT,)
    comparisons = compare_groups([(each.name, each.estimate) for each in results], settings.compare)
    if settings.before_after is not None:
        comparisons += compare_times(seen, design, known, settings.before_after, settings.timezone)
    return Survey(
        tuple(results), seen.unit, settings.target, corrections if known is not None or audit is not None
        else (),
        CHIN_NONE if settings.chin_mask == NONE else DEFINITION,
        seen.model or (rates.model if rates is not None else None), seen.model_hash, settings.timezone,
        settings.seed, seen.problems, rates, tuple(comparisons),
    )  # fmt: skip


def find_rates(seen: Sightings, file: str | None = None) -> Rates | None:
    """Return the rates for the correction: from a file, or shipped for the model; None if there are none.

    Args:
        seen: the sightings.
        file: a file of counts.
    """
    if file:
        return read_rates(Path(file))
    return shipped_rates(seen.model_hash, seen.model or DEFAULT_MODEL)


def _check(settings: Settings) -> None:
    for name, value, choice in (("target", settings.target, TARGETS),):
        if value not in choice:
            raise UsageError(f"{name} {value!r}: choose from {', '.join(choice)}")
    unknown = set(settings.corrections) - set(CORRECTIONS)
    if unknown:
        raise UsageError(
            f"no correction {', '.join(sorted(unknown))}: choose from {', '.join(CORRECTIONS)}, none"
        )
    if settings.chin_mask not in CHIN_MASKS:
        raise UsageError(f"`chin_mask` {settings.chin_mask!r}: choose from {', '.join(CHIN_MASKS)}")
    if settings.chin_mask == NONE and not settings.answers:
        raise UsageError(
            "`chin_mask` none needs an audit: the detector does not tell a mask under the chin from "
            "others worn "
            "incorrectly; draw one with `audit` and give its `answers`"
        )
    if settings.draws < 100:
        raise UsageError(f"an interval needs at least 100 draws, not {settings.draws}")
    if settings.timezone is not None:
        check_timezone(settings.timezone)


def _is_table(by: str | None) -> bool:
    return by is not None and by.lower().endswith(".csv")


def _way(settings: Settings) -> str | None:
    return "group" if _is_table(settings.by) else settings.by


def _design(settings: Settings) -> Design | None:
    path = settings.design or (settings.by if _is_table(settings.by) else None)
    if settings.design and _is_table(settings.by) and settings.design != settings.by:
        raise UsageError("give one table: that of `by` says groups, clusters, weights and times together")
    return None if path is None else read_design(path, settings.timezone)


def _with_times(seen: Sightings, design: Design | None, settings: Settings) -> Sightings:
    start = None
    if settings.start is not None:
        try:
            start = parse_time(settings.start, settings.timezone)
        except (ValueError, OverflowError) as error:
            raise UsageError(f"`start` {settings.start!r}: write it like 2026-03-02T08:15") from error
    told = times_of(design, seen.sources, start)
    if not seen.is_video and _needs_times(settings):
        for index in np.flatnonzero(np.isnan(told)):
            told[index] = taken_at(seen.sources[index])
    told = told[seen.source]
    return seen.with_times(np.where(np.isnan(told), seen.time_s, told))


def _needs_times(settings: Settings) -> bool:
    return settings.by in (HOUR, DAY) or settings.target == PLACE or settings.before_after is not None


def _unmatched(design: Design, seen: Sightings) -> list[str]:
    _, missing = design.match(seen.sources)
    if not missing:
        return []
    return [
        f"{len(missing)} of {len(design.rows)} rows of {design.name} name no source that was looked "
        f"at, like {missing[0]}"
    ]


def _result(seen: Sightings, group: Group, estimate: Estimate, told: Sequence[str]) -> GroupResult:
    looks = np.flatnonzero(group.looks)
    begins = ends = None
    times = seen.time_s[looks]
    stated = looks[~np.isnan(times)]
    if len(stated):
        offset = np.nan_to_num(seen.offset_s[stated])
        begins = datetime.fromtimestamp(float((seen.time_s[stated] + offset).min()), UTC).replace(tzinfo=None)
        last = seen.time_s[stated] + offset + seen.observed_s[stated] + seen.gaps_s[stated]
        ends = datetime.fromtimestamp(float(last.max()), UTC).replace(tzinfo=None)
    observed = float(seen.observed_s[looks].sum()) if seen.is_video else None
    gaps = float(seen.gaps_s[looks].sum()) if seen.is_video else None
    notes = (*estimate.notes, *told)
    if gaps:
        notes = (
            *notes,
            f"nothing was looked at for {percent(gaps / (gaps + (observed or 0.0)))} of the time: a "
            f"gap counts for nobody",
        )
    return GroupResult(group.name, replace(estimate, notes=notes), begins, ends, observed, gaps)
