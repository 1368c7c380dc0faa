"""What only people know: by assignment, by questions, in a spreadsheet."""

import openpyxl
import pytest

from protocols.base.errors import InputError, OutputError, UsageError
from stimuli.registry import sheets
from stimuli.registry.editing import interview, open_cells, set_cells, todo_lines
from stimuli.registry.importing import import_clips
from stimuli.registry.manifest import read_manifest
from stimuli.sets import StimulusSet


@pytest.fixture
def stimuli(lab, tmp_path):
    import_clips([lab], tmp_path / "set", say=lambda _: None)
    return StimulusSet(tmp_path / "set")


def cells(stimuli, name):
    return {clip.name: clip[name] for clip in read_manifest(stimuli).clips}


def test_the_open_cells_of_each_arm_with_their_meaning(stimuli):
    lines = todo_lines(read_manifest(stimuli))
    assert any(line.startswith("ai.generator (all 3): ") for line in lines)
    assert any(line.startswith("live.licence (all 3): ") for line in lines)
    assert not any(line.startswith(("live.generator", "ai.performer_consent")) for line in lines)
    set_cells(stimuli, ["kitchen_ai.generator=Sora 2"])
    assert any("ai.generator (Harbour_2_ai, p01_ai)" in line for line in todo_lines(read_manifest(stimuli)))


def test_a_clip_an_arm_or_all(stimuli):
    set_cells(
        stimuli,
        ["all.licence=CC BY 4.0", "ai.attempts=4", "kitchen_ai.attempts=7", "kitchen_live.crop=0 4 60 40"],
    )
    assert set(cells(stimuli, "licence").values()) == {"CC BY 4.0"}
    assert cells(stimuli, "attempts") == {
        "Harbour_2_live": None, "Harbour_2_ai": "4", "kitchen_live": None, "kitchen_ai": "7", "p01_live": None,
        "p01_ai": "4",
    }  # fmt: skip
    set_cells(stimuli, ["ai.attempts="])
    assert cells(stimuli, "attempts")["kitchen_ai"] is None


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("generator=Sora", "does not say whose"),
        ("ai.generater=Sora", "did you mean 'generator'"),
        ("aii.generator=Sora", "is neither a clip nor an arm"),
        ("ai.attempts=many", "attempts"),
        ("ai.attempts=0", "attempts"),
        ("ai.frames=3", "is not a field that people fill in"),
        ("kitchen_live.start_s=soon", "start_s"),
        ("kitchen_live.crop=1 2 3", "crop"),
    ],
)
def test_a_bad_assignment_changes_nothing(stimuli, assignment, expected):
    before = stimuli.manifest.read_bytes()
    with pytest.raises(UsageError, match=expected):
        set_cells(stimuli, ["all.licence=CC0", assignment])
    assert stimuli.manifest.read_bytes() == before


def test_what_looks_personal_is_refused_and_not_repeated(stimuli):
    with pytest.raises(UsageError) as caught:
        set_cells(stimuli, ["live.performer_consent=jane.roe@example.org"])
    assert "jane.roe" not in str(caught.value)
    assert "jane.roe" not in stimuli.manifest.read_text("utf-8")


def test_questions_for_a_clip_for_an_arm_and_a_way_out(stimuli):
    answers = iter(["Sora 2*", "", "oops", "second thoughts"])
    asked, said = [], []

    def ask(prompt):
        asked.append(prompt)
        try:
            return next(answers)
        except StopIteration:
            raise EOFError from None

    filled = interview(stimuli, ask, said.append)
    assert asked[0] == "generator? "
    assert cells(stimuli, "generator")["p01_ai"] == cells(stimuli, "generator")["kitchen_ai"] == "Sora 2"
    assert filled == 5  # three generators, two versions; one was skipped
    assert any("for example" in line for line in said)


def test_a_spreadsheet_there_and_back(stimuli, tmp_path):
    path = sheets.write_sheet(stimuli, tmp_path / "fill in.xlsx")
    book = openpyxl.load_workbook(path)
    sheet = book[sheets.SHEET]
    header = [cell.value for cell in sheet[1]]
    seed, clip = header.index("seed") + 1, header.index("clip") + 1
    rows = {sheet.cell(i, clip).value: i for i in range(2, sheet.max_row + 1)}
    assert sheet.cell(rows["kitchen_ai"], seed).fill.fgColor.rgb.endswith("FFF2CC")  # open
    assert not sheet.cell(rows["kitchen_live"], seed).fill.fgColor.rgb.endswith("FFF2CC")  # not wanted
    assert {row[0].value for row in book["meaning"].iter_rows(min_row=2)} >= {
        "seed",
        "crop",
        "performer_consent",
    }
    largest = str(2**64 - 1)  # a float, as spreadsheet programs keep numbers, does not hold it
    sheet.cell(rows["kitchen_ai"], seed).value = largest
    book.save(path)
    assert sheets.read_sheet(stimuli, path) == 1
    assert cells(stimuli, "seed")["kitchen_ai"] == largest
    with pytest.raises(OutputError, match="exists already"):
        sheets.write_sheet(stimuli, path)


def test_every_bad_cell_of_a_spreadsheet_is_named_and_none_taken(stimuli, tmp_path):
    path = tmp_path / "cells.csv"
    path.write_text("clip,attempts,licence\nkitchen_ai,many,CC0\nkitchn_ai,2,CC0\np01_ai,3,CC0\n", "utf-8")
    before = stimuli.manifest.read_bytes()
    with pytest.raises(InputError) as caught:
        sheets.read_sheet(stimuli, path)
    told = str(caught.value)
    assert f"{path}:2: " in told
    assert f"{path}:3: " in told
    assert "did you mean 'kitchen_ai'" in told
    assert stimuli.manifest.read_bytes() == before


def test_a_set_whose_cells_are_filled_in_has_nothing_open(stimuli):
    set_cells(stimuli, [
        "ai.generator=Sora 2", "ai.model_version=2025-10", "ai.prompt=a kitchen", "ai.seed=unknown",
        "ai.source_of_first_frame=none", "ai.attempts=4", "ai.selection_rule=first that showed the scene",
        "ai.visible_label=none", "live.licence=CC0", "live.performer_consent=yes",
    ])  # fmt: skip
    assert open_cells(read_manifest(stimuli)) == []
