"""Canonical JSON: one document, one sequence of bytes."""

import hashlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.base.canonical import canonical_bytes, sha256, sha256_file, sha256_of
from protocols.base.errors import InputError

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


def shuffled(document):
    if isinstance(document, dict):
        return {key: shuffled(document[key]) for key in reversed(list(document))}
    return [shuffled(item) for item in document] if isinstance(document, list) else document


@given(DOCUMENTS)
def test_the_order_of_keys_does_not_matter(document):
    assert canonical_bytes(shuffled(document)) == canonical_bytes(document)


@given(DOCUMENTS)
def test_the_bytes_say_the_same_document(document):
    # JSON has one kind of number
    read = json.loads(canonical_bytes(document), parse_int=float)
    assert read == document
    assert canonical_bytes(read) == canonical_bytes(document)


@given(DOCUMENTS, DOCUMENTS)
def test_other_documents_have_other_bytes(first, second):
    if canonical_bytes(first) == canonical_bytes(second):
        assert first == second


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_keep_every_bit_and_zero_has_no_sign(value):
    text = canonical_bytes(value).decode("ascii")
    assert float(text) == value
    assert not text.startswith("-0") or text.startswith("-0.")


def test_numbers_are_written_as_ecmascript_writes_them():
    # RFC 8785, appendix B
    cases = {
        0.0: b"0", 5e-324: b"5e-324",
        -5e-324: b"-5e-324", 1.7976931348623157e308: b"1.7976931348623157e+308",
        9007199254740992.0: b"9007199254740992", 295147905179352830000.0: b"295147905179352830000",
        1e21: b"1e+21", 999999999999999900000.0: b"999999999999999900000", 1e23: b"1e+23",
        0.000001: b"0.000001", 333333333.3333332: b"333333333.3333332", 1424953923781206.2: b"1424953923781206.2",
        1e-7: b"1e-7", 4.5: b"4.5", 0.002: b"0.002", 1e-27: b"1e-27", 1e30: b"1e+30",
    }  # fmt: skip
    for value, expected in cases.items():
        assert canonical_bytes(value) == expected


def test_keys_are_sorted_by_utf16_units_and_text_is_not_escaped_needlessly():
    # RFC 8785, 3.2.3: the emoji's surrogates come before the letter U+FB33
    document = {"\ufb33": 1, "\U0001f600": 2, "\u20ac": 3, "\u00f6": 4, "\u0080": 5, "1": 6, "\r": 7}
    assert list(json.loads(canonical_bytes(document)).values()) == [7, 6, 5, 4, 3, 2, 1]
    assert canonical_bytes("d′ ±\n\u000f€") == '"d′ ±\\n\\u000f€"'.encode()


def test_no_normalization():
    assert canonical_bytes("\u00e9") != canonical_bytes("e\u0301")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2**53, {1: 2}, {"a": object()}, "\ud800"])
def test_what_json_cannot_say_is_refused(value):
    with pytest.raises(InputError, match="cannot be written as canonical JSON"):
        canonical_bytes([value])


def test_hashes(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"x" * 3_000_000)
    assert sha256_file(path) == hashlib.sha256(path.read_bytes()).hexdigest() == sha256(b"x" * 3_000_000)
    assert sha256_of({"b": 1, "a": 2.0}) == hashlib.sha256(b'{"a":2,"b":1}').hexdigest()
