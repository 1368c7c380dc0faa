"""What a plan must say about regions and scans; each fault with its line."""

import json

import pytest
from ruamel.yaml import YAML

from protocols.base.errors import PlanError
from protocols.plan.reading import parse_plan, shipped_plans

PLAN = """\
plan: regions
schema: 1
title: Regions
question: Does the region differ?
groups:
  adult: {n_planned: 20}
conditions:
  live: {role: reference, trial_types: [film, movie]}
  ai: {role: contrast, trial_types: [generated]}
stimuli: {set: stimuli/regions, pairs: 16, seconds: 8}
sessions:
  - {name: scan, modality: bold, paradigm: passive_viewing, conditions: [live, ai], runs: 2, volumes: 200,
     repetition_time_s: 2.0, design: {kind: event, fixation_s: [4, 8]}}
  - {name: lab, modality: beh, paradigm: detection, conditions: [live, ai]}
analysis:
  bold: {scene_values: lss}
exclusions:
  roi: {min_coverage: 0.8, min_tsnr: 30}
measures:
  dmpfc:
    level: neural
    session: scan
    statistic: percent_signal_change
    roi: {sphere_mm: 8, centre: [-4, 50, 32], source: a test}
    bound: {value: 0.1, unit: percent_signal, because: precedent}
hypotheses:
  H: {measure: dmpfc, effect: condition, contrast: [live, ai], group: adult, asks: difference, family: all}
families:
  all: {claim: each}
decision: {deciding_model: crossed_mixed, power_waiver: a test, seed: 1}
"""


def changed(*pairs):
    text = PLAN
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def line_of(text, words):
    (line,) = [i for i, one in enumerate(text.splitlines(), 1) if words in one]
    return line


def faults(text):
    with pytest.raises(PlanError) as caught:
        parse_plan(text, "regions.plan.yaml")
    return caught.value.faults


def the_fault(text, item):
    (found,) = [fault for fault in faults(text) if fault.item == item]
    return found


def test_the_plan_is_fine():
    promise = parse_plan(PLAN, "regions.plan.yaml")
    assert promise.plan.conditions["live"].trial_types == ("film", "movie")


@pytest.mark.parametrize(
    "change",
    [
        ("    session: scan\n", "    session: lab\n"),
        ("    statistic: percent_signal_change\n", "    statistic: amplitude\n    unit: percent_signal\n"),
    ],
)
def test_a_region_belongs_to_a_scans_percent_signal_change(change):
    text = changed(change)
    fault = the_fault(text, "measures.dmpfc.roi")
    assert fault.problem == "is a region, and the measure is not made of a scan"
    assert (fault.file, fault.line) == ("regions.plan.yaml", line_of(text, "roi: {sphere_mm"))
    assert "modality 'bold'" in fault.accepted
    assert "measured_elsewhere" in fault.way_out


def test_a_region_needs_a_rule_for_when_it_counts():
    text = changed(("  roi: {min_coverage: 0.8, min_tsnr: 30}\n", "  mean_fd_mm: 0.5\n"))
    fault = the_fault(text, "measures.dmpfc.roi")
    assert "has no rule" in fault.problem
    assert "min_coverage: 0.8" in fault.accepted
    assert fault.line == line_of(text, "roi: {sphere_mm")


def test_what_was_measured_elsewhere_needs_neither():
    parse_plan(
        changed(
            ("    session: scan\n", "    session: scan\n    measured_elsewhere: SPM12, its own rule\n"),
            ("  roi: {min_coverage: 0.8, min_tsnr: 30}\n", "  mean_fd_mm: 0.5\n"),
        ),
        "regions.plan.yaml",
    )


def test_the_crossed_model_needs_values_of_scenes():
    text = changed(("scene_values: lss", "scene_values: none"))
    fault = the_fault(text, "analysis.bold.scene_values")
    assert fault.problem == "leaves one value per condition, and H need one per scene"
    assert fault.line == line_of(text, "scene_values: none")
    assert fault.accepted == "scene_values: lss, or deciding_model: by_person"
    parse_plan(
        text.replace("deciding_model: crossed_mixed", "deciding_model: by_person"), "regions.plan.yaml"
    )


@pytest.mark.parametrize(
    ("words", "meaning"), [("[generated, film]", "live"), ("[generated, live]", "live")]
)  # fmt: skip
def test_a_word_means_one_condition(words, meaning):
    text = changed(("trial_types: [generated]", f"trial_types: {words}"))
    fault = the_fault(text, "conditions.ai.trial_types[1]")
    assert fault.problem == f"means '{meaning}' already"
    assert fault.got == words.strip("[]").split(", ")[1]
    assert fault.line == line_of(text, words)
    assert "each word to one condition" in fault.way_out


def test_a_condition_may_name_itself():
    parse_plan(changed(("trial_types: [generated]", "trial_types: [generated, ai]")), "regions.plan.yaml")


def test_the_localizer_passes_and_says_what_it_gathers():
    promise = parse_plan(shipped_plans()["localizer"], "localizer")
    assert promise.warnings == ()
    assert promise.plan.conditions["people"].trial_types == ("face", "body")
    assert all(measure.roi for measure in promise.plan.measures.values())
    document = YAML(typ="safe").load(shipped_plans()["localizer"])
    del document["exclusions"]["roi"]
    with pytest.raises(PlanError) as caught:
        parse_plan(json.dumps(document), "localizer")
    assert [fault.item for fault in caught.value.faults] == [
        f"measures.{name}.roi" for name in promise.plan.measures
    ]
