"""The methods text says what was done to scans, and nothing that was not."""

from types import SimpleNamespace

import pytest

from analysis.report.methods_scans import scans
from tests.fmri.person.world import promise_of


def text(preprocessing="bazin", **changes):
    study = SimpleNamespace(
        plan=promise_of(**changes).plan, sidecars={"roi": {"Preprocessing": preprocessing}, "other": {}}
    )
    return scans(study)


def test_without_measures_of_scans_there_is_nothing_to_say():
    assert scans(SimpleNamespace(plan=promise_of().plan, sidecars={"roi": {"unit": "percent_signal"}})) == ""


def test_every_setting_that_can_change_a_number_is_said():
    said = text()
    for words in (
        "MNI152NLin2009cAsym at 10 mm", "realigned", "affine and SyN, ANTs", "SPM response", "0.008 Hz",
        "six motion parameters",
        "before the signal’s steady state were set aside, and those with a framewise displacement above 0.9 mm.",
        "each clip by itself",
        "a sphere of 12 mm around (0, 0, 0), from a test", "Regions were not smoothed",
        "runs with a mean framewise displacement above 0.5 mm", "less than 40 % of a condition’s volumes",
        "less than 80 % was measured", "signal-to-noise ratio was below 20",
    ):  # fmt: skip
        assert words in said.replace("\u00a0", " ").replace("\u202f", " "), words
    assert "slices" not in said
    assert "brought to one time" not in said


@pytest.mark.parametrize(
    ("changes", "words", "absent"),
    [
        ({"analysis__bold__slice_timing": True}, "brought to one time within the repetition time", "SPM12"),
        ({"analysis__bold__confounds": []}, "no nuisance regressors", "motion parameters"),
        ({"analysis__bold__confounds": ["motion24", "acompcor5"]}, "24 motion parameters", "six motion"),
        ({"analysis__bold__hrf": {"model": "glover"}}, "Glover response", "SPM"),
        ({"analysis__bold__noise_model": "ols"}, "independent noise", "autoregressive"),
        ({"analysis__bold__noise_model": "ar1"}, "Yule–Walker, as in nilearn", "Worsley"),
        ({"analysis__bold__scene_values": "none"}, "each condition, over runs", "LSS"),
        ({"exclusions__volume_fd_mm": None}, "steady state were set aside. Values", "and those with"),
        ({"exclusions__mean_fd_mm": None}, "Left out were people who kept", "runs with a mean"),
        ({"measures__roi__roi": {"mask": "rois/atlas.nii.gz", "value": 7, "sha256": "0" * 64, "source": "an atlas"}},
         "a mask (rois/atlas.nii.gz, region 7), from an atlas", "a sphere"),
        ({"measures__roi__roi": {"sphere_mm": 8, "centre": [-4, 50, -2.5], "source": "peaks"}},
         "a sphere of 8 mm around (−4, 50, −2.5), from peaks", "-4"),
    ],
)  # fmt: skip
def test_another_setting_is_another_sentence(changes, words, absent):
    said = text(**changes)
    assert words in said
    assert absent not in said


def test_a_hyphen_in_a_name_stays_one():
    region = {"mask": "rois/left-tpj.nii.gz", "sha256": "0" * 64, "source": "theory-of-mind atlas"}
    said = text(measures__roi__roi=region)
    assert "rois/left-tpj.nii.gz" in said
    assert "theory-of-mind atlas" in said


def test_another_programs_preprocessing_is_named_and_not_described():
    said = text("fMRIPrep 24.1.0")
    assert said.startswith("Functional images were preprocessed by fMRIPrep 24.1.0 (MNI152NLin2009cAsym).")
    assert "realigned" not in said
    assert "Responses were modeled" in said
