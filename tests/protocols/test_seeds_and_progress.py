"""Random numbers by name, and progress that speaks only when there is something to say."""

import io
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.base.progress import progress
from protocols.base.seeds import generator

KEYS = st.lists(
    st.text(st.characters(exclude_characters="\x1f", exclude_categories=["Cs"]), max_size=5) | st.integers(),
    max_size=3,
)


def draws(seed, keys):
    return tuple(generator(seed, *keys).integers(0, 2**62, size=3))


@given(st.integers(0, 2**70), KEYS)
def test_the_same_names_draw_the_same_numbers(seed, keys):
    assert draws(seed, keys) == draws(seed, keys)


@given(st.tuples(st.integers(0, 9), KEYS), st.tuples(st.integers(0, 9), KEYS))
def test_other_names_draw_other_numbers(first, second):
    typed = [(seed, [(type(key), key) for key in keys]) for seed, keys in (first, second)]
    assert (draws(*first) == draws(*second)) == (typed[0] == typed[1])


def test_the_order_of_the_work_does_not_matter():
    people = ["sub-01", "sub-02", "sub-03"]
    forward = {person: draws(1, [person]) for person in people}
    assert {person: draws(1, [person]) for person in reversed(people)} == forward


def test_text_and_number_differ_and_names_do_not_run_together():
    seen = [
        draws(*arguments)
        for arguments in ((1, [1]), (1, ["1"]), (1, ["1", "1"]), (1, ["11"]), (11, []), (1, []))
    ]
    assert len(set(seen)) == len(seen)
    with pytest.raises(ValueError, match="separator"):
        draws(1, ["a\x1fstr:b"])


def test_numbers_from_a_table_count_as_numbers():
    assert draws(1, [np.int64(7), np.str_("a")]) == draws(1, [7, "a"])


def test_the_numbers_of_a_seed_are_pinned():
    """A change here changes every bootstrap and every simulated participant."""
    assert generator(20261122, "sub-07", "run", 2).integers(0, 1000, size=4).tolist() == [666, 827, 364, 514]


def test_a_negative_seed():
    with pytest.raises(ValueError, match="0 or more, got -1"):
        generator(-1)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock on which every look takes a tenth of a second."""
    ticks = itertools.count()
    monkeypatch.setattr("protocols.base.progress.time.monotonic", lambda: next(ticks) / 10)


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_quick_work_is_quiet(stream):
    out = stream()
    assert list(progress(range(100), "bootstrap", stream=out)) == list(range(100))
    assert out.getvalue() == ""


@pytest.mark.usefixtures("clock")
def test_a_log_gets_a_line_at_every_tenth():
    out = io.StringIO()
    list(progress(range(100), "bootstrap", stream=out))
    lines = out.getvalue().splitlines()
    assert lines[0] == "bootstrap: 10 of 100, 9 s left"
    assert lines[-1] == "bootstrap: 100 of 100"
    assert len(lines) == 10
    assert "\r" not in out.getvalue()


@pytest.mark.usefixtures("clock")
def test_a_terminal_gets_one_line_that_is_wiped():
    out = Terminal()
    list(progress(range(30), "bootstrap", stream=out))
    assert "\n" not in out.getvalue()
    assert out.getvalue().endswith("\r\x1b[K")
    assert "bootstrap: 20 of 30, 1 s left" in out.getvalue()


@pytest.mark.usefixtures("clock")
def test_without_a_length_a_terminal_counts_and_a_log_is_silent():
    terminal, log = Terminal(), io.StringIO()
    list(progress(iter(range(700)), "reading", stream=terminal))
    list(progress(iter(range(700)), "reading", stream=log))
    assert (
        "reading: 605, 1 min 00 s" in terminal.getvalue() or "reading: 600, 1 min 00 s" in terminal.getvalue()
    )
    assert log.getvalue() == ""
    assert list(progress(iter("ab"), "x", total=2, stream=io.StringIO())) == ["a", "b"]


@pytest.mark.usefixtures("clock")
def test_the_line_is_wiped_when_the_work_stops():
    out = Terminal()
    work = progress(range(100), "bootstrap", stream=out)
    for _ in itertools.islice(work, 50):
        pass
    work.close()
    assert out.getvalue().endswith("\r\x1b[K")
