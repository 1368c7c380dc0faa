"""What a run's design is made of, and what is refused."""

import warnings

import numpy as np
import pandas as pd
import pytest

from analysis.fmri.first_level.design import Design, design_matrix, frame_times
from analysis.fmri.first_level.nuisance import SETS, moved, nuisance
from protocols.base.errors import InputError

TIMES = frame_times(160, 2.0)
CONDITIONS = ["live", "ai", "cartoon"]


def design(events: pd.DataFrame, **options) -> Design:
    return design_matrix(events, TIMES, **{"hrf": "spm", "highpass_hz": 1 / 128, **options})


def test_frame_times_are_the_middle_of_volumes_unless_told_otherwise():
    assert frame_times(3, 2.0) == pytest.approx([1, 3, 5])
    assert frame_times(3, 2.0, slice_time_ref=0.0) == pytest.approx([0, 2, 4])


@pytest.mark.parametrize("hrf", ["glover", "spm", "spm + derivative"])
def test_the_matrix_is_nilearns_but_for_its_sampling_of_the_response(shown, confounds, hrf):
    from nilearn.glm.first_level import make_first_level_design_matrix
    from nilearn.glm.first_level.hemodynamic_models import orthogonalize

    motion = nuisance(confounds, ["motion6"])
    ours = design(shown, hrf=hrf, confounds=motion).frame()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = make_first_level_design_matrix(
            TIMES,
            shown[["onset", "duration", "trial_type"]],
            hrf_model=hrf,
            high_pass=1 / 128,
            add_regs=motion - motion.mean(),
            add_reg_names=list(motion),
            oversampling=1000,
        )
    assert set(ours) == set(theirs)
    for condition in CONDITIONS:
        columns = [name for name in ours if name.startswith(condition)]
        ours[columns] = orthogonalize(ours[columns].to_numpy(copy=True))
        assert np.abs(ours[columns].to_numpy() - theirs[columns].to_numpy()).max() < 2e-3
    others = [name for name in ours if not name.startswith(tuple(CONDITIONS))]
    np.testing.assert_allclose(ours[others].to_numpy(), theirs[others].to_numpy(), atol=1e-12)


def test_columns_come_by_kind_and_conditions_in_the_order_asked_for(shown, confounds):
    set_aside = np.zeros(160, bool)
    set_aside[[20, 21, 90]] = True
    made = design(shown, conditions=CONDITIONS, confounds=nuisance(confounds, ["csf_wm"]), censored=set_aside)
    assert made.names[:5] == ("live", "ai", "cartoon", "csf", "white_matter")
    assert made.names[-4:] == ("censored_0021", "censored_0022", "censored_0091", "constant")
    assert made.kinds == ("task",) * 3 + ("nuisance",) * 2 + ("drift",) * 5 + ("censor",) * 3 + ("constant",)
    np.testing.assert_array_equal(made.kept, ~set_aside)
    assert made.df == 160 - 14
    centered = made.matrix[:, made.of_kind("nuisance", "drift")]
    assert centered[made.kept].mean(axis=0) == pytest.approx(0, abs=1e-12)


def test_a_modulator_is_centered_so_that_conditions_keep_their_meaning(shown):
    plain, more = design(shown), design(shown, modulators=["motion_energy"])
    assert more.names[3] == "motion_energy"
    shifted = design(shown.assign(motion_energy=shown.motion_energy + 100), modulators=["motion_energy"])
    np.testing.assert_allclose(shifted.matrix, more.matrix, atol=1e-10)
    np.testing.assert_allclose(more.matrix[:, :3], plain.matrix[:, :3])
    by_hand = sum(
        (row.motion_energy - shown.motion_energy.mean())
        * design(shown.loc[[k]].assign(trial_type="one"), highpass_hz=None).matrix[:, 0]
        for k, row in shown.iterrows()
    )
    np.testing.assert_allclose(more.matrix[:, 3], by_hand, atol=1e-10)


def test_a_modulator_counts_only_events_that_have_a_value(shown):
    partly = shown.assign(motion_energy=shown.motion_energy.where(shown.trial_type != "cartoon"))
    without = design(partly[partly.trial_type != "cartoon"], modulators=["motion_energy"])
    np.testing.assert_allclose(
        design(partly, modulators=["motion_energy"]).frame().motion_energy, without.frame().motion_energy
    )


def test_a_condition_without_events_is_left_out_and_said(shown):
    made = design(shown[shown.trial_type != "cartoon"], conditions=CONDITIONS)
    assert made.names[:2] == ("live", "ai")
    assert dict(made.absent) == {"cartoon": "has no events"}


def test_a_condition_of_which_all_volumes_were_set_aside_is_left_out_and_said(shown):
    late = shown.assign(trial_type=np.where(shown.onset > 250, "late", shown.trial_type))
    made = design(late, censored=TIMES > 249)
    assert "late" not in made.names
    assert "late" not in set(made.events.trial_type)
    assert "hardly a volume" in made.absent["late"]


def test_events_remember_where_they_stood(shown):
    events = design(shown, conditions=["ai"]).events
    np.testing.assert_array_equal(shown.onset.iloc[events.row], events.onset)
    assert set(events.trial_type) == {"ai"}


@pytest.mark.parametrize(
    ("name", "columns"), [("motion6", 6), ("motion24", 24), ("acompcor5", 5), ("csf_wm", 2)]
)
def test_sets_of_confounds_have_fmripreps_names(confounds, name, columns):
    taken = nuisance(confounds, [name])
    assert list(taken) == list(SETS[name])
    assert taken.shape == (160, columns)
    assert np.isfinite(taken.to_numpy()).all()


def test_sets_that_share_columns_take_each_once_and_the_first_difference_is_zero(confounds):
    taken = nuisance(confounds.astype(object).where(confounds.notna(), "n/a"), ["motion6", "motion24"])
    assert taken.shape == (160, 24)
    assert taken.trans_x_derivative1.iloc[0] == 0
    assert taken.rot_z_derivative1_power2.iloc[0] == 0


def test_volumes_above_the_cut_off_are_set_aside_and_the_first_never_is(confounds):
    set_aside = moved(confounds, 0.2)
    np.testing.assert_array_equal(set_aside, confounds.framewise_displacement.fillna(0) > 0.2)
    assert not set_aside[0]
    assert 5 < set_aside.sum() < 60
    at_the_cut_off = confounds.assign(framewise_displacement=0.2)
    assert not moved(at_the_cut_off, 0.2).any()


def test_a_displacement_that_is_not_known_is_too_much_and_words_are_refused(confounds):
    told = confounds.framewise_displacement.fillna(0).clip(upper=0.1).astype(object)
    told[[0, 7]] = "n/a"
    assert np.flatnonzero(moved(confounds.assign(framewise_displacement=told), 0.2)).tolist() == [7]
    for wrong in ("much", -0.1, np.inf):
        told[4] = wrong
        with pytest.raises(InputError, match=r"is no distance everywhere[\s\S]*volumes 5"):
            moved(confounds.assign(framewise_displacement=told), 0.2)


def test_unusable_confounds_are_refused_by_name(confounds):
    with pytest.raises(InputError, match=r"no set 'motion25'[\s\S]*did you mean 'motion24'"):
        nuisance(confounds, ["motion25"])
    with pytest.raises(InputError, match=r"lacks[\s\S]*missing: trans_y, rot_z"):
        nuisance(confounds.drop(columns=["trans_y", "rot_z"]), ["motion6"])
    holes = confounds.copy()
    holes.loc[[0, 4], "trans_x"] = np.nan
    with pytest.raises(InputError, match=r"trans_x[\s\S]*volumes 1, 5"):
        nuisance(holes, ["motion6"])
    with pytest.raises(InputError, match="framewise_displacement"):
        moved(confounds.drop(columns="framewise_displacement"), 0.5)
    with pytest.raises(InputError, match=r"cut-off[\s\S]*above 0 mm"):
        moved(confounds, 0.0)


def _at(events: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    changed = events.astype({column: object})
    changed.loc[3, column] = value
    return changed


BAD_EVENTS = {
    "no column 'duration'": lambda e: e.drop(columns="duration"),
    "past the end of the run, which lasts 321 s": lambda e: _at(e, "onset", 321.5),
    "onset that is no number": lambda e: _at(e, "onset", "n/a"),
    "no duration above 0 s": lambda e: _at(e, "duration", 0.0),
    "before the first volume": lambda e: _at(e, "onset", -60.0),
    "listed twice": lambda e: pd.concat([e, e.iloc[[2]]]),
    "no condition to model": lambda e: e.assign(trial_type=None),
}


@pytest.mark.parametrize("problem", BAD_EVENTS)
def test_events_that_do_not_fit_the_run_are_refused(shown, problem):
    with pytest.raises(InputError, match=problem):
        design(BAD_EVENTS[problem](shown))


BAD_OPTIONS = {
    "another number of rows": {"confounds": pd.DataFrame({"csf": np.arange(150.0)})},
    "cells that are not numbers[\\s\\S]*csf": {"confounds": pd.DataFrame({"csf": [np.nan] * 160})},
    "do not vary[\\s\\S]*csf": {"confounds": pd.DataFrame({"csf": np.full(160, 3.1)})},
    "two columns of one name": {"confounds": pd.DataFrame({"ai": np.arange(160.0)})},
    "one mark per volume": {"censored": np.zeros(150, bool)},
    "every volume aside": {"censored": np.ones(160, bool)},
    "no frequency to the task": {"highpass_hz": 0.3},
    "no column 'brightness'": {"modulators": ["brightness"]},
    "not a response": {"hrf": "canonical"},
}


@pytest.mark.parametrize("problem", BAD_OPTIONS)
def test_options_that_cannot_be_are_refused(shown, problem):
    with pytest.raises(InputError, match=problem):
        design(shown, **BAD_OPTIONS[problem])


def test_columns_made_of_each_other_are_named_and_no_others(shown, confounds):
    motion = nuisance(confounds, ["motion6"]).assign(half=lambda d: 0.5 * d.trans_x - d.rot_z)
    with pytest.raises(InputError, match=r"made of each other[\s\S]*got: +trans_x, rot_z, half\n"):
        design(shown, confounds=motion)


def test_conditions_always_shown_together_are_named(shown):
    twin = shown[shown.trial_type == "ai"].assign(trial_type="ai_again")
    with pytest.raises(InputError, match=r"made of each other[\s\S]*got: +ai, ai_again\n"):
        design(pd.concat([shown, twin]))


def test_a_modulator_that_does_not_vary_is_refused(shown):
    with pytest.raises(InputError, match="modulator 'motion_energy': does not vary"):
        design(shown.assign(motion_energy=2.0), modulators=["motion_energy"])


def test_a_run_with_more_columns_than_volumes_is_refused(shown, confounds):
    with pytest.raises(InputError, match="nothing to estimate the noise from"):
        design(
            shown,
            confounds=nuisance(confounds, ["motion24", "acompcor5"]),
            censored=np.arange(160) % 5 > 0,
        )


@pytest.mark.parametrize("arguments", [(1, 2.0), (100, 0.0), (100, float("nan"))])
def test_impossible_frame_times_are_refused(arguments):
    with pytest.raises(InputError, match="cannot be laid out"):
        frame_times(*arguments)


def test_unevenly_spaced_frame_times_are_refused(shown):
    with pytest.raises(InputError, match="not evenly spaced"):
        design_matrix(shown, np.delete(TIMES, 7), hrf="spm", highpass_hz=None)
