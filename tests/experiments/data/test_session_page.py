"""The page of a session: what an experimenter reads, wide, narrow, and without a net."""

import html
import json
import re
from dataclasses import replace

import pytest

from experiments.data.page import session_page
from experiments.session.journal import FOLDER
from protocols.base.errors import InputError
from protocols.base.tables import read_frame
from tests.experiments.data import made_up

# The page measures itself and tells the frame around it: windows as narrow as a telephone cannot be opened directly.
MEASURE = """<script>
addEventListener("load", () => {
  const wide = [...document.querySelectorAll("main *")].filter(e => !e.closest(".scroll") &&
    e.getBoundingClientRect().right > document.documentElement.clientWidth + 1);
  parent.postMessage([document.documentElement.scrollWidth, document.documentElement.clientWidth,
    wide.slice(0, 5).map(e => e.tagName + "." + e.className).join(" ")].join("|"), "*");
});
</script>"""


@pytest.fixture(scope="module")
def bids(tmp_path_factory):
    """A scan, and a behavioral session that crashed and went on."""
    folder = tmp_path_factory.mktemp("page") / "bids"
    made_up.scan(folder)
    made_up.behavior(folder, stop_after=15)
    made_up.resume(folder, 16)
    for session in ("scan", "answers"):
        session_page(folder, "01", session)
    return folder


def page(bids, session):
    return (bids / FOLDER / "sub-01" / f"ses-{session}" / "session.html").read_text("utf-8")


def text(source):
    """What is read, without style and markup."""
    body = re.sub(r"<style>.*?</style>|data:image/png;base64,[^\"]*", "", source, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_the_strip_says_at_a_glance_how_it_went(bids):
    cell = (
        r'<li class="(\w+)"><a href="#(\w+)"><span class="what">(.*?)</span><span class="word">(.*?)</span>'
    )
    assert [" ".join(parts) for parts in re.findall(cell, page(bids, "scan"))] == [
        "good course Session complete", "good clips Usable 7", "open clips With a note 1", "bad clips Unusable 2",
        "good runs Volumes 64 of 64", "good runs Markers all sent",
    ]  # fmt: skip
    assert "2 clips of 10 cannot be used" in text(page(bids, "scan"))


def test_conspicuous_clips_runs_events_and_facts_are_told(bids):
    read = text(page(bids, "scan"))
    assert "s2_cartoon passive_viewing run 1 2 main unusable dropped frames: 8 of 50; late flips: 1" in read
    assert "s5_live passive_viewing run 2 11 main unusable onset 0.21 s late" in read
    assert (
        "passive_viewing run 1 complete 6 32 of 32 2.000 6 of 6 33.3 366.7 0 usable with note clips unusable: 1"
        in read
    )
    for fact in (
        "1920 × 1080 pixels at 60.0 Hz",
        "psychopy 2026.2.5",
        "a" * 64,
        "5 years 2 months",
        "triggers: serial",
    ):
        assert fact in read
    answers = text(page(bids, "answers"))
    assert "1 09:00:29 0:29 operator: pause –" in answers
    assert "over 2 starts of the program" in answers
    assert "detection run 2 crashed 15" in answers


def test_attention_is_shown_and_the_answers_to_the_question_are_not(bids):
    assert "passive_viewing attention 1 2 50 %" in text(page(bids, "scan"))
    answers = text(page(bids, "answers"))
    assert "same_different catch trials 2 2 100 %" in answers
    assert "detection main trials without an answer – 1 –" in answers
    for word in ("camera", "computer", "training trials"):
        assert word not in answers


def test_figures_are_described_and_their_data_lie_beside(bids):
    source = page(bids, "scan")
    folder = bids / FOLDER / "sub-01" / "ses-scan" / "figures"
    listed = json.loads((folder / "figures.json").read_text())
    assert set(listed) == {"course", "course-narrow", "flips", "onsets", "dropped", "pulses"}
    assert all(html.escape(alt) in source or alt in html.unescape(source) for alt in listed.values())
    course = read_frame(folder / "course.tsv", numeric=("begins_min", "ends_min"))
    counts = course["what"].value_counts().to_dict()
    assert counts == {"trial": 10, "run": 2, "unusable": 2, "break": 1}
    assert (course["ends_min"] >= course["begins_min"]).all()
    dropped = read_frame(folder / "dropped.tsv", numeric=("dropped",))
    assert list(dropped["dropped"]) == [0, 8, 0, 1, 0, 0, 0, 0, 0, 0]
    flips = read_frame(folder / "flips.tsv", numeric=("frames", "from_ms", "to_ms"))
    assert flips["frames"].sum() == 2 * 5 * 49 - 9


def test_the_course_tells_broken_trials_and_both_journals(bids):
    course = read_frame(
        bids / FOLDER / "sub-01/ses-answers/figures/course.tsv", numeric=("journal", "begins_min")
    )
    assert list(course["journal"][course["what"] == "broken"]) == [1, 1]  # the pause, and the crash
    assert set(course["journal"]) == {1, 2}
    assert list(course[course["what"] == "run"]["name"]) == [
        "same different run 1", "detection training 1", "detection training 2", "detection run 2", "detection run 3"
    ]  # fmt: skip


def test_the_same_journals_give_the_same_page(bids, tmp_path):
    made_up.scan(tmp_path)
    assert session_page(tmp_path, "01", "scan").read_text("utf-8") == page(bids, "scan")


@pytest.mark.parametrize(
    ("mode", "word"), [("pilot", "PILOT"), ("qa", "SCRIPTED"), ("sim", "SIMULATED"), ("run", None)]
)
def test_what_is_no_real_data_says_so(tmp_path, monkeypatch, mode, word):
    import experiments.data.page as module

    for name in ("flips_figure", "onset_figure", "dropped_figure", "pulses_figure"):
        monkeypatch.setattr(module.drawing, name, lambda *_: None)
    monkeypatch.setattr(module, "course_figures", lambda *_: None)
    made_up.scan(tmp_path, header=replace(made_up.HEADER, mode=mode))
    source = session_page(tmp_path, "01", "scan").read_text("utf-8")
    assert re.findall(r'banner simulated"><strong>(\w+)<', source) == ([word] if word else [])


def test_a_session_that_showed_nothing_has_a_page(tmp_path):
    file = made_up.journal(tmp_path, made_up.HEADER)
    made_up.Played(file, made_up.HEADER)
    file.close()
    read = text(session_page(tmp_path, "01", "scan").read_text("utf-8"))
    assert "No clip was shown to its end." in read
    assert "No trial was begun." in read
    assert "The program did not end by itself" in read


def test_words_of_others_are_escaped(tmp_path):
    made_up.scan(tmp_path, header=replace(made_up.HEADER, plan="<b>x</b>", devices={"display": "<script>"}))
    source = session_page(tmp_path, "01", "scan").read_text("utf-8")
    assert "<script>" not in source
    assert "&lt;b&gt;x&lt;/b&gt;" in source


def test_a_damaged_journal_is_named(tmp_path):
    path = made_up.scan(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"kind": "zero"', b'"kind', 1))
    with pytest.raises(InputError, match="is not a line of a journal"):
        session_page(tmp_path, "01", "scan")


def test_nothing_is_loaded_from_elsewhere(bids):
    for session in ("scan", "answers"):
        source = page(bids, session)
        assert not re.findall(r'(?:src|srcset|href)="(?!data:|#)[^"]*"|url\(|@import|<script', source)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("session", ["scan", "answers"])
def test_nothing_sticks_out(bids, browse, tmp_path, session, width):
    inner = html.escape(page(bids, session).replace("</body>", f"{MEASURE}</body>"), quote=True)
    frame = tmp_path / "frame.html"
    frame.write_text(
        "<!doctype html><pre></pre><script>addEventListener('message', e => "
        "document.querySelector('pre').textContent = 'told:' + e.data)</script>"
        f'<iframe style="width:{width}px;height:2000px;border:0" srcdoc="{inner}"></iframe>',
        "utf-8",
    )
    told = re.search(r"told:(\d+)\|(\d+)\|([^<]*)", browse(frame, "--dump-dom", "--virtual-time-budget=4000"))
    assert told is not None
    assert (told[1], told[3]) == (told[2], "")
