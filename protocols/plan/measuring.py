"""What is measured and how: measures with bound, control and assumptions; analysis settings; exclusions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from protocols.plan.fields import Identifier, NotNegative, Part, Positive, Sentence, Share, declare
from protocols.plan.sessions import Contrast, Paradigm

Statistic = Literal[
    "dprime", "dprime_per_person", "dprime_same_different", "dprime_forced_choice", "proportion", "rating",
    "log_response_time", "percent_signal_change", "amplitude", "isc", "value",
]  # fmt: skip

UNIT_OF: dict[str, str] = {
    "dprime": "dprime",
    "dprime_per_person": "dprime",
    "dprime_same_different": "dprime",
    "dprime_forced_choice": "dprime",
    "proportion": "proportion",
    "rating": "points",
    "log_response_time": "log_s",
    "percent_signal_change": "percent_signal",
    "amplitude": "microvolt",
    "isc": "fisher_z",
}
CHOICES = ("dprime", "dprime_per_person", "proportion")
"""Statistics made of single choices: their tables hold one row per trial, 0 or 1."""
DPRIMES = ("dprime", "dprime_per_person")
"""Statistics that are d' between two conditions: marginal over scenes, or per person."""
PAIRS: dict[str, Paradigm] = {
    "dprime_same_different": "same_different",
    "dprime_forced_choice": "pair_comparison",
}
"""Statistics made of pairs, and their paradigm: one d' per person and compared version, 0 being chance."""


class Bound(Part):
    """The smallest effect of interest: equivalence is claimed inside it."""

    value: Positive = declare(
        "the bound; effects between -value and +value are too small to matter", unit="measure"
    )
    unit: Sentence = declare("must be the measure's unit")
    because: Sentence = declare("why this and not another value")


class Control(Part):
    """A known effect the same measure must show, or its nulls mean nothing."""

    contrast: Contrast | None = declare(
        "[reference, compared]; also fixation (0), all_clips (their mean); catch trials have their own",
        None,
    )
    minimum: NotNegative | dict[Identifier, NotNegative] = declare(
        "passed if the one-sided lower limit exceeds it; one value, or one per group", unit="measure"
    )
    direction: Literal["above", "below"] = declare(
        "whether the second condition lies above or below the first", "above"
    )
    trials: Literal["catch_trials", "main"] = declare("which trials show it", "main")


class Pessimistic(Part):
    """The same assumption as somebody doubtful would make it."""

    sd_people: NotNegative | None = declare("SD over people of the effect", None, unit="measure")
    sd_scenes: NotNegative | None = declare("SD over scenes of the effect", None, unit="measure")
    sd_scenes_by_group: NotNegative | None = declare(
        "SD over scenes of the group x condition effect", None, unit="measure"
    )
    sd_residual: NotNegative | None = declare(
        "SD of a single value around person and scene", None, unit="measure"
    )
    loss: Share | None = declare("share of people without usable data", None)


class Assumption(Part):
    """What is assumed of one group before any data, with its source."""

    sd_people: NotNegative = declare("SD over people of the effect", unit="measure")
    sd_scenes: NotNegative = declare("SD over scenes of the effect", 0.0, unit="measure")
    sd_scenes_by_group: NotNegative = declare(
        "SD over scenes of the group x condition effect", 0.0, unit="measure"
    )
    sd_residual: NotNegative = declare(
        "SD of a single value around its person and scene; for choices it follows from their number",
        0.0,
        unit="measure",
    )
    expected: float = declare("the effect that would make the study worth while", unit="measure")
    loss: Share = declare("share of people without usable data")
    loss_based_on: int | None = declare(
        "number of people that share was seen in; its uncertainty then counts", None, unit="people", ge=1
    )
    source: Sentence = declare("where these numbers come from")
    pessimistic: Pessimistic | None = declare("the same numbers, doubtfully", None)


class Sphere(Part):
    """A spherical region of interest."""

    sphere_mm: Positive = declare("radius", unit="mm")
    centre: tuple[float, float, float] = declare("centre in MNI space", unit="mm")
    source: Sentence = declare("where the coordinates come from")


class MaskFile(Part):
    """A region from a mask, or from one number of an atlas."""

    mask: Sentence = declare("NIfTI file in the template's space; its path, from the data set's folder")
    value: int | None = declare("the region's number in an atlas; a mask of 0 and 1 if absent", None, ge=1)
    sha256: str = declare("of the file, as sha256sum prints it", pattern="^[0-9a-f]{64}$")
    source: Sentence = declare("where the region comes from")


class Covariate(Part):
    """A number per person that the by-person model adjusts for."""

    name: Identifier = declare("column of the people table")
    centre: Literal["group", "all"] = declare(
        "'group' leaves the group means as they are; 'all' compares groups at the same value", "group"
    )


class Measure(Part):
    """One quantity at one level."""

    level: Literal["conscious", "neural"] = declare("what the person says, or what the brain does")
    statistic: Statistic = declare("what the numbers are")
    label: Sentence | None = declare("what sentences call it; the measure's name if absent", None)
    unit: Sentence | None = declare("unit, where the statistic does not fix it", None)
    session: Identifier | None = declare("the session it is measured in", None)
    measured_elsewhere: Sentence | None = declare(
        "for imported values: program, settings and exclusions behind them", None
    )
    roi: Sphere | MaskFile | None = declare("region (bold)", None)
    window_ms: tuple[float, float] | None = declare("time window (eeg)", None, unit="ms", reserved="analysis")
    channels: tuple[Sentence, ...] | None = declare("channels averaged (eeg)", None, reserved="analysis")
    bound: Bound | None = declare("smallest effect of interest; needed wherever equivalence is asked", None)
    spread: Bound | None = declare("bound on the SD over people of the effect", None)
    control: Control | tuple[Control, ...] | None = declare(
        "positive control, or several that must all pass", None
    )
    covariates: tuple[Covariate, ...] = declare("numbers per person the model adjusts for", ())
    assumptions: dict[Identifier, Assumption] | None = declare(
        "what is assumed of each group before any data", None
    )

    @property
    def in_unit(self) -> str:
        """The unit its values, bound and estimates are in."""
        return self.unit or UNIT_OF.get(self.statistic, "")

    @property
    def controls(self) -> tuple[Control, ...]:
        """Its positive controls, in order."""
        if self.control is None:
            return ()
        return self.control if isinstance(self.control, tuple) else (self.control,)


class Hrf(Part):
    """Hemodynamic response."""

    model: Literal["spm", "glover"] = declare("shape", "spm")
    area: Literal["unit"] = declare("unit area: beta is the sustained response", "unit")


class BrainMaps(Part):
    """How maps of the whole brain are tested; they are exploratory."""

    permutations: int = declare("exchanges of people behind corrected p-values", 1000, ge=99, le=100_000)
    cluster_p: Annotated[float, Field(gt=0, le=0.01)] = declare(
        "two-sided p from which neighboring voxels form a cluster", 0.001
    )
    power: Annotated[float, Field(ge=0.5, lt=1)] = declare(
        "power with which a voxel must be able to detect the bound, or it is 'not assessable'", 0.80
    )


class Bold(Part):
    """Settings of the fMRI analysis that can change a number."""

    space: Annotated[str, Field(pattern="^[A-Za-z0-9+]+$")] = declare(
        "template, by its BIDS name, with its cohort: MNIPediatricAsymCohort2; MNI152NLin2009aSym comes along",
        "MNI152NLin2009aSym",
    )
    resolution_mm: Positive = declare("edge of a voxel after preprocessing", 2.0, unit="mm", ge=1, le=10)
    slice_timing: bool = declare(
        "bring slices to one time, after motion is estimated and before it is undone", False
    )
    smoothing_fwhm_mm: NotNegative = declare("smoothing of maps; regions are never smoothed", 5.0, unit="mm")
    hrf: Hrf = declare("hemodynamic response", Hrf())
    highpass_hz: Positive = declare("high-pass cut-off", 0.008, unit="Hz")
    noise_model: Literal["ar1_unbiased", "ar1", "ols"] = declare(
        "serial correlation; ar1 is that of nilearn, whose errors are too small", "ar1_unbiased"
    )
    confounds: tuple[Literal["motion6", "motion24", "acompcor5", "csf_wm"], ...] = declare(
        "nuisance regressors", ("motion24", "acompcor5")
    )
    scene_values: Literal["lss", "none"] = declare("values per scene: one clip at a time, or none", "lss")
    features_as_regressors: tuple[Identifier, ...] = declare(
        "clip features in the model as covariates, frame by frame, from the set's measures", ()
    )
    maps: BrainMaps | None = declare("maps of the whole brain; none if null", BrainMaps())


class Beh(Part):
    """Settings of the behavioral analysis that can change a number."""

    response_time_s: tuple[NotNegative, Positive] = declare(
        "shortest and longest response time; trials outside are not used, trials without a time are",
        (0.2, 10.0),
        unit="s",
    )
    rate_correction: Literal["loglinear"] = declare("hit and false-alarm rates of 0 and 1", "loglinear")
    same_different_rule: Literal["likelihood_ratio", "differencing"] | None = declare(
        "how people decide that two things differ; needed for dprime_same_different", None
    )


class Eeg(Part):
    """Settings of the EEG analysis that can change a number."""

    passband_hz: tuple[Positive, Positive] = declare("filter", (0.1, 40.0), unit="Hz", reserved="analysis")
    reference: Literal["average", "mastoids"] = declare("reference", "average", reserved="analysis")
    epoch_ms: tuple[float, float] = declare("epoch", (-200.0, 1000.0), unit="ms", reserved="analysis")
    baseline_ms: tuple[float, float] | None = declare(
        "baseline", (-200.0, 0.0), unit="ms", reserved="analysis"
    )
    bad_channels: Literal["ransac", "deviation", "none"] = declare(
        "how bad channels are found", "ransac", reserved="analysis"
    )
    artefacts: Literal["autoreject", "amplitude"] = declare(
        "how epochs are rejected", "autoreject", reserved="analysis"
    )


class Analysis(Part):
    """Settings per modality."""

    bold: Bold | None = declare("fMRI; the defaults if absent", None)
    beh: Beh = declare("behavior", Beh())
    eeg: Eeg | None = declare("EEG", None, reserved="analysis")


class RoiRule(Part):
    """When a person's region counts as measured."""

    min_coverage: Share = declare("share of voxels inside the person's own mask", 0.8)
    min_tsnr: NotNegative = declare("temporal signal-to-noise ratio")


class Sensitivity(Part):
    """Other cut-offs under which the result is shown as well."""

    mean_fd_mm: tuple[Positive, ...] = declare("mean framewise displacement", unit="mm")


class Presentation(Part):
    """When a clip counts as not shown as promised."""

    dropped_frames: Share = declare("largest share of a clip's frames that never appeared", 0.05)
    onset_error_s: Positive = declare(
        "largest distance of a clip's onset from its planned time", 0.05, unit="s"
    )
    triggers_lost: Share = declare("largest share of a run's markers that could not be sent", 0.05)


class Exclusions(Part):
    """Who and what is left out, decided beforehand."""

    scenes_per_condition: int = declare(
        "fewest usable scenes (or trials) a person needs in every condition compared", 1, unit="scenes", ge=1
    )
    mean_fd_mm: Positive | None = declare(
        "largest mean framewise displacement of a run; runs that moved more are not used", None, unit="mm"
    )
    volume_fd_mm: Positive | None = declare("volumes that moved more are censored", None, unit="mm")
    volumes_kept_per_condition: Share | None = declare(
        "smallest share of each condition's volumes a person keeps after censoring and the loss of runs", None
    )
    attention_correct: Annotated[float, Field(ge=0, le=1)] | None = declare(
        "smallest share of right answers among a person's attention trials", None
    )
    same_answer: Annotated[float, Field(gt=0.5, le=1)] | None = declare(
        "largest share of one and the same answer among a person's main trials (side bias)", None
    )
    same_in_a_row: int | None = declare(
        "longest run of one and the same answer in a person's main trials", None, unit="trials", ge=2
    )
    presentation: Presentation = declare("clips and runs that were not shown as promised", Presentation())
    roi: RoiRule | None = declare("coverage and signal of a region", None)
    sensitivity: Sensitivity | None = declare("other cut-offs, shown beside", None)
