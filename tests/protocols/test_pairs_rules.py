"""What a plan about pairs of clips must say, and what it cannot ask."""

import json

import pytest

from protocols.base.errors import PlanError
from protocols.plan.chances import chances
from protocols.plan.expanding import control_contrast
from protocols.plan.reading import parse_plan
from protocols.plan.show import show
from tests.analysis.pairs import plan_of, promised

TRUE = {"sd_people": 0.3, "expected": 0.5, "loss": 0.1, "source": "pilot"}
ELSEWHERE = {"name": "pairs", "modality": "beh", "paradigm": "detection", "conditions": ["live", "ai"]}


def refused(plan):
    with pytest.raises(PlanError) as caught:
        parse_plan(json.dumps(plan), "pairs.plan.yaml")
    return str(caught.value)


def asked(paradigm="pair_comparison", **changes):
    """The plan with its first hypothesis changed; None takes a field away."""
    plan = plan_of(paradigm)
    changed = {**plan["hypotheses"]["L"], **changes}
    plan["hypotheses"]["L"] = {name: value for name, value in changed.items() if value is not None}
    return plan


@pytest.mark.parametrize("paradigm", ["same_different", "pair_comparison"])
def test_a_plan_of_pairs_is_fine_and_its_control_is_the_versions_own(paradigm):
    promise = promised(paradigm)
    measure = promise.plan.measures["tells"]
    assert (measure.in_unit, promise.plan.analysis.beh.same_different_rule) == (
        "dprime", "differencing" if paradigm == "same_different" else None,
    )  # fmt: skip
    assert control_contrast(promise.plan, measure, measure.controls[0]) == ("fixation", "cartoon")
    assert "d′ for cartoon in the catch trials must lie above 0.5 d′" in " ".join(show(promise).split())
    promised(paradigm, control={"contrast": ["fixation", "cartoon"], "minimum": 1.0})


def test_the_rule_is_named_where_it_matters_and_only_there():
    message = refused(plan_of("same_different", None))
    assert "same_different_rule: is missing" in message
    assert "name it before there are data" in message
    promised("same_different", None, measured_elsewhere="another program, its own rule")
    rule = {"beh": {"same_different_rule": "differencing"}}
    assert "means nothing without a measure of dprime_same_different" in refused(
        plan_of("pair_comparison", analysis=rule)
    )


@pytest.mark.parametrize("paradigm", ["same_different", "pair_comparison"])
def test_the_crossed_model_cannot_decide(paradigm):
    message = refused(plan_of(paradigm, decision={"deciding_model": "crossed_mixed"}))
    assert "which the crossed model cannot decide: there is one value per person, and no scene" in message
    assert "accepted: deciding_model: by_person" in message


def test_equivalence_is_not_asked_of_same_different():
    bound = {"value": 0.5, "unit": "dprime", "because": "small"}
    for plan in (
        plan_of("same_different", bound=bound),
        asked("same_different", bound=bound),
        asked("same_different", asks="both"),
        asked("same_different", asks="equivalence"),
        asked("same_different", against=0.5),
    ):
        message = refused(plan)
        assert "far below their d'" in message
        assert "use dprime_forced_choice (paradigm pair_comparison)" in message


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (asked(condition="live"), "condition: has no d' of its own: 'live' is in every pair"),
        (asked(condition=None), "condition: is missing: the d' of pairs is that of one compared version"),
        (asked(effect="condition", condition=None, contrast=["live", "ai"]), "accepted: [fixation, ai]"),
        (plan_of("pair_comparison", control={"contrast": ["live", "cartoon"], "minimum": 1.0}),
         "accepted: [fixation, cartoon]"),
        (plan_of("pair_comparison", sessions=[ELSEWHERE]), "has no pairs for statistic 'dprime_forced_choice'"),
        (plan_of("pair_comparison", statistic="dprime_same_different",
                 analysis={"beh": {"same_different_rule": "differencing"}}), "paradigm is same_different"),
    ],
)  # fmt: skip
def test_what_pairs_cannot_be_asked(plan, words):
    assert words in refused(plan)


def test_two_compared_versions_may_be_compared():
    plan = asked(effect="condition", condition=None, contrast=["ai", "cartoon"])
    assert parse_plan(json.dumps(plan)).plan.hypotheses["L"].contrast == ("ai", "cartoon")


def test_chances_know_the_noise_of_pairs():
    plan = plan_of("pair_comparison")
    plan["measures"]["tells"]["assumptions"] = {"child": TRUE, "adult": TRUE}
    first = chances(parse_plan(json.dumps(plan)).plan)[0]
    assert first.se == pytest.approx(((0.3**2 + 3.14159 / 48) / 12) ** 0.5, abs=1e-5)
    plan = plan_of("same_different")
    plan["measures"]["tells"]["assumptions"] = {"child": TRUE, "adult": TRUE}
    first = chances(parse_plan(json.dumps(plan)).plan)[0]
    assert (first.se, first.different_if_expected) == (None, None)
    assert "has no closed form" in first.note
