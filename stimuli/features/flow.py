"""Movement on the screen: optical flow, its tempo and its directions."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from stimuli.decoding import Frame
from stimuli.features.cuts import THRESHOLD, CutScore
from stimuli.features.feature import Definition, Feature, Found, mean
from stimuli.features.tempo import fast_share_and_centroid, steady_speed
from stimuli.probing import Probe

_SOURCE = "Kroeger et al. 2016, ECCV (DIS flow)"


class Flow(Feature):
    """Dense optical flow between neighboring frames on Y', 320 px wide, in picture widths per second.

    The time step is the frames' own, so clips of 24 and of 40 frames per second can be compared. Across a cut there is
    no movement to measure (NaN); a repeated frame has none (0), and the next one covers both steps.
    """

    defines = (
        Definition(
            "flow_speed",
            "widths_s",
            "mean speed of optical flow over the picture, in picture widths per second; its mean over time, cuts left "
            "out. Times the picture's width in degrees it is deg_s",
            _SOURCE,
            "OpenCV",
        ),
        Definition(
            "flow_direction_spread",
            "share",
            "how far directions of flow differ within the picture, weighted by speed: 0 all the same (a pan), 1 "
            "balanced (a zoom, a crowd)",
            _SOURCE + "; Mardia & Jupp 2000, Directional Statistics, 2.3",
            "OpenCV",
        ),
        Definition(
            "flow_fast_share",
            "share",
            "share of the fluctuation of flow speed, up to 8 Hz, that is faster than 2 Hz",
            "periodogram of flow_speed at 20 Hz, Hann window",
            "own",
            per_frame=False,
        ),
        Definition(
            "flow_tempo",
            "Hz",
            "mean frequency of the fluctuation of flow speed, up to 8 Hz",
            "periodogram of flow_speed at 20 Hz, Hann window",
            "own",
            per_frame=False,
        ),
    )

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._score = CutScore()
        self._repeated: list[bool] = []

    def see(self, frame: Frame) -> tuple[float, float]:
        """Speed and spread of directions."""
        cut = self._score.see(frame) >= THRESHOLD
        self._repeated.append(frame.repeats)
        if frame.previous is None or cut:
            return np.nan, np.nan
        if frame.repeats:
            return 0.0, np.nan
        flow = self._flow.calc(frame.previous.small, frame.small, None)  # type: ignore[call-overload]
        across, down = cv2.split(flow)
        path = cv2.mean(cv2.magnitude(across, down))[0]
        along = float(np.hypot(cv2.mean(across)[0], cv2.mean(down)[0]))
        speed = path / frame.small.shape[1] / (frame.time_s - frame.previous.time_s)
        return speed, 1 - along / path if path > 0 else np.nan

    def finish(self, series: Mapping[str, np.ndarray], times: np.ndarray) -> Found:
        """Means weighted by time and by speed; tempo."""
        steps = np.diff(times)
        speed, spread = series["flow_speed"], series["flow_direction_spread"]
        values = {
            "flow_speed": mean(speed[1:], steps),
            "flow_direction_spread": mean(spread[1:], np.nan_to_num(speed[1:]) * steps),
        }
        steady = steady_speed(speed, times, np.array(self._repeated))
        values["flow_fast_share"], values["flow_tempo"] = fast_share_and_centroid(steady)
        return Found(values)
