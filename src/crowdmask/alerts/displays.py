"""How the cameras are, for channels that show states."""

from __future__ import annotations

from collections.abc import Sequence

from crowdmask.alerts.channels.home_assistant import CameraState
from crowdmask.alerts.rules import RuleState
from crowdmask.alerts.settings import ShareRule
from crowdmask.alerts.snapshot import Snapshot


def camera_states(
    snapshots: Sequence[Snapshot], rules: Sequence[RuleState], has_privacy: bool, shows_people: bool = True
) -> dict[str, CameraState]:
    """Return the state of each camera by its name.

    Args:
        snapshots: one of each camera, and one of each of its zones.
        rules: all rules, after this step.
        has_privacy: whether cameras can be switched to see nothing.
        shows_people: whether it is told how many people are in view now.
    """
    states = {}
    for whole in snapshots:
        if whole.zone is not None:
            continue
        parts = [each for each in snapshots if each.camera == whole.camera]
        watching = [state for state in rules if any(state.follows(part) for part in parts)]
        states[whole.camera] = CameraState(
            online=whole.online,
            frozen=whole.frozen_s > 0,
            people=dict(whole.people) if whole.observed_s > 0 and shows_people else None,
            rules={
                state.rule.name: any(alert.camera == whole.camera for alert in state.open)
                for state in watching
            },
            shares={
                state.rule.name: state.share(whole.camera)
                for state in watching
                if isinstance(state.rule, ShareRule)
            },
            private=whole.private if has_privacy else None,
        )
    return states
