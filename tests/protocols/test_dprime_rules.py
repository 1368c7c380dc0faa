"""What a d' can be asked, and what a plan with motion among its covariates is told."""

import json

import pytest

from protocols.base.errors import PlanError
from protocols.plan.reading import parse_plan

SEES = {"level": "conscious", "statistic": "dprime_per_person", "label": "detection"}
STUDY = {
    "plan": "small",
    "schema": 1,
    "title": "A small study",
    "question": "Does it hold?",
    "groups": {"adult": {"n_planned": 20}},
    "conditions": {"live": {"role": "reference"}, "ai": {"role": "contrast"}},
    "measures": {"sees": SEES},
    "hypotheses": {
        "H": {
            "measure": "sees",
            "effect": "condition",
            "contrast": ["live", "ai"],
            "asks": "difference",
            "family": "f",
        }
    },
    "families": {"f": {"claim": "each"}},
    "decision": {"deciding_model": "by_person"},
}


def plan_with(measure=None, **hypothesis):
    document = json.loads(json.dumps(STUDY))
    document["measures"]["sees"] |= measure or {}
    document["hypotheses"]["H"] |= hypothesis
    kept = {name: value for name, value in document["hypotheses"]["H"].items() if value is not None}
    document["hypotheses"]["H"] = kept
    return parse_plan(json.dumps(document), "small.plan.yaml")


def test_two_shown_conditions_are_fine():
    assert plan_with().plan.hypotheses["H"].contrast == ("live", "ai")


def test_one_condition_against_a_fixed_value_is_no_dprime():
    with pytest.raises(PlanError, match="d' needs two conditions"):
        plan_with(effect="level", contrast=None, condition="ai")


@pytest.mark.parametrize("contrast", [["fixation", "ai"], ["live", "all_clips"]])
def test_fixation_and_all_clips_are_no_answers(contrast):
    with pytest.raises(PlanError, match="d' needs two conditions that were shown"):
        plan_with(contrast=contrast)
    with pytest.raises(PlanError, match="d' needs two conditions that were shown"):
        plan_with({"control": {"contrast": contrast, "minimum": 1.0}})


@pytest.mark.parametrize(("name", "told"), [("mean_fd_mm", True), ("age_months", False)])
def test_motion_in_the_deciding_analysis_is_told(name, told):
    warnings = [str(warning) for warning in plan_with({"covariates": [{"name": name}]}).warnings]
    assert any(f"puts motion ('{name}')" in warning for warning in warnings) == told


def test_too_few_drawn_studies_for_the_level_are_refused():
    """A p-value from 1,999 studies is never below 1/2000: a stricter level could never be reached."""
    from protocols.plan.reading import parse_plan, shipped_plans

    text = shipped_plans()["gengap"]
    strict = text.replace("decision:\n", "decision:\n  alpha: 0.0005\n")
    with pytest.raises(PlanError, match="cannot reach the level") as caught:
        parse_plan(strict, "x.plan.yaml")
    assert ">= 7999" in str(caught.value)
    parse_plan(strict.replace("choices: bootstrap", "choices: fast"), "x.plan.yaml")
    parse_plan(strict.replace("  seed:", "  bootstrap_samples: 7999\n  seed:"), "x.plan.yaml")
