"""The page about a set in a real browser: wide, narrow, moving, standing still, and on paper."""

import html
import json
import re
import unicodedata

import pytest
from pypdf import PdfReader

from stimuli.report import build_report
from tests.stimuli.made_up_set import make, matched

WIDTHS = (1280, 390)
# The page measures itself and tells the frame around it: windows as narrow as a telephone cannot be opened directly.
MEASURE = """<script>
addEventListener("load", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
  const wide = [...document.querySelectorAll("main *")].filter(e => !e.closest(".scroll, svg, .reel, .hidden") &&
    e.getBoundingClientRect().right > document.documentElement.clientWidth + 1);
  parent.postMessage([document.documentElement.scrollWidth, document.documentElement.clientWidth,
    wide.slice(0, 5).map(e => e.tagName + "." + e.className).join(" ")].join("|"), "*");
});
</script>"""
# Moving: what all previews do before and after the first card's control was used, and what the pointer would do.
MOVE = """<script>
addEventListener("load", () => {
  const told = {}, style = e => getComputedStyle(e);
  const reels = [...document.querySelectorAll(".reel img")];
  const states = () => reels.map(e => style(e).animationPlayState);
  const play = document.querySelector(".play"), label = document.querySelector(`label[for="${play.id}"]`);
  told.name = style(reels[0]).animationName;
  told.seconds = style(reels[0]).animationDuration;
  told.timing = style(reels[0]).animationTimingFunction;
  told.shares = reels.map(e => e.getBoundingClientRect().width / e.parentElement.getBoundingClientRect().width);
  told.before = states();
  told.frames = [0, 1.6, 2.9].map(time => {
    reels[0].style.animationDelay = `-${time}s`;
    const moved = new DOMMatrix(style(reels[0]).transform).m41 / reels[0].parentElement.getBoundingClientRect().width;
    reels[0].style.animationDelay = "";
    return moved;
  });
  play.focus();
  told.focused = document.activeElement === play;
  told.outline = style(label).outlineStyle;
  told.shown = style(play).display !== "none" && style(play).visibility !== "hidden";
  play.click();
  told.played = states();
  told.says = [...label.children].map(e => e.className + ": " + (style(e).position === "absolute" ? "hidden" :
    style(e).display));
  label.click();
  told.stopped = states();
  const rules = [...document.styleSheets].flatMap(sheet => [...sheet.cssRules]);
  const holds = r => matchMedia(r.media.mediaText.replace("(hover: hover)", "(min-width: 1px)")).matches;
  told.pointer = rules.filter(r => r.media && holds(r)).flatMap(r => [...r.cssRules])
    .filter(r => r.selectorText?.includes(":hover") && r.style.animationPlayState === "running")
    .map(r => reels.map(e => e.matches(r.selectorText.replace(":hover", ""))));
  const out = document.createElement("pre");
  out.textContent = "told:" + JSON.stringify(told) + ":told";
  document.body.append(out);
});
</script>"""
FLASHES = [{"kind": "photosensitivity", "detail": "4 flashes within a second", "from_s": 1.0, "to_s": 2.0}]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page with everything that can be wide or move: long words, folded prompts, flags, tables. Its path."""
    prompt = "Verylongwordwithoutanyspace" * 6 + " and a glass of coffee on a table, " * 5
    cells = {
        "cafe_ai": {"prompt": prompt, "generator": "Wan", "claims": "comment_" * 30},
        "live": {"licence": "CC BY 4.0", "problems": "color matrix not declared: taken for bt709"},
    }
    stimuli = make(
        tmp_path_factory.mktemp("seen") / "films",
        8,
        differs={"cafe_ai": {"luminance": -30.0, "cuts": 1.0}, "harbour_ai": {"luminance": 300.0}},
        cells=cells,
        flags={"cafe_ai": FLASHES},
        size=(240, 135),
    )
    matched(stimuli)
    return build_report(stimuli)


def with_script(page, target, script):
    target.write_text(page.read_text("utf-8").replace("</body>", script + "</body>"), "utf-8")
    return target


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out_of_the_page(page, tmp_path, browse, width):
    with_script(page, tmp_path / "page.html", MEASURE)
    frame = tmp_path / "frame.html"
    frame.write_text(
        "<!doctype html><body style='margin:0'><pre></pre><script>"
        "addEventListener('message', e => { document.querySelector('pre').textContent = 'measured:' + e.data; });"
        f"</script><iframe src='page.html' style='width:{width}px;height:2400px;border:0'></iframe>",
        "utf-8",
    )
    shown = browse(frame, "--virtual-time-budget=5000", "--dump-dom")
    found = re.search(r"measured:(\d+)\|(\d+)\|([^<]*)", shown)
    assert found, "the page did not load"
    assert int(found[2]) == width
    assert int(found[1]) <= width
    assert found[3] == ""


def moved(page, tmp_path, browse, *options):
    shown = browse(
        with_script(page, tmp_path / "moving.html", MOVE),
        "--virtual-time-budget=5000",
        "--dump-dom",
        *options,
    )
    found = re.search(r"<pre>told:(.*?):told</pre>", shown, re.DOTALL)
    assert found, "the page did not load"
    return json.loads(html.unescape(found[1]))


def test_the_preview_stands_still_until_it_is_played_and_stops_again(page, tmp_path, browse):
    told = moved(page, tmp_path, browse)
    assert (told["name"], told["seconds"], told["timing"]) == ("reel", "3s", "steps(12)")
    assert told["shares"] == pytest.approx([12] * 16, rel=0.01)
    assert told["frames"] == pytest.approx([0, -6, -11], abs=0.02), "one frame at a time, and all of it"
    assert told["shown"]
    assert told["focused"], "the control cannot be reached by keyboard"
    assert told["outline"] == "solid", "nobody sees where the keyboard is"
    assert told["before"] == ["paused"] * 16
    assert told["played"] == ["running"] * 2 + ["paused"] * 14, (
        "both versions of the first pair, and nothing else"
    )
    assert told["says"] == ["start: hidden", "stop: block"]
    assert told["stopped"] == ["paused"] * 16


def test_the_pointer_starts_every_preview_but_one_that_flashes(page, tmp_path, browse):
    (told,) = moved(page, tmp_path, browse)["pointer"]
    guarded = page.read_text("utf-8").count('class="reel guarded"')
    assert guarded == 1
    assert told.count(False) == 1


def test_whoever_asked_for_less_movement_sees_none_but_by_play(page, tmp_path, browse):
    told = moved(page, tmp_path, browse, "--force-prefers-reduced-motion")
    assert told["pointer"] == []
    assert told["played"][:2] == ["running"] * 2


def test_the_printed_page_holds_every_section_and_no_control(page, tmp_path, browse):
    target = tmp_path / "report.pdf"
    browse(page, "--no-pdf-header-footer", f"--print-to-pdf={target}")
    reader = PdfReader(target)
    pages = " ".join(one.extract_text() for one in reader.pages)
    text = " ".join(unicodedata.normalize("NFKC", pages).split())  # the serif font joins f and i
    for heading in (
        "Verdict", "Pairs", "Matching", "Leak test", "What was measured", "Provenance",
        "What was done to each file", "Methods text", "About",
    ):  # fmt: skip
        assert heading in text
    assert "Definitions, units and sources" in text
    assert "Peli 1990" in text
    assert "Play every version" not in text
    assert "Skip to the content" not in text
