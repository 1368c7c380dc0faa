r"""Hemodynamic responses of unit area, and what they make of clips shown for seconds.

The response :math:`h` to a brief event is a difference of two gamma densities, scaled so that
:math:`\int_0^{32} h\,dt = 1` with time in seconds. A boxcar convolved with it then rises to 1 and stays there: a
coefficient is the *sustained* response, whatever the repetition time, the sampling and the duration (INFERENCE 7).

Boxcars are convolved in closed form, :math:`x(t) = H(t - \mathrm{onset}) - H(t - \mathrm{onset} - \mathrm{duration})`
with :math:`H` the integral of :math:`h`, so that a clip shown for 4.967 s counts as that. Programs that sample (SPM,
nilearn) come to the same as their grid becomes finer. The time and dispersion derivatives have an area of 0 and are not
orthogonalized: with them in the model the coefficient of the response still is the sustained response, now free of a
shift in time.

References
----------
Friston et al. (1998), NeuroImage 7, 30-40 (derivatives); Glover (1999), NeuroImage 9, 416-429. The parameters are those
of ``nilearn.glm.first_level``, which has SPM's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from protocols.base.errors import InputError, did_you_mean, fail, listed

Array = NDArray[np.float64]

LENGTH_S = 32.0
"""The response is cut here, as in SPM."""
TIME_STEP_S = 0.1
DISPERSION_STEP = 0.01
"""Steps of the two derivatives, which are differences (nilearn's and about SPM's)."""


@dataclass(frozen=True)
class _TwoGammas:
    """Delays and dispersions in s; `ratio` is the undershoot's share of the peak's area."""

    delay: float
    dispersion: float
    undershoot: float
    undershoot_dispersion: float
    ratio: float

    def density(self, times: Array) -> Array:
        peak = _gamma_density(times, self.delay / self.dispersion, self.dispersion)
        under = _gamma_density(
            times, self.undershoot / self.undershoot_dispersion, self.undershoot_dispersion
        )
        return np.where(times <= LENGTH_S, peak - self.ratio * under, 0.0) / self._whole()

    def integral(self, times: Array) -> Array:
        return self._raw_integral(np.clip(times, 0.0, LENGTH_S)) / self._whole()

    def _raw_integral(self, times: Array) -> Array:
        peak = special.gammainc(self.delay / self.dispersion, times / self.dispersion)
        under = special.gammainc(
            self.undershoot / self.undershoot_dispersion, times / self.undershoot_dispersion
        )
        return np.asarray(peak - self.ratio * under)

    def _whole(self) -> float:
        return float(self._raw_integral(np.array(LENGTH_S)))


_SHAPES = {
    "spm": _TwoGammas(6.0, 1.0, 16.0, 1.0, 0.167),
    "glover": _TwoGammas(6.0, 0.9, 12.0, 0.9, 0.48),
}
_ENDINGS = {
    "": ("",),
    " + derivative": ("", "_derivative"),
    " + derivative + dispersion": ("", "_derivative", "_dispersion"),
}
HRFS = tuple(shape + ending for shape in _SHAPES for ending in _ENDINGS)
"""What may be asked for, in nilearn's words."""


def hrf(times_s: ArrayLike, model: str = "spm") -> Array:
    """The response to a brief event at time 0.

    Parameters
    ----------
    times_s
        Times since the event, in s, any shape.
    model
        ``"spm"`` or ``"glover"``; endings for derivatives change nothing here.

    Returns
    -------
    Array
        The response in 1/s, shaped as the times; 0 before the event and after 32 s, area 1.

    Raises
    ------
    InputError
        If there is no such model.
    """
    return _shape(model).density(np.asarray(times_s, float))


def column_endings(model: str) -> tuple[str, ...]:
    """What a condition's name ends in for each of its columns: ``("", "_derivative")``."""
    _shape(model)
    return _ENDINGS[model.removeprefix(model.split(" ")[0])]


def regressors(
    onsets_s: ArrayLike,
    durations_s: ArrayLike,
    frame_times_s: ArrayLike,
    *,
    hrf: str = "spm",
    amplitudes: ArrayLike | None = None,
) -> Array:
    """Boxcars convolved with the response, one column per part of the model.

    Parameters
    ----------
    onsets_s, durations_s
        When events began and how long they lasted, (events,), in s on the clock of the frame times.
    frame_times_s
        When the volumes were taken, (volumes,), in s.
    hrf
        One of `HRFS`.
    amplitudes
        Height of each boxcar, (events,); 1 when left out. For several series over the same events (events, series),
        where the model has no derivatives.

    Returns
    -------
    Array
        (volumes, columns); the columns are the response (to each series) and, if asked for, its derivatives in time
        (1/s) and in dispersion.

    Raises
    ------
    InputError
        If there is no such model.
    """
    onsets, durations = np.asarray(onsets_s, float), np.asarray(durations_s, float)
    heights = np.ones(len(onsets)) if amplitudes is None else np.asarray(amplitudes, float)
    since = np.asarray(frame_times_s, float)[:, None] - onsets
    return np.column_stack(
        [(integral(since) - integral(since - durations)) @ heights for integral in _integrals(hrf)]
    )


def _integrals(model: str) -> list[Callable[[Array], Array]]:
    """Integral from 0 to t of every part of the model."""
    shape = _shape(model)
    wider = replace(shape, dispersion=shape.dispersion + DISPERSION_STEP)

    def in_time(times: Array) -> Array:
        return (shape.integral(times) - shape.integral(times - TIME_STEP_S)) / TIME_STEP_S

    def in_dispersion(times: Array) -> Array:
        return (shape.integral(times) - wider.integral(times)) / DISPERSION_STEP

    parts: list[Callable[[Array], Array]] = [shape.integral, in_time, in_dispersion]
    return parts[: len(column_endings(model))]


def _shape(model: str) -> _TwoGammas:
    if model not in HRFS:
        raise fail(
            InputError,
            "hrf",
            "is not a response this version knows",
            got=repr(model),
            accepted=listed(HRFS),
            way_out=did_you_mean(str(model), HRFS),
        )
    return _SHAPES[model.split(" ")[0]]


def _gamma_density(times: Array, shape: float, scale: float) -> Array:
    scaled = np.maximum(times, 0.0) / scale
    return np.asarray(np.exp(special.xlogy(shape - 1.0, scaled) - scaled - special.gammaln(shape)) / scale)
