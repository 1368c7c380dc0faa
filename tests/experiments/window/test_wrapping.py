"""Lines: none too long, none that begins with a comma, no word lost."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from experiments.window.wrapping import wrapped

CHINESE = "这部短片是真人在摄像机前拍的，还是电脑做出来的？"
ENGLISH = "Was there a real person in front of a camera, or did a computer make it?"


def test_english_breaks_at_spaces_into_lines_of_about_one_length():
    lines = wrapped(ENGLISH, 50, len)
    assert lines == ["Was there a real person in front of", "a camera, or did a computer make it?"]


def test_chinese_breaks_although_it_has_no_spaces():
    lines = wrapped(CHINESE, 9, len)
    assert len(lines) == 3
    assert all(len(line) <= 9 for line in lines)


def test_chinese_breaks_after_a_comma_where_that_needs_no_more_lines():
    assert wrapped(CHINESE, 20, len) == ["这部短片是真人在摄像机前拍的，", "还是电脑做出来的？"]


def test_sentences_stay_whole_where_that_needs_no_more_lines():
    assert wrapped("Well done! That film was real.", 24, len) == ["Well done!", "That film was real."]


def test_paragraphs_stay_apart_and_empty_ones_stay():
    assert wrapped("one\n\ntwo", 20, len) == ["one", "", "two"]


def test_a_word_that_is_too_long_stands_alone_and_is_whole():
    assert wrapped("an electroencephalograph is", 10, len) == ["an", "electroencephalograph", "is"]


@given(st.text("abc 真的电脑，。？！“”（）.,!", max_size=60), st.integers(4, 30))
def test_nothing_is_lost_and_no_line_begins_with_what_closes(text, width):
    lines = wrapped(text, width, len)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    for before, line in pairwise(lines):
        # Only a run of closing signs that is longer than a line, or stands after a space, can begin one.
        if line and line[0] in "，。？！”）" and text[text.find(before) + len(before) :][:1] != " ":
            assert len(before) + len(line) > width
