"""What the operator sees: where the session is, and never which version runs."""

import io
import threading
import time

from experiments.session.panel import WIDTH, Panel, State

KEYS = {"pause": "f2", "skip": "f4", "dissent": "f9", "stop": "f10"}


def told_of(hold, session="scan", **more):
    """A session's records as the panel is told them, with the panel's lines after each."""
    records = []
    played = hold(session, tell=lambda kind, content, now: records.append((kind, dict(content), now)), **more)
    return played, records


def test_the_panel_counts_trials_and_fits_its_width(hold):
    played, records = told_of(hold, group="child")
    state = State(played.prepared.script, KEYS)
    for kind, content, now in records:
        state.take(kind, content, now)
        assert all(len(line) <= WIDTH for line in state.lines())
    assert "24/24" in state.lines()[0]
    assert "session complete" in state.lines()[1]
    assert "f9 dissent" in state.lines()[-1]


def test_the_operator_does_not_learn_which_version_runs(hold):
    played, records = told_of(hold)
    state = State(played.prepared.script, KEYS)
    seen = set()
    for kind, content, now in records:
        state.take(kind, content, now)
        seen |= set(state.lines())
    assert any("marker   21" in line for line in seen)
    words = {word for line in seen for word in line.replace("[", " ").split()}
    assert not words & {"ai", "live", "cartoon"}


def test_the_rest_of_a_run_counts_down(hold):
    played, records = told_of(hold)
    state = State(played.prepared.script, KEYS)
    left = []
    for kind, content, now in records:
        state.take(kind, content, now)
        if state.run_ends is not None:
            left.append(state.run_ends - now)
            assert "of this run" in state.left
    first_run = left[: next((i for i in range(1, len(left)) if left[i] > left[i - 1]), len(left))]
    assert first_run[0] > 70
    assert first_run[-1] < 3


def test_a_lost_marker_a_fault_and_a_limit_are_shown(hold):
    played, _ = told_of(hold)
    state = State(played.prepared.script, KEYS)
    state.take("trigger", {"at": None, "code": 21, "name": "ai"}, 1.0)
    state.take("fault", {"item": "COM3", "problem": "does not answer", "way_out": ""}, 1.0)
    state.take("limit", {"limit": "scanner_minutes_max", "got": 46, "accepted": 45}, 1.0)
    shown = "\n".join(state.lines())
    assert "21 WAS NOT SENT" in shown
    assert "1 lost" in shown
    assert "COM3: does not answer" in shown
    assert "no more runs today" in shown


def test_a_terminal_that_stands_still_holds_nobody_up(hold):
    played, records = told_of(hold)
    released = threading.Event()

    class Stuck(io.StringIO):
        def write(self, text):
            released.wait(20)
            return super().write(text)

    panel = Panel(played.prepared.script, KEYS, Stuck(), live=True)
    began = time.perf_counter()
    for record in records:
        panel.tell(*record)
    assert time.perf_counter() - began < 2
    released.set()
    panel.close()


def test_where_nothing_can_be_drawn_over_a_line_tells_of_each_run(hold):
    played, records = told_of(hold)
    stream = io.StringIO()
    panel = Panel(played.prepared.script, KEYS, stream, live=False)
    for record in records:
        panel.tell(*record)
    panel.close()
    lines = stream.getvalue().splitlines()
    assert sum("run 1 complete" in line for line in lines) == 1
    assert "session complete" in lines[-1]
    assert "\x1b" not in stream.getvalue()
