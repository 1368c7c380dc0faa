"""Slices brought to one time: what each voxel would have been in the middle of its volume's repetition time.

Off unless the plan asks for it. Motion is estimated before, on volumes as they were measured, and undone after: a
slice's time belongs to the scanner's grid, not to the head.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.fmri.preprocessing.resampling import Loaded
from analysis.fmri.preprocessing.rigid import Array
from analysis.fmri.scans import Scan
from protocols.base.errors import Fault, InputError, fail, listed
from protocols.base.progress import progress

REFERENCE = 0.5
"""Of the repetition time, to which slices are brought: the middle, as first levels assume."""
MOST_BYTES = 3_000_000_000
"""Of a run in memory: interpolation in time needs all volumes at once."""
_ROUNDING_S = 1e-3  # converters write three or four decimals
_AXES = {"i": 0, "j": 1, "k": 2}
_LEAVE_OFF = "or leave slice timing off (analysis.bold.slice_timing: false)"


@dataclass(frozen=True)
class SliceTiming:
    """When each slice of a volume was measured.

    Attributes
    ----------
    seconds
        After the beginning of the volume, (slices,), in the order of the stored voxels; several slices may share a
        time (multiband).
    axis
        Of the voxels, along which slices lie.
    tr_s
        Repetition time.
    """

    seconds: Array
    axis: int
    tr_s: float


def slice_timing(scan: Scan) -> SliceTiming:
    """The times that a run's sidecar gives (BIDS: ``SliceTiming`` and ``SliceEncodingDirection``).

    Raises
    ------
    InputError
        If there are none, or if they contradict the images or the repetition time: every fault at once.
    """
    said = scan.sidecar.get("SliceTiming")
    item = str(scan.path)
    if said is None:
        raise fail(InputError, item, "has no SliceTiming in its sidecar",
                   way_out=f"write the slices' times (s) into the run's JSON, {_LEAVE_OFF}")  # fmt: skip
    direction = scan.sidecar.get("SliceEncodingDirection", "k")
    faults: list[Fault] = []
    if direction not in {f"{axis}{sign}" for axis in _AXES for sign in ("", "-")}:
        faults.append(
            Fault(item, "has a SliceEncodingDirection that is none", got=repr(direction),
                  accepted="i, j, k, i-, j- or k-", way_out=f"correct the sidecar, {_LEAVE_OFF}")
        )  # fmt: skip
        raise InputError(faults)
    axis = _AXES[direction[0]]
    if not isinstance(said, list) or not all(_is_number(one) for one in said):
        raise fail(InputError, item, "has a SliceTiming that is no list of numbers", got=repr(said)[:60],
                   accepted="seconds after the beginning of the volume, one per slice",
                   way_out=f"correct the sidecar, {_LEAVE_OFF}")  # fmt: skip
    if len(said) != scan.shape[axis]:
        faults.append(
            Fault(item, "has a SliceTiming of another number of slices", got=f"{len(said)} times",
                  accepted=f"{scan.shape[axis]}, the slices along {direction[0]}",
                  way_out="slices were cut off or added, or SliceEncodingDirection is wrong: "
                          f"take the converter's files, {_LEAVE_OFF}")
        )  # fmt: skip
    seconds = np.array(said, float)
    beyond = np.flatnonzero((seconds < -_ROUNDING_S) | (seconds > scan.tr_s + _ROUNDING_S))
    if len(beyond):
        worst = seconds[beyond[np.argmax(np.abs(seconds[beyond] - scan.tr_s / 2))]]
        faults.append(
            Fault(item, "has slice times outside of the repetition time",
                  got=f"{worst:g} s (slice {listed([int(i) + 1 for i in beyond])})",
                  accepted=f"0 to {scan.tr_s:g} s",
                  way_out="milliseconds instead of seconds, or a wrong RepetitionTime? Correct the sidecar, "
                          f"{_LEAVE_OFF}")
        )  # fmt: skip
    elif len(seconds) > 1 and np.ptp(seconds) < _ROUNDING_S:
        faults.append(
            Fault(item, "has one time for all slices", got=f"{seconds[0]:g} s",
                  way_out="a 3D sequence has no slice times, and a 2D one cannot have this: "
                          f"correct the sidecar, {_LEAVE_OFF}")
        )  # fmt: skip
    if faults:
        raise InputError(faults)
    # Times are listed along the direction; with a minus the first one is of the last stored slice.
    return SliceTiming(seconds[::-1] if direction.endswith("-") else seconds, axis, scan.tr_s)


def in_time(scan: Scan, timing: SliceTiming) -> Loaded:
    """The run with all slices of a volume brought to the middle of its repetition time.

    Each voxel's series is read at the wanted moments from its interpolating cubic spline. Half a repetition time
    before the first and after the last volume nothing was measured: the nearest value stands there.

    Parameters
    ----------
    scan
        The run.
    timing
        Of `slice_timing`.

    Returns
    -------
    Loaded
        All volumes in memory, float32.

    Raises
    ------
    InputError
        If the run is too large for that.
    """
    size = math.prod(scan.shape) * scan.n_volumes * 4
    if size > MOST_BYTES:
        raise fail(InputError, str(scan.path), "is too large for slice timing", got=f"{size / 1e9:.1f} GB",
                   accepted=f"at most {MOST_BYTES / 1e9:g} GB in memory",
                   way_out="leave slice timing off: such a run has a short repetition time")  # fmt: skip
    data = np.empty((scan.n_volumes, *scan.shape), np.float32)
    for t in progress(range(scan.n_volumes), "reading for slice timing"):
        data[t] = scan.volume(t)
    by_slice = np.moveaxis(data, timing.axis + 1, 0)
    for moment in np.unique(timing.seconds):
        weights = _weights(scan.n_volumes, REFERENCE - moment / timing.tr_s)
        for place in np.flatnonzero(timing.seconds == moment):
            slab = by_slice[place]
            slab[:] = (weights @ slab.reshape(scan.n_volumes, -1)).reshape(slab.shape)
    return Loaded(np.moveaxis(data, 0, -1), scan.affine)


def _weights(n_volumes: int, ahead: float) -> np.ndarray:
    """What each volume contributes to each one read `ahead` of its time, in volumes: (n_volumes, n_volumes)."""
    from scipy.interpolate import make_interp_spline

    places = np.arange(n_volumes, dtype=float)
    wanted = np.clip(places + ahead, 0, n_volumes - 1)
    return np.asarray(make_interp_spline(places, np.eye(n_volumes), k=3)(wanted), np.float32)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
