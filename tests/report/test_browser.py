"""The page in a real browser, on a wide and on a narrow screen and on paper."""

import re
import unicodedata

import numpy as np
import pytest
from matplotlib.image import imread
from pypdf import PdfReader

WIDTHS = (1280, 390)
# The page measures itself and tells the frame around it: windows as narrow as a telephone cannot be opened directly.
MEASURE = """<script>
addEventListener("load", () => {
  const wide = [...document.querySelectorAll("main *")].filter(e => !e.closest(".scroll, svg") &&
    e.getBoundingClientRect().right > document.documentElement.clientWidth + 1);
  parent.postMessage([document.documentElement.scrollWidth, document.documentElement.clientWidth,
    wide.slice(0, 5).map(e => e.tagName + "." + e.className).join(" ")].join("|"), "*");
});
</script>"""


def framed(built, tmp_path, width, height=2400):
    page = (built / "report.html").read_text("utf-8")
    (tmp_path / "page.html").write_text(page.replace("</body>", MEASURE + "</body>"), "utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(
        "<!doctype html><body style='margin:0'><pre></pre><script>"
        "addEventListener('message', e => { document.querySelector('pre').textContent = 'measured:' + e.data; });"
        f"</script><iframe src='page.html' style='width:{width}px;height:{height}px;border:0'></iframe>",
        "utf-8",
    )
    return frame


@pytest.mark.parametrize("study", ["built", "crossed"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out_of_the_page(study, request, tmp_path, browse, width):
    shown = browse(
        framed(request.getfixturevalue(study), tmp_path, width), "--virtual-time-budget=5000", "--dump-dom"
    )
    found = re.search(r"measured:(\d+)\|(\d+)\|([^<]*)", shown)
    assert found, "the page did not load"
    assert int(found[2]) == width
    assert int(found[1]) <= width
    assert found[3] == ""


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_seen(built, tmp_path, browse, width):
    shot = tmp_path / "shot.png"
    browse(framed(built, tmp_path, width), f"--window-size={max(width, 500)},2400", f"--screenshot={shot}")
    picture = imread(shot)[:, :width, :3]
    ink = (picture.mean(axis=2) < 0.9).mean(axis=1)
    bands = [part.mean() for part in np.array_split(ink, 12)]
    assert min(bands) > 0.001, "a stretch of the page is blank"
    assert max(bands) < 0.7


def test_the_printed_page_holds_every_section_and_the_folded_parts(built, tmp_path, browse):
    target = tmp_path / "report.pdf"
    browse(built / "report.html", "--no-pdf-header-footer", f"--print-to-pdf={target}")
    reader = PdfReader(target)
    pages = " ".join(page.extract_text() for page in reader.pages)
    text = " ".join(unicodedata.normalize("NFKC", pages).split())  # the serif font joins f and i
    for heading in (
        "Verdict", "Question and plan", "People and exclusions by group", "Confirmatory results",
        "What people say beside what the brain does", "Exploratory", "Methods text", "About",
    ):  # fmt: skip
        assert heading in text
    assert "Bayes factors, as description" in text
    assert "Second opinion" in text
    assert "Skip to the content" not in text
    width, height = (
        float(side) / 72 * 25.4 for side in (reader.pages[0].mediabox.width, reader.pages[0].mediabox.height)
    )
    assert (round(width), round(height)) == (210, 297)
    assert all(page.extract_text().strip() for page in reader.pages)
