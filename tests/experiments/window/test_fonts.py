"""Fonts: found by family, checked for every character, refused rather than boxes drawn."""

import shutil

import pytest
from matplotlib import get_data_path

from experiments.window import fonts
from experiments.window.fonts import Font, font_for, missing_glyphs, require_glyphs
from protocols.base.errors import NotAvailable


@pytest.fixture(autouse=True)
def looked_up_anew():
    fonts._installed.cache_clear()
    yield
    fonts._installed.cache_clear()


@pytest.fixture
def only(monkeypatch, tmp_path):
    """A computer with no other fonts than these of matplotlib's."""

    def install(*names: str) -> None:
        for name in names:
            shutil.copy(f"{get_data_path()}/fonts/ttf/{name}", tmp_path)
        monkeypatch.setattr(fonts, "findSystemFonts", lambda: [str(path) for path in tmp_path.iterdir()])

    return install


def test_english_can_be_drawn_on_a_computer_without_any_fonts(only):
    only()
    assert require_glyphs("en", ["Was it real? – “Yes” …"]).family == "DejaVu Sans"


def test_a_computer_without_a_chinese_font_is_refused_with_the_package_to_install(only):
    only()
    with pytest.raises(NotAvailable, match=r"(?s)language 'zh'.*fonts-wqy-microhei") as refused:
        font_for("zh")
    assert "Noto Sans CJK SC" in str(refused.value)


@pytest.mark.filterwarnings("ignore")
def test_a_font_without_the_characters_is_refused_and_they_are_named(only, monkeypatch):
    only("DejaVuSans.ttf")
    monkeypatch.setitem(fonts.FAMILIES, "zh", ("DejaVu Sans",))
    with pytest.raises(NotAvailable, match="DejaVu Sans lacks 真, 的") as refused:
        require_glyphs("zh", ["真的 yes", "的\n"])
    assert "y" not in str(refused.value).split("lacks ")[1].split("\n")[0]


def test_the_first_family_that_has_every_character_is_taken(only, monkeypatch):
    only("DejaVuSans.ttf", "STIXGeneral.ttf")
    monkeypatch.setitem(fonts.FAMILIES, "en", ("STIXGeneral", "DejaVu Sans"))
    assert require_glyphs("en", ["yes"]).family == "STIXGeneral"
    assert require_glyphs("en", ["yes ☯"]).family == "DejaVu Sans"  # ☯ is not in STIXGeneral


def test_bold_and_slanted_faces_are_not_taken_for_the_family(only):
    only("DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf", "DejaVuSans.ttf")
    assert font_for("en").path.name == "DejaVuSans.ttf"


def test_a_broken_font_file_is_passed_over(only, tmp_path):
    only("DejaVuSans.ttf")
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    assert font_for("en").family == "DejaVu Sans"


def test_a_language_nobody_planned_is_refused():
    with pytest.raises(NotAvailable, match="language 'tlh'"):
        font_for("tlh")


def test_white_space_needs_no_glyph():
    assert missing_glyphs(font_for("en"), ["a b\n\t\u3000"]) == ""


def test_widths_grow_with_the_text_and_do_not_depend_on_its_size():
    font = font_for("en")
    assert font.width("mm") == pytest.approx(2 * font.width("m"))
    assert 0.2 < font.width("i") < font.width("m") < 1.1
    assert font == Font(font.family, font.path, font.face)  # what was measured is no part of what it is
