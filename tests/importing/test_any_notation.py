"""However a table is written – format, encoding, separator, decimal sign, order of rows – the same values come in."""

import csv
import io
import tempfile
import unicodedata
from pathlib import Path

import openpyxl
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from analysis.importing.measures import import_measures
from analysis.importing.numbers import NotANumber, Numbers
from analysis.measures.table import measure_path
from protocols.sources.cells import NumberCell

HEADER = ["Vp", "Film", "Bild", "Wert", "Gruppe"]
MAP = """
columns: {participant_id: Vp, condition: Film, scene: Bild, value: Wert}
recode: {condition: {künstlich: ai, echt: live, "真": live}}
group: {column: Gruppe, recode: {Kinder: child, "Große, Alte": adult}}
measures: {roi: {level: neural, statistic: percent_signal_change}}
"""
numbers = st.floats(min_value=-1e6, max_value=1e6).map(lambda x: float(f"{x:.6g}") + 0.0)
cells = st.dictionaries(
    st.tuples(
        st.integers(1, 6),
        st.sampled_from(["künstlich", "echt"]),
        st.sampled_from(["Straße; 1", "b,c", 'd "e"', "海"]),
    ),
    st.one_of(st.none(), numbers),
    min_size=1,
    max_size=12,
)
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
notations = st.fixed_dictionaries(
    {
        "separator": st.sampled_from(sorted(SEPARATORS)),
        "name_separator": st.booleans(),
        "decimal": st.sampled_from([".", ","]),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030", "utf-16-le"]),
        "newline": st.sampled_from(["\n", "\r\n", "\r"]),
        "form": st.sampled_from(["NFC", "NFD"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        "missing": st.sampled_from(["", "n/a", "NaN", " NA ", "."]),
    }
)


def table_rows(values):
    groups = {code: "Kinder" if code % 2 else "Große, Alte" for code in range(1, 7)}
    return [
        [f"{code:02d}", film, scene, value, groups[code]] for (code, film, scene), value in values.items()
    ]


def imported(folder: Path, file: Path, extra: str = "") -> tuple[bytes, bytes, bytes]:
    how = folder / "map.yaml"
    how.write_text(extra + MAP, encoding="utf-8")
    out = folder / f"out-{len(list(folder.iterdir()))}"
    import_measures(file, how, out)
    names = ("participants.tsv", "completeness.tsv")
    return (
        measure_path(out, "roi").read_bytes(),
        *[(out / "measures" / name).read_bytes() for name in names],
    )


def as_text(rows, notation) -> bytes:
    out = io.StringIO()
    writer = csv.writer(
        out,
        delimiter=SEPARATORS[notation["separator"]],
        lineterminator=notation["newline"],
        quoting=notation["quoting"],
    )
    writer.writerow(HEADER)
    for code, film, scene, value, group in rows:
        number = notation["missing"] if value is None else repr(value).replace(".", notation["decimal"])
        writer.writerow([code, film, scene, number, group])
    return unicodedata.normalize(notation["form"], out.getvalue()).encode(notation["encoding"])


def as_workbook(path, rows) -> None:
    book = openpyxl.Workbook()
    for row in [HEADER, *rows]:
        book.active.append(row)
    book.save(path)


@settings(max_examples=60)
@given(cells, notations, st.randoms(use_true_random=False))
def test_the_same_table_however_it_is_written(values, notation, random):
    assume(any(value is not None for value in values.values()))
    rows = table_rows(values)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain = {
            "separator": "comma",
            "decimal": ".",
            "encoding": "utf-8",
            "newline": "\n",
            "form": "NFC",
            "quoting": 0,
            "missing": "",
        }
        file = folder / "table.csv"
        file.write_bytes(as_text(rows, plain))
        expected = imported(folder, file)
        random.shuffle(rows)
        file.write_bytes(as_text(rows, notation))
        extra = 'decimal: ","\n' if notation["decimal"] == "," else ""
        extra += (
            f"encoding: {notation['encoding']}\n" if notation["encoding"] in ("gb18030", "utf-16-le") else ""
        )
        extra += f"separator: {notation['separator']}\n" if notation["name_separator"] else ""
        assert imported(folder, file, extra) == expected
        book = folder / "table.xlsx"
        as_workbook(book, rows)
        book.rename(folder / "table.csv.xlsx")
        measure, people, _ = imported(folder, folder / "table.csv.xlsx")
        assert (measure, people) == expected[:2]


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([".", ","]))
@example(-0.0, ",")
@example(1e-300, ",")
def test_a_number_comes_back(value, decimal):
    assert Numbers(decimal).parse(repr(value).replace(".", decimal)) == value
    assert Numbers(decimal).parse(NumberCell(repr(value))) == value


@given(
    st.integers(-(10**9), 10**9),
    st.sampled_from([(".", ","), (",", "."), (".", "'"), (".", " "), (",", " ")]),
)
def test_thousands(value, signs):
    decimal, thousands = signs
    text = f"{value:,}".replace(",", thousands) + f"{decimal}5"
    assert abs(Numbers(decimal, thousands).parse(text)) == abs(value) + 0.5


@given(st.text(alphabet="0123456789.,+-e '", max_size=8))
def test_no_text_is_two_numbers(text):
    """What a decimal point and a decimal comma both read is the same number."""
    found = []
    for decimal in ".,":
        try:
            found.append(Numbers(decimal).parse(text))
        except NotANumber:
            continue
    assert len(set(found)) <= 1


@pytest.mark.parametrize("text", ["1_000", "0x10", "1e", "--1", "1 2", "50%", "½", "١"])
def test_what_python_would_take_or_nobody(text):
    with pytest.raises(NotANumber):
        Numbers().parse(text)


def test_minus_signs():
    assert Numbers().parse("−0.5") == -0.5
