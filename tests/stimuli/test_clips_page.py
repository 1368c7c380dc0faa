"""The page about a set: what a researcher reads, from saved files alone, and nothing that was not done."""

import base64
import json
import re
from unittest import mock

import cv2
import numpy as np
import pytest

from protocols.base.files import read_json, write_json
from protocols.base.tables import read_frame
from protocols.plan.materials import Tolerance
from stimuli.features.catalog import definitions
from stimuli.measuring.gallery import PLACES, STRIP
from stimuli.preparing.pipeline import Prepared
from stimuli.preparing.verifying import Check
from stimuli.registry.manifest import Manifest, read_manifest, write_manifest
from stimuli.report import build_report, pictures
from stimuli.report.words import FEATURE_WORDS, THEMES, amount, rate
from tests.stimuli.made_up_set import PAIRS, TOLERANCES, Page, make, matched

DARK = {"cafe_ai": {"luminance": -20.0, "noise": 15.0}}
FLASHES = [{"kind": "photosensitivity", "detail": "4 flashes within a second", "from_s": 1.0, "to_s": 2.0}]
SILENT = [{"kind": "silent", "detail": "nothing in it is loud", "from_s": None, "to_s": None}]


def built(stimuli):
    """The page without its figures, which take their time."""
    nothing = {name: mock.Mock(return_value=None) for name in ("tolerance_plot", "spread_plot", "leak_plot")}
    with mock.patch.multiple("stimuli.report.page", **nothing):
        build_report(stimuli)
    return Page(stimuli)


def edited(stimuli, name, **cells):
    manifest = read_manifest(stimuli)
    clips = [clip.having(**cells) if clip.name == name else clip for clip in manifest.clips]
    write_manifest(stimuli, Manifest(tuple(clips), manifest.extra))


@pytest.fixture(scope="module")
def unfair(tmp_path_factory):
    """Four pairs, one of which is far too dark in its AI version; matched. Not to be changed."""
    stimuli = make(tmp_path_factory.mktemp("unfair") / "films", differs=DARK)
    matched(stimuli)
    build_report(stimuli)
    return stimuli


# One file, offline, the same each time


def test_the_page_loads_nothing_and_runs_nothing(unfair):
    page = Page(unfair)
    assert not page.find("script")
    assert not page.find("link")
    assert not [one for one in page.elements if any(name.startswith("on") for name in one["attrs"])]
    addresses = [
        one["attrs"].get(name) for one in page.elements for name in ("src", "href", "srcset", "data")
    ]
    assert {re.match(r"#|data:image/(png|jpeg);base64,", text or "#") is not None for text in addresses} == {
        True
    }
    assert "url(" not in page.source
    assert "@import" not in page.source


def test_the_same_files_give_the_same_bytes(unfair):
    figures = unfair.match / "figures"
    before = {path: path.read_bytes() for path in [unfair.report, *sorted(figures.iterdir())]}
    assert len(before) > 4
    build_report(unfair)
    assert {path: path.read_bytes() for path in [unfair.report, *sorted(figures.iterdir())]} == before


def test_what_people_wrote_is_text_and_never_markup(tmp_path):
    stimuli = make(tmp_path / "s", cells={"cafe_ai": {"prompt": 'a <script>alert(1)</script> & "more"'}})
    page = built(stimuli)
    assert '咖啡馆 & "tea" <b>' in page.card("cafe")
    assert "<script>alert(1)</script>" in page.section("provenance")
    assert not page.find("b", "pair-cafe-title")
    assert not page.find("script")


# The verdict


def test_a_set_that_was_only_measured_is_not_matched_and_says_what_to_do(tmp_path):
    page = built(make(tmp_path / "s"))
    assert page.cell("Matching").startswith("not matched")
    assert page.cell("Leak test").startswith("not tested")
    assert page.cell("Preparation").startswith("as imported")
    assert page.cell("Pairs").startswith("all 4 complete")
    assert "bazin stimuli match" in page.section("matching")
    assert "whether its versions match is not known" in page.section("verdict")
    assert page.texts("span", "pair-cafe", class_="badge") == ["not matched"]


def test_the_strip_counts_what_is_outside_and_says_how_many_pairs_a_leak_test_needs(unfair):
    page = Page(unfair)
    assert page.cell("Matching") == "does not pass 1 of 3 features not within tolerance"
    assert page.cell("Leak test") == "no verdict 4 pairs, 8 needed"
    (says,) = page.texts("p", "verdict", class_="says")
    assert says.startswith("“films” is not fit to be shown yet:")
    assert "AI and live versions do not match" in says
    assert "(mean luminance)" in page.section("verdict")


def test_a_set_without_a_fault_is_said_to_be_fit_and_every_gap_takes_that_back(tmp_path):
    ai = {
        "generator": "Sora", "model_version": "2", "prompt": "a cat", "seed": "1", "source_of_first_frame": "none",
        "attempts": "3", "selection_rule": "the first", "visible_label": "none",
    }  # fmt: skip
    cells = {"live": {"licence": "CC0", "performer_consent": "yes"}, "ai": ai}
    stimuli = make(tmp_path / "s", cells=cells)
    matched(stimuli)
    page = built(stimuli)
    assert page.texts("p", "verdict", class_="says") == ["Nothing on record speaks against showing “s”."]
    assert page.cell("Matching").startswith("passes")
    assert page.cell("Provenance").startswith("complete")
    for cell, value, said in (
        ("performer_consent", None, "Whether performers agreed to the use of cafe_live is not on record."),
        ("performer_consent", "no", "Performers did not agree to the use of cafe_live."),
        ("licence", None, "Under which terms cafe_live may be shown is not on record."),
        ("fps", "24", "In 1 of 4 pairs the files differ in frame rate"),
        ("audio", "none", "In 1 of 4 pairs the files differ in sound track"),
    ):
        before = read_manifest(stimuli)["cafe_live"][cell]
        edited(stimuli, "cafe_live", **{cell: value})
        assert said in built(stimuli).section("verdict")
        edited(stimuli, "cafe_live", **{cell: before})


def test_flashes_stand_in_the_way_and_their_preview_does_not_start_by_itself(tmp_path):
    page = built(make(tmp_path / "s", flags={"harbour_ai": FLASHES}))
    assert page.cell("Flags") == "1 clip 1 clip with flashes"
    assert "photosensitive epilepsy are in harbour_ai" in page.section("verdict")
    assert "Flashes: 4 flashes within a second (from 1 to 2 s)" in page.card("harbour")
    assert len(page.find("div", "pairs", class_="guarded")) == 1
    assert len(page.find("div", "pairs", class_="reel")) == 8


def test_a_pair_without_a_version_and_a_clip_without_a_pair_are_seen(tmp_path):
    stimuli = make(tmp_path / "s")
    manifest = read_manifest(stimuli)
    kept = [clip for clip in manifest.clips if clip.name != "harbour_ai"]
    kept = [clip.having(pair_id=None) if clip.name == "kitchen_ai" else clip for clip in kept]
    write_manifest(stimuli, Manifest(tuple(kept)))
    page = built(stimuli)
    assert page.cell("Pairs").startswith("2 of 4 complete")
    assert "It has no clip of AI." in page.card("harbour")
    assert "no pair" in page.texts("article", id="clip-kitchen_ai")[0]


def test_one_arm_alone_makes_a_page_that_says_so(tmp_path):
    page = built(make(tmp_path / "s", arms=("live",)))
    assert "there are no two arms to compare" in page.section("verdict")
    assert "There is nothing to compare" in page.section("matching")


# The cards


def test_a_card_shows_every_picture_of_every_version(unfair):
    page = Page(unfair)
    alts = [one["attrs"]["alt"] for one in page.find("img", "pair-cafe")]
    for clip in ("cafe_live", "cafe_ai"):
        assert [f"{clip} at {place} %" in alts for place in PLACES] == [True] * 5
        assert f"{clip}, {STRIP} frames one after the other" in alts
    stored = (unfair.measures / "pictures" / "cafe_ai_poster-50.jpg").read_bytes()
    assert base64.b64encode(stored).decode() in page.source


def test_a_card_tells_what_is_outside_its_tolerance_before_all_else(unfair):
    page = Page(unfair)
    values = read_frame(unfair.measures / "clips.tsv", numeric=list(definitions())).set_index("clip")
    live, ai = (values.loc[f"cafe_{arm}", "luminance"] for arm in ("live", "ai"))
    first = page.texts("div", "pair-cafe", class_="outside")[0]
    assert first == (
        "Light (outside its tolerance) The AI version is darker (mean luminance "
        f"{amount(ai)} against {amount(live)} % of white; tolerance 10 % of white, 2 times that)."
    )
    assert "is noisier" in page.card("cafe")
    assert page.texts("span", "pair-cafe", class_="badge") == ["1 of 3 features outside"]
    assert page.texts("span", "pair-harbour", class_="badge") == ["within 3 tolerances"]
    assert "Nothing measured differs much, and the files are alike." in page.card("harbour")


def test_a_difference_outside_a_tight_tolerance_is_told_first_however_small_it_is(tmp_path):
    differs, cells = {"cafe_ai": {"saliency_spread": 0.05}}, {"cafe_ai": {"fps": "24"}}
    stimuli = make(tmp_path / "s", differs=differs, cells=cells)
    matched(stimuli, {"saliency_spread": Tolerance(mean=1, worst=0.01, unit="widths")})
    first, second = built(stimuli).texts("dd", "pair-cafe")
    assert first.startswith("The AI version spreads attention more")
    assert first.endswith("tolerance 0.01 picture widths, 5 times that).")
    assert second == "Live and AI differ: 25 against 24 frames a second."


def test_a_large_difference_is_told_even_where_the_plan_allows_it(tmp_path):
    stimuli = make(tmp_path / "s", differs={"cafe_ai": {"luminance": -6.0}})
    matched(stimuli)
    card = built(stimuli).card("cafe")
    assert "is darker (mean luminance" in card
    assert "; within its tolerance of 10 % of white)" in card
    assert "within 3 tolerances" in card


def test_a_feature_that_must_be_the_same_is_told_as_such(tmp_path):
    stimuli = make(tmp_path / "s", differs={"cafe_ai": {"cuts": 2.0}})
    matched(stimuli)
    assert "has more cuts (cuts 2 against 0; must be the same)" in built(stimuli).card("cafe")


def test_a_card_tells_how_the_files_differ_and_whether_they_can_be_heard(tmp_path):
    cells = {
        "cafe_live": {"fps": "24000/1001", "size": "1284x720"},
        "harbour_ai": {"audio": "none"},
        "kitchen_live": {"frame_rate": "variable"},
    }
    flags = {"cafe_live": SILENT, "cafe_ai": SILENT, "harbour_live": SILENT, "stairs_ai": SILENT}
    page = built(make(tmp_path / "s", cells=cells, flags=flags))
    assert (
        "Live and AI differ: 23.976 against 25 frames a second and 1284 × 720 against 1280 × 720 pixels."
        in page.card("cafe")
    )
    assert "Neither version can be heard: both sound tracks are silent." in page.card("cafe")
    assert "Neither version can be heard: live has a silent sound track, AI has none." in page.card("harbour")
    assert "25 (variable) against 25 frames a second" in page.card("kitchen")
    assert "Only the live version can be heard." in page.card("stairs")
    assert "1284 × 720 · 23.976 fps · 5.00 s, 125 frames · H.264 · stereo sound, silent" in page.card("cafe")


def test_a_file_that_contradicts_its_role_is_seen_on_card_table_and_in_the_methods(
    tmp_path, write_clip, texture
):
    stimuli = make(tmp_path / "s")
    write_clip(stimuli.file("s/cafe_live.mp4"), texture(4), metadata={"comment": "Made with Sora 2 (OpenAI)"})
    page = built(stimuli)
    for text in (page.card("cafe"), page.section("provenance"), page.section("methods")):
        assert "registered as live action, but its comment" in text
    assert "The files of cafe_live contradict what they are registered as" in page.section("verdict")
    assert "7 imported files not in the folder" in page.section("provenance")


def test_why_labels_could_not_be_looked_for_is_said(tmp_path):
    note = "cannot tell: the camera stands still"
    page = built(make(tmp_path / "s", overlays={"cafe_ai": note}))
    assert "Whether a label or watermark lies over it cannot be told: the camera stands still." in page.card(
        "cafe"
    )
    assert "cannot be told from the picture" in page.section("provenance")


def test_what_lies_over_a_picture_is_flagged_and_shown_folded(tmp_path):
    mark = {"kind": "watermark", "detail": "12 × 6 % of the picture", "from_s": 0.0, "to_s": 4.8}
    stimuli = make(tmp_path / "s", flags={"cafe_ai": [mark]})
    stored = stimuli.measures / "pictures" / "cafe_ai_poster-0.jpg"
    shown = stimuli.measures / "pictures" / "cafe_ai_overlay.png"
    cv2.imwrite(str(shown), cv2.imread(str(stored)))
    page = built(stimuli)
    assert "Something laid over the picture: 12 × 6 % of the picture (from 0 to 4.8 s)" in page.card("cafe")
    assert len(page.find("img", "pair-cafe", class_="overlay")) == 1
    assert not page.find("img", "pair-harbour", class_="overlay")
    assert "found: something laid over the picture" in page.section("provenance")
    assert "found in cafe_ai" in page.section("methods")


# What is older than the clips


def test_what_was_measured_on_another_file_is_not_shown_as_this_ones(tmp_path):
    stimuli = make(tmp_path / "s", differs=DARK)
    matched(stimuli)
    edited(stimuli, "cafe_ai", sha256="f" * 64)
    page = built(stimuli)
    assert page.cell("Matching").startswith("not matched matched before the clips were changed")
    assert "The clip was changed since it was measured" in page.card("cafe")
    assert "clips were not measured as they are now" in page.section("verdict")
    assert "is darker" not in page.card("cafe")
    assert not [table for table in page.texts("caption", "matching") if table.startswith("The gate")]
    assert "tolerance" not in page.section("methods").lower()


def test_a_match_of_other_measures_or_other_pairs_is_not_shown(tmp_path):
    stimuli = make(tmp_path / "s")
    matched(stimuli)
    path = stimuli.match / "match.json"
    document = read_json(path)
    write_json(path, {**document, "made_from": {**document["made_from"], "measures_sha256": "0" * 64}})
    assert "measured again" in built(stimuli).cell("Matching")
    write_json(path, document)
    assert built(stimuli).cell("Matching").startswith("passes")
    edited(stimuli, "cafe_ai", pair_id="another")
    assert "matched before the pairs were changed" in built(stimuli).cell("Matching")


def test_provenance_filled_in_later_leaves_the_match_as_it_is(tmp_path):
    stimuli = make(tmp_path / "s")
    matched(stimuli)
    edited(stimuli, "cafe_ai", generator="Sora")
    page = built(stimuli)
    assert page.cell("Matching").startswith("passes")
    assert "needs the new hash" in page.section("verdict")


@pytest.mark.parametrize("name", ["measures/clips/cafe_ai.json", "match/match.json", "match/gate.tsv"])
def test_a_broken_file_is_named_and_its_place_stays_empty(tmp_path, name):
    stimuli = make(tmp_path / "s", differs=DARK)
    matched(stimuli)
    (stimuli.root / name).write_text('{"half', "utf-8")
    page = built(stimuli)
    assert name.rpartition("/")[2] in page.section("about")
    assert page.cell("Matching").startswith("not matched")


# Matching and leaks


def test_the_matching_plot_shows_every_pair_in_units_of_its_tolerance(unfair):
    figures = unfair.match / "figures"
    data = read_frame(
        figures / "tolerances-ai.tsv", numeric=("difference", "scaled", "outside", "one_on_the_axis")
    )
    saved = read_frame(unfair.match / "differences.tsv", numeric=("difference",))
    saved = saved.set_index(["feature", "pair_id"])["difference"]
    dots = data[data["what"] == "pair"]
    assert len(dots) == len(TOLERANCES) * 4
    for row in dots.to_dict("records"):
        difference = saved[row["feature"], row["pair_id"]]
        worst = TOLERANCES[row["feature"]].worst
        assert row["difference"] == difference
        assert row["scaled"] == pytest.approx(difference / worst if worst else 0)
        assert row["outside"] == (abs(difference) > worst)
    alts = [one["attrs"]["alt"] for one in Page(unfair).find("img", "matching")]
    assert any("mean luminance: outside: cafe, mean outside" in alt for alt in alts)
    assert all(path.stat().st_size <= 150_000 for path in figures.glob("*.png"))


def test_without_tolerances_differences_are_shown_in_sds_over_the_clips_and_nothing_is_judged(tmp_path):
    stimuli = make(tmp_path / "s", differs=DARK)
    matched(stimuli, {})
    build_report(stimuli)
    assert Page(stimuli).cell("Matching").startswith("not judged")
    data = read_frame(stimuli.match / "figures" / "spread-ai.tsv", numeric=("scaled", "one_on_the_axis"))
    values = read_frame(stimuli.measures / "clips.tsv", numeric=["noise"])["noise"]
    noise = data[(data["feature"] == "noise") & (data["pair_id"] == "cafe")].iloc[0]
    assert noise["one_on_the_axis"] == pytest.approx(np.std(values, ddof=1))
    assert noise["scaled"] == pytest.approx(15 / np.std(values, ddof=1))
    assert not (stimuli.match / "figures" / "tolerances-ai.png").exists()


def test_figures_of_an_earlier_page_do_not_stay(tmp_path):
    stimuli = make(tmp_path / "s")
    matched(stimuli)
    figure = stimuli.match / "figures" / "tolerances-ai.png"
    with mock.patch("stimuli.report.page.spread_plot", return_value=None):
        build_report(stimuli)
    assert figure.exists()
    (figure.parent / "of the lab.png").write_bytes(b"kept")
    matched(stimuli, {})
    built(stimuli)
    assert not figure.exists()
    assert (figure.parent / "of the lab.png").exists()


def test_the_gate_table_has_every_number_and_the_tests_are_called_information(unfair):
    page = Page(unfair)
    rows = [row for row in page.texts("tr", "matching") if row.startswith("mean luminance (% of white)")]
    assert rows == ["mean luminance (% of white) 4 −5 ±3 −20 cafe ±10 cafe ✕ mean and pairs outside"]
    assert "Information only" in page.section("matching")
    assert "Without cafe the set passes, with 3 pairs left" in page.section("matching")
    assert "covariates: luminance" in page.section("matching")
    said = {line.rstrip(".") for line in page.texts("li", "matching")}
    sentences = read_json(unfair.match / "match.json")["sentences"]
    assert {line.lower() for line in said} == {line.lower().rstrip(".") for line in sentences}


def test_an_arm_without_sound_is_not_measured_and_said_to_be(tmp_path):
    stimuli = make(tmp_path / "s", differs={"cafe_ai": {"loudness": float("nan")}})
    matched(stimuli)
    page = built(stimuli)
    assert "3, not in cafe (AI)" in page.section("matching")
    assert page.texts("span", "pair-cafe", class_="badge") == ["1 of 3 features not measured"]


@pytest.fixture(scope="module")
def leaking(tmp_path_factory):
    """Nine pairs in three versions; every AI version is a little noisier. Not to be changed."""
    differs = {f"{pair}_ai": {"noise": 0.5 + 0.01 * i} for i, pair in enumerate(PAIRS)}
    differs |= {f"{pair}_cartoon": {"si": 30.0} for pair in PAIRS}
    stimuli = make(tmp_path_factory.mktemp("leaking") / "s", 9, ("live", "ai", "cartoon"), differs=differs)
    matched(stimuli)
    build_report(stimuli)
    return stimuli


def test_a_leak_is_told_drawn_and_explained_with_what_it_does_not_show(leaking):
    page = Page(leaking)
    assert page.cell("Matching").startswith("passes")
    assert page.cell("Leak test") == "leaks AUC 1.00, 9 pairs"
    section = page.section("leak")
    assert "Leak test: leaks with 9 pairs" in section
    assert "What it does not show" in section
    (first, *_) = [row for row in page.texts("tr", "leak") if row.startswith("noise")]
    assert first.endswith("9 of 9 0 of 9")
    data = read_frame(leaking.match / "figures" / "leak.tsv", numeric=("auc", "upper_limit", "max_auc"))
    saved = read_json(leaking.match / "match.json")["contrasts"]["ai"]["leak"]
    assert data.iloc[0][["auc", "upper_limit", "max_auc"]].tolist() == [
        saved["auc"],
        saved["upper_limit"],
        0.65,
    ]
    assert any("AI from live: 1.00" in one["attrs"]["alt"] for one in page.find("img", "leak"))


def test_a_positive_control_is_shown_but_not_held_against_anything(leaking):
    card = Page(leaking).card("cafe")
    assert "Cartoon positive control, meant to differ" in card
    assert "the cartoon version" not in card.lower()


def test_with_many_pairs_there_is_a_list_to_jump_from(leaking, unfair):
    targets = [one["attrs"]["href"] for one in Page(leaking).find("a", "pairs")]
    assert targets == [f"#pair-{pair}" for pair in sorted(PAIRS)]
    assert not Page(unfair).find("a", "pairs")


# Provenance, preparation, methods


def test_gaps_unknowns_and_long_prompts_are_told_apart(tmp_path):
    prompt = "A glass of coffee on a table, " * 8
    cells = {"cafe_ai": {"prompt": prompt, "seed": "unknown", "generator": "Wan"}, "live": {"licence": "CC0"}}
    page = built(make(tmp_path / "s", 1, cells=cells))
    (row,) = [row for row in page.texts("tr", "provenance") if row.startswith("cafe_ai") and "Wan" in row]
    assert row.count("open") == 5
    assert row.count("unknown") == 1
    assert page.texts("span", "provenance", class_="unknown") == ["unknown"]
    (folded,) = [text for text in page.texts("details", "provenance") if text.startswith("A glass")]
    assert prompt.strip() in folded
    counted = {row.split(" –")[0] for row in page.texts("tr", "provenance")}
    assert "performer consent 1 OPEN" in counted
    assert page.cell("Provenance") == "6 cells open 1 more said to be unknown"


def test_a_cell_that_cannot_be_right_is_named(tmp_path):
    page = built(make(tmp_path / "s", cells={"cafe_ai": {"attempts": "many"}}))
    assert page.cell("Provenance").startswith("faulty")
    assert "cafe_ai.attempts: is not a whole number" in page.section("provenance")


def prepared(stimuli, **changed):
    """Say that a recipe prepared every clip."""
    manifest, entries = read_manifest(stimuli), {}
    write_manifest(stimuli, Manifest(tuple(clip.having(recipe="hd25") for clip in manifest.clips)))
    for clip in manifest.clips:
        done = Prepared(
            source="a.mp4", source_sha256="a" * 64, source_frames=96, source_fps="24000/1001",
            target=f"{clip.name}.mp4", target_sha256=clip["sha256"], frames=100, fps="25", duration_s=4.0, start_s=0.5,
            repeated=4, dropped=7, held=0, picture="scaled to 1280×720", filters=("scale=1280:720",),
            encoder="libx264 (crf=18)", luma=None,
            sound={"gain_db": -3.25, "lufs": -23.04, "held_back_by_true_peak": False},
            checks=(Check("frames", "100", "100", True), Check("size", "1280×720", "1280×720", True)), notes=(),
        )  # fmt: skip
        entries[clip.name] = {"pair_id": clip.pair_id, "arm": clip.arm, **done.as_document(), **changed}
    document = {
        "recipe_sha256": "b" * 64,
        "libraries": "FFmpeg 8",
        "clips": entries,
        "methods": "All were prepared alike.",
    }
    write_json(stimuli.prepared / "hd25.json", document)


def test_what_was_done_to_each_file_stands_there_number_by_number(tmp_path):
    stimuli = make(tmp_path / "s")
    prepared(stimuli)
    page = built(stimuli)
    assert page.cell("Preparation") == "hd25 8 clips, every one verified"
    (row,) = [row for row in page.texts("tr", "prepared") if row.startswith("cafe_ai 96")]
    assert row == (
        "cafe_ai 96 at 23.976 fps 100 at 25 fps, 4 s from 0.5 s 4 7 scaled to 1280×720 "
        "−3.25 dB, to −23 LUFS 2 of 2 passed"
    )
    assert "All were prepared alike." in page.section("methods")
    assert "as they were imported" not in page.section("methods")


def test_a_record_of_another_file_is_not_believed(tmp_path):
    stimuli = make(tmp_path / "s")
    prepared(stimuli, target_sha256="c" * 64)
    page = built(stimuli)
    assert "not on record" in page.cell("Preparation")
    assert "Not on record:" in page.section("prepared")


def test_the_methods_text_tells_of_what_was_done_and_of_nothing_else(tmp_path):
    stimuli = make(tmp_path / "s", cells={"ai": {"generator": "Wan", "attempts": "4"}})
    text = built(stimuli).section("methods")
    assert "8 clips of 4 scenes in 2 versions: live (reference) and AI (contrast)" in text
    assert "generated with Wan (4 clips); 16 generated for 4 scenes (median 4 a scene, 4 to 4)" in text
    assert "The clips are shown as they were imported: 1280 × 720 pixels, 25 frames per second" in text
    assert f"{len(definitions())} features measured" in text
    assert "Peli 1990" in text
    for undone in ("tolerance", "recipe", "AUC", "performers"):
        assert undone not in text
    for path in (stimuli.measures / "clips").iterdir():
        path.unlink()
    assert "features measured" not in built(stimuli).section("methods")
    matched_set = make(tmp_path / "m")
    matched(matched_set)
    text = built(matched_set).section("methods")
    assert "Tolerances are those of the plan “a-plan”" in text
    assert json.loads((matched_set.match / "match.json").read_text("utf-8"))["methods"] in text


def test_every_hash_and_every_definition_can_be_looked_up(unfair):
    page = Page(unfair)
    manifest = read_manifest(unfair)
    assert all(clip["sha256"] in page.section("prepared") for clip in manifest.clips)
    section = page.section("measures")
    assert all(" ".join(one.help.split()) in section for one in definitions().values())


# Size, words


def test_pictures_shrink_until_the_whole_set_fits(tmp_path, monkeypatch):
    stimuli = make(tmp_path / "s", size=(320, 180))
    whole = len(built(stimuli).source)
    stored = sum(path.stat().st_size for path in (stimuli.measures / "pictures").iterdir())
    monkeypatch.setattr(pictures, "MOST", stored // 2)
    page = built(stimuli)
    assert len(page.source) < whole
    posters = [one for one in page.find("img", "pair-cafe") if one["attrs"]["alt"] == "cafe_ai at 50 %"]
    assert int(posters[0]["attrs"]["width"]) < 320


def test_every_feature_has_its_words_and_its_theme():
    themed = [name for theme in THEMES for name in theme.features]
    assert set(definitions()) <= set(FEATURE_WORDS)
    assert set(definitions()) <= set(themed)
    assert len(themed) == len(set(themed))
    assert all(set(theme.told) <= set(theme.features) for theme in THEMES)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0773291, "0.0773"), (-12.34, "−12.3"), (86.1244, "86.1"), (1284.4, "1284"), (0.0, "0"), (-0.0, "0"),
     (0.0000012, "0.0000012"), (1e7, "10000000"), (99.96, "100"), (float("nan"), "n/a"), (2.0, "2")],
)  # fmt: skip
def test_numbers_are_written_as_people_write_them(value, said):
    assert amount(value) == said


def test_frame_rates_are_written_as_people_write_them():
    assert [rate(text) for text in ("24000/1001", "25", "16.1", None)] == ["23.976", "25", "16.1", "n/a"]
