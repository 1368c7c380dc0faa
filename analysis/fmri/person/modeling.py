"""First level of one person's session: every run's model, its regions' values, its quality, the person's maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.fmri.first_level.contrasts import NotInThisRun, combine
from analysis.fmri.first_level.design import Design, design_matrix, frame_times
from analysis.fmri.first_level.efficiency import vif
from analysis.fmri.first_level.engine import fit
from analysis.fmri.first_level.nuisance import displacement, moved, nuisance, unusable
from analysis.fmri.first_level.reference import fit_with_nilearn
from analysis.fmri.first_level.signal_change import percent
from analysis.fmri.person.asked import Asked, in_words
from analysis.fmri.person.films import Films
from analysis.fmri.person.images import masked_series, read_mask, smoothed
from analysis.fmri.preprocessing.confounds import cosines, tsnr
from analysis.fmri.preprocessing.resampling import Grid
from analysis.fmri.scans import Scan
from protocols.base.errors import BazinError, Fault, InputError, fail, listed
from protocols.base.tables import read_frame
from protocols.plan.expanding import FIXATION

NOT_SHOWN = (FIXATION, "rest", "baseline", "null")
"""Words in ``trial_type`` for nothing being shown: what the responses are measured from."""
TRAINING = "training"
NOT_SHOWN_AS_PROMISED = "clip not shown as promised"
NOT_COUNTED = "not counted"
"""Column of the clips that are in no condition's value: practice, and clips not shown as promised."""
IMPULSE_S = 0.1
"""Length of an event that has none and is no condition, a key for example: its column is nuisance, of any height."""
CENSORED_MM = 0.5
"""The stricter cut-off under which the values are given as well, or half the plan's where that is smaller."""
SUFFIX = {"derivatives": " + derivative + dispersion"}


@dataclass(frozen=True)
class RunFiles:
    """A run ready for the first level.

    Attributes
    ----------
    entities
        Of the raw run.
    scan, mask, confounds
        Its images in the template's space, where they hold the person's brain, and the nuisance series.
    events
        As the data set has them.
    slice_time_ref
        The moment of a volume that its values stand for, 0 to 1.
    films
        Where the features that stand in the model come from; None where the plan has none.
    shares_number
        Whether another run of the session has its number, and differs in its acquisition for example.
    """

    entities: Mapping[str, str]
    scan: Scan
    mask: Path
    confounds: Path
    events: pd.DataFrame
    slice_time_ref: float = 0.5
    films: Films | None = None
    shares_number: bool = False

    @property
    def run(self) -> str | None:
        """What tells it from the session's other runs, in tables: its number, with more where that is not enough."""
        if not self.shares_number:
            return self.entities.get("run")
        return "_".join(
            f"{key}-{value}" for key, value in self.entities.items() if key not in ("sub", "ses", "task")
        )

    @property
    def times_s(self) -> np.ndarray:
        """When the volumes were taken, (volumes,), in s."""
        return frame_times(self.scan.n_volumes, self.scan.tr_s, slice_time_ref=self.slice_time_ref)

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return "_".join(f"{key}-{value}" for key, value in self.entities.items())


@dataclass
class RunModel:
    """What is kept of a run once its images are out of memory.

    Attributes
    ----------
    events
        With the columns ``condition``, the plan's or None, and ``lost``, why the clip does not count, or empty.
    design
        As the plan has it; None where the run cannot be modeled.
    designs
        The same for every variant.
    series
        For each region its voxels in this run, (voxels, volumes), and where they lie in the grid.
    tsnr
        Of every voxel, (x, y, z); 0 outside the mask.
    contrasts
        Of the whole brain, in percent; by [reference, compared].
    fault
        Why it is not used; empty where it is.
    """

    files: RunFiles
    events: pd.DataFrame
    mask: np.ndarray
    fd_mm: np.ndarray
    design: Design | None = None
    designs: dict[str, Design] = field(default_factory=dict)
    series: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    tsnr: np.ndarray = field(default_factory=lambda: np.empty(0))
    tsnr_median: float = float("nan")
    contrasts: dict[tuple[str, str], Any] = field(default_factory=dict)
    fault: str = ""

    @property
    def mean_fd_mm(self) -> float:
        """Mean framewise displacement; the first volume has none."""
        return float(np.nanmean(self.fd_mm[1:])) if np.isfinite(self.fd_mm[1:]).any() else float("nan")


def model_run(
    files: RunFiles, asked: Asked, regions: Mapping[str, np.ndarray], grid: Grid, *, maps: bool
) -> RunModel:
    """Fit a run.

    Parameters
    ----------
    files
        The run.
    regions
        Voxels of each measure's region, (x, y, z).
    grid
        Of the group's images.
    maps
        Whether the whole brain is fitted too.

    Raises
    ------
    InputError
        If its images or nuisance series cannot be used at all.
    """
    mask = read_mask(files.mask, grid)
    confounds = read_frame(files.confounds)
    if len(confounds) != files.scan.n_volumes:
        raise fail(InputError, files.name, "has another number of volumes than rows of confounds",
                   got=f"{files.scan.n_volumes} volumes, {len(confounds)} rows in {files.confounds.name}",
                   way_out="take both from the same preprocessing")  # fmt: skip
    events = files.events.assign(
        condition=_conditions(files.events, asked),
        lost=[why_not(event) for event in files.events.to_dict("records")],
    )
    if events["condition"].isna().all():
        words = [word for words in asked.words.values() for word in words]
        raise fail(InputError, files.name, "has no event of a condition of the plan",
                   got=listed(events["trial_type"].dropna().unique()), accepted=listed(words),
                   way_out="say in the plan's 'trial_types' which words mean a condition")  # fmt: skip
    model = RunModel(files, events, mask, displacement(confounds))
    data = masked_series(files.scan, mask)
    counts, drift = ~unusable(confounds), cosines(files.scan.n_volumes, files.scan.tr_s)
    level = tsnr(data if counts.all() else data[:, counts], drift[counts])
    model.tsnr, model.tsnr_median = np.zeros(mask.shape), float(np.median(level))
    model.tsnr[mask] = level
    place = np.full(mask.shape, -1)
    place[mask] = np.arange(len(data))
    for name, region in regions.items():
        inside = region & mask
        model.series[name] = (data[place[inside]], np.flatnonzero(inside))
    if asked.mean_fd_mm is not None and not model.mean_fd_mm <= asked.mean_fd_mm:
        model.fault = (
            f"moved too much: mean FD {model.mean_fd_mm:.2f} mm, at most {asked.mean_fd_mm:g} mm allowed"
        )
    try:
        features = _features(model, asked)
        model.design = _design(model, asked, confounds, features)
    except BazinError as error:
        model.fault = _why(error)
        return model
    model.designs[""] = model.design
    for variant in ("derivatives", "censored"):
        try:
            model.designs[variant] = _design(model, asked, confounds, features, variant)
        except BazinError:
            continue  # a run that cannot carry more columns has no value there; the row says so
    if maps and not model.fault:
        model.contrasts = _whole_brain(data, mask, model.design, asked, files, grid)
    return model


def _conditions(events: pd.DataFrame, asked: Asked) -> pd.Series:
    """The plan's condition of every event: its arm, or what its trial type means; None for anything else."""
    meaning = {word: name for name, words in asked.words.items() for word in words}
    arms = events["arm"] if "arm" in events else pd.Series(None, index=events.index, dtype=object)
    return pd.Series(
        [
            arm if arm in asked.words else meaning.get(kind)
            for arm, kind in zip(arms, events["trial_type"], strict=True)
        ],
        index=events.index, dtype=object,
    )  # fmt: skip


def why_not(event: Mapping[Any, Any]) -> str:
    """Why an event's value does not count; empty where it does."""
    if event.get("unusable_reason"):
        return f"{NOT_SHOWN_AS_PROMISED}: {event['unusable_reason']}"
    return TRAINING if event.get("phase") == TRAINING else ""


def _features(model: RunModel, asked: Asked) -> pd.DataFrame:
    """The plan's features of the clips this run showed, (volumes, features): covariates, in no contrast."""
    if model.files.films is None:
        return pd.DataFrame(index=range(model.files.scan.n_volumes))
    return model.files.films.regressors(model.events, model.files.times_s, hrf=asked.bold.hrf.model)


def _design(
    model: RunModel, asked: Asked, confounds: pd.DataFrame, features: pd.DataFrame, variant: str = ""
) -> Design:
    """The run's design; events that are no condition (attention task, keys) are columns of their own."""
    shown = model.events.copy()
    is_clip = shown["condition"].notna()
    shown["trial_type"] = shown["condition"].fillna(shown["trial_type"])
    shown.loc[is_clip & (shown["lost"] != ""), "trial_type"] = NOT_COUNTED
    shown.loc[~is_clip & ~(shown["duration"] > 0), "duration"] = IMPULSE_S
    others = sorted(set(shown["trial_type"].dropna()) - {*NOT_SHOWN, *asked.words})
    censored = unusable(confounds)
    limit = censoring(asked, variant)
    if limit is not None:
        censored |= moved(confounds, limit)
    covariates = [nuisance(confounds, asked.bold.confounds).reset_index(drop=True), features]
    return design_matrix(
        shown, model.files.times_s,
        hrf=asked.bold.hrf.model + SUFFIX.get(variant, ""),
        highpass_hz=asked.bold.highpass_hz,
        conditions=[*asked.words, *others],
        confounds=pd.concat(covariates, axis=1),
        censored=censored,
    )  # fmt: skip


def censoring(asked: Asked, variant: str = "") -> float | None:
    """From which framewise displacement on volumes are set aside."""
    if variant != "censored":
        return asked.volume_fd_mm
    return CENSORED_MM if asked.volume_fd_mm is None else min(CENSORED_MM, asked.volume_fd_mm / 2)


def _whole_brain(
    data: np.ndarray, mask: np.ndarray, design: Design, asked: Asked, files: RunFiles, grid: Grid
) -> dict[tuple[str, str], Any]:
    """Every contrast of the plan in every voxel, of smoothed images."""
    fwhm = asked.bold.smoothing_fwhm_mm
    estimate = fit_with_nilearn if asked.engine == "nilearn" else fit
    of_brain = estimate(
        smoothed(data, mask, fwhm, grid) if fwhm else data, design, noise=asked.bold.noise_model
    )
    del files
    found: dict[tuple[str, str], Any] = {}
    for contrast in asked.contrasts:
        try:
            found[contrast] = percent(of_brain, in_words(contrast, list(asked.words)))
        except NotInThisRun:
            continue  # other runs may have it
    return found


def quality_rows(models: Sequence[RunModel], asked: Asked) -> list[dict[str, Any]]:
    """One row per run and condition: volumes that carry its response, those kept, motion, signal."""
    rows = []
    for model in models:
        inflation = vif(model.design) if model.design is not None else pd.Series(dtype=float)
        for condition in asked.words:
            carried = _carrying(model, condition)
            if not carried.any():
                continue
            kept = model.design.kept if model.design is not None else np.zeros(len(carried), bool)
            rows.append({
                "session": model.files.entities.get("ses", asked.session), "task": model.files.entities["task"],
                "run": model.files.run, "condition": condition, "volumes": int(carried.sum()),
                "volumes_kept": int((carried & kept).sum()), "mean_fd_mm": model.mean_fd_mm,
                "max_fd_mm": float(np.nanmax(model.fd_mm)), "tsnr": model.tsnr_median,
                "vif": float(inflation.get(condition, np.nan)), "included": float(not model.fault),
                "reason": model.fault or None,
            })  # fmt: skip
    return rows


def _carrying(model: RunModel, condition: str) -> np.ndarray:
    """Volumes in which the condition's predicted response is above half its largest, (volumes,)."""
    from analysis.fmri.first_level.hrf import regressors

    own = model.events[(model.events["condition"] == condition) & (model.events["lost"] == "")]
    times = model.files.times_s
    if not len(own):
        return np.zeros(len(times), bool)
    response = regressors(own["onset"], own["duration"], times, hrf="spm")[:, 0]
    return np.asarray(response > response.max() / 2)


def refuse_lost(models: Sequence[RunModel], asked: Asked) -> str:
    """Why the person's values do not count: too few volumes of a condition kept; empty where they do.

    Volumes of runs that are not used count as lost.
    """
    if asked.volumes_kept is None:
        return ""
    rows = pd.DataFrame(quality_rows(models, asked))
    if rows.empty:
        return ""
    rows["kept"] = rows["volumes_kept"] * rows["included"]
    shares = rows.groupby("condition", sort=False)[["kept", "volumes"]].sum()
    low = (shares["kept"] / shares["volumes"]).loc[lambda share: share < asked.volumes_kept]
    if not len(low):
        return ""
    told = listed(f"{share:.0%} of '{name}'" for name, share in low.items())
    return f"too few volumes kept: {told}, {asked.volumes_kept:.0%} needed"


def person_maps(models: Sequence[RunModel], asked: Asked) -> dict[tuple[str, str], Any]:
    """Each contrast over the used runs' common voxels, in percent: fixed effects, every run counting the same.

    Returns
    -------
    dict
        ``(x, y, z)`` arrays ``effect`` and ``z`` of each contrast, NaN where not all runs measured; and ``runs``.
    """
    found: dict[tuple[str, str], Any] = {}
    for contrast in asked.contrasts:
        used = [model for model in models if contrast in model.contrasts]
        if not used:
            continue
        common = np.logical_and.reduce([model.mask for model in used])
        parts = []
        for model in used:
            inside = common[model.mask]
            whole = model.contrasts[contrast]
            parts.append(
                type(whole)(whole.effect[:, inside], whole.covariance[:, :, inside], whole.df, whole.kind)
            )
        together = combine(parts)
        images = {name: np.full(common.shape, np.nan, np.float32) for name in ("effect", "z")}
        images["effect"][common] = together.effect[0]
        images["z"][common] = together.z
        found[contrast] = {**images, "runs": [model.files.name for model in used]}
    return found


def _why(error: BazinError) -> str:
    return "; ".join(
        " ".join(part for part in (fault.item, fault.problem, f"({fault.got})" if fault.got else "") if part)
        for fault in error.faults
    )


def told(error: BazinError, item: str) -> list[Fault]:
    """Faults of a run, each with the run's name before it."""
    return [
        fault if item in fault.item else Fault(f"{item}: {fault.item}", fault.problem, got=fault.got,
                                               accepted=fault.accepted, way_out=fault.way_out)
        for fault in error.faults
    ]  # fmt: skip
