"""The methods text about scans: preprocessing, first level, and when a value counts."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.evidence.wording import percent
from analysis.report.saved import Study
from protocols.base.errors import listed
from protocols.plan.expanding import label_of, session_of
from protocols.plan.measuring import Bold, Measure, Sphere
from protocols.plan.promises import Plan

CONFOUND_WORDS = {
    "motion6": "six motion parameters",
    "motion24": "24 motion parameters (Friston et al. 1996)",
    "acompcor5": "five principal components of white matter and cerebrospinal fluid (aCompCor, Behzadi et al. 2007)",
    "csf_wm": "the mean signals of cerebrospinal fluid and white matter",
}
NOISE_WORDS = {
    "ar1": "autoregressive noise of order 1 (Yule–Walker, as in nilearn)",
    "ar1_unbiased": "autoregressive noise of order 1, its coefficient freed of the bias of residuals (after Worsley et "
    "al. 2002)",
    "ols": "independent noise",
}


def scans(study: Study) -> str:
    """Sentences about scans; empty where no measure was made of them here."""
    plan = study.plan
    made = {
        name: str(said["Preprocessing"])
        for name, said in study.sidecars.items()
        if name in plan.measures and "Preprocessing" in said
    }
    if not made:
        return ""
    bold = plan.analysis.bold or Bold()
    programs = sorted(set(made.values()))
    own = programs == ["bazin"]
    sentences = [
        _preprocessing(bold)
        if own
        else f"Functional images were preprocessed by {listed(programs)} ({bold.space})."
    ]
    sentences += [_first_level(plan, bold), *_regions(plan, list(made)), *_gates(plan)]
    return " ".join(sentences)


def _preprocessing(bold: Bold) -> str:
    slices = "brought to one time within the repetition time, " if bold.slice_timing else ""
    return (
        f"Functional images were {slices}realigned (rigid, inverse-compositional Gauss–Newton), registered to the "
        "person’s T1-weighted image where there was one (rigid), and through it to the template (affine and SyN, ANTs; "
        f"Avants et al. 2011), and resampled once through all transforms to {bold.space} at {bold.resolution_mm:g} mm."
    )


def _first_level(plan: Plan, bold: Bold) -> str:
    nuisance = (
        listed(CONFOUND_WORDS[name] for name in bold.confounds)
        if bold.confounds
        else "no nuisance regressors"
    )
    limit = plan.exclusions.volume_fd_mm
    censored = " Volumes at the beginning of a run before the signal’s steady state were set aside"
    censored += f", and those with a framewise displacement above {limit:g} mm." if limit else "."
    values = (
        "each clip by itself, the others pooled by condition (LSS, Mumford et al. 2012)"
        if bold.scene_values == "lss"
        else "each condition, over runs"
    )
    shown = [name.replace("_", " ") for name in bold.features_as_regressors]
    features = (
        f" What the clips showed frame by frame ({listed(shown)}, around its mean over the run’s clips) was convolved "
        "with the same response and stood in the model as a covariate of no interest."
        if shown
        else ""
    )
    return (
        f"Responses were modeled with the {bold.hrf.model.upper() if bold.hrf.model == 'spm' else 'Glover'} response "
        f"scaled to {bold.hrf.area} area, a high-pass filter at {bold.highpass_hz:g} Hz, {nuisance}, and "
        f"{NOISE_WORDS[bold.noise_model]}.{features}{censored} Values are percent signal change of {values}: the "
        "sustained response over the voxels’ mean at rest."
    )


def _regions(plan: Plan, names: list[str]) -> list[str]:
    told = []
    for name in names:
        measure: Measure = plan.measures[name]
        region = measure.roi
        if region is None or session_of(plan, measure) is None:
            continue
        where = (
            f"a sphere of {region.sphere_mm:g} mm around ({_minus(region.centre)})"
            if isinstance(region, Sphere)
            else f"a mask ({region.mask}{f', region {region.value}' if region.value is not None else ''})"
        )
        told.append(f"{label_of(plan, 'measure', name)}: {where}, from {region.source}")
    return [f"Regions were not smoothed: {'; '.join(told)}."] if told else []


def _minus(numbers: Sequence[float]) -> str:
    """Coordinates with minus signs; hyphens in names stay what they are."""
    return ", ".join(f"{one:g}".replace("-", "−") for one in numbers)


def _gates(plan: Plan) -> list[str]:
    exclusions = plan.exclusions
    rules = []
    if exclusions.mean_fd_mm is not None:
        rules.append(f"runs with a mean framewise displacement above {exclusions.mean_fd_mm:g} mm")
    if exclusions.volumes_kept_per_condition is not None:
        rules.append(
            f"people who kept less than {percent(exclusions.volumes_kept_per_condition)} of a condition’s volumes"
        )
    if exclusions.roi is not None:
        rules.append(
            f"regions of which less than {percent(exclusions.roi.min_coverage)} was measured or whose temporal "
            f"signal-to-noise ratio was below {exclusions.roi.min_tsnr:g}"
        )
    return [f"Left out were {listed(rules)}."] if rules else []
