"""Every field of a plan: it has its help and unit, somebody uses it, and the reference is up to date."""

import ast
import functools
import inspect
import re
from pathlib import Path

import pytest

from protocols.plan.field_table import field_table, parts
from protocols.plan.fields import ROOMS, reserved_for
from protocols.plan.promises import Plan

ROOT = Path(__file__).resolve().parents[2]
FIELDS = [(model, name, info) for model in parts(Plan) for name, info in model.model_fields.items()]
IDS = [f"{model.__name__}.{name}" for model, name, _ in FIELDS]

UNITLESS = {  # counts of themselves, shares, levels, and what carries its unit in a field beside
    "Plan.schema_version", "Tolerance.mean", "Tolerance.worst", "Session.runs", "Session.triggers",
    "Session.confidence", "Training.attempts", "Exclusions.volumes_kept_per_condition",
    "Exclusions.attention_correct", "Exclusions.same_answer", "RoiRule.min_coverage", "RoiRule.min_tsnr",
    "Assumption.loss", "Pessimistic.loss", "Decision.alpha", "Decision.alpha_equivalence", "Decision.min_probability",
    "Decision.assurance", "Decision.seed", "Bayes.prior_widths", "Bayes.unit_of_bound",
    "Presentation.dropped_frames", "Presentation.triggers_lost", "BrainMaps.permutations", "BrainMaps.cluster_p",
    "BrainMaps.power", "MaskFile.value",
}  # fmt: skip


@pytest.mark.parametrize("info", [info for _, _, info in FIELDS], ids=IDS)
def test_every_field_has_one_line_of_help(info):
    text = info.description
    assert text
    assert "\n" not in text
    assert len(text) <= 100
    assert not text.endswith(".")


@pytest.mark.parametrize(("model", "name", "info"), FIELDS, ids=IDS)
def test_every_number_has_a_unit(model, name, info):
    number = "int" in str(info.annotation) or "float" in str(info.annotation)
    unit = (info.json_schema_extra or {}).get("unit")
    assert bool(unit) == (number and f"{model.__name__}.{name}" not in UNITLESS)


def test_every_part_is_described():
    for model in parts(Plan):
        assert (inspect.getdoc(model) or "").endswith(".")


def test_the_reference_is_up_to_date():
    """To write it again: python -m protocols.plan.field_table docs/plan-fields.md."""
    assert (ROOT / "docs" / "plan-fields.md").read_text("utf-8") == field_table()


# Modules that declare fields, or that only print them: being printed is not being used.
NOT_USE = {
    "fields.py",
    "materials.py",
    "measuring.py",
    "sessions.py",
    "promises.py",
    "field_table.py",
    "show.py",
}
ROOM_FOLDERS = {"analysis": "analysis", "session": "experiments", "stimuli": "stimuli", "rehearsal": "bazin"}


class Access(ast.NodeVisitor):
    """Names that code gets from objects: attributes, and keys by subscript, `get` or `getattr`."""

    def __init__(self):
        self.attributes = set()
        self.keys = set()

    def visit_Attribute(self, node):
        self.attributes.add(node.attr)
        self.generic_visit(node)

    def visit_Subscript(self, node):
        if isinstance(node.slice, ast.Constant):
            self.keys.add(node.slice.value)
        self.generic_visit(node)

    def visit_Call(self, node):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in ("get", "getattr"):
            self.keys |= {argument.value for argument in node.args if isinstance(argument, ast.Constant)}
        self.generic_visit(node)

    def visit_For(self, node):
        # for field in ("bound", "spread"): getattr(measure, field)
        if isinstance(node.iter, ast.Tuple) and "getattr" in ast.dump(node):
            self.keys |= {item.value for item in node.iter.elts if isinstance(item, ast.Constant)}
        self.generic_visit(node)


@functools.cache
def accesses(*folders):
    found = Access()
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not (path.parent == ROOT / "protocols" / "plan" and path.name in NOT_USE):
                found.visit(ast.parse(path.read_text("utf-8")))
    return found


ALL_ROOMS = ("protocols", "stimuli", "experiments", "analysis", "bazin")


def below_reserved():
    """Parts that only a reserved field leads to: what lies in them waits with that field."""
    reserved = " ".join(str(info.annotation) for _, _, info in FIELDS if reserved_for(info))
    used = " ".join(str(info.annotation) for _, _, info in FIELDS if not reserved_for(info))

    def mentions(text, model):
        return re.search(rf"\b{model.__name__}\b", text)

    return {model for model in parts(Plan) if mentions(reserved, model) and not mentions(used, model)}


BEHIND = below_reserved()
IN_USE = [(m, n, info) for m, n, info in FIELDS if not reserved_for(info) and m not in BEHIND]
RESERVED = [(m, n, info) for m, n, info in FIELDS if reserved_for(info) and m not in BEHIND]


def ids(fields):
    return [f"{model.__name__}.{name}" for model, name, _ in fields]


@pytest.mark.parametrize(("name", "info"), [field[1:] for field in IN_USE], ids=ids(IN_USE))
def test_every_field_is_used(name, info):
    """What a plan says is used by somebody, or the field says for which room it waits."""
    found = accesses(*ALL_ROOMS)
    assert name in found.attributes or (info.alias or name) in found.keys, (
        "nothing gets this field: use it, mark it reserved, or take it away"
    )


@pytest.mark.parametrize(("name", "info"), [field[1:] for field in RESERVED], ids=ids(RESERVED))
def test_no_reservation_is_stale(name, info):
    """A field its room has begun to use must not say that nothing uses it."""
    room = reserved_for(info)
    assert room in ROOMS
    assert name not in accesses(ROOM_FOLDERS[room]).attributes, f"in use now: take reserved='{room}' away"
