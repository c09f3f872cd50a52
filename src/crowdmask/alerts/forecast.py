"""How often a rule would have told of something on days that are over, and how often wrongly.

The same rules run over what the store has kept. What is expected to be false comes from the measured error
rates of the detector: for a share, the probability at each alert that it was the limit or more; for somebody
without a mask, the part of such labels that are mistakes where as many wear masks as there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crowdmask.alerts.judging import Judge
from crowdmask.alerts.rules import RuleState
from crowdmask.alerts.settings import AlertRule, DownRule, EventRule, FrozenRule, ShareRule
from crowdmask.alerts.snapshot import Snapshot
from crowdmask.store.alert_records import Alert, to_text

_DAY_S = 86_400.0
_MOST_SHOWN = 1000
_LEAST_DAYS = 0.25


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a rule would have done.

    Attributes:
        rule: its name.
        days: how much is kept of at least one of its cameras; 0: nothing is known.
        alerts: how many it would have raised, at all its cameras together.
        expected_false: how many of them are expected to be false; None: the rates do not tell.
        raised: the alerts, the first of them.
    """

    rule: str
    days: float
    alerts: int
    expected_false: float | None
    raised: tuple[Alert, ...]

    @property
    def a_day(self) -> float | None:
        """Alerts a day; None: too little is kept to tell."""
        return self.alerts / self.days if self.days >= _LEAST_DAYS else None

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "rule": self.rule,
            "days": round(self.days, 3),
            "alerts": self.alerts,
            "alerts_a_day": None if self.a_day is None else round(self.a_day, 3),
            "expected_false": None if self.expected_false is None else round(self.expected_false, 3),
            "raised": [
                {"camera": each.camera, "time_utc": to_text(each.raised_utc), "message": each.message}
                for each in self.raised
            ],
        }

    def to_line(self) -> str:
        """Return one line for people."""
        if self.a_day is None:
            kept = f"only {self.days * 24:.1f} hours are" if self.days else "nothing is"
            return f"{self.rule}: {kept} kept of its cameras, too little to say how often it would tell"
        line = f"{self.rule}: {self.a_day:.1f} alerts a day ({self.alerts} in {self.days:.1f} days)"
        if not self.alerts:
            return line
        if self.expected_false is None:
            return f"{line}; how many of them are false, the error rates do not tell"
        return f"{line}, of which {self.expected_false:.1f} are expected to be false"


def forecast(rules: Sequence[AlertRule], snapshots: Iterable[Snapshot], judge: Judge) -> list[Forecast]:
    """Run rules over what was seen.

    Args:
        rules: saved or not.
        snapshots: of all cameras and zones, in the order of time; steps of a minute are well enough.
        judge: with the rates of the model that saw it.
    """
    states = [RuleState(rule, judge) for rule in rules]
    raised: list[list[Alert]] = [[] for _ in rules]
    seconds: list[Counter[str]] = [Counter() for _ in rules]
    kept_s = [0.0] * len(rules)
    newest: list[datetime | None] = [None] * len(rules)
    for snapshot in snapshots:
        for number, state in enumerate(states):
            if not state.follows(snapshot):
                continue
            if snapshot.time_utc != newest[number]:
                kept_s[number] += snapshot.step_s
                newest[number] = snapshot.time_utc
            seconds[number].update(snapshot.person_s)
            told = state.update(snapshot.time_utc, snapshot)
            raised[number] += [alert for alert in told if alert.state == "raised"]
    return [
        Forecast(
            rule=rule.name,
            days=kept_s[number] / _DAY_S,
            alerts=len(raised[number]),
            expected_false=_expected_false(rule, raised[number], seconds[number], judge),
            raised=tuple(raised[number][:_MOST_SHOWN]),
        )
        for number, rule in enumerate(rules)
    ]


def _expected_false(
    rule: AlertRule, alerts: Sequence[Alert], seconds: Counter[str], judge: Judge
) -> float | None:
    match rule:
        case ShareRule():
            return sum(float(alert.values["false_probability"] or 0) for alert in alerts)
        case DownRule() | FrozenRule():
            return 0.0  # the detector has no part in it
        case EventRule(event="no_mask"):
            wrong = judge.false_without_mask(seconds)
            if wrong is None:
                return None if alerts else 0.0
            # False where at least one that it needs was a mistake.
            return len(alerts) * (1 - (1 - wrong) ** rule.count)
        case _:
            return None if alerts else 0.0
