"""The plans that come with bazin, and plans begun from them."""

import json

import jsonschema
import pytest
from ruamel.yaml import YAML

from protocols.base.errors import BazinError, UsageError
from protocols.plan.chances import chances
from protocols.plan.field_table import parts
from protocols.plan.new import new_plan
from protocols.plan.promises import Plan
from protocols.plan.reading import (
    json_schema,
    parse_plan,
    plan_sha256,
    read_plan,
    relied_upon,
    resolved,
    shipped_plans,
)

NAMES = list(shipped_plans())
BOUNDARY_SHA256 = "2f707528aa379e4ac610ad34096f4c01f8b4fb3be6e017ecede4ac3b2a091511"


def test_the_plans_are_there():
    assert {"boundary-2026", "first-study"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_shipped_plans_are_valid(name):
    promise = parse_plan(shipped_plans()[name], name)
    assert promise.plan.plan == name
    assert promise.warnings == ()


@pytest.mark.parametrize("name", NAMES)
def test_shipped_plans_fit_the_json_schema(name):
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(YAML(typ="safe", pure=True).load(shipped_plans()[name]))
    validator.validate(json.loads(parse_plan(shipped_plans()[name]).canonical))


@pytest.mark.parametrize(
    ("old", "new"),
    [("n_planned: 44", "n_planned: 1"), ("schema: 1", "schema: 1\nx: 1"), ("asks: both", "asks: all")],
)
def test_the_json_schema_refuses_what_the_program_refuses(old, new):
    text = shipped_plans()["first-study"].replace(old, new)
    with pytest.raises(BazinError):
        parse_plan(text)
    validator = jsonschema.Draft202012Validator(json_schema())
    assert not validator.is_valid(YAML(typ="safe", pure=True).load(text))


def test_the_json_schema_describes_every_field():
    schema = json_schema()
    definitions = {"Plan": schema, **schema["$defs"]}
    for model in parts(Plan):
        properties = definitions[model.__name__]["properties"]
        for name, info in model.model_fields.items():
            entry = properties[info.alias or name]
            assert entry["description"] == info.description
            for key, value in (info.json_schema_extra or {}).items():
                assert entry[key] == value


def test_the_template_can_be_decided_today():
    plan = parse_plan(shipped_plans()["first-study"]).plan
    for pessimistic in (False, True):
        for chance in chances(plan, pessimistic=pessimistic):
            assert chance.equivalent_if_none >= 0.80
            assert chance.different_if_expected >= 0.80
    for room in ("analysis", "session", "stimuli", "rehearsal"):
        assert relied_upon(plan, room) == []
    assert plan.decision.deciding_model == "by_person"


def test_what_a_plan_relies_on_is_known_by_room():
    text = shipped_plans()["boundary-2026"].replace("  beh:\n", "  eeg: {reference: average}\n  beh:\n", 1)
    plan = parse_plan(text).plan
    assert "analysis.eeg" in relied_upon(plan, "analysis")
    assert relied_upon(plan, "session") == []
    assert relied_upon(plan, "stimuli") == []


def test_the_hash_of_a_shipped_plan():
    """Whoever changes this changes what every seal means: a new default, a new field, another spelling."""
    assert parse_plan(shipped_plans()["boundary-2026"]).sha256 == BOUNDARY_SHA256


@pytest.mark.parametrize("template", NAMES)
@pytest.mark.parametrize("name", ["mine", "my-first-study", "2026", "1e3", "true", "a.first-study.b"])
def test_a_new_plan_is_its_template_with_another_name(tmp_path, template, name):
    path = new_plan(name, tmp_path / "plans", template)
    assert path == tmp_path / "plans" / f"{name}.plan.yaml"
    promise = read_plan(path)
    assert promise.plan.plan == name
    original = parse_plan(shipped_plans()[template]).plan
    kept = resolved(promise.plan)
    for part in ("groups", "conditions", "measures", "hypotheses", "families", "decision"):
        assert kept[part] == resolved(original)[part]
    text, before = path.read_text("utf-8"), shipped_plans()[template]
    assert text.count("#") == before.count("#")
    assert text.startswith(f"# {name}: ") == before.startswith(f"# {template}: ")


def test_a_plan_is_never_overwritten(tmp_path):
    path = new_plan("mine", tmp_path)
    path.write_text("precious")
    with pytest.raises(UsageError, match="exists already, and a plan is never overwritten"):
        new_plan("mine", tmp_path)
    with pytest.raises(UsageError):
        new_plan("mine.plan.yaml", tmp_path)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("name", ["", "my plan", "../mine", "-x", ".hidden", "é", "x" * 61])
def test_unusable_names(tmp_path, name):
    with pytest.raises(UsageError, match="is not usable"):
        new_plan(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_template(tmp_path):
    with pytest.raises(UsageError, match="did you mean 'first-study'"):
        new_plan("mine", tmp_path, "first_study")


def test_the_hash_is_that_of_the_canonical_bytes():
    promise = parse_plan(shipped_plans()["first-study"])
    assert promise.sha256 == plan_sha256(promise.plan)
    assert json.loads(promise.canonical) == resolved(promise.plan)
