"""Preprocessed runs are found by fMRIPrep's names, and never two spaces or voxel sizes together."""

import pytest

from analysis.fmri.derivatives import derived_runs, one_resolution
from protocols.base.errors import InputError

OURS, THEIRS = "MNI152NLin2009aSym", "MNI152NLin2009cAsym"
FMRIPREP = """
dataset_description.json
sub-01.html
sub-01/anat/sub-01_space-MNI152NLin2009cAsym_desc-preproc_T1w.nii.gz
sub-01/ses-scan/func/sub-01_ses-scan_task-film_run-1_desc-confounds_timeseries.tsv
sub-01/ses-scan/func/sub-01_ses-scan_task-film_run-1_space-MNI152NLin2009cAsym_boldref.nii.gz
sub-01/ses-scan/func/sub-01_ses-scan_task-film_run-1_space-MNI152NLin2009cAsym_desc-brain_mask.nii.gz
sub-01/ses-scan/func/sub-01_ses-scan_task-film_run-1_space-MNI152NLin2009cAsym_desc-preproc_bold.json
sub-01/ses-scan/func/sub-01_ses-scan_task-film_run-1_space-MNI152NLin2009cAsym_desc-preproc_bold.nii.gz
sub-01/ses-scan/func/sub-01_ses-scan_task-film_run-1_space-T1w_desc-brain_mask.nii.gz
sub-01/ses-scan/func/sub-01_ses-scan_task-film_run-1_space-T1w_desc-preproc_bold.nii.gz
sub-01/ses-scan/func/sub-01_ses-scan_task-film_run-2_desc-confounds_timeseries.tsv
sub-01/ses-scan/func/sub-01_ses-scan_task-film_run-2_space-MNI152NLin2009cAsym_desc-brain_mask.nii.gz
sub-01/ses-scan/func/sub-01_ses-scan_task-film_run-2_space-MNI152NLin2009cAsym_desc-preproc_bold.nii.gz
sub-01/ses-scan/func/sub-01_ses-scan_task-rest_desc-confounds_regressors.tsv
sub-01/ses-scan/func/sub-01_ses-scan_task-rest_space-MNI152NLin2009cAsym_desc-brain_mask.nii.gz
sub-01/ses-scan/func/sub-01_ses-scan_task-rest_space-MNI152NLin2009cAsym_desc-preproc_bold.nii.gz
"""
FUNC = "sub-01/ses-scan/func/sub-01_ses-scan_task-film"


def add(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture
def fmriprep(tmp_path):
    add(tmp_path, *FMRIPREP.split())
    return tmp_path


def refused(*args, **wanted):
    with pytest.raises(InputError) as caught:
        derived_runs(*args, **wanted)
    return str(caught.value)


def test_fmripreps_runs_are_found_with_mask_and_confounds(fmriprep):
    runs = derived_runs(fmriprep, "sub-01", THEIRS, task="film")
    assert [run.name for run in runs] == [
        "sub-01_ses-scan_task-film_run-1",
        "sub-01_ses-scan_task-film_run-2",
    ]
    first = runs[0]
    assert first.bold.name.endswith("run-1_space-MNI152NLin2009cAsym_desc-preproc_bold.nii.gz")
    assert first.mask.name.endswith("run-1_space-MNI152NLin2009cAsym_desc-brain_mask.nii.gz")
    assert first.confounds.name.endswith("run-1_desc-confounds_timeseries.tsv")
    assert all(path.exists() for path in (first.bold, first.mask, first.confounds))


def test_older_confounds_are_found_by_their_older_name(fmriprep):
    (rest,) = derived_runs(fmriprep, "sub-01", THEIRS, task="rest")
    assert rest.confounds.name.endswith("_desc-confounds_regressors.tsv")


def test_another_space_is_named_and_never_taken_instead(fmriprep):
    said = refused(fmriprep, "sub-01", OURS, task="film")
    assert f"has no preprocessed run in space {OURS} with task-film" in said
    assert "MNI152NLin2009cAsym, T1w" in said
    assert "analysis.bold.space" in said


def test_cohorts_of_a_template_are_spaces_of_their_own(fmriprep):
    """fMRIPrep's --output-spaces MNIPediatricAsym:cohort-2, which a lab may want beside the adults' space."""
    for cohort in (2, 3):
        spaced = f"{FUNC}_run-1_space-MNIPediatricAsym_cohort-{cohort}_res-2_desc"
        add(fmriprep, f"{spaced}-brain_mask.nii.gz", f"{spaced}-preproc_bold.nii.gz")
    assert len(derived_runs(fmriprep, "sub-01", THEIRS, task="film")) == 2
    (run,) = derived_runs(fmriprep, "sub-01", "MNIPediatricAsymCohort2", task="film")
    assert run.name == "sub-01_ses-scan_task-film_run-1"
    assert run.mask.name.endswith("run-1_space-MNIPediatricAsym_cohort-2_res-2_desc-brain_mask.nii.gz")
    assert run.confounds.name.endswith("run-1_desc-confounds_timeseries.tsv")
    told = refused(fmriprep, "sub-01", "MNIPediatricAsymCohort1")
    assert "MNIPediatricAsymCohort2, MNIPediatricAsymCohort3" in told
    assert "in space MNIPediatricAsym\n" in refused(fmriprep, "sub-01", "MNIPediatricAsym")


def test_files_with_names_of_other_programs_are_left_alone_and_told_where_nothing_fits(fmriprep):
    add(fmriprep, f"{FUNC}_kind-odd_space-{THEIRS}_desc-preproc_bold.nii.gz")
    assert len(derived_runs(fmriprep, "sub-01", THEIRS, task="film")) == 2
    assert "'kind' is not a BIDS entity" in refused(fmriprep, "sub-01", OURS)


def test_what_is_missing_is_all_named_at_once(fmriprep):
    (fmriprep / f"{FUNC}_run-1_desc-confounds_timeseries.tsv").unlink()
    (fmriprep / f"{FUNC}_run-2_space-{THEIRS}_desc-brain_mask.nii.gz").unlink()
    said = refused(fmriprep, "sub-01", THEIRS, task="film")
    assert "run-1_desc-confounds_timeseries.tsv: is missing" in said
    assert f"run-2_space-{THEIRS}_desc-brain_mask.nii.gz: is missing" in said


def test_unknown_people_and_tasks_are_named(fmriprep):
    assert "accepted: sub-01" in refused(fmriprep, "sub-02", THEIRS)
    assert "no such run at all" in refused(fmriprep, "sub-01", THEIRS, task="localizer")


def test_two_resolutions_of_one_run_must_be_chosen_from(fmriprep):
    for resolution in ("2", "3"):
        spaced = f"space-{OURS}_res-{resolution}"
        add(
            fmriprep,
            f"{FUNC}_run-1_{spaced}_desc-preproc_bold.nii.gz",
            f"{FUNC}_run-1_{spaced}_desc-brain_mask.nii.gz",
        )
    said = refused(fmriprep, "sub-01", OURS)
    assert "comes in several resolutions" in said
    assert "res 2, 3" in said
    (run,) = derived_runs(fmriprep, "sub-01", OURS, res="3")
    assert run.resolution == "3"


def test_a_group_has_one_resolution(fmriprep):
    for person, resolution in (("sub-02", "2"), ("sub-03", "3")):
        stem = f"{person}/func/{person}_task-film"
        add(
            fmriprep,
            f"{stem}_space-{OURS}_res-{resolution}_desc-preproc_bold.nii.gz",
            f"{stem}_space-{OURS}_res-{resolution}_desc-brain_mask.nii.gz",
            f"{stem}_desc-confounds_timeseries.tsv",
        )
    runs = {person: derived_runs(fmriprep, person, OURS) for person in ("sub-02", "sub-03")}
    assert one_resolution({"sub-02": runs["sub-02"]}) == "2"
    with pytest.raises(InputError, match="different resolutions") as caught:
        one_resolution(runs)
    assert "res-2: sub-02; res-3: sub-03" in str(caught.value)
