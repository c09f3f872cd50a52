"""Turn times that jump into one steady clock: joined parts, a single wrong time, a counter that restarts."""

from __future__ import annotations

LEAP_S = 60.0
"""A longer step forward is a jump, in containers that cannot represent pauses."""

PAUSE_S = 1800.0
"""The same in containers that can: a screen recording may show one picture for a long time."""

_BACK_STEPS = 1.5  # less is rounding, or two frames in the wrong order
_RETURN_STEPS = 5.0
_STUCK_STEPS = 0.25
_WRAP_S = 2**33 / 90_000  # by ISO/IEC 13818-1 times have 33 bits at 90 kHz: 26.5 hours
_ROUNDED = 0.1  # for example if times are whole milliseconds


class SteadyClock:
    """Times that never go back; after a jump they continue with the usual step.

    Attributes:
        jump_s: steady time of the first jump; None: there was none.
        wraps: so often the counter of a transport stream began anew, which is no jump.
    """

    def __init__(self, start_s: float, step_s: float, leap_s: float = LEAP_S) -> None:
        """Begin at 0.

        Args:
            start_s: the original time that becomes 0.
            step_s: usual time between two frames.
            leap_s: a longer step forward is a jump, if it is also more than ten usual steps.
        """
        self.jump_s: float | None = None
        self.wraps = 0
        self._shift = self._shift_before = -start_s
        self._usual_s = self._step_s = step_s
        self._leap_s = max(leap_s, 10 * step_s)
        self._last: float | None = None

    def at(self, time_s: float) -> float:
        """Return the steady time of the next frame, seconds.

        Args:
            time_s: its original time.
        """
        now, last = time_s + self._shift, self._last
        if last is None:
            self._last = max(now, 0.0)
            return self._last
        step = now - last
        # FFmpeg undoes the first wrap of this counter only.
        if abs(step + _WRAP_S - self._step_s) <= _ROUNDED * self._usual_s:
            self._shift += _WRAP_S
            self.wraps += 1
            now, step = now + _WRAP_S, step + _WRAP_S
        if step < -_BACK_STEPS * self._usual_s or step > self._leap_s:
            self.jump_s = last + self._step_s if self.jump_s is None else self.jump_s
            back = time_s + self._shift_before
            # A single wrong time: the previous clock continues.
            returns = 0 < back - last <= _RETURN_STEPS * self._usual_s
            now = back if returns else last + self._step_s
            self._shift_before, self._shift = self._shift, now - time_s
        elif self.jump_s is not None and step < _STUCK_STEPS * self._usual_s:
            # The program that wrote the file did not let times go back, so all later frames are too close
            # together.
            now = last + self._step_s
            self._shift = now - time_s
        elif 0 < step <= 2 * self._usual_s:
            exact = abs(step - self._usual_s) > _ROUNDED * self._usual_s
            self._step_s = step if exact else self._usual_s
        self._last = max(now, last)
        return self._last
