"""What each kind of rule looks for: is it wrong now, is it right again, and in which words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from crowdmask.alerts.judging import Judge
from crowdmask.alerts.settings import (
    AlertRule,
    DownRule,
    EventRule,
    FrozenRule,
    NobodyRule,
    ShareRule,
)
from crowdmask.alerts.snapshot import Snapshot
from crowdmask.labels import LABELS
from crowdmask.store.alert_records import Value

_BUCKETS = 60
_LEAST_LOOKED = 0.8  # of the time that a share is of
_MOST_UNKNOWN = 0.5  # of the person-seconds
_FIGURES = {"with_mask": "wear a mask correctly", "any_mask": "wear a mask"}
_EVENTS = {
    "person_appeared": "somebody appeared",
    "person_left": "somebody left",
    "mask_put_on": "somebody put a mask on",
    "mask_taken_off": "somebody took the mask off",
    "mask_incorrect": "somebody wears a mask incorrectly",
    "no_mask": "somebody wears no mask",
}


@dataclass(frozen=True)
class Verdict:
    """The result of one step of a condition.

    Attributes:
        bad: whether it is wrong, surely enough to tell.
        good: whether it is right; None: it cannot be told now, and changes nothing. Between both, an alert
            that was raised goes on and none is raised.
        message: what it is, in words.
        values: its figures.
    """

    bad: bool
    good: bool | None
    message: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)


class Condition(ABC):
    """The state of one rule for one camera or zone."""

    @abstractmethod
    def look(self, snapshot: Snapshot, is_open: bool) -> Verdict:
        """Take the next step.

        Args:
            snapshot: what was seen.
            is_open: whether an alert was raised and goes on.
        """


@dataclass
class _Bucket:
    end: datetime
    step_s: float = 0.0
    observed_s: float = 0.0
    person_s: Counter[str] = field(default_factory=Counter)
    tracks: set[Hashable] = field(default_factory=set)
    most: int = 0


class ShareBelow(Condition):
    """The share of the last seconds, with its whole interval, is below a limit."""

    def __init__(self, rule: ShareRule, judge: Judge) -> None:
        """Begin with nobody."""
        self.rule, self.judge = rule, judge
        self._buckets: deque[_Bucket] = deque()

    def look(self, snapshot: Snapshot, is_open: bool) -> Verdict:
        self._add(snapshot)
        observed = sum(bucket.observed_s for bucket in self._buckets)
        if observed < _LEAST_LOOKED * self.rule.for_s:
            return Verdict(False, None)
        person_s: Counter[str] = Counter()
        tracks: set[Hashable] = set()
        for bucket in self._buckets:
            person_s.update(bucket.person_s)
            tracks |= bucket.tracks
        people = max(len(tracks), max(bucket.most for bucket in self._buckets))
        if people < self.rule.min_people:
            return Verdict(False, True, f"under {self.rule.min_people} people, too few for a share")
        labelled = sum(person_s[label] for label in LABELS)
        if labelled <= 0 or labelled < (1 - _MOST_UNKNOWN) * sum(person_s.values()):
            return Verdict(False, None)
        best = self.judge.estimate(person_s, self.rule.figure)
        if best is None or best >= self.rule.limit or is_open:
            return self._of_best(best, people)
        return self._of_interval(person_s, people, observed)

    def _of_best(self, best: float | None, people: int) -> Verdict:
        if best is None:
            return Verdict(False, None)
        words = f"{best:.0%} of {people} people {_FIGURES[self.rule.figure]}, limit {self.rule.limit:.0%}"
        return Verdict(False, best >= self.rule.limit, words, {"share": round(best, 4), "people": people})

    def _of_interval(self, person_s: Mapping[str, float], people: int, observed: float) -> Verdict:
        rule = self.rule
        found = self.judge.judge(person_s, rule.figure, rule.limit, people, observed)
        if found is None:
            return Verdict(False, None)
        words = (
            f"{found.share:.0%} of {people} people {_FIGURES[rule.figure]} "
            f"({found.low:.0%} to {found.high:.0%}), limit {rule.limit:.0%}, in {rule.for_s:g} s"
        )
        values: dict[str, Value] = {
            "share": round(found.share, 4),
            "low": round(found.low, 4),
            "high": round(found.high, 4),
            "limit": rule.limit,
            "people": people,
            "false_probability": round(found.above, 4),
        }
        return Verdict(found.high < rule.limit, False, words, values)

    def _add(self, snapshot: Snapshot) -> None:
        size = max(self.rule.for_s / _BUCKETS, 1e-3)
        if not self._buckets or self._buckets[-1].step_s + 1e-6 >= size:
            self._buckets.append(_Bucket(snapshot.time_utc))
        bucket = self._buckets[-1]
        bucket.end = snapshot.time_utc
        bucket.step_s += snapshot.step_s
        bucket.observed_s += snapshot.observed_s
        bucket.person_s.update(snapshot.person_s)
        if snapshot.tracks is not None:
            bucket.tracks |= snapshot.tracks
        bucket.most = max(bucket.most, snapshot.total_people)
        # By the clock, too: a program that slept has not looked.
        while (snapshot.time_utc - self._buckets[0].end).total_seconds() >= self.rule.for_s - 1e-6:
            self._buckets.popleft()


class EventsHappen(Condition):
    """A number of events of one kind happened within a period."""

    def __init__(self, rule: EventRule) -> None:
        """Begin with none."""
        self.rule = rule
        self._seen: deque[tuple[datetime, int]] = deque()

    def look(self, snapshot: Snapshot, is_open: bool) -> Verdict:
        new = snapshot.events.get(self.rule.event, 0)
        if new:
            self._seen.append((snapshot.time_utc, new))
        while self._seen and (snapshot.time_utc - self._seen[0][0]).total_seconds() > self.rule.within_s:
            self._seen.popleft()
        number = sum(count for _, count in self._seen)
        words = _EVENTS[self.rule.event] + (f" ({number} times)" if number > 1 else "")
        return Verdict(number >= self.rule.count, not number, words, {"events": number})


class CameraDown(Condition):
    """The camera sends no frames."""

    def __init__(self, rule: DownRule) -> None:
        """Take the rule."""
        self.rule = rule

    def look(self, snapshot: Snapshot, is_open: bool) -> Verdict:
        words = "the camera sends again"
        if snapshot.down_s > 0:
            words = f"the camera has sent nothing for {_duration(snapshot.down_s)}"
        values = {"down_s": round(snapshot.down_s, 1)}
        return Verdict(snapshot.down_s >= self.rule.for_s, snapshot.down_s == 0, words, values)


class CameraFrozen(Condition):
    """The picture stands still."""

    def __init__(self, rule: FrozenRule) -> None:
        """Take the rule."""
        self.rule = rule

    def look(self, snapshot: Snapshot, is_open: bool) -> Verdict:
        if not snapshot.online:
            return Verdict(False, None)
        words = "the picture moves again"
        if snapshot.frozen_s > 0:
            words = f"the camera has sent the same picture for {_duration(snapshot.frozen_s)}"
        values = {"frozen_s": round(snapshot.frozen_s, 1)}
        return Verdict(snapshot.frozen_s >= self.rule.for_s, snapshot.frozen_s == 0, words, values)


class NobodyThere(Condition):
    """Nobody was in view; unobserved time does not count."""

    def __init__(self, rule: NobodyRule) -> None:
        """Begin to count."""
        self.rule = rule
        self.empty_s = 0.0

    def look(self, snapshot: Snapshot, is_open: bool) -> Verdict:
        if snapshot.total_people or sum(snapshot.person_s.values()) > 0:
            self.empty_s = 0.0
            return Verdict(False, True, "somebody is there again", {"people": snapshot.total_people})
        self.empty_s += snapshot.observed_s
        words = f"nobody was seen for {_duration(self.empty_s)}"
        bad = self.empty_s >= self.rule.for_s - 1e-6
        # What was raised before a restart is right again only once somebody comes.
        return Verdict(bad, False, words, {"empty_s": round(self.empty_s)})


def make_condition(rule: AlertRule, judge: Judge) -> Condition:
    """Return the condition of a rule for one camera or zone."""
    match rule:
        case ShareRule():
            return ShareBelow(rule, judge)
        case EventRule():
            return EventsHappen(rule)
        case DownRule():
            return CameraDown(rule)
        case FrozenRule():
            return CameraFrozen(rule)
        case NobodyRule():
            return NobodyThere(rule)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
