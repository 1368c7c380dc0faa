"""Faults of YAML and of single fields: the exact message, with its line and column."""

from pathlib import Path

import pytest

from protocols.base.errors import BazinError, InputError, PlanError, UsageError
from protocols.plan.reading import parse_plan, read_plan

SAMPLE = Path(__file__).with_name("sample.plan.yaml").read_text("utf-8")
AGE = "age range in whole months, half-open: [48, 84] is from the 4th to the day before the 7th birthday"


def complaint(old: str, new: str) -> str:
    assert old in SAMPLE, "the sample has changed: mend the test"
    with pytest.raises(BazinError) as caught:
        parse_plan(SAMPLE.replace(old, new, 1), "my.plan.yaml")
    return str(caught.value)


MESSAGES = {
    "misspelt key": (
        "n_planned: 30, n_recruited: 36",
        "n_planed: 30, n_recruited: 36",
        """\
my.plan.yaml:7:35: groups.adult.n_planed: is not a field here
  got:      n_planed
  accepted: age_months, n_planned, n_recruited, profile, label
  way out:  did you mean 'n_planned'?""",
    ),
    "misspelt key inside a union": (
        "control: {contrast: [live, cartoon], minimum: 1.0}",
        "control: {contrast: [live, cartoon], minimal: 1.0}",
        """\
my.plan.yaml:32:42: measures.sees.control.minimal: is not a field here
  got:      minimal
  accepted: contrast, minimum, direction, trials
  way out:  did you mean 'minimum'?""",
    ),
    "duplicate key": (
        "unit: dprime,",
        "unit: dprime, value: 3,",
        """\
my.plan.yaml:31:39: value: stands twice in the same place
  accepted: each key once
  way out:  keep one of the two""",
    ),
    "no for a boolean": (
        "ai: {role: contrast}",
        "ai: {role: contrast, exploratory: no}",
        """\
my.plan.yaml:10:37: conditions.ai.exploratory: is not true or false
  got:      'no' (text)
  accepted: true, false
  way out:  write true or false; yes, no, on and off are plain words here""",
    ),
    "a clock time for a number": (
        "repetition_time_s: 2.0",
        "repetition_time_s: 12:30",
        """\
my.plan.yaml:20:24: sessions[0].repetition_time_s: is not a number
  got:      '12:30' (text)
  accepted: a number such as 0.05 or 1e-3
  way out:  there are no clock times here: write one number in the field's unit""",
    ),
    "a quoted number": (
        "repetition_time_s: 2.0",
        'repetition_time_s: "2.0"',
        """\
my.plan.yaml:20:24: sessions[0].repetition_time_s: is not a number
  got:      '2.0' (text)
  accepted: a number such as 0.05 or 1e-3
  way out:  take the quotes away""",
    ),
    "a decimal comma": (
        "repetition_time_s: 2.0",
        "repetition_time_s: 2,0",
        """\
my.plan.yaml:20:24: sessions[0].repetition_time_s: is not a number
  got:      '2,0' (text)
  accepted: a number such as 0.05 or 1e-3
  way out:  write a decimal point""",
    ),
    "a fraction for a whole number": (
        "volumes: 180",
        "volumes: 180.5",
        """\
my.plan.yaml:19:14: sessions[0].volumes: is not a whole number
  got:      180.5 (number)
  accepted: a whole number""",
    ),
    "a word for a number": (
        "volumes: 180",
        "volumes: many",
        """\
my.plan.yaml:19:14: sessions[0].volumes: is not a whole number
  got:      'many' (text)
  accepted: a whole number""",
    ),
    "not a number": (
        "value: 0.3",
        "value: .nan",
        """\
my.plan.yaml:31:20: measures.sees.bound.value: is not a finite number
  got:      nan (number)
  accepted: a finite number""",
    ),
    "a number beyond what JSON holds": (
        "seed: 7",
        "seed: 9007199254740992",
        """\
my.plan.yaml:50:9: decision.seed: is too large a number
  got:      9007199254740992
  accepted: up to 9007199254740991""",
    ),
    "a number out of range": (
        "n_planned: 30, n_recruited: 36",
        "n_planned: -3, n_recruited: 36",
        """\
my.plan.yaml:7:46: groups.adult.n_planned: is out of range
  got:      -3 (number)
  accepted: >= 2 (people with usable data the study needs)""",
    ),
    "no value": (
        "title: A small plan for the tests",
        "title:",
        """\
my.plan.yaml:4:1: title: has no value
  accepted: the study's title
  way out:  write one, or take the line away""",
    ),
    "a missing field": (
        "schema: 1\n",
        "",
        """\
my.plan.yaml:1:1: document: lacks the field 'schema'
  accepted: schema: version of this format""",
    ),
    "a newer schema": (
        "schema: 1",
        "schema: 2",
        """\
my.plan.yaml:2:9: schema: is newer than this program
  got:      2
  accepted: up to 1
  way out:  update bazin; an older program might silently ignore what a newer plan asks for""",
    ),
    "an unknown value": (
        "effect: condition, contrast: [live, ai], group: adult",
        "effect: kondition, contrast: [live, ai], group: adult",
        """\
my.plan.yaml:43:31: hypotheses.H1.effect: has a value that is not known
  got:      'kondition' (text)
  accepted: condition, group_by_condition, group, level
  way out:  did you mean 'condition'?""",
    ),
    "one age": (
        "[216, 480]",
        "[216]",
        f"""\
my.plan.yaml:7:23: groups.adult.age_months: has the wrong number of entries
  got:      1
  accepted: {AGE}""",
    ),
    "an age that is no list": (
        "[216, 480]",
        "216",
        f"""\
my.plan.yaml:7:23: groups.adult.age_months: is not a list
  got:      216 (number)
  accepted: {AGE}""",
    ),
    "a name with a space": (
        "plan: sample",
        "plan: my sample",
        """\
my.plan.yaml:1:7: plan: is not a usable name
  got:      'my sample' (text)
  accepted: letters, digits and '_' (a plan's name also '.' and '-'), beginning with a letter""",
    ),
    "a tab": (
        "    runs: 4",
        "\truns: 4",
        """\
my.plan.yaml:18:1: line: has a tab where only spaces may stand
  way out:  indent with spaces, not tabs""",
    ),
    "a tag of Python's": (
        "seed: 7",
        "seed: !!python/object/apply:os.system [true]",
        """\
my.plan.yaml:50:9: decision.seed: carries the tag !!python/object/apply:os.system
  way out:  take the tag away""",
    ),
    "a tag on a mapping": (
        "stimuli: {set",
        "stimuli: !x {set",
        """\
my.plan.yaml:12:10: stimuli: carries the tag !x
  way out:  take the tag away""",
    ),
    "a number for a key": (
        "  seen: {claim: each}",
        "  seen: {claim: each}\n  1: {claim: each}",
        """\
my.plan.yaml:47:3: families.1: has a key that is not text
  got:      1 (number)
  way out:  put it in quotes: "1\"""",
    ),
    "an alias of itself": (
        "decision:\n",
        "decision: &d\n  bayes: *d\n",
        """\
my.plan.yaml:48:11: decision.bayes: contains itself through an alias ('*')
  way out:  write it out""",
    ),
    "an alias of nothing": (
        "decision:\n",
        "decision:\n  bayes: *d\n",
        """\
my.plan.yaml:49:10: line: has a '*' before the name of nothing
  way out:  put a text that begins with '*' in quotes""",
    ),
    "a second document": (
        "decision:\n",
        "---\ndecision:\n",
        """\
my.plan.yaml:48:1: line: begins a second document
  way out:  one document to a file: take the '---' away""",
    ),
    "a list instead of a mapping": (
        SAMPLE,
        "- a\n- b\n",
        """\
my.plan.yaml:1:1: document: is not made of 'key: value' lines
  got:      a list""",
    ),
    "an open bracket": (
        "fixation_s: [4, 8]}",
        "fixation_s: [4, 8}",
        """\
my.plan.yaml:21:44: line: has a bracket that is not closed, or lacks a comma
  way out:  look at this line and the one before: an indent, a quote, a bracket, or a 'key: \
value' without its space""",
    ),
    "a colon in a sentence": (
        "question: Does it hold?",
        "question: Does it hold: yes",
        """\
my.plan.yaml:4:23: line: has a ': ' where none can stand
  way out:  put a text that holds ': ' in quotes""",
    ),
    "a colon without its space": (
        "    runs: 4",
        "    runs:4",
        """\
my.plan.yaml:19:5: line: has a line before it that is no 'key: value'
  way out:  put a space after the colon""",
    ),
    "a crooked indent": (
        "    runs: 4",
        "   runs: 4",
        """\
my.plan.yaml:18:4: line: does not line up with the lines before it
  way out:  indent it as its neighbors are""",
    ),
    "half a character": (
        "title: A small plan for the tests",
        'title: "\\ud800"',
        """\
my.plan.yaml:3:8: title: holds half a character
  got:      '\\ud800'
  way out:  type it anew""",
    ),
    "nesting without end": (
        "title: A small plan for the tests",
        "title: " + "[" * 1000,
        "my.plan.yaml: document: is nested too deeply to be read",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_message(name):
    old, new, expected = MESSAGES[name]
    assert complaint(old, new) == expected


def test_the_sample_is_valid():
    assert parse_plan(SAMPLE).plan.plan == "sample"


def test_all_faults_are_told_in_the_order_of_the_file():
    text = (
        SAMPLE.replace("pairs: 24", "pairs: x")
        .replace("schema: 1", "schema: one")
        .replace("seed: 7", "seed: -7")
    )
    with pytest.raises(PlanError) as caught:
        parse_plan(text)
    assert [fault.item for fault in caught.value.faults] == ["schema", "stimuli.pairs", "decision.seed"]
    assert [fault.line for fault in caught.value.faults] == [2, 12, 50]


def test_an_exponent_is_a_number():
    plan = parse_plan(
        SAMPLE.replace("value: 0.3", "value: 3e-1").replace("minimum: 1.0", "minimum: 1e0")
    ).plan
    assert plan.measures["sees"].bound.value == 0.3
    assert plan.measures["sees"].control.minimum == 1.0


def test_aliases_of_aliases_are_counted():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
    )
    with pytest.raises(InputError, match="grows beyond 100000 pieces"):
        parse_plan(bomb)


def test_an_alias_and_a_merge_are_inert_data():
    text = SAMPLE.replace(
        "  seen: {claim: each}\n  brain: {claim: each}", "  seen: &each {claim: each}\n  brain: {<<: *each}"
    )
    assert parse_plan(text).sha256 == parse_plan(SAMPLE).sha256


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_byte_order_marks_are_read(tmp_path, encoding):
    mark = {"utf-16-le": "\ufeff", "utf-16-be": "\ufeff"}.get(encoding, "")
    path = tmp_path / "my.plan.yaml"
    path.write_bytes((mark + SAMPLE.replace("small", "smäll")).replace("\n", "\r\n").encode(encoding))
    assert read_plan(path).plan.title == "A smäll plan for the tests"


@pytest.mark.parametrize("content", [b"", b" \r\n\t\n", b"\xef\xbb\xbf\n"])
def test_an_empty_file(tmp_path, content):
    path = tmp_path / "my.plan.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"my\.plan\.yaml: is empty\n  way out: "):
        read_plan(path)


def test_only_comments(tmp_path):
    path = tmp_path / "my.plan.yaml"
    path.write_text("# nothing yet\n")
    with pytest.raises(InputError, match="holds nothing but comments"):
        read_plan(path)


def test_latin_letters_in_another_encoding(tmp_path):
    path = tmp_path / "my.plan.yaml"
    path.write_bytes(SAMPLE.replace("small", "smäll").encode("cp1252"))
    with pytest.raises(InputError, match=r"is not utf-8 text \(byte \d+ does not belong\)"):
        read_plan(path)


def test_a_missing_file_and_an_unknown_name(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_plan(tmp_path / "my.plan.yaml")
    with pytest.raises(InputError, match="is a folder, not a file"):
        read_plan(tmp_path)
    with pytest.raises(UsageError, match="did you mean 'first-study'"):
        read_plan(Path("first-stdy"))
