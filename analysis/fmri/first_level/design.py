"""The design of one run: task, nuisance, drift, volumes set aside, constant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from analysis.fmri.first_level.hrf import LENGTH_S, Array, column_endings, regressors
from protocols.base.errors import InputError, did_you_mean, fail, listed

KINDS = ("task", "nuisance", "drift", "censor", "constant")
_DEPENDENT = 1e-7
"""Columns of length 1 whose combination is shorter than this are made of each other."""
_FORGOTTEN = 0.01
"""Share of a condition's response that must lie in kept volumes, so that a sliver of it is no estimate."""


@dataclass(frozen=True)
class Design:
    """Design matrix of one run, of full rank.

    Attributes
    ----------
    matrix
        (volumes, columns). Nuisance and drift have a mean of 0 over the kept volumes; each volume set aside has a
        column of its own, 1 there and 0 elsewhere.
    names, kinds
        Name of every column, and which of `KINDS` it is.
    frame_times_s
        When the volumes were taken, (volumes,).
    events
        The events behind the task columns, by condition: ``onset``, ``duration`` (s), ``trial_type``, and ``row``,
        where each stood in the table given, from 0.
    hrf
        The response they were convolved with.
    absent
        Conditions asked for that this run cannot say anything about, and why.

    Raises
    ------
    InputError
        If columns are made of each other, or leave nothing to estimate the noise from.
    """

    matrix: Array
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    frame_times_s: Array
    events: pd.DataFrame
    hrf: str
    absent: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _refuse_dependent(self)

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Volumes not set aside, (volumes,)."""
        return np.asarray(~(self.matrix[:, self.of_kind("censor")] != 0).any(axis=1))

    @property
    def df(self) -> int:
        """Degrees of freedom of the residuals."""
        return self.matrix.shape[0] - self.matrix.shape[1]

    def of_kind(self, *kinds: str) -> NDArray[np.intp]:
        """Where the columns of these kinds stand."""
        return np.flatnonzero([kind in kinds for kind in self.kinds])

    def frame(self) -> pd.DataFrame:
        """The matrix with its names, one row per volume, as nilearn takes it."""
        return pd.DataFrame(self.matrix, columns=list(self.names))


def frame_times(n_volumes: int, tr_s: float, *, slice_time_ref: float = 0.5) -> Array:
    """When each volume was taken, (n_volumes,), in s after the run's first trigger.

    Parameters
    ----------
    n_volumes, tr_s
        Length of the run and repetition time in s.
    slice_time_ref
        Which moment of the volume's acquisition its values stand for, 0 to 1: where slice timing was corrected, the
        slice it was corrected to (fMRIPrep's ``StartTime`` / TR, 0.5 unless changed), otherwise the middle.

    Raises
    ------
    InputError
        If a value is impossible.
    """
    if n_volumes < 2 or not tr_s > 0 or not 0 <= slice_time_ref <= 1:
        raise fail(
            InputError,
            "frame times",
            "cannot be laid out",
            got=f"{n_volumes} volumes, repetition time {tr_s:g} s, slice_time_ref {slice_time_ref:g}",
            accepted="at least 2 volumes, a repetition time above 0 s, slice_time_ref from 0 to 1",
        )
    return np.asarray((np.arange(n_volumes) + slice_time_ref) * tr_s)


def design_matrix(
    events: pd.DataFrame,
    frame_times_s: ArrayLike,
    *,
    hrf: str,
    highpass_hz: float | None,
    conditions: Sequence[str] | None = None,
    modulators: Sequence[str] = (),
    confounds: pd.DataFrame | None = None,
    censored: ArrayLike | None = None,
) -> Design:
    """Lay out one run's design.

    Parameters
    ----------
    events
        ``onset`` and ``duration`` in s (the duration as shown) and ``trial_type``, one row per event.
    frame_times_s
        When the volumes were taken, (volumes,), evenly spaced: see `frame_times`.
    hrf
        One of `analysis.fmri.first_level.hrf.HRFS`.
    highpass_hz
        Cut-off of the cosine drifts in Hz, as in nilearn and SPM (1/128); None for none.
    conditions
        Trial types to model, in this order; all in alphabetical order when left out. One that this run has no events
        of is not modeled and stands in ``absent``.
    modulators
        Columns of the events (say, a clip's motion energy): one regressor each, over all modeled events that have a
        value, mean-centered over them, so that a condition's coefficient stays its response to an average event.
    confounds
        Nuisance regressors, one row per volume, all of them used: see `analysis.fmri.first_level.nuisance`.
    censored
        Volumes to set aside, (volumes,), True or 1 there.

    Returns
    -------
    Design
        Columns in the order task, nuisance, drift, censor, constant.

    Raises
    ------
    InputError
        If the events do not fit the run, a column cannot be used, or columns are made of each other.
    """
    times = _checked_times(frame_times_s)
    kept = ~_checked_censored(censored, len(times))
    shown, absent = _checked_events(events, times, conditions, modulators)
    task, task_names = _task(shown, times, kept, hrf, modulators, absent)
    blocks = {
        "task": (task, task_names),
        "nuisance": _nuisance(confounds, kept),
        "drift": _drift(times, highpass_hz, kept),
        "censor": (np.eye(len(times))[:, ~kept], [f"censored_{k + 1:04d}" for k in np.flatnonzero(~kept)]),
        "constant": (np.ones((len(times), 1)), ["constant"]),
    }
    names = [name for _, block in blocks.values() for name in block]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise fail(
            InputError,
            "design",
            "would have two columns of one name",
            got=listed(twice),
            way_out="rename one",
        )
    return Design(
        np.column_stack([matrix for matrix, _ in blocks.values()]),
        tuple(names),
        tuple(kind for kind, (_, block) in blocks.items() for _ in block),
        times,
        shown[shown.trial_type.isin(task_names)].reset_index(drop=True),
        hrf,
        absent,
    )


def _task(
    events: pd.DataFrame,
    times: Array,
    kept: NDArray[np.bool_],
    hrf: str,
    modulators: Sequence[str],
    absent: dict[str, str],
) -> tuple[Array, list[str]]:
    """Columns of the conditions, then of the modulators; a condition wholly set aside goes to `absent`."""
    columns: list[Array] = []
    names: list[str] = []
    for condition, of_condition in events.groupby("trial_type", sort=False, observed=True):
        made = regressors(of_condition.onset, of_condition.duration, times, hrf=hrf)
        kept_area = np.abs(made[kept, 0]).sum() * (times[1] - times[0])  # its whole area is the seconds shown
        if kept_area < _FORGOTTEN * of_condition.duration.sum():
            absent[str(condition)] = "hardly a volume with its response was kept"
            continue
        columns.append(made)
        names += [f"{condition}{ending}" for ending in column_endings(hrf)]
    events = events[events.trial_type.isin(names)]
    for name in modulators:
        has = events[events[name].notna()]
        heights = has[name].to_numpy(float) - has[name].mean()
        if not len(has) or np.ptp(heights) == 0:
            raise fail(
                InputError, f"modulator '{name}'", "does not vary over the events", way_out="leave it out"
            )
        made = regressors(has.onset, has.duration, times, hrf=hrf, amplitudes=heights)
        columns.append(made[:, :1])
        names.append(name)
    if not names:
        raise fail(InputError, "events", "leave no condition to model", got=listed(absent.values()))
    return np.column_stack(columns), names


def _nuisance(confounds: pd.DataFrame | None, kept: NDArray[np.bool_]) -> tuple[Array, list[str]]:
    if confounds is None:
        return np.empty((len(kept), 0)), []
    if len(confounds) != len(kept):
        raise fail(
            InputError,
            "confounds",
            "have another number of rows than the run has volumes",
            got=f"{len(confounds)} rows, {len(kept)} volumes",
            way_out="take the table of this run, and count volumes that were dropped at the start",
        )
    values = confounds.to_numpy(float)
    bad = [
        str(name) for name, column in zip(confounds, values.T, strict=True) if not np.isfinite(column).all()
    ]
    if bad:
        raise fail(InputError, "confounds", "have cells that are not numbers", got=f"in {listed(bad)}")
    centered = values - values[kept].mean(axis=0)
    still = np.abs(centered[kept]).max(axis=0) <= _DEPENDENT * np.abs(values).max(axis=0)
    names = [str(name) for name in confounds]
    if still.any():
        constant = [name for name, is_still in zip(names, still, strict=True) if is_still]
        raise fail(InputError, "confounds", "do not vary over the volumes kept", got=f"in {listed(constant)}")
    return centered, names


def _drift(times: Array, highpass_hz: float | None, kept: NDArray[np.bool_]) -> tuple[Array, list[str]]:
    """Discrete cosines slower than the cut-off (Ashburner & Friston; as nilearn's ``create_cosine_drift``)."""
    n = len(times)
    spacing = (times[-1] - times[0]) / (n - 1)
    if highpass_hz is None:
        return np.empty((n, 0)), []
    if not 0 < highpass_hz * spacing < 0.5:
        raise fail(
            InputError,
            "highpass_hz",
            "leaves no frequency to the task, or is not above 0",
            got=f"{highpass_hz:g} Hz at a repetition time of {spacing:g} s",
            accepted=f"above 0 and well below {0.5 / spacing:.3g} Hz; 1/128 = 0.0078 is usual",
        )
    order = int(np.floor(2 * n * highpass_hz * spacing))
    cycles = np.arange(1, order + 1)
    cosines = np.sqrt(2 / n) * np.cos(np.pi / n * (np.arange(n)[:, None] + 0.5) * cycles)
    return cosines - cosines[kept].mean(axis=0), [f"drift_{k}" for k in cycles]


def _checked_times(frame_times_s: ArrayLike) -> Array:
    times = np.asarray(frame_times_s, float)
    if times.ndim != 1 or len(times) < 2 or not np.isfinite(times).all():
        raise fail(InputError, "frame times", "are not a list of at least two times", got=f"{times.shape}")
    steps = np.diff(times)
    if steps.min() <= 0 or np.ptp(steps) > 1e-3 * steps.mean():
        raise fail(
            InputError,
            "frame times",
            "are not evenly spaced and rising",
            got=f"steps from {steps.min():g} to {steps.max():g} s",
            way_out="volumes are set aside with `censored`, never by leaving them out",
        )
    return times


def _checked_censored(censored: ArrayLike | None, n_volumes: int) -> NDArray[np.bool_]:
    if censored is None:
        return np.zeros(n_volumes, bool)
    marks = np.asarray(censored)
    if marks.shape != (n_volumes,) or not np.isin(marks, (0, 1)).all():
        raise fail(
            InputError,
            "censored",
            "is not one mark per volume",
            got=f"shape {marks.shape} for {n_volumes} volumes",
            accepted="True (or 1) where a volume is set aside, False (or 0) elsewhere",
        )
    if marks.all():
        raise fail(InputError, "censored", "sets every volume aside", way_out="leave the run out")
    return marks.astype(bool)


def _checked_events(
    events: pd.DataFrame, times: Array, conditions: Sequence[str] | None, modulators: Sequence[str]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The events to model in the order of `conditions`, and the conditions without events."""
    for column in ("onset", "duration", "trial_type", *modulators):
        if column not in events:
            raise fail(
                InputError,
                "events",
                f"have no column '{column}'",
                got=listed(events.columns),
                way_out=did_you_mean(column, [str(name) for name in events.columns]),
            )
    named = events.assign(row=np.arange(len(events)))
    named = named[named.trial_type.notna()]
    wanted = sorted(named.trial_type.astype(str).unique()) if conditions is None else list(conditions)
    shown = named[named.trial_type.astype(str).isin(wanted)]
    shown = shown[["onset", "duration", "trial_type", "row", *modulators]].copy()
    for column in ("onset", "duration", *modulators):
        shown[column] = pd.to_numeric(shown[column], errors="coerce").astype(float)
    _refuse_impossible(shown, times)
    absent = {name: "has no events" for name in wanted if name not in set(shown.trial_type.astype(str))}
    shown["trial_type"] = pd.Categorical(
        shown.trial_type.astype(str), [name for name in wanted if name not in absent], ordered=True
    )
    shown = shown.sort_values(["trial_type", "onset"], kind="stable")
    shown["trial_type"] = shown.trial_type.astype(str)
    return shown.reset_index(drop=True), absent


def _refuse_impossible(shown: pd.DataFrame, times: Array) -> None:
    end = float(times[-1] + (times[1] - times[0]))
    faults = {
        "have an onset that is no number": ~np.isfinite(shown.onset),
        "have no duration above 0 s: write how long each was shown": ~(
            np.isfinite(shown.duration) & (shown.duration > 0)
        ),
        f"begin past the end of the run, which lasts {end:g} s": shown.onset >= end,
        f"ended more than {LENGTH_S:g} s before the first volume": shown.onset + shown.duration
        < times[0] - LENGTH_S,
        "are listed twice": shown.duplicated(["onset", "trial_type"], keep=False),
    }
    for problem, where in faults.items():
        if where.any():
            rows = [
                f"{row.trial_type} at {row.onset:g} s for {row.duration:g} s"
                for row in shown[where].itertuples()
            ]
            raise fail(
                InputError,
                "events",
                problem,
                got=listed(rows, limit=4),
                way_out="check that events and run belong together, and the repetition time",
            )


def _refuse_dependent(design: Design) -> None:
    """Name the columns that are made of each other over the kept volumes."""
    if design.df < 1:
        raise fail(
            InputError,
            "design",
            "leaves nothing to estimate the noise from",
            got=f"{design.matrix.shape[1]} columns ({int((~design.kept).sum())} for volumes set aside), "
            f"{design.matrix.shape[0]} volumes",
            way_out="fewer nuisance regressors or a higher cut-off; or leave the run out",
        )
    columns = np.flatnonzero([kind != "censor" for kind in design.kinds])
    names = [design.names[k] for k in columns]
    matrix = design.matrix[design.kept][:, columns]
    lengths = np.maximum(np.linalg.norm(matrix, axis=0), np.finfo(float).tiny)
    # With fewer volumes kept than columns, the directions without length must be there too.
    _, values, directions = np.linalg.svd(matrix / lengths, full_matrices=len(matrix) < len(names))
    short = np.concatenate([values, np.zeros(len(names) - len(values))]) < _DEPENDENT
    if short.any():
        weights = np.abs(directions[short]).max(axis=0)
        raise fail(
            InputError,
            "design",
            "has columns that are made of each other, so that no response can be told from the rest",
            got=listed(
                [name for name, weight in zip(names, weights, strict=True) if weight > 1e-3], limit=24
            ),
            way_out="leave one of them out",
        )
