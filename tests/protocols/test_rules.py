"""Faults between the fields of a plan: the exact message, with its line and column."""

from pathlib import Path

import pytest

from protocols.base.errors import PlanError
from protocols.plan.reading import parse_plan

SAMPLE = Path(__file__).with_name("sample.plan.yaml").read_text("utf-8")
DETECT = "    items: {same_as: scan}\n"
CONTROL = "    control: {contrast: [fixation, all_clips], minimum: 0.05}\n"

MESSAGES = {
    "an unknown condition": (
        "contrast: [live, ai], group: adult",
        "contrast: [live, al], group: adult",
        """\
my.plan.yaml:43:59: hypotheses.H1.contrast[1]: names a condition the plan does not have
  got:      al
  accepted: live, ai, cartoon
  way out:  did you mean 'ai'?""",
    ),
    "an unknown condition in a training": (
        DETECT,
        DETECT + "    training: {items: 8, criterion: 7, contrast: [live, cartoons]}\n",
        """\
my.plan.yaml:26:57: sessions[1].training.contrast[1]: names a condition the plan does not have
  got:      cartoons
  accepted: live, ai, cartoon
  way out:  did you mean 'cartoon'?""",
    ),
    "an unknown group": (
        "group: [child, adult]",
        "group: [child, adlt]",
        """\
my.plan.yaml:44:78: hypotheses.H2.group[1]: names a group the plan does not have
  got:      adlt
  accepted: child, adult, pooled
  way out:  did you mean 'adult'?""",
    ),
    "an unknown measure": (
        "measure: sees",
        "measure: see",
        """\
my.plan.yaml:43:17: hypotheses.H1.measure: names a measure the plan does not have
  got:      see
  accepted: sees, roi
  way out:  did you mean 'sees'?""",
    ),
    "an unknown family": (
        "family: seen",
        "family: sen",
        """\
my.plan.yaml:43:98: hypotheses.H1.family: names a family the plan does not have
  got:      sen
  accepted: seen, brain
  way out:  did you mean 'seen'?""",
    ),
    "an unknown session": (
        "session: detect\n",
        "session: detekt\n",
        """\
my.plan.yaml:29:14: measures.sees.session: names a session the plan does not have
  got:      detekt
  accepted: scan, detect
  way out:  did you mean 'detect'?""",
    ),
    "a missing bound": (
        "    bound: {value: 0.1, unit: percent_signal, because: it is small}\n",
        "",
        """\
my.plan.yaml:43:3: hypotheses.H2: asks for equivalence, and measure 'roi' has no bound
  accepted: measures.roi.bound: {value, unit: percent_signal, because}
  way out:  or ask for 'difference' only""",
    ),
    "a bound in another unit": (
        "unit: percent_signal",
        "unit: percent",
        """\
my.plan.yaml:40:31: measures.roi.bound.unit: is not the measure's unit
  got:      percent
  accepted: percent_signal
  way out:  a bound in another unit cannot be compared with the effect""",
    ),
    "a missing control": (
        CONTROL,
        "",
        """\
my.plan.yaml:43:3: hypotheses.H2: asks for equivalence, and measure 'roi' has no positive control
  accepted: measures.roi.control: {contrast: [reference, compared], minimum}
  way out:  without a known effect it shows, 'no difference' means nothing""",
    ),
    "a control without a group's minimum": (
        CONTROL,
        CONTROL.replace("0.05", "{child: 0.05}"),
        "my.plan.yaml:41:5: measures.roi.control: has no minimum for adult",
    ),
    "an empty family": (
        "  brain: {claim: each}\n",
        "  brain: {claim: each}\n  other: {claim: any}\n",
        """\
my.plan.yaml:48:3: families.other: has no hypotheses
  way out:  take it away, or give it some""",
    ),
    "no families": (
        "families:\n  seen: {claim: each}\n  brain: {claim: each}\n",
        "families: {}\n",
        """\
my.plan.yaml:45:11: families: is empty
  accepted: which hypotheses are adjusted together""",
    ),
    "a hypothesis in no family": (
        ", family: seen}",
        "}",
        """\
my.plan.yaml:43:3: hypotheses.H1: belongs to no family
  accepted: family: seen, brain
  way out:  or mark it 'exploratory: true'""",
    ),
    "passive viewing after detection": (
        DETECT,
        DETECT + "  - {name: again, modality: beh, paradigm: passive_viewing, conditions: [live, ai]}\n",
        """\
my.plan.yaml:26:5: sessions[2]: comes after 'detect', which asks about AI
  way out:  put passive viewing first: whoever was asked looks for AI in the scanner""",
    ),
    "trials that do not fit": (
        "volumes: 180",
        "volumes: 60",
        """\
my.plan.yaml:14:5: sessions[0]: has more trials than time
  got:      1008 s of clips, fixations and questions
  accepted: at most 480 s (4 runs of 120 s)
  way out:  fewer scenes or conditions, more runs, or shorter fixations""",
    ),
    "a visit that is too long": (
        "families:\n",
        "limits: {visit_minutes_max: 30}\nfamilies:\n",
        """\
my.plan.yaml:13:1: sessions: take 40 min together
  accepted: at most limits.visit_minutes_max = 30""",
    ),
    "a scan without volumes": (
        "    volumes: 180\n",
        "",
        "my.plan.yaml:14:5: sessions[0]: is 'bold' and lacks volumes",
    ),
    "a shown condition that serves nothing": (
        "control: {contrast: [live, cartoon]",
        "control: {contrast: [live, ai]",
        """\
my.plan.yaml:11:3: conditions.cartoon: is shown and serves no hypothesis
  way out:  add 'exploratory: true', or a hypothesis that uses it""",
    ),
    "a condition that is neither shown nor used": (
        "  cartoon: {role: positive_control}\n",
        "  cartoon: {role: positive_control}\n  codec: {role: codec_control}\n",
        """\
my.plan.yaml:12:3: conditions.codec: is neither shown nor compared
  way out:  take it away, or show it""",
    ),
    "too few recruits": (
        "n_recruited: 36",
        "n_recruited: 31",
        """\
my.plan.yaml:7:63: groups.adult.n_recruited: leaves 30 people with probability 0.54 only, when 5% \
are lost (measures.sees.assumptions)
  got:      31
  accepted: at least 33 for 0.90""",
    ),
    "overlapping ages": (
        "[216, 480]",
        "[80, 480]",
        """\
my.plan.yaml:7:23: groups.adult.age_months: overlaps with 'child'
  got:      [48, 84] and [80, 480]""",
    ),
    "ages backwards": (
        "[216, 480]",
        "[480, 216]",
        """\
my.plan.yaml:7:23: groups.adult.age_months: is not a range
  got:      [480, 216]
  accepted: [from, to) in whole months: [48, 84]""",
    ),
    "ratings of realness before passive viewing": (
        "  - name: scan\n",
        """\
  - {name: rate, modality: beh, paradigm: ratings, conditions: [live, ai], scales: [realness]}
  - name: scan
""",
        """\
my.plan.yaml:15:5: sessions[1]: comes after 'rate', which asks about AI
  way out:  put passive viewing first: whoever was asked looks for AI in the scanner""",
    ),
    "a marker for what is not shown": (
        "    design: {kind: event, fixation_s: [4, 8]}\n",
        "    design: {kind: event, fixation_s: [4, 8]}\n    triggers: {live: 11, cartoons: 41}\n",
        """\
my.plan.yaml:22:26: sessions[0].triggers.cartoons: names a condition the plan does not have
  got:      cartoons
  accepted: live, ai, cartoon, run, star, question
  way out:  did you mean 'cartoon'?""",
    ),
    "one marker for two things": (
        "    design: {kind: event, fixation_s: [4, 8]}\n",
        "    design: {kind: event, fixation_s: [4, 8]}\n    triggers: {live: 11, ai: 21, cartoon: 11}\n",
        """\
my.plan.yaml:22:43: sessions[0].triggers.cartoon: is the marker of 'live' too
  got:      11""",
    ),
    "an EEG session whose recording could not be read": (
        """\
    modality: bold
    paradigm: passive_viewing
    conditions: [live, ai, cartoon]
    runs: 4
    volumes: 180
    repetition_time_s: 2.0
""",
        """\
    modality: eeg
    paradigm: passive_viewing
    conditions: [live, ai, cartoon]
    runs: 4
    run_seconds: 360
    triggers: {live: 11, ai: 21}
""",
        """\
my.plan.yaml:14:5: sessions[0]: is 'eeg' and has no marker for run, cartoon
  accepted: triggers: {run: 1, live: 11, ai: 21}
  way out:  without markers a recording cannot be matched with what was shown""",
    ),
    "d' by person with the marginal statistic": (
        "statistic: dprime_per_person",
        "statistic: dprime",
        """\
my.plan.yaml:43:3: hypotheses.H1: has statistic 'dprime' (marginal over scenes), which only \
the crossed model gives
  accepted: deciding_model: crossed_mixed, or statistic: dprime_per_person""",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_rule(name):
    old, new, expected = MESSAGES[name]
    assert old in SAMPLE, "the sample has changed: mend the test"
    with pytest.raises(PlanError) as caught:
        parse_plan(SAMPLE.replace(old, new, 1), "my.plan.yaml")
    assert str(caught.value) == expected
