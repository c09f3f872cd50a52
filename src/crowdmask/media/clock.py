"""Make one steady clock of times that jump: joined parts, one stray time, a counter that starts anew."""

from __future__ import annotations

LEAP_S = 60.0
"""From here on a step forward is a jump, where the container is not made to tell pauses."""

PAUSE_S = 1800.0
"""The same where it is: a screen recording may show one picture for long."""

_BACK_STEPS = 1.5  # less is rounding, or two frames that changed places
_RETURN_STEPS = 5.0
_STUCK_STEPS = 0.25
_ROUNDED = 0.1  # as where times are whole milliseconds


class SteadyClock:
    """Times that never go back, and go on one step after a jump.

    Attributes:
        jump_s: the steady time of the first jump; None: there was none.
    """

    def __init__(self, start_s: float, step_s: float, leap_s: float = LEAP_S) -> None:
        """Begin at 0.

        Args:
            start_s: the time, by the clock that may jump, that becomes 0.
            step_s: usual time between two frames.
            leap_s: a longer step forward is a jump, if it is more than ten usual ones.
        """
        self.jump_s: float | None = None
        self._shift = self._shift_before = -start_s
        self._usual_s = self._step_s = step_s
        self._leap_s = max(leap_s, 10 * step_s)
        self._last: float | None = None

    def at(self, time_s: float) -> float:
        """Return the steady time of the next frame, seconds.

        Args:
            time_s: its time by the clock that may jump.
        """
        now, last = time_s + self._shift, self._last
        if last is None:
            self._last = max(now, 0.0)
            return self._last
        step = now - last
        if step < -_BACK_STEPS * self._usual_s or step > self._leap_s:
            self.jump_s = last + self._step_s if self.jump_s is None else self.jump_s
            back = time_s + self._shift_before
            # One stray time, and the clock of before goes on.
            returns = 0 < back - last <= _RETURN_STEPS * self._usual_s
            now = back if returns else last + self._step_s
            self._shift_before, self._shift = self._shift, now - time_s
        elif self.jump_s is not None and step < _STUCK_STEPS * self._usual_s:
            # Whoever wrote the file would not let times go back, and pressed all that follow together.
            now = last + self._step_s
            self._shift = now - time_s
        elif 0 < step <= 2 * self._usual_s:
            exact = abs(step - self._usual_s) > _ROUNDED * self._usual_s
            self._step_s = step if exact else self._usual_s
        self._last = max(now, last)
        return self._last
