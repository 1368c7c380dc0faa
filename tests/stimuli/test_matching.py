"""The gate, what-if, equivalence, covariates, and what the sentences say."""

import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from protocols.base.errors import InputError, PlanError, UsageError
from protocols.base.tables import read_frame
from protocols.plan.materials import LeakTest, Tolerance
from stimuli.matching import match, write_matching
from stimuli.matching.equivalence import equivalence, pairs_needed, power
from stimuli.matching.gate import judge, passes
from stimuli.matching.paired import exceeds, in_units_of, mean_difference, pair_up
from stimuli.matching.what_if import what_if

UNITS = {"luminance": "cd_m2_percent", "loudness": "LUFS", "cuts": "count", "flow_speed": "widths_s"}
TOLERANCES = {
    "luminance": Tolerance(mean=3.0, worst=10.0, unit="cd_m2_percent"),
    "loudness": Tolerance(mean=0.5, worst=1.5, unit="LU"),
    "cuts": Tolerance(mean=0.0, worst=0.0, unit="count"),
}
CONVERSIONS = {("LUFS", "LU"): 1.0, ("widths_s", "deg_s"): 12.0}


def table(differences, pairs=None, arm="ai"):
    """A table of clips whose live versions are ordinary and whose other versions differ by `differences`."""
    n = len(next(iter(differences.values())))
    pairs = pairs or [f"p{i + 1:02d}" for i in range(n)]
    base = {"luminance": 40.3, "loudness": -23.1, "cuts": 1.0, "flow_speed": 0.1}
    rows = []
    for i, pair in enumerate(pairs):
        live = {name: base.get(name, 5.0) + i for name in differences}
        other = {name: live[name] + differences[name][i] for name in differences}
        for name, values in (("live", live), (arm, other)):
            rows.append(
                {
                    "clip": f"{pair}_{name}",
                    "pair_id": pair,
                    "arm": name,
                    "role": "",
                    "scene": pair,
                    **values,
                }
            )
    return pd.DataFrame(rows)


def matching(features, *, tolerances=TOLERANCES, leak=None, contrasts=("ai",), units=UNITS, **more):
    return match(
        features,
        units,
        tolerances=tolerances,
        leak=leak,
        reference="live",
        contrasts=contrasts,
        seed=1,
        conversions=CONVERSIONS,
        **more,
    )


def row(found, feature):
    return next(one for one in found.gate if one.feature == feature)


# ---- gate


@pytest.mark.parametrize(
    ("differences", "outcome"),
    [
        ([0.4, -0.4, 1.5, 0.1], "within"),
        ([0.6, 0.6, 0.6, 0.6], "mean_outside"),
        ([1.6, -1.6, 0.0, 0.0], "worst_outside"),
        ([11.0, 5.0, 4.0, 4.8], "both_outside"),
        ([0.0, math.nan, 0.0, 0.0], "not_measured"),
        ([9.0, math.nan, 0.0, 0.0], "not_measured"),
    ],
)
def test_mean_and_worst_are_judged_each_against_its_tolerance(differences, outcome):
    found = matching(table({"loudness": differences}), tolerances={"loudness": TOLERANCES["loudness"]})
    one = row(found, "loudness")
    assert one.outcome == outcome
    assert found.comparisons[0].passes is (outcome == "within")
    assert one.mean == pytest.approx(np.nanmean(differences), abs=1e-12)
    assert abs(one.worst) == pytest.approx(np.nanmax(np.abs(differences)))


def test_the_difference_is_contrast_minus_reference_and_the_worst_pair_is_named():
    features = table({"loudness": [-0.2, -7.5, 1.0]}, ["dog", "coffee", "tiger"])
    one = row(matching(features, tolerances={"loudness": TOLERANCES["loudness"]}), "loudness")
    assert (one.worst_pair, one.worst, one.outside) == ("coffee", -7.5, ("coffee",))


def test_a_tolerance_of_zero_is_identity_but_not_of_binary_noise():
    # 0.3 and 0.1 + 0.2 are the same number to every reader of the table.
    features = table({"cuts": [0.0] * 4})
    features.loc[features["pair_id"] == "p01", "cuts"] = [0.3, 0.1 + 0.2]
    tolerances = {"cuts": TOLERANCES["cuts"]}
    assert matching(features, tolerances=tolerances).comparisons[0].passes
    features.loc[features["pair_id"] == "p01", "cuts"] = [0.3, 0.300000001]
    assert row(matching(features, tolerances=tolerances), "cuts").outcome == "both_outside"


def test_a_difference_of_exactly_the_tolerance_is_within():
    # -22.8 - (-23.1) is 0.30000000000000071 in binary.
    features = table({"loudness": [0.3, 0.3, 0.3]})
    limit = {"loudness": Tolerance(mean=0.3, worst=0.3, unit="LU")}
    assert matching(features, tolerances=limit).comparisons[0].passes


@given(st.lists(st.integers(-999, 999), min_size=1, max_size=12), st.integers(0, 6))
def test_means_are_those_of_decimal_arithmetic(whole, decimals):
    values = np.array([number / 10**decimals for number in whole])
    assert mean_difference(values) == pytest.approx(sum(whole) / len(whole) / 10**decimals, rel=1e-12)
    balanced = np.concatenate([values, -values])
    assert mean_difference(balanced) == 0
    assert not exceeds(mean_difference(balanced), 0.0)


def test_features_without_a_tolerance_are_shown_and_judged_by_none():
    found = matching(table({"loudness": [0.0, 0.1], "flow_speed": [9.0, 9.0]}), tolerances={})
    assert found.comparisons[0].passes is None
    assert found.verdict == "no_tolerances"
    assert row(found, "flow_speed").mean == 9.0


def test_sound_in_one_arm_only_names_the_pair_and_the_arm():
    features = table({"loudness": [0.0, 0.0, 0.0]}, ["coffee", "dog", "tiger"])
    features.loc[features["clip"] == "dog_ai", "loudness"] = math.nan
    features.loc[features["pair_id"] == "tiger", "loudness"] = math.nan
    found = matching(features, tolerances={"loudness": TOLERANCES["loudness"]})
    assert row(found, "loudness").not_measured == (("dog", ("ai",)), ("tiger", ("live", "ai")))
    said = "\n".join(found.sentences())
    assert "dog (AI)" in said
    assert "tiger (live and AI)" in said
    assert found.verdict == "mismatched"


def test_infinite_values_are_not_measured():
    features = table({"loudness": [0.0, 0.0]})
    features.loc[0, "loudness"] = -math.inf
    assert (
        row(matching(features, tolerances={"loudness": TOLERANCES["loudness"]}), "loudness").outcome
        == "not_measured"
    )


def test_tolerances_in_another_unit_use_the_conversion():
    features = table({"flow_speed": [0.05, 0.02]})
    limit = {"flow_speed": Tolerance(mean=0.3, worst=1.5, unit="deg_s")}
    one = row(matching(features, tolerances=limit), "flow_speed")
    assert (one.mean, one.worst, one.unit) == (pytest.approx(0.42), pytest.approx(0.6), "deg_s")
    assert one.outcome == "mean_outside"


def test_an_unknown_feature_and_a_wrong_unit_are_faults_with_the_way_out():
    limits = {
        "loudnes": Tolerance(mean=0.5, worst=1.5, unit="LU"),
        "luminance": Tolerance(mean=3.0, worst=10.0, unit="cd_m2"),
    }
    with pytest.raises(PlanError) as caught:
        matching(table({"loudness": [0.0, 0.1], "luminance": [0.0, 0.1]}), tolerances=limits)
    unknown, unit = caught.value.faults
    assert unknown.item == "stimuli.matching.loudnes"
    assert "loudness" in unknown.way_out
    assert unknown.accepted == "loudness, luminance"
    assert unit.got == "cd_m2"
    assert "cd_m2_percent" in unit.accepted
    assert "cd_m2_percent" in unit.way_out


def test_faults_of_the_table_are_explained():
    features = table({"loudness": [0.0, 0.1]})
    with pytest.raises(InputError, match=r"has no column 'pair_id'|have no column 'pair_id'"):
        matching(features.drop(columns="pair_id"), tolerances={})
    with pytest.raises(InputError, match="no column with a feature"):
        matching(features.drop(columns="loudness"), tolerances={})
    with pytest.raises(UsageError, match="are none"):
        matching(features, tolerances={}, leak_features=())
    with pytest.raises(InputError, match="did you mean 'loudness'"):
        matching(features, tolerances={}, leak_features=("loudnes",))
    with pytest.raises(InputError, match="has no unit"):
        matching(features.assign(mystery=1.0), tolerances={})
    with pytest.raises(InputError, match="not a number"):
        matching(features.assign(loudness=["loud", "-20", "-21", "-22"]), tolerances={})
    with pytest.raises(InputError, match="two clips in arm 'ai'"):
        matching(pd.concat([features, features[features["arm"] == "ai"].assign(clip="again")]), tolerances={})
    with pytest.raises(InputError, match="did you mean 'ai'"):
        matching(features, tolerances={}, contrasts=("a1",))
    with pytest.raises(InputError, match="none has a clip in both"):
        matching(features.assign(pair_id=features["clip"]), tolerances={})
    with pytest.raises(UsageError):
        matching(features, tolerances={}, contrasts=("live",))


def test_a_pair_without_its_twin_is_named_and_left_out():
    features = table({"loudness": [0.0, 0.1, 0.2]}).drop(index=5)
    found = matching(features, tolerances={"loudness": TOLERANCES["loudness"]})
    assert found.comparisons[0].pairs == ("p01", "p02")
    assert "pair p03 has no AI clip and is left out" in found.sentences()


def test_the_order_of_rows_changes_nothing():
    random = np.random.default_rng(3)
    features = table({name: random.normal(size=9) for name in ("luminance", "loudness", "flow_speed")})
    features["cuts"] = 1.0
    shuffled = features.sample(frac=1, random_state=5)
    one, other = matching(features), matching(shuffled)
    assert one.sentences() == other.sentences()
    assert repr(one.comparisons) == repr(other.comparisons)  # NaN is not equal to itself
    pd.testing.assert_frame_equal(one.covariates, other.covariates)


# ---- what if


def whether(differences, limit):
    features = table({"loudness": list(differences)})
    paired = in_units_of(
        pair_up(features, UNITS, reference="live", contrast="ai"), {"loudness": limit}, CONVERSIONS
    )
    return paired, what_if(paired, {"loudness": limit})


def test_one_bad_pair_is_found():
    features = table(
        {"luminance": [1.0] * 11 + [15.0], "loudness": [0.1] * 12, "cuts": [0.0] * 12},
    )
    found = matching(features)
    assert found.comparisons[0].what_if.drop == ("p12",)
    assert "drop pair p12 -> passes (11 pairs left)" in found.sentences()


def test_a_set_that_passes_has_no_what_if():
    found = matching(table({"luminance": [1.0] * 4, "loudness": [0.1] * 4, "cuts": [0.0] * 4}))
    assert found.comparisons[0].what_if is None
    assert not any("drop" in text for text in found.sentences())


def test_when_no_small_set_helps_it_says_so():
    found = matching(table({"loudness": [6.0] * 12}), tolerances={"loudness": TOLERANCES["loudness"]})
    assert found.comparisons[0].what_if.drop == ()
    assert any("dropping up to 3 pairs is not enough; 12 pairs" in text for text in found.sentences())
    found = matching(
        table({"loudness": [1.4] * 12}), tolerances={"loudness": TOLERANCES["loudness"]}
    )  # the mean is outside, no pair is
    assert any("whichever they are, does not make the gate pass" in text for text in found.sentences())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-20, 20).map(lambda tenth: tenth / 10), min_size=2, max_size=9),
    st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    st.sampled_from([0.5, 1.2, 2.0]),
)
def test_the_smallest_set_is_the_one_an_exhaustive_search_finds(differences, mean, worst):
    limit = Tolerance(mean=mean, worst=worst, unit="LU")
    paired, found = whether(differences, limit)
    values = paired.differences[:, 0]
    n = len(values)
    best = None
    for size in range(1, min(3, n // 2) + 1):
        good = [
            names
            for names in itertools.combinations(range(n), size)
            if not exceeds(mean_difference(np.delete(values, names)), mean)
            and not any(exceeds(value, worst) for value in np.delete(values, names))
        ]
        if good:
            best = (size, {tuple(paired.pairs[i] for i in names) for names in good})
            break
    if best is None:
        assert found.drop == ()
        assert found.left == n
    else:
        assert len(found.drop) == best[0]
        assert {found.drop, *found.others} <= best[1]
        assert found.n_others + 1 == len(best[1])
        assert found.left == n - best[0]


# ---- equivalence


def test_two_one_sided_tests_agree_with_scipy():
    values = np.random.default_rng(4).normal(0.2, 0.7, 24)
    found = equivalence(values, 0.5, contrast="ai", feature="loudness", unit="LU")
    below = stats.ttest_1samp(values, -0.5, alternative="greater").pvalue
    above = stats.ttest_1samp(values, 0.5, alternative="less").pvalue
    assert (found.p_below, found.p_above) == (pytest.approx(below), pytest.approx(above))
    assert found.p == max(found.p_below, found.p_above)
    low, high = stats.t.interval(0.90, 23, values.mean(), stats.sem(values))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize(("pairs", "sd"), [(4, 0.5), (12, 1.3), (24, 1.3), (24, 2.5)])
def test_power_is_what_simulation_gives(pairs, sd):
    random = np.random.default_rng(pairs)
    sets = 40_000
    means = random.normal(0, sd / math.sqrt(pairs), sets)
    ses = sd * np.sqrt(random.chisquare(pairs - 1, sets) / (pairs - 1) / pairs)
    critical = stats.t.isf(0.05, pairs - 1)
    simulated = ((means - critical * ses > -1) & (means + critical * ses < 1)).mean()
    assert power(pairs, sd, 1.0) == pytest.approx(simulated, abs=4 * 0.5 / math.sqrt(sets))


@pytest.mark.parametrize("sd", [0.1, 0.9, 3.0, 20.0])
def test_the_number_of_pairs_for_80_percent_power_is_the_smallest(sd):
    needed = pairs_needed(sd, 1.0)
    assert power(needed, sd, 1.0) >= 0.8
    assert needed == 2 or power(needed - 1, sd, 1.0) < 0.8


def test_more_pairs_than_anybody_has_are_no_number():
    assert pairs_needed(100.0, 0.01) is None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("differences", "bound", "because"),
    [
        ([], 0.5, "no pair"),
        ([0.3], 0.5, "one pair"),
        ([0.3, 0.3, 0.3], 0.5, "the same in every pair"),
        ([0.0, 0.0], 0.0, "the same in every pair"),
        ([0.1, 0.2], 0.0, "asks for identity"),
        ([math.nan, 0.3], 0.5, "one pair"),
    ],
)
def test_where_nothing_can_be_tested_it_says_why(differences, bound, because):
    found = equivalence(np.array(differences), bound, contrast="ai", feature="f", unit="u")
    assert because in found.note
    assert math.isnan(found.p)
    assert math.isnan(found.power)


# ---- covariates


def test_features_outside_tolerance_become_centered_covariates():
    features = table({"luminance": [1.0] * 4, "loudness": [6.0, 5.0, 7.0, 6.2], "cuts": [0.0] * 4})
    covariates = matching(features).covariates
    assert list(covariates.columns) == ["clip", "pair_id", "arm", "covariate", "value"]
    assert set(covariates["covariate"]) == {"loudness"}
    assert len(covariates) == 8
    assert covariates["value"].mean() == pytest.approx(0, abs=1e-9)
    values = covariates.set_index("clip")["value"]
    assert values["p03_ai"] - values["p03_live"] == pytest.approx(7.0)


def test_where_only_one_version_was_measured_the_covariate_says_which():
    features = table({"loudness": [0.1] * 4})
    features.loc[features["clip"] == "p02_ai", "loudness"] = math.nan
    covariates = matching(features, tolerances={"loudness": TOLERANCES["loudness"]}).covariates
    values = covariates.pivot_table(index="clip", columns="covariate", values="value")
    assert values.notna().all().all()
    assert values.loc["p02_ai", "loudness"] == 0
    assert values.loc["p02_ai", "loudness_measured"] == pytest.approx(-7 / 8)
    assert values["loudness_measured"].drop("p02_ai").unique() == pytest.approx([1 / 8])


def test_the_leak_score_is_carried_unless_shown_clean():
    random = np.random.default_rng(1)
    features = table({"luminance": random.normal(size=12), "loudness": [0.0] * 12, "cuts": [0.0] * 12})
    found = matching(features, leak=LeakTest(max_auc=0.65))
    assert found.comparisons[0].leak.verdict == "cannot_tell"
    assert found.covariate_names == ("leak_ai",)
    differences = {name: random.normal(size=150) for name in ("luminance", "loudness")}
    clean = matching(table(differences), tolerances={}, leak=LeakTest(max_auc=0.75))
    assert clean.comparisons[0].leak.verdict == "shown_clean"
    assert clean.covariate_names == ()


def test_a_covariate_that_equals_the_arm_is_called_so():
    features = table(
        {"luminance": [-1.0, 1.0, 0.5, 0.1], "loudness": [6.0, 5.0, 7.0, 6.2], "cuts": [0.0] * 4}
    )
    said = "\n".join(matching(features).sentences())
    assert "loudness: in the same direction in every pair" in said
    features = table({"loudness": [6.0, 5.0, 7.0, -6.2]})
    said = "\n".join(matching(features, tolerances={"loudness": TOLERANCES["loudness"]}).sentences())
    assert "in the same direction" not in said


# ---- all together


def test_sentences_say_what_a_mismatch_means():
    features = table(
        {
            "loudness": [11.0, 4.6, 5.2, 4.0],
            "luminance": [-1.0, 2.0, 0.0, -3.4],
            "cuts": [0.0, 0.0, 2.0, 0.0],
        },
        ["coffee", "dog", "tiger", "woman"],
    )
    found = matching(features, leak=LeakTest(max_auc=0.65))
    said = found.sentences()
    assert said[0] == (
        "AI against live, 4 pairs: does not pass the gate; 2 of 3 toleranced features are not within tolerance"
    )
    assert (
        "loudness: AI clips are 6.2 LU louder on average (tolerance 0.5); worst pair coffee, 11 LU (tolerance 1.5); "
        "4 pairs are outside" in said
    )
    assert (
        "cuts: must be the same in both versions of a scene (tolerance 0) but differs in 1 pair, most in tiger (AI +2)"
        in said
    )
    assert "within tolerance: luminance" in said
    assert "no leak verdict: 4 pairs, 8 needed" in said
    assert "the analysis must carry as covariates: loudness, cuts" in said
    assert "loudness (mean difference 6.2 LU, largest 11 LU in coffee)" in found.methods()


@pytest.mark.parametrize(
    ("mean", "leak", "verdict"),
    [
        (6.0, None, "mismatched"),
        (0.0, LeakTest(max_auc=0.65), "matched"),
        (0.0, None, "not_shown_clean"),
        (0.4, LeakTest(max_auc=0.65), "leaks"),
    ],
)
def test_the_verdict_is_the_worst_that_was_found(mean, leak, verdict):
    features = table({"loudness": [mean] * 12})
    assert matching(features, tolerances={"loudness": TOLERANCES["loudness"]}, leak=leak).verdict == verdict


def test_several_contrasts_are_each_compared_with_the_reference():
    ai = table({"loudness": [6.0] * 9})
    codec = table({"loudness": [0.0] * 9}, arm="codec_control")
    features = pd.concat([ai, codec[codec["arm"] == "codec_control"]])
    found = matching(
        features,
        tolerances={"loudness": TOLERANCES["loudness"]},
        leak=LeakTest(max_auc=0.65),
        contrasts=("codec_control", "ai"),
        labels={"codec_control": "re-encoded live"},
    )
    codec_control, generated = found.comparisons
    assert (codec_control.passes, codec_control.leak.verdict) == (True, "shown_clean")
    assert (generated.passes, generated.leak.verdict) == (False, "leaks")
    assert found.verdict == "mismatched"
    assert found.sentences()[0].startswith("re-encoded live against live, 9 pairs: passes the gate")
    assert set(found.covariates["arm"]) == {
        "live",
        "ai",
        "codec_control",
    }  # one centre for all compared clips
    assert not found.covariates.duplicated(["clip", "covariate"]).any()


def test_the_folder_holds_every_table_with_explained_columns_and_the_same_bytes(tmp_path):
    random = np.random.default_rng(2)
    features = table(
        {"luminance": random.normal(size=9), "loudness": random.normal(size=9), "cuts": [0.0] * 9}
    )
    features.loc[features["clip"] == "p04_ai", "loudness"] = math.nan
    for name in ("one", "two"):
        write_matching(tmp_path / name, matching(features, leak=LeakTest(max_auc=0.65)))
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {
        "gate.tsv",
        "differences.tsv",
        "equivalence.tsv",
        "leak.tsv",
        "covariates.tsv",
        "match.json",
    }
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    document = json.loads((tmp_path / "one/match.json").read_text())
    for name, columns in document["columns"].items():
        assert list(read_frame(tmp_path / f"one/{name}.tsv").columns) == list(columns)
    assert document["contrasts"]["ai"]["outcomes"]["loudness"] == "not_measured"
    assert document["sentences"][0].startswith("AI against live, 9 pairs")
    gate = read_frame(tmp_path / "one/gate.tsv", numeric=["mean", "pairs"]).set_index("feature")
    assert gate.loc["loudness", "not_measured"] == "p04 (ai)"
    assert gate.loc["loudness", "pairs"] == 8
    differences = read_frame(tmp_path / "one/differences.tsv", numeric=["difference", "outside"])
    assert len(differences) == 27
    assert differences["difference"].isna().sum() == 1


def test_the_gate_can_be_judged_by_itself():
    paired = pair_up(
        table({"luminance": [1.0, 2.0]}), UNITS | {"unused": "x"}, reference="live", contrast="ai"
    )
    assert passes(judge(paired, {"luminance": TOLERANCES["luminance"]})) is True
    assert passes(judge(paired, {})) is None


def test_the_methods_say_which_features_the_machine_saw():
    random = np.random.default_rng(2)
    features = table({name: random.normal(size=12) for name in ("luminance", "loudness", "flow_speed")})
    assert "of all 3 features, with" in matching(features, tolerances={}).methods()
    few = matching(features, tolerances={}, leak_features=["flow_speed", "luminance"]).methods()
    assert "of 2 features chosen beforehand (luminance, flow_speed), with" in few
