"""Tables: nine significant digits, n/a, and nothing in a cell that breaks a row."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.base.errors import InputError
from protocols.base.tables import cell, number, read_frame, rounded, table_text, write_frame

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.tuples(st.floats(allow_infinity=False), TEXT), min_size=1, max_size=8))
def test_a_table_comes_back_at_nine_digits(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("tables") / "t.tsv"
    frame = pd.DataFrame({"value": [value for value, _ in rows], "text": [text for _, text in rows]})
    back = read_frame(write_frame(path, frame), numeric=["value"], required=["value", "text"])
    for (value, text), (value_back, text_back) in zip(rows, back.itertuples(index=False), strict=True):
        if math.isnan(value):
            assert math.isnan(value_back)
        else:
            assert value_back == float(f"{value:.9g}")
            assert value_back == rounded(value)
        plain = " ".join(text.split())
        assert text_back == (plain if plain not in ("", "n/a") else None)
    first = path.read_bytes()
    assert write_frame(path, frame).read_bytes() == first
    # what was read and is written again is the same file
    assert write_frame(path, back).read_bytes() == first


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_have_nine_digits_and_no_minus_zero(value):
    text = number(value)
    assert text != "-0"
    assert float(text) == pytest.approx(value, rel=1e-8)
    assert math.copysign(1, rounded(value)) == 1 or value < 0


def test_cells():
    given = [
        None,
        "",
        " a\tb\nc ",
        True,
        np.False_,
        np.int64(3),
        3,
        2.5,
        np.float32(0.1),
        float("nan"),
        pd.NA,
        pd.NaT,
    ]
    assert [cell(value) for value in given] == [
        "n/a", "n/a", "a b c", "1", "0", "3", "3", "2.5", "0.100000001", "n/a", "n/a", "n/a",
    ]  # fmt: skip
    assert number(1 / 3) == "0.333333333"
    assert number(-0.0) == number(-1e-330) == "0"
    assert rounded(None) is rounded(math.nan) is None


def test_quotes_survive(tmp_path):
    frame = pd.DataFrame({"a": ['say "AI"', "'x'", '"']})
    assert list(read_frame(write_frame(tmp_path / "a.tsv", frame))["a"]) == list(frame["a"])


def test_the_text_of_a_table():
    assert table_text(["a", "b"], [[1.0, None], ["x y", math.inf]]) == "a\tb\n1\tn/a\nx y\tinf\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\tb\n1\t2\n3\n", r"t\.tsv:3: has 1 cells where the header has 2"),
        ("a\tb\n1\tx\n", r"t\.tsv:2: 'b' is not a number\n  got:      x"),
        ("a\tB\n1\t2\n", r"has no column 'b'\n  got:      a, B\n  way out:  did you mean 'B'\?"),
        ("a\tb\n1\t1,5\n", r"'b' is not a number\n  got:      1,5\n  accepted: 1\.25, n/a"),
        ("", "is empty"),
    ],
)
def test_faults_have_their_place(tmp_path, content, message):
    path = tmp_path / "t.tsv"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_frame(path, numeric=["b"], required=["a", "b"])


def test_a_table_without_rows(tmp_path):
    (tmp_path / "t.tsv").write_text("a\tb\n")
    frame = read_frame(tmp_path / "t.tsv", numeric=["b"])
    assert list(frame.columns) == ["a", "b"]
    assert len(frame) == 0
    assert frame["b"].dtype == float
