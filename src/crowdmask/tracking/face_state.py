"""The Kalman filter of BoT-SORT and C-BIoU with less computation, for crowds."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from trackers.utils.state_representations import XCYCWHStateEstimator


class FaceState(XCYCWHStateEstimator):
    """The position, size and speed of one face, filtered like in the library, but axis by axis.

    The library keeps an 8 x 8 covariance and inverts a matrix for each face and frame. All its noise
    matrices are diagonal, so centre x, centre y, width and height are independent: four filters of a position
    and a speed give the same numbers with a dozen operations on four values.

    Source: Aharon et al., BoT-SORT (2022), section 3.1.
    """

    # Variances (4,) of positions and speeds, their covariances, and the variance of a measurement.
    _place: NDArray[np.float64]
    _speed: NDArray[np.float64]
    _both: NDArray[np.float64]
    _noise: NDArray[np.float64]

    def __init__(self, bbox: NDArray[Any]) -> None:
        """Begin at the first box, xyxy."""
        super().__init__(bbox)
        self._take_covariance(self.kf.state_covariance)
        self._noise = self.kf.measurement_noise.diagonal()

    def set_kf_covariances(
        self,
        measurement_noise: NDArray[np.float64] | None = None,
        process_noise: NDArray[np.float64] | None = None,
        state_covariance: NDArray[np.float64] | None = None,
    ) -> None:
        """Take diagonal covariances, (4, 4), (8, 8) and (8, 8)."""
        if measurement_noise is not None:
            self._noise = measurement_noise.diagonal()
        if process_noise is not None:
            self.motion.calibrate_from_process_noise(process_noise)
        if state_covariance is not None:
            self._take_covariance(state_covariance)

    def predict(self, frame_step: float = 1.0, frame_rate: float | None = None) -> None:
        """Predict this many frames ahead."""
        state = self.kf.state
        state[:4] += frame_step * state[4:]
        drift = self.motion.process_noise.build_Q(frame_step, frame_rate)
        own, mixed = drift.diagonal(), drift.diagonal(4)
        further = frame_step * self._speed
        self._place = self._place + frame_step * (2 * self._both + further) + own[:4]
        self._both = self._both + further + mixed
        self._speed = self._speed + own[4:]

    def update(self, bbox: NDArray[Any] | None) -> None:
        """Update with a detected box, xyxy."""
        if bbox is None:
            return
        state = self.kf.state
        off = self.bbox_to_measurement(bbox) - state[:4, 0]
        total = self._place + self._noise
        gain, speed_gain, left = self._place / total, self._both / total, self._noise / total
        state[:4, 0] += gain * off
        state[4:, 0] += speed_gain * off
        self._speed = self._speed - speed_gain * self._both
        self._both = self._both * left
        self._place = self._place * left

    def state_to_bbox(self) -> NDArray[np.float64]:
        """Return the box, xyxy."""
        x, y, width, height = self.kf.state[:4, 0].tolist()
        right, down = width * 0.5, height * 0.5
        return np.array([x - right, y - down, x + right, y + down])

    def _take_covariance(self, covariance: NDArray[np.float64]) -> None:
        """Extract the elements of a covariance, (8, 8), that can differ from 0."""
        own = covariance.diagonal()
        self._place, self._speed = own[:4].copy(), own[4:].copy()
        self._both = covariance.diagonal(4).copy()


@cache
def fits() -> bool:
    """Return whether the installed library calls its filters as `FaceState` expects."""
    try:
        from trackers.core.botsort.tracklet import BoTSORTTracklet

        track = BoTSORTTracklet(np.array([0.0, 0.0, 8.0, 8.0]), FaceState)
        track.predict()
        track.update(np.array([1.0, 0.0, 9.0, 8.0]))
    except (ImportError, AttributeError, TypeError, ValueError, IndexError):
        return False
    return True
