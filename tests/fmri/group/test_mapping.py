"""What is planted in people's maps is found at its place, and what cannot be said is not."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.fmri.group.clusters import NUMERIC
from analysis.fmri.group.mapping import MapQuestion, map_outputs
from analysis.fmri.group.template import brain_of
from analysis.fmri.images import image_of
from analysis.fmri.maps.equivalence import Outcome
from protocols.base.errors import InputError
from protocols.base.tables import read_frame
from tests.fmri.group.planted import (
    ADULTS_MORE,
    CHILDREN_MORE,
    DARK,
    EDGE_MM,
    NOISY_BELOW_MM,
    QUESTION,
    SETTINGS,
    SPACE,
    grid,
    near,
    person_map,
    plant,
)


def inside(where):
    """Voxels of the template's brain."""
    return brain_of(SPACE, SETTINGS["brains"]).inside(where)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return plant(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def outputs(people):
    return map_outputs(people, QUESTION, **SETTINGS)


@pytest.fixture(scope="module")
def record(outputs):
    return json.loads(outputs["ai-live.json"])


@pytest.fixture(scope="module")
def clusters(outputs, tmp_path_factory):
    path = tmp_path_factory.mktemp("clusters") / "clusters.tsv"
    path.write_text(outputs["ai-live_clusters.tsv"])
    return read_frame(path, numeric=NUMERIC)


def volume(outputs, what, name="ai-live"):
    return image_of(outputs[f"{name}_{what}.nii.gz"], what).values


def quick(people, question=QUESTION, **other):
    return map_outputs(people, question, **{**SETTINGS, "permutations": 19, **other})


def test_planted_effects_are_at_the_top_of_the_table_with_side_and_place(clusters):
    assert list(clusters["side"][:2]) == ["+", "-"]
    for row, place in zip(clusters.to_dict("records"), (ADULTS_MORE, CHILDREN_MORE), strict=False):
        assert (row["x_mm"], row["y_mm"], row["z_mm"]) == pytest.approx(place, abs=EDGE_MM)
        assert row["p_cluster_mass"] == row["p_voxel"] == row["p_tfce_smallest"] == pytest.approx(1 / 200)
    first = clusters.iloc[0]
    assert (first["x_mm"], first["y_mm"], first["z_mm"]) == ADULTS_MORE
    assert first["effect"] == pytest.approx(0.8, abs=0.1)
    assert first["voxels"] == near(ADULTS_MORE, 14, grid()).sum()
    assert first["volume_mm3"] == first["voxels"] * EDGE_MM**3
    assert (clusters["p_cluster_mass"][2:].dropna() > 0.05).all()


def test_rows_are_sorted_by_p_and_then_extent(clusters):
    first = clusters[clusters["peak"] == 1]
    order = list(zip(first["p_cluster_mass"], -first["voxels"], strict=True))
    assert order == sorted(order)


def test_the_effect_is_the_second_group_minus_the_first(people, outputs):
    where = near(CHILDREN_MORE, 4, grid())
    values = {
        group: np.array(
            [image_of(one.effect.read_bytes(), "x").values[where][0] for one in people if one.group == group]
        )
        for group in ("child", "adult")
    }
    welch = stats.ttest_ind(values["adult"], values["child"], equal_var=False)
    assert volume(outputs, "t")[where][0] == pytest.approx(welch.statistic, rel=1e-5)
    difference = values["adult"].mean() - values["child"].mean()
    assert volume(outputs, "effect")[where][0] == pytest.approx(difference, rel=1e-5)
    assert difference < -0.4


def test_each_outcome_is_where_it_was_planted(outputs, record):
    where = grid()
    outcome, brain = volume(outputs, "outcome"), inside(where)
    height = where.points()[2].reshape(where.shape)
    different = near(ADULTS_MORE, 14, where) | near(CHILDREN_MORE, 14, where)
    noisy, dark = brain & (height < NOISY_BELOW_MM), brain & near(DARK, 14, where)
    quiet = brain & ~noisy & ~dark & ~different
    assert (outcome[different & brain] == Outcome.DIFFERENT).all()
    assert np.mean(outcome[quiet] == Outcome.EQUIVALENT) > 0.6
    assert np.mean(outcome[quiet] == Outcome.DIFFERENT) < 0.01
    assert (outcome[noisy] == Outcome.NOT_ASSESSABLE).all()
    assert (outcome[dark] == Outcome.NOT_ASSESSABLE).all()
    assert (outcome[~brain] == -1).all()
    said = record["outcomes"]
    for one in Outcome:
        assert said[one.name.lower()]["voxels"] == np.sum(outcome == one)
        assert said[one.name.lower()]["percent"] == pytest.approx(100 * np.mean(outcome[brain] == one))
    assert said["low_tsnr"]["voxels"] == dark.sum()
    reasons = sum(said[name]["voxels"] for name in ("not_in_everybody", "low_tsnr", "too_uncertain"))
    assert reasons == said["not_assessable"]["voxels"]


def test_the_record_counts_what_the_maps_show(outputs, record):
    tested = record["testing"]
    for what, key in (("pvoxel", "voxel"), ("ptfce", "tfce"), ("pclustermass", "cluster_mass")):
        p, t = volume(outputs, what), volume(outputs, "t")
        assert tested[key]["smallest_p"] == pytest.approx(float(np.nanmin(p)))
        assert tested[key]["positive"] == np.sum((p <= 0.05) & (t > 0))
        assert tested[key]["negative"] == np.sum((p <= 0.05) & (t < 0))
    assert tested["cluster_t"] == pytest.approx(stats.t.isf(0.0005, tested["df"]))
    assert record["groups"] == {"child": 12, "adult": 12}
    assert record["exploratory"] is True


def test_maps_lie_in_the_template_and_say_what_they_hold(outputs):
    import gzip

    import nibabel as nib

    assert outputs["ai-live_t.nii.gz"][4:8] == bytes(4)  # no time of writing
    made = nib.Nifti1Image.from_bytes(gzip.decompress(outputs["ai-live_t.nii.gz"]))
    assert made.affine == pytest.approx(grid().affine)
    assert int(made.header["qform_code"]) == int(made.header["sform_code"]) == 4  # MNI 152
    assert made.header.get_intent()[0] == "t test"
    assert np.isnan(made.get_fdata()[0, 0, 0])


def test_order_of_people_and_threads_do_not_change_a_byte(people, outputs):
    again = map_outputs(people[::-1], QUESTION, **{**SETTINGS, "threads": 2})
    assert again == outputs
    assert map_outputs(people, QUESTION, **{**SETTINGS, "seed": 8})["ai-live.json"] != outputs["ai-live.json"]


def test_without_a_bound_nothing_is_called_equivalent(people):
    made = quick(people, dataclasses.replace(QUESTION, bound=None))
    assert not [name for name in made if "outcome" in name or "halfwidth" in name or "detectable" in name]
    assert json.loads(made["ai-live.json"])["outcomes"] is None


def test_one_group_is_compared_with_zero(people):
    made = quick(people, MapQuestion("ai-live-adult", "AI − live action", "percent_signal", ("adult",)))
    effect = volume(made, "effect", "ai-live-adult")
    assert effect[near(ADULTS_MORE, 4, grid())][0] == pytest.approx(0.9, abs=0.1)
    assert json.loads(made["ai-live-adult.json"])["groups"] == {"adult": 12}


def test_whose_field_of_view_costs_what_is_told(people, tmp_path):
    where, brain = grid(), inside(grid())
    half = np.where(where.points()[0].reshape(where.shape) > 0, np.nan, 0.1)
    half[~brain] = np.nan
    short = person_map(tmp_path, "sub-01", "child", half, np.full(where.shape, 60.0), where)
    made = quick([short, *people[1:]])
    assert (volume(made, "outcome")[brain & np.isnan(half)] == Outcome.NOT_ASSESSABLE).all()
    said = json.loads(made["ai-live.json"])
    first, second = said["coverage"]["people"][:2]
    lost = int(np.sum(brain & np.isnan(half)))
    assert (first["participant"], first["lost_voxels"]) == ("sub-01", lost)
    assert second["lost_voxels"] == 0
    assert first["template_percent"] == pytest.approx(100 - first["lost_percent"])
    assert said["coverage"]["voxels"] == brain.sum() - lost
    assert said["outcomes"]["not_in_everybody"]["voxels"] == lost
    assert said["groups"] == {"child": 12, "adult": 12}


def test_broken_empty_and_lonely_maps_are_set_aside_with_their_reasons(people, tmp_path):
    where, coarse = grid(), grid(12.0)
    whole = np.where(inside(where), 0.1, np.nan)
    fine = np.full(where.shape, 60.0)
    broken, empty, other = (
        person_map(tmp_path, "sub-01", "child", whole, fine, where),
        person_map(tmp_path, "sub-02", "adult", np.full(where.shape, np.nan), fine, where),
        person_map(tmp_path, "sub-03", "child", np.full(coarse.shape, 0.1), np.full(coarse.shape, 60.0), coarse),
    )  # fmt: skip
    broken.effect.write_bytes(broken.effect.read_bytes()[:200])
    said = json.loads(quick([broken, empty, other, *people[3:]])["ai-live.json"])
    reasons = {one["participant"]: one["reason"] for one in said["set_aside"]}
    assert list(reasons) == ["sub-01", "sub-02", "sub-03"]
    assert "not a whole NIfTI file" in reasons["sub-01"]
    assert "empty" in reasons["sub-02"]
    assert "another grid" in reasons["sub-03"]
    assert said["groups"] == {"child": 10, "adult": 11}
    assert said["estimable"]


def test_two_grids_are_an_error_that_names_who(people, tmp_path):
    coarse = grid(12.0)
    others = [
        person_map(tmp_path, name, "child", np.full(coarse.shape, 0.1), np.full(coarse.shape, 60.0), coarse)
        for name in ("sub-01", "sub-03")
    ]
    with pytest.raises(InputError, match="not on one grid") as error:
        quick([*others, people[1], *people[3:]])
    assert "12 × 12 × 12 mm" in str(error.value)
    assert "sub-01, sub-03" in str(error.value)


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        ({"space": "MNI152NLin2009cAsym"}, "not of one space"),
        ({"contrast": "cartoonLive"}, "of one contrast"),
    ],
)
def test_two_spaces_or_contrasts_are_an_error_that_names_who(people, tmp_path, difference, said):
    where = grid()
    flat = np.full(where.shape, 0.1)
    other = person_map(tmp_path, "sub-01", "child", flat, flat, where, **difference)
    with pytest.raises(InputError, match=said) as error:
        quick([other, *people[1:]])
    assert f"{next(iter(difference.values()))}: sub-01" in str(error.value)


def test_a_file_of_somebody_else_is_refused(people):
    swapped = dataclasses.replace(people[0], effect=people[2].effect)
    with pytest.raises(InputError, match="is not a map of sub-01"):
        quick([swapped, *people[1:]])


def test_one_person_per_group_gives_a_reason_and_no_map(people):
    made = quick(people[:3])
    assert list(made) == ["ai-live.json"]
    said = json.loads(made["ai-live.json"])
    assert not said["estimable"]
    assert "1 in 'adult'" in said["reason"]
    assert said["testing"] is None


def test_nobody_at_all_gives_a_reason_and_no_map():
    assert not json.loads(quick([])["ai-live.json"])["estimable"]


def test_so_few_people_cannot_give_a_small_p(people):
    assert json.loads(quick(people[:4])["ai-live.json"])["testing"]["possible_p"] == pytest.approx(2 / 6)


def test_covariates_follow_people_not_rows(people):
    age = pd.DataFrame({"age": np.linspace(-1, 1, 24) ** 2}, index=[one.participant for one in people])
    made = quick(people, covariates=age)
    assert quick(people[::-1], covariates=age.sample(frac=1, random_state=1)) == made
    assert made["ai-live_t.nii.gz"] != quick(people)["ai-live_t.nii.gz"]
    with pytest.raises(InputError, match="missing for some people") as error:
        quick(people, covariates=age.drop("sub-05"))
    assert "sub-05" in str(error.value)
