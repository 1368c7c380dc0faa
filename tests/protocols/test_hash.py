"""The hash of a plan: what it says counts, how it is written does not."""

import json
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from protocols.plan.promises import Plan
from protocols.plan.reading import parse_plan, plan_sha256, resolved, shipped_plans

PLANS = {name: parse_plan(text).plan for name, text in shipped_plans().items()}
NAMES = list(PLANS)


def leaves(document, path=()):
    if isinstance(document, dict):
        for key, value in document.items():
            yield from leaves(value, (*path, key))
    elif isinstance(document, list):
        for i, value in enumerate(document):
            yield from leaves(value, (*path, i))
    else:
        yield path, document


LEAVES = {name: list(leaves(resolved(plan))) for name, plan in PLANS.items()}


def edited(name, path, value):
    document = resolved(PLANS[name])
    part = document
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    return Plan.model_validate_json(json.dumps(document))


def another(value, chance):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + chance.choice([-1, 1, 2])
    if isinstance(value, float):
        return value * chance.choice([0.5, 1.5, 1 + 1e-9])
    if value is None:
        return chance.choice([3, 0.25, "x", True, [1, 2]])
    return chance.choice([value + "x", value[:-1], value.upper()])


@given(st.sampled_from(NAMES), st.randoms(use_true_random=False))
def test_any_other_value_gives_another_hash(name, chance: random.Random):
    path, value = chance.choice(LEAVES[name])
    new = another(value, chance)
    assume(new != value)
    try:
        plan = edited(name, path, new)
    except ValidationError:
        assume(False)
    assert plan_sha256(plan) != plan_sha256(PLANS[name]), f"{path} does not count"


def test_most_leaves_can_be_edited():
    """The property above is about something: numbers and sentences of every part can be changed."""
    chance, tried = random.Random(1), 0
    for name in NAMES:
        for path, value in LEAVES[name]:
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                try:
                    edited(name, path, another(value, chance))
                except ValidationError:
                    continue
                tried += 1
    assert tried > 100


def turned(value, chance):
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: turned(value[key], chance) for key in keys}
    return [turned(item, chance) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_keys_does_not_count(name):
    for seed in range(3):
        document = turned(parse_plan(shipped_plans()[name]).document.data, random.Random(seed))
        # the order of the groups says which is compared with which, where a hypothesis does not
        document["groups"] = parse_plan(shipped_plans()[name]).document.data["groups"]
        assert parse_plan(json.dumps(document)).sha256 == plan_sha256(PLANS[name])


@pytest.mark.parametrize("name", NAMES)
def test_comments_do_not_count(name):
    lines = [line for line in shipped_plans()[name].splitlines() if not line.lstrip().startswith("#")]
    bare = "\n".join(["# other comments", *lines, "# at the end", ""])
    assert parse_plan(bare).sha256 == plan_sha256(PLANS[name])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_left_to_the_defaults_counts_as_if_written(name):
    whole = resolved(PLANS[name])
    assert plan_sha256(Plan.model_validate_json(json.dumps(whole))) == plan_sha256(PLANS[name])
    assert resolved(Plan.model_validate_json(json.dumps(whole))) == whole


def test_numbers_count_by_value_not_by_spelling():
    text = shipped_plans()["first-study"]
    spelled = text.replace("alpha: 0.05 ", "alpha: 5e-2 ").replace("minimum: 1.0", "minimum: 1")
    assert spelled != text
    assert parse_plan(spelled).sha256 == parse_plan(text).sha256


def test_the_groups_of_a_comparison_are_resolved():
    plan = PLANS["first-study"]
    assert resolved(plan)["hypotheses"]["X1"]["groups"] == ["child", "adult"]
    turned_round = plan.model_copy(update={"groups": dict(reversed(plan.groups.items()))})
    assert plan_sha256(turned_round) != plan_sha256(plan)
