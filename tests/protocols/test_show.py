"""What a colleague reads, and what `bazin plan check` says of a plan without faults."""

from pathlib import Path

import pytest

from protocols.plan.expanding import expand
from protocols.plan.reading import parse_plan, shipped_plans
from protocols.plan.show import check_report, sentence, show
from protocols.plan.wording import age_range, control_words, quantity

NAMES = list(shipped_plans())
BOUNDARY = parse_plan(shipped_plans()["boundary-2026"])
SAMPLE = Path(__file__).with_name("sample.plan.yaml").read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("page", [show, check_report])
def test_pages_fit_a_terminal_and_an_email(name, page):
    lines = page(parse_plan(shipped_plans()[name])).splitlines()
    assert max(len(line) for line in lines if "SHA-256" not in line) <= 88
    assert all(len(line) <= 100 for line in lines)
    assert all(line == line.rstrip() for line in lines)


def one_line(text):
    return " ".join(text.split())


def test_a_page_holds_the_whole_plan():
    page = one_line(show(BOUNDARY))
    for part in (
        BOUNDARY.plan.title,
        one_line(BOUNDARY.plan.question),
        "Children: from 4 years to 6 years 11 months; 34 with usable data, 68 to be invited",
        "Live action re-encoded: codec control",
        "48 scenes of 8 s in 'stimuli/boundary'; one person sees 24",
        "1. scan: passive viewing in the scanner, 24 min; live action",
        "96 clips in 4 runs; an attention trial (star) after every 6 clips",
        "2. detect: same different, then detection at a screen, 27 min; the clips of 'scan'",
        "practice until 7 of 8 are right, at most 2 times",
        "Together 74 min, of at most 150.",
        "Too small to matter: ±0.1 %, because precedent in equivalence work on BOLD",
        "Control: cartoons − live action in the catch trials must lie above 1 d′",
        "primary: H1, H2, H3; each may be claimed by itself; Holm over the members",
        "H2 both 0.33* 0.87 at 0.15 %",
        "H1 difference not asked 0.25* at 0.1 %",
        f"SHA-256 {BOUNDARY.sha256}",
    ):
        assert part in page
    for item in expand(BOUNDARY.plan):
        assert f"{sentence(BOUNDARY.plan, item)}." in page


SENTENCES = {
    "effect: condition, contrast: [live, ai], group: adult, asks: both": (
        "H1 Adult: sees (ai − live) differs from 0, or is equivalent to 0 within ±0.3 d′"
    ),
    "effect: condition, contrast: [live, ai], group: pooled, asks: difference": (
        "H1 Child and adult together: sees (ai − live) differs from 0"
    ),
    "effect: group_by_condition, contrast: [live, ai], asks: equivalence": (
        "H1 Adult compared with child: the difference ai − live in sees is equivalent for adult and child "
        "(adult − child) within ±0.3 d′"
    ),
}


@pytest.mark.parametrize("written", SENTENCES)
def test_sentences_about_sensitivity(written):
    old = "effect: condition, contrast: [live, ai], group: adult, asks: both"
    plan = parse_plan(SAMPLE.replace(old, written)).plan
    assert sentence(plan, expand(plan)[0]) == SENTENCES[written]


ROI_SENTENCES = {
    "effect: condition, contrast: [live, ai], group: [child, adult], asks: equivalence": (
        "H2.child Child: roi is equivalent for ai and live (ai − live) within ±0.1 %"
    ),
    "effect: group, condition: ai, asks: difference": (
        "H2 Adult compared with child: roi for ai differs between adult and child (adult − child)"
    ),
    "effect: level, condition: ai, against: -0.5, group: child, asks: both": (
        "H2 Child: roi for ai differs from −0.5 %, or is equivalent to −0.5 % within ±0.1 %"
    ),
}


@pytest.mark.parametrize("written", ROI_SENTENCES)
def test_sentences_about_signal(written):
    old = "effect: condition, contrast: [live, ai], group: [child, adult], asks: both"
    plan = parse_plan(SAMPLE.replace(old, written)).plan
    item = next(item for item in expand(plan) if item.name == "H2")
    assert sentence(plan, item) == ROI_SENTENCES[written]


def test_the_sentence_of_the_brief():
    items = {item.id: item for item in expand(BOUNDARY.plan)}
    assert sentence(BOUNDARY.plan, items["H2"]) == (
        "H2 Adults: percent signal change in dmPFC differs between AI-generated and live action "
        "(AI-generated − live action), or is equivalent within ±0.1 %"
    )


def test_words():
    assert age_range((0, 13)) == "from birth to 1 year"
    assert age_range((47, 49)) == "from 3 years 11 months to 4 years"
    assert quantity(-0.1, "percent_signal") == "−0.1 %"
    assert quantity(0.25, "proportion") == "0.25"
    plan = parse_plan(
        SAMPLE.replace("minimum: 1.0", "minimum: {child: 0.5, adult: 1.0}, direction: below")
    ).plan
    measure = plan.measures["sees"]
    assert control_words(plan, measure, measure.controls[0]) == (
        "cartoon − live must lie below −0.5 d′ (child), −1 d′ (adult), by its one-sided limit"
    )


def test_a_plan_that_can_decide():
    said = check_report(parse_plan(shipped_plans()["first-study"]))
    assert said.startswith("first-study: no faults; every chance is at least 0.80\n")
    assert "What would help" not in said
    assert "H2.child    both         0.92 (0.80)         0.98 (0.94) at 0.12 %" in said


def test_a_plan_that_cannot():
    said = one_line(check_report(BOUNDARY))
    assert said.startswith("boundary-2026: no faults, but 5 of 6 hypotheses have a chance below 0.80")
    assert "H4 to be shown equivalent: 46 people instead of 34, or 102 pairs of clips instead of 48" in said
    assert "cannot be sealed unless decision.power_waiver says why" in said
    waived = shipped_plans()["boundary-2026"].replace(
        "min_probability: 0.80", "min_probability: 0.80\n  power_waiver: a pilot"
    )
    said = one_line(check_report(parse_plan(waived)))
    assert "Waived: a pilot" in said
    assert "cannot be sealed" not in said


def test_a_plan_without_assumptions():
    said = one_line(check_report(parse_plan(SAMPLE)))
    assert said.startswith("sample: no faults; what it can decide is partly unknown (see below)")
    assert "H2.child both unknown unknown: no assumptions" in said
    assert "measures.roi has no assumptions for child: what H2.child can decide is unknown (line 36)" in said


def test_no_chance_is_rounded_up():
    text = SAMPLE.replace("n_planned: 30, n_recruited: 36", "n_planned: 60").replace(
        "seed: 7", "min_probability: 0.999"
    )
    said = check_report(parse_plan(text))
    assert "0.99*" in said
    assert "1.00" not in said
    assert "marks those below 0.999" in one_line(said)
