"""Every bad table and map: one clear message with place and way out, and nothing written."""

import datetime

import openpyxl
import pytest

MAP = """
columns: {participant_id: Subj, condition: Stim, scene: item, value: beta}
group: {constant: adult}
measures: {dmpfc: {level: neural, statistic: percent_signal_change}}
"""
TABLE = "Subj,Stim,item,beta\n01,live,s1,0.1\n01,ai,s1,0.2\n02,live,s1,0.3\n02,ai,s1,0.4\n"

CASES = {
    "empty": ("", MAP, ["is empty", "finished"]),
    "header only": ("Subj,Stim,item,beta\n", MAP, ["has a header but no rows"]),
    "decimal comma": (
        "Subj;Stim;item;beta\n1;live;s1;0,53\n1;ai;s1;0,6\n",
        MAP,
        ["roi.csv:2: column 'beta': holds a decimal comma (and 1 more cells)", "0,53", 'decimal: ","'],
    ),
    "decimal comma in quotes": (
        'Subj,Stim,item,beta\n1,live,s1,"0,53"\n',
        MAP,
        ["roi.csv:2", "decimal comma"],
    ),
    "decimal comma cuts the row": (
        "Subj,Stim,item,beta\n1,live,s1,0,53\n",
        MAP,
        ["5 cells", "decimal comma"],
    ),
    "point where comma is declared": (
        "Subj;Stim;item;beta\n1;live;s1;0.53\n",
        'decimal: ","\n' + MAP,
        ["0.53", "as the map says"],
    ),
    "thousands undeclared": ('Subj,Stim,item,beta\n1,live,s1,"1,234"\n', MAP, ['thousands: ","']),
    "short row": (TABLE + "03,live\n", MAP, ["roi.csv:6: row: has 2 cells", "has 4"]),
    "open quote": ('Subj,Stim,item,beta\n1,"live,s1,0.1\n', MAP, ["quote"]),
    "no such column": (TABLE.replace("beta", "Beta"), MAP, ["has no column 'beta'", "did you mean 'Beta'?"]),
    "column twice": ("Subj,Stim,item,beta,beta\n1,live,s,1,2\n", MAP, ["has 2 columns 'beta'"]),
    "one column": ("Subj\n1\n", MAP, ["is not a table"]),
    "no Excel inside": (TABLE, MAP, ["is not an Excel workbook", "rename it to .csv"]),
    "no use": (
        "Subj,Stim,item,beta\n1,live,s1,n/a\n1,ai,s1,x\n",
        MAP,
        ["holds nothing usable", "no value (1", "text, not a number"],
    ),
    "recode of one answer misspelt": (
        "Subj,Stim,item,beta\n1,live,a,real\n1,ai,a,fake\n1,ai,b,fake\n",
        MAP + "recode: {value: {real: 0, faked: 1}}\n",
        ["recode of 'value': never finds 'faked'", "'fake' (2 times)", "letter by letter"],
    ),
    "recode of one condition misspelt": (
        TABLE.replace("live", "Film"),
        MAP + "recode: {condition: {film: live, ai: ai}}\n",
        ["recode of 'condition': never finds 'film'", "'Film' (2 times)"],
    ),
    "recode of one group misspelt": (
        TABLE.replace("s1", "kids", 2),
        MAP.replace("{constant: adult}", "{column: item, recode: {s1: adult, kid: child}}"),
        ["recode of 'group': never finds 'kid'", "'kids' (2 times)"],
    ),
    "two groups": (
        "Subj,Stim,item,beta,G\n1,live,s1,1,a\n1,ai,s1,1,b\n",
        MAP.replace("{constant: adult}", "{column: G, recode: {a: adult, b: child}}"),
        ["sub-1: is in two groups: adult (line 2) and child (line 3)"],
    ),
    "twice": (
        TABLE + "01,live,s1,0.7\n",
        MAP,
        ["stands 2 times: lines 2, 6", "participant_id sub-01, condition live, scene s1", "columns.run"],
    ),
    "misspelt key": (
        TABLE,
        MAP.replace("value: beta", "valuex: beta"),
        ["map.yaml:2:", "did you mean 'value'?"],
    ),
    "key twice": (TABLE, MAP + "group: {constant: child}\n", ["group: stands twice"]),
    "no is text": (TABLE, "rekey: no\n" + MAP, ["map.yaml:1:", "is not true or false", "plain words here"]),
    "clock time": (TABLE, "header_line: 12:30\n" + MAP, ["is not a whole number", "12:30"]),
    "group missing": (
        TABLE,
        MAP.replace("group: {constant: adult}", "group: {}"),
        ["where the group comes from", "from_age"],
    ),
    "group names missing": (TABLE, MAP.replace("{constant: adult}", "{column: item}"), ["group.recode"]),
    "measure half told": (
        TABLE,
        MAP.replace(", statistic: percent_signal_change", ""),
        ["'dmpfc' lacks statistic"],
    ),
    "unit and statistic": (
        TABLE,
        MAP.replace("percent_signal_change", "percent_signal_change, unit: mV"),
        ["is not the unit of"],
    ),
    "value nowhere": (TABLE, MAP.replace(", value: beta", ""), ["does not say where the values are"]),
    "newer map": (TABLE, "map: 2\n" + MAP, ["map: is out of range", "<= 1"]),
    "birth date as age": (
        TABLE,
        "age: {column: Geburtsdatum, unit: years}\n" + MAP,
        ["is a birth date, not an age"],
    ),
    "unknown encoding": (TABLE, "encoding: utf9\n" + MAP, ["unknown encoding"]),
}


@pytest.mark.parametrize("case", CASES)
def test_bad(desk, case):
    table, map_text, words = CASES[case]
    message = desk.refused(table, map_text, name="roi.xlsx" if case == "no Excel inside" else "roi.csv")
    assert all(word in message for word in words), message
    assert not desk.out.exists()


def test_numbers_yaml_1_2_reads_right(desk):
    desk.bring(
        map_text=MAP.replace("percent_signal_change", "percent_signal_change, convert: {multiply: 1e-3}")
    )
    assert desk.measure().rows["value"].max() == 0.0004


def test_missing_file_and_file_as_folder(desk):
    assert "does not exist" in desk.refused(desk.folder / "none.csv")
    desk.write("out", "a file")
    assert "is a file, not a folder" in desk.refused()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04rest", "rename it to .xlsx"),
        (b"%PDF-1.7", "is a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel file"),
        (b"<!DOCTYPE html><table>", "is a web page"),
        ("Subj,Stim\nköln,ü\n".encode("cp1252"), "cp1252"),
        (TABLE.encode("utf-16-le"), "utf-16"),
    ],
)
def test_not_what_its_ending_says(desk, content, words):
    assert words in desk.refused(content)


def test_broken_workbook(desk):
    assert "broken or unfinished" in desk.refused(b"PK\x03\x04" + b"\x00" * 50, name="roi.xlsx")


HEADER = ["Subj", "Stim", "item", "beta"]


def test_workbook_sheets(desk):
    rows = [HEADER, ["01", "live", "s1", 0.1]]
    assert "all its sheets are empty" in desk.refused(desk.workbook("a.xlsx", {"A": []}))
    both = desk.workbook("b.xlsx", {"A": rows, "B": rows, "C": []})
    assert "more than one sheet" in desk.refused(both)
    assert "its sheet 'C' is empty" in desk.refused(both, "sheet: C\n" + MAP)
    assert "did you mean 'B'?" in desk.refused(both, "sheet: b\n" + MAP)
    assert desk.bring(both, "sheet: B\n" + MAP).usable == 1
    assert desk.bring(desk.workbook("b.xlsx", {"Empty": [], "A": rows})).usable == 1


def test_workbook_dates_are_no_numbers_and_numbers_no_text(desk):
    cells = [datetime.datetime(2026, 5, 1), 0.25, "0.5", True, "#N/A", datetime.time(12, 30), 3]
    rows = [HEADER, *([7, "live", f"s{i}", cell] for i, cell in enumerate(cells))]
    desk.bring(desk.workbook("a.xlsx", {"A": rows}))
    assert sorted(desk.measure().used["value"]) == [0.25, 0.5, 3]
    assert set(desk.measure().rows["participant_id"]) == {"sub-7"}
    reasons = {row["line"]: row["reason"] for row in desk.rows("unusable_rows.tsv")}
    assert reasons["2"] == "the spreadsheet made it a date"
    assert reasons["5"] == "text, not a number"
    assert reasons["6"] == "a spreadsheet's error"
    assert reasons["7"] == "the spreadsheet made it a date"


def test_workbook_formula_without_value(desk):
    rows = [HEADER, ["01", "live", "s1", "=1+1"]]
    message = desk.refused(desk.workbook("a.xlsx", {"A": rows}))
    assert "holds a formula without its value" in message
    assert "a.xlsx:2:4" in message


def test_workbook_numbers_have_their_own_decimal_sign(desk):
    rows = [HEADER, ["01", "live", "s1", 0.1], ["01", "ai", "s1", "0,2"]]
    desk.bring(desk.workbook("a.xlsx", {"A": rows}), 'decimal: ","\n' + MAP)
    assert sorted(desk.measure().used["value"]) == [0.1, 0.2]


def test_text_above_the_header_and_blank_lines(desk):
    text = "SPM12 results\n\nSubj,Stim,item,beta,,\n01,live,s1,0.1,,\n\n,,,,,\n01,ai,s1,0.2,,\n\n"
    desk.bring(text, "header_line: 3\n" + MAP)
    assert len(desk.measure().used) == 2


def test_marked_and_missing_numbers(desk):
    rows = (
        "1,live,a,-999",
        "1,live,b,-999.0",
        "1,live,c,inf",
        "1,live,d,1",
        ",live,e,1",
        "1,,f,1",
        "1,live,g,12:30",
    )
    table = "\n".join(("Subj,Stim,item,beta", *rows))
    summary = desk.bring(table, "missing: [-999]\n" + MAP)
    assert dict(summary.unusable) == {
        "no value": 2,
        "a clock time, not a number": 1,
        "no condition": 1,
        "no participant code": 1,
        "not a finite number": 1,
    }
    assert summary.usable == 1


def test_ambiguous_separator_is_asked_for(desk):
    how = "columns: {participant_id: Subj, condition: Stim, value: beta}\n" + "\n".join(MAP.splitlines()[2:])
    table = "Subj\tStim\tbeta\tx,Subj\tStim,beta\n1\tlive\t2\t3,4\t5,6\n"
    assert desk.bring(table, how).usable == 1


def test_allowed_column_that_is_not_there(desk):
    assert "was allowed by name but is not in the file" in desk.refused(allow=["Namex"])


def test_output_that_cannot_be_written(desk, monkeypatch):
    def full(*_: object):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.replace", full)
        assert "the disk is full" in desk.refused()
    assert desk.bring().done.reason == "not done before"


def test_dates_in_a_table_the_openpyxl_way(desk):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(HEADER)
    sheet.append(["01", "live", "s1", 44000])
    sheet["D2"].number_format = "dd.mm.yyyy"
    book.save(desk.folder / "a.xlsx")
    message = desk.refused(desk.folder / "a.xlsx")
    assert "birth dates" in message or "nothing usable" in message
