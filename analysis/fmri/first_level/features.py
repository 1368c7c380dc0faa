"""What clips show, frame by frame, as regressors: a response to luminance is then none to a condition.

At every frame of every clip stands the feature's value minus its mean over the time clips were on the screen in this
run, and 0 where none was. A condition's coefficient stays its response to an average frame; the regressor as a whole
has an area of 0. It is a covariate, never part of a contrast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.fmri.first_level.hrf import Array, regressors
from protocols.base.errors import InputError, did_you_mean, fail, listed

PREFIX = "feature_"
"""Of the columns' names, so that no feature takes a condition's."""


@dataclass(frozen=True)
class ClipSeries:
    """A clip's features, frame by frame.

    Attributes
    ----------
    times_s
        When each frame appears, in s from the first, (frames,), rising from 0.
    seconds
        From the first frame's beginning to the last one's end.
    values
        By feature, (frames,); NaN where a frame has none, as the first has no movement.

    Raises
    ------
    InputError
        If times, length and values do not fit each other.
    """

    times_s: Array
    seconds: float
    values: Mapping[str, Array]

    def __post_init__(self) -> None:
        times = self.times_s
        rising = len(times) > 0 and times[0] == 0 and bool((np.diff(times) > 0).all())
        if (
            not rising
            or not self.seconds > times[-1]
            or any(one.shape != times.shape for one in self.values.values())
        ):
            raise fail(
                InputError, "a clip's series", "does not fit its frames",
                got=f"{len(times)} frames, {self.seconds:g} s, {listed(one.shape for one in self.values.values())}",
                accepted="one value per frame, and times that rise from 0 and end before the clip does",
            )  # fmt: skip


def feature_regressors(
    events: pd.DataFrame,
    series: Mapping[str, ClipSeries],
    features: Sequence[str],
    frame_times_s: ArrayLike,
    *,
    hrf: str,
) -> pd.DataFrame:
    """One regressor per feature, convolved in closed form as conditions are.

    Parameters
    ----------
    events
        ``onset`` and ``duration`` in s as shown, and ``clip``, a name in `series`; one row for each time a clip was
        on the screen.
    series
        The clips' features. A clip's frames are spread over the duration it was shown for.
    features
        Which, in this order.
    frame_times_s
        When the volumes were taken, (volumes,), in s.
    hrf
        ``"spm"`` or ``"glover"``: derivatives stay with the conditions.

    Returns
    -------
    DataFrame
        (volumes, features), named ``feature_luminance`` and so on; for the design they are confounds.

    Raises
    ------
    InputError
        If a clip has no series or lacks a feature, or a feature is the same in all frames shown.
    """
    times = np.asarray(frame_times_s, float)
    if not features:
        return pd.DataFrame(index=range(len(times)))
    onsets, durations, values = _frames(events, series, features)
    seen = np.isfinite(values)
    weights = durations[:, None] * seen
    means = np.sum(np.where(seen, values, 0.0) * weights, axis=0) / weights.sum(axis=0)
    # A frame without a value counts as an average one.
    heights = np.where(seen, values - means, 0.0)
    still = np.abs(heights).max(axis=0) <= 1e-9 * np.abs(means)
    if still.any():
        same = [name for name, is_still in zip(features, still, strict=True) if is_still]
        raise fail(InputError, f"feature {listed(same)}", "is the same in all frames shown in this run",
                   way_out="leave it out of the model")  # fmt: skip
    columns = regressors(onsets, durations, times, hrf=hrf.split(" ")[0], amplitudes=heights)
    return pd.DataFrame(columns, columns=[f"{PREFIX}{name}" for name in features])


def _frames(
    events: pd.DataFrame, series: Mapping[str, ClipSeries], features: Sequence[str]
) -> tuple[Array, Array, Array]:
    """Onset, duration and values of every frame that was on the screen: (frames,), (frames,), (frames, features)."""
    if not len(events):
        raise fail(InputError, "events", "show no clip, so that features have nothing to stand on")
    onsets, durations, values = [], [], []
    for onset, lasted, clip in zip(events["onset"], events["duration"], events["clip"], strict=True):
        own = _of_clip(clip, series, features)
        stretch = lasted / own.seconds
        edges = np.append(own.times_s, own.seconds) * stretch
        onsets.append(onset + edges[:-1])
        durations.append(np.diff(edges))
        values.append(np.column_stack([own.values[name] for name in features]))
    return np.concatenate(onsets), np.concatenate(durations), np.concatenate(values)


def _of_clip(clip: str, series: Mapping[str, ClipSeries], features: Sequence[str]) -> ClipSeries:
    own = series.get(clip)
    if own is None:
        raise fail(InputError, f"clip '{clip}'", "has no series of features", got=listed(series),
                   way_out="measure the set: bazin stimuli measure SET")  # fmt: skip
    for name in features:
        if name not in own.values:
            raise fail(InputError, f"clip '{clip}'", f"has no series '{name}'", accepted=listed(own.values),
                       way_out=did_you_mean(name, own.values))  # fmt: skip
        if not np.isfinite(own.values[name]).any():
            raise fail(InputError, f"clip '{clip}'", f"has no value of '{name}' in any frame",
                       way_out="leave the feature out of the model")  # fmt: skip
    return own
