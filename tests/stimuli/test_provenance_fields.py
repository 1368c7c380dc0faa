"""What people must say of a clip, by what the clip is; what a cell takes; and what it never takes."""

from __future__ import annotations

import pytest

from stimuli.provenance.fields import FIELDS, check_row, gaps, todo
from stimuli.provenance.personal import WITHHELD, harmless, looks_personal

GOOD = {
    "generator": "Sora",
    "model_version": "sora-2-pro, 2025-11",
    "prompt": "A woman pours coffee at a kitchen table, morning light, 35 mm",
    "seed": "1234567",
    "source_of_first_frame": "none",
    "attempts": "12",
    "selection_rule": "first without visible artefacts",
    "licence": "CC BY 4.0",
    "performer_consent": "yes",
    "prior_exposure": "asked after the session",
    "edits": "none",
    "visible_label": "none",
    "c2pa": "none",
    "digital_source_type": "trainedAlgorithmicMedia",
}
MADE = {"generator", "model_version", "prompt", "seed", "source_of_first_frame", "attempts", "selection_rule"}


def row(arm: str, role: str | None = None, **cells):
    return {"clip": f"kitchen_{arm}", "arm": arm, "role": role, **cells}


def wanted(arm: str, role: str | None = None, **cells) -> set[str]:
    return {one.field for one in todo(row(arm, role, **cells))}


@pytest.mark.parametrize(
    ("arm", "fields"),
    [
        ("live", {"licence", "performer_consent"}),
        ("ai", MADE | {"visible_label"}),
        ("codec_control", {"licence", "edits"}),
        ("rotoscoped", {"licence", "edits"}),
        ("cartoon", {"licence", "edits"}),
        ("classic", {"licence", "prior_exposure"}),
        ("classic_replica", MADE | {"visible_label", "prior_exposure"}),
    ],
)
def test_each_kind_of_clip_has_its_own_list(arm, fields):
    assert wanted(arm) == fields


def test_an_arm_of_another_name_goes_by_its_role():
    assert wanted("kling", "contrast") == wanted("ai")
    assert wanted("ai", "reference") == wanted("live")  # the role is what the analysis goes by


def test_a_full_row_has_nothing_to_do_and_no_fault():
    full = row("ai", "contrast", **GOOD)
    assert (todo(full), gaps(full), check_row(full)) == ([], [], [])


def test_a_to_do_says_what_is_wanted():
    (one,) = todo(row("ai", **{**GOOD, "attempts": "n/a"}))
    assert (one.clip, one.field) == ("kitchen_ai", "attempts")
    assert "how many clips were generated" in one.meaning


def test_unknown_is_an_answer_and_stays_a_gap():
    cells = {**GOOD, "seed": "unknown", "selection_rule": "Unknown"}
    assert todo(row("ai", **cells)) == []
    assert check_row(row("ai", **cells)) == []
    assert {one.field for one in gaps(row("ai", **cells))} == {"seed", "selection_rule"}


@pytest.mark.parametrize("field", ["visible_label", "prior_exposure"])
def test_what_can_be_found_out_is_not_left_unknown(field):
    (fault,) = check_row(row("classic_replica", **{**GOOD, field: "unknown"}))
    assert fault.item == f"kitchen_classic_replica.{field}"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("attempts", "0"),
        ("attempts", "-3"),
        ("attempts", "2.5"),
        ("attempts", "many"),
        ("seed", "0x1F"),
        ("seed", "random"),
        ("performer_consent", "signed"),
        ("visible_label", "corner"),
        ("licence", "???"),
        ("prompt", "x" * 30_000),
        ("c2pa", "present"),
    ],
)
def test_a_wrong_cell_is_explained(field, value):
    (fault,) = check_row(row("ai", **{**GOOD, field: value}))
    assert fault.item == f"kitchen_ai.{field}"
    assert fault.problem
    assert fault.accepted
    assert fault.way_out
    assert len(fault.got) <= 60


@pytest.mark.parametrize(
    ("field", "value"),
    [("seed", "-5"), ("seed", "13812345678"), ("attempts", "1"), ("visible_label", "cropped")],
)
def test_unusual_but_right_cells(field, value):
    assert check_row(row("ai", **{**GOOD, field: value})) == []


def test_a_near_miss_is_helped():
    (fault,) = check_row(row("live", performer_consent="not needed"))
    assert fault.way_out == "did you mean 'not_needed'?"


@pytest.mark.parametrize(
    "private",
    [
        "consent: aisha.khan@example.org",
        "ask +49 170 1234567",
        "13812345678",
        "110101199003074515",
        "born 3.4.1987",
        "DOB 1990-02-11",
        "出生 1990年",
        "geb. 12.03.1999",
        "1990-02-11",
    ],
)
@pytest.mark.parametrize("field", ["licence", "edits", "selection_rule"])
def test_a_cell_that_looks_personal_is_refused_unseen(field, private):
    (fault,) = check_row(row("live", **{field: private}))
    assert "looks like" in fault.problem
    assert private not in str(fault)
    assert fault.got == ""


@pytest.mark.parametrize(
    "text",
    [
        "A birthday party, 6 candles, 4k",
        "A newborn of 2024 grams",
        "neon lights, 1980s",
        "downloaded 2019-05-03",
        "https://creativecommons.org/licenses/by/4.0/",
        "pexels.com/video/8564832",
        "24 fps, 1280 x 720, seed 20011229",
    ],
)
def test_ordinary_cells_pass(text):
    assert check_row(row("ai", prompt=text, licence=text)) == []


def test_examples_pass_their_own_checks():
    """The editor shows them: they must be right."""
    for field in FIELDS:
        assert field.check(field.example) is None, field.name
        assert looks_personal(field.example) is None, field.name
        assert "\n" not in field.meaning


def test_the_programs_own_columns_are_nobodys_to_do():
    by_program = {field.name for field in FIELDS if field.by_program}
    assert by_program == {"c2pa", "digital_source_type"}
    assert not any(by_program & wanted(arm) for arm in ("live", "ai", "classic"))


@pytest.mark.parametrize("path", ["/srv/aisha/take.mp4", "D:\\aisha\\take.mp4", "file:///x", "~/films/x.mp4"])
def test_paths_are_withheld(path):
    assert harmless(f"rendered from {path}") == WITHHELD


def test_texts_of_files_become_one_short_line():
    assert harmless("a\x00b\n\tc") == "a b c"
    assert len(harmless("x" * 500)) == 120
    assert harmless("Adobe_Firefly/1.0 c2pa-rs/0.3") == "Adobe_Firefly/1.0 c2pa-rs/0.3"
