"""From a measure table to one number per person: pairs, repetitions, losses, choices, covariates."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.evidence.people import person_effects
from analysis.measures.table import MeasureTable, Sidecar, tidy

GAUSSIAN = Sidecar(unit="points", family="gaussian", level="conscious", statistic="rating")
CHOICES = Sidecar(unit="response", family="binomial", level="conscious", statistic="dprime_per_person")


def table(*rows: tuple, sidecar: Sidecar = GAUSSIAN, **columns: list) -> MeasureTable:
    """Rows (person, condition, scene, value) of children, or with a group in front of the person: 'adult:1'."""
    frame = pd.DataFrame(rows, columns=["participant_id", "condition", "scene", "value"]).assign(**columns)
    who = frame["participant_id"].astype(str).str.split(":")
    frame["group"] = who.map(lambda parts: parts[0] if len(parts) > 1 else "child")
    frame["participant_id"] = "sub-" + who.str[-1]
    return MeasureTable("says", tidy(frame), sidecar)


def effects_of(found, groups=("child",)) -> list[float]:
    return list(np.concatenate(list(found.by_group(groups).values())))


def why(found, person: str) -> str:
    return found.rows.set_index("participant_id").loc[person, "reason"]


def test_the_effect_is_the_second_condition_minus_the_first():
    t = table((1, "live", "a", 1.0), (1, "ai", "a", 3.0), (2, "live", "a", 2.0), (2, "ai", "a", 1.0))
    assert effects_of(person_effects(t, ["child"], "live", "ai")) == [2.0, -1.0]
    assert effects_of(person_effects(t, ["child"], "ai", "live")) == [-2.0, 1.0]


def test_a_lost_scene_does_not_turn_a_difference_between_scenes_into_one_between_arms():
    # scene b lies 10 higher in both versions; of its live version nothing is left
    t = table((1, "live", "a", 1.0), (1, "ai", "a", 1.5), (1, "ai", "b", 11.5))
    found = person_effects(t, ["child"], "live", "ai")
    assert effects_of(found) == [0.5]
    assert (found.rows["n_first"][0], found.rows["n_second"][0], found.n_scenes) == (1, 1, 1)
    unpaired = person_effects(t, ["child"], "live", "ai", paired_scenes=False)
    assert effects_of(unpaired) == [5.5]


def test_scenes_are_paired_although_clips_of_a_third_condition_have_no_scene():
    t = table((1, "live", "a", 1.0), (1, "ai", "a", 1.5), (1, "ai", "b", 11.5), (1, "cartoon", None, 4.0))
    assert effects_of(person_effects(t, ["child"], "live", "ai")) == [0.5]


def test_without_any_scene_all_values_count():
    t = table((1, "live", None, 1.0), (1, "live", None, 2.0), (1, "ai", None, 4.5))
    found = person_effects(t, ["child"], "live", "ai")
    assert effects_of(found) == [3.0]
    assert found.n_scenes is None


def test_a_scene_shown_more_often_counts_once():
    rows = [(1, "live", "a", 0.0), (1, "live", "b", 0.0)]
    rows += [(1, "ai", "a", 1.0), (1, "ai", "a", 1.0), (1, "ai", "a", 1.0), (1, "ai", "b", 3.0)]
    t = table(*rows, run=[1, 1, 1, 2, 3, 1])
    found = person_effects(t, ["child"], "live", "ai")
    assert effects_of(found) == [2.0]  # (1 + 3) / 2, not (1 + 1 + 1 + 3) / 4
    assert found.rows["n_second"][0] == 2


def test_whoever_saw_one_version_of_each_scene_is_compared_over_all_scenes():
    t = table((1, "live", "a", 1.0), (1, "ai", "b", 4.0), (2, "live", "b", 2.0), (2, "ai", "a", 2.0))
    assert effects_of(person_effects(t, ["child"], "live", "ai", paired_scenes=False)) == [3.0, 0.0]
    paired = person_effects(t, ["child"], "live", "ai")
    assert effects_of(paired) == []
    assert why(paired, "sub-1") == "no scene with both 'live' and 'ai'"
    unsaid = person_effects(t, ["child"], "live", "ai", paired_scenes=None)
    assert effects_of(unsaid) == [3.0, 0.0]


def test_where_the_plan_does_not_say_one_shared_scene_makes_the_design_paired():
    t = table(
        (1, "live", "a", 1.0),
        (1, "ai", "a", 1.5),
        (1, "ai", "b", 11.5),
        (2, "live", "b", 2.0),
        (2, "ai", "a", 2.0),
    )
    found = person_effects(t, ["child"], "live", "ai", paired_scenes=None)
    assert effects_of(found) == [0.5]
    assert why(found, "sub-2") == "no scene with both 'live' and 'ai'"


def test_fixation_counts_as_zero_and_all_clips_as_the_mean_of_the_conditions():
    t = table((1, "live", "a", 1.0), (1, "live", "b", 1.0), (1, "ai", "a", 2.0), (1, "cartoon", "a", 6.0))
    assert effects_of(person_effects(t, ["child"], "fixation", "all_clips")) == [3.0]
    assert effects_of(person_effects(t, ["child"], "fixation", "ai")) == [2.0]
    assert effects_of(person_effects(t, ["child"], "live", "all_clips")) == [2.0]


def test_all_clips_needs_every_condition_or_the_mean_would_be_of_other_clips():
    t = table((1, "live", "a", 1.0), (1, "ai", "a", 2.0), (2, "live", "a", 1.0))
    found = person_effects(t, ["child"], "fixation", "all_clips")
    assert effects_of(found) == [1.5]
    assert why(found, "sub-2") == "a condition is missing (found: live 1)"


def test_a_level_is_compared_with_its_fixed_value():
    t = table((1, "live", "a", 1.0), (1, "ai", "a", 2.0), (1, "ai", "b", 4.0))
    found = person_effects(t, ["child"], None, "ai", against=0.5)
    assert effects_of(found) == [2.5]
    assert (found.rows["first"][0], found.rows["second"][0]) == (0.5, 3.0)
    everything = person_effects(t, ["child"], None, None, against=0.0)
    assert effects_of(everything) == [pytest.approx(7 / 3)]


def test_too_few_scenes_leave_a_person_out_and_say_so():
    rows = [(p, c, s, 1.0 + p) for p in (1, 2) for c in ("live", "ai") for s in "abc"[: 4 - p]]
    found = person_effects(table(*rows), ["child"], "live", "ai", fewest=3)
    assert found.people(["child"]) == {"child": ["sub-1"]}
    assert why(found, "sub-2") == "fewer than 3 usable values in a condition (found: ai 2, live 2)"


def test_a_person_with_one_condition_only_is_left_out_and_the_others_are_not():
    t = table((1, "live", "a", 1.0), (2, "live", "a", 1.0), (2, "ai", "a", 2.0))
    found = person_effects(t, ["child"], "live", "ai")
    assert found.people(["child"]) == {"child": ["sub-2"]}
    assert why(found, "sub-1") == "no usable 'ai' values (found: live 1)"


@pytest.mark.parametrize("missing", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_kept_and_not_used(missing):
    t = table((1, "live", "a", 1.0), (1, "ai", "a", missing), (2, "live", "a", 1.0), (2, "ai", "a", 2.0))
    assert len(t.rows) == 4
    assert list(t.rows.loc[t.rows["included"] == 0, "reason"]) == ["no value"]
    assert effects_of(person_effects(t, ["child"], "live", "ai")) == [1.0]


def test_whoever_lost_everything_stays_with_the_reasons():
    t = table((1, "live", "a", 1.0), (1, "ai", "a", 1.0), included=[0.0, 0.0], reason=["moved", "slept"])
    found = person_effects(t, ["child"], "live", "ai")
    assert why(found, "sub-1") == "all rows excluded: moved, slept"
    assert found.rows.loc[0, ["first", "second", "effect"]].isna().all()


def test_groups_keep_to_themselves():
    t = table(
        (1, "live", "a", 1.0), (1, "ai", "a", 2.0), ("adult:2", "live", "a", 1.0), ("adult:2", "ai", "a", 4.0)
    )
    assert effects_of(person_effects(t, ["child"], "live", "ai")) == [1.0]
    both = person_effects(t, ["adult", "child"], "live", "ai").by_group(["adult", "child"])
    assert {name: list(values) for name, values in both.items()} == {"adult": [3.0], "child": [1.0]}
    assert not len(person_effects(t, ["elder"], "live", "ai").rows)


def test_dprime_counts_every_trial():
    rows = [(1, "ai", "a", 1.0)] * 3 + [(1, "ai", "b", 0.0)] + [(1, "live", "a", 0.0)] * 4
    found = person_effects(table(*rows, sidecar=CHOICES), ["child"], "live", "ai")
    # 3.5/5 and 0.5/5: z = 0.5244 and -1.2816
    assert effects_of(found) == [pytest.approx(0.5244 + 1.2816, abs=1e-4)]
    assert (found.rows["first"][0], found.rows["second"][0]) == (0.0, 0.75)
    assert (found.rows["n_first"][0], found.rows["n_second"][0]) == (4, 4)


def test_one_effect_per_scene_when_the_table_is_turned_round():
    t = table(
        (1, "live", "a", 1.0), (1, "ai", "a", 2.0), (1, "live", "b", 1.0), (1, "ai", "b", 6.0),
        (2, "live", "a", 1.0), (2, "ai", "a", 4.0), (2, "ai", "b", 99.0),
    )  # fmt: skip
    found = person_effects(t, ["child"], "live", "ai", unit="scene")
    assert dict(zip(found.rows["participant_id"], found.rows["effect"], strict=True)) == {"a": 2.0, "b": 5.0}


@pytest.fixture
def with_ages(lab):
    """A study whose children's effect grows with age, and the people table."""

    def make(centre: str = "group", **changes):
        plan = lab.plan({"measures.says.covariates": [{"name": "age_months", "centre": centre}], **changes})
        ages = {"child": np.arange(48.0, 68.0), "adult": np.arange(240.0, 260.0)}
        effects = {g: 0.02 * (a - 48) + lab.spread(20, 0, 0.2) for g, a in ages.items()}
        tables = {
            "says": lab.measured(plan, "says", effects),
            "roi": lab.measured(plan, "roi", dict.fromkeys(plan.groups, "none")),
        }
        people = tables["says"].rows[["participant_id", "group"]].drop_duplicates()
        people["age_months"] = np.concatenate([ages["child"], ages["adult"]])
        return plan, tables, people, effects

    return make


def _line(x, y):
    """Slope and residuals of a straight line."""
    slope = float(x @ y / (x @ x))
    return slope, y - y.mean() - slope * x


def test_a_covariate_centred_in_the_group_takes_its_variance_and_leaves_the_mean(lab, with_ages, record_of):
    plan, tables, people, effects = with_ages()
    ages = {group: part["age_months"].to_numpy() for group, part in people.groupby("group")}
    record = record_of(lab.decide(plan, tables, people), "S.child")
    assert record.estimate == pytest.approx(effects["child"].mean())
    assert record.df == 18
    # residual variance / n, and the share of the mean age, which is itself sampled: about the plain variance again
    age = ages["child"] - ages["child"].mean()
    slope, residual = _line(age, effects["child"])
    expected = residual @ residual / 18 / 20 + slope**2 * age.var(ddof=1) / 20
    assert record.se == pytest.approx(math.sqrt(expected))
    assert (
        record.method
        == "linear model of people's differences, adjusted for age_months, residual variance by group"
    )


def test_whoever_lacks_a_covariate_is_left_out_and_listed(lab, with_ages, record_of):
    plan, tables, people, _ = with_ages()
    people.loc[people["participant_id"] == "sub-003", "age_months"] = math.nan
    decision = lab.decide(plan, tables, people)
    assert record_of(decision, "S.child").n_people == {"child": 19}
    left_out = decision.tables["people"].query("hypothesis == 'S.child' and included == 0")
    assert list(left_out["reason"]) == ["no value of covariate 'age_months'"]


def test_a_covariate_of_the_same_code_in_another_group_is_not_taken(lab, with_ages, record_of):
    plan, tables, people, _ = with_ages()
    stranger = pd.DataFrame({"participant_id": ["sub-001"], "group": ["adult"], "age_months": [400.0]})
    decision = lab.decide(plan, tables, pd.concat([people, stranger]))
    assert record_of(decision, "S.child").n_people == {"child": 20}


def test_a_covariate_nobody_imported_is_refused_by_name(lab, with_ages):
    plan, tables, people, _ = with_ages()
    with pytest.raises(Exception, match=r"names age_months, which the people table lacks"):
        lab.decide(plan, tables, people.drop(columns="age_months"))
    with pytest.raises(Exception, match=r"names age_months, which the people table lacks"):
        lab.decide(plan, tables, None)


def test_a_covariate_that_does_not_vary_makes_the_hypothesis_not_estimable(lab, with_ages, record_of):
    plan, tables, people, _ = with_ages()
    people["age_months"] = 60.0
    record = record_of(lab.decide(plan, tables, people), "S.child")
    assert (record.outcome, record.reason) == (
        "not_estimable", "a covariate does not vary in 'child', or is made of the others",
    )  # fmt: skip
