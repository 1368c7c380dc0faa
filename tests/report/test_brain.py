"""The page tells of a map what its saved files say, and draws them."""

import dataclasses
import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from analysis.fmri.group.map_figures import glass_figure, passed
from analysis.fmri.group.mapping import MapQuestion, map_outputs
from analysis.fmri.group.saved import read_maps
from analysis.fmri.group.slices import Cut, values_at
from analysis.fmri.images import Image as Volume
from analysis.report import build_report
from analysis.report.brain import brain, methods
from protocols.base.errors import InputError
from protocols.base.files import write_atomically
from protocols.pages import template
from protocols.pages.figures import LARGEST, Picture
from tests.fmri.group.planted import ADULTS_MORE, QUESTION, SETTINGS, grid, plant

NAMES = {"child": "children", "adult": "adults"}
PLAIN = MapQuestion("ai-live-child", "AI − live action", "percent_signal", ("child",))


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return plant(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def out(people, tmp_path_factory):
    """One map of two groups with a bound, and one that nobody can estimate."""
    out = tmp_path_factory.mktemp("out")
    made = map_outputs(people, QUESTION, **SETTINGS)
    made |= map_outputs(people[:1], PLAIN, **SETTINGS)
    for name, content in made.items():
        write_atomically(out / "maps" / name, content)
    return out


FIGURES = ("statistic", "glass", "outcome", "precision")


def draw_nothing(patch):
    """Leave pictures empty: drawing them takes seconds."""
    for name in FIGURES:
        empty = Picture(f"brain-{name}", name, "", 760, 386)
        patch.setattr(f"analysis.report.brain.{name}_figure", lambda *_, empty=empty: empty)


@pytest.fixture(scope="module")
def told():
    """Maps as the page shows them, with empty pictures."""

    def tell(out):
        with pytest.MonkeyPatch.context() as patch:
            draw_nothing(patch)
            return {one.name: one for one in brain(out, NAMES)}

    return tell


@pytest.fixture(scope="module")
def shown(out, told):
    return told(out)


@pytest.fixture
def changed(out, tmp_path):
    """The maps with their record edited as a function says, without figures."""

    def change(edit):
        shutil.copytree(out / "maps", tmp_path / "maps")
        path = tmp_path / "maps" / "ai-live.json"
        record = json.loads(path.read_text())
        edit(record)
        path.write_text(json.dumps(record))
        return tmp_path

    return change


def test_the_sentence_says_where_what_and_how_much_could_not_answer(out, shown):
    said = shown["ai-live"].statement
    record = json.loads((out / "maps" / "ai-live.json").read_text())
    tested, outcomes = record["testing"]["tfce"], record["outcomes"]
    assert f"{tested['positive'] + tested['negative']} voxels differ (TFCE, corrected p ≤ .05)" in said
    assert f"in {tested['positive']} the effect is more positive in adults" in said
    assert f"in {tested['negative']} the effect is more positive in children" in said
    assert "at MNI (3, 48, 27)" in said
    assessable = sum(outcomes[name]["voxels"] for name in ("different", "equivalent", "undecided"))
    share = 100 * outcomes["equivalent"]["voxels"] / assessable
    assert f"Of the assessable voxels {share:.0f} % are equivalent within ±0.10 % signal" in said
    assert (
        f"{outcomes['not_assessable']['percent']:.1f} % of the brain’s voxels could not have answered" in said
    )
    assert "xploratory" in " ".join(shown["ai-live"].notes)


def test_nothing_found_is_said_with_its_smallest_p(changed, told):
    def edit(record):
        record["testing"]["tfce"] = {"smallest_p": 0.23, "positive": 0, "negative": 0}

    assert told(changed(edit))["ai-live"].statement.startswith(
        "No voxel is shown to differ (smallest corrected p = .230, TFCE)."
    )


def test_a_positive_effect_is_that_of_the_second_group(changed, told):
    def edit(record):
        record["testing"]["tfce"] |= {"positive": 5, "negative": 0}

    said = told(changed(edit))["ai-live"].statement
    assert "in 5 the effect is more positive in adults;" in said
    assert "more positive in children" not in said


def test_too_few_people_for_any_small_p_is_not_told_as_no_difference(changed, told):
    def edit(record):
        record["testing"] |= {"possible_p": 1 / 3, "tfce": {"smallest_p": 0.5, "positive": 0, "negative": 0}}

    said = told(changed(edit))["ai-live"].statement
    assert "cannot be tested" in said
    assert ".33" in said
    assert "No voxel is shown to differ" not in said


def test_a_brain_that_could_not_answer_is_not_told_as_equivalent(changed, told):
    def edit(record):
        for name in ("different", "equivalent", "undecided", "trivial"):
            record["outcomes"][name] = {"voxels": 0, "percent": 0.0}

    said = told(changed(edit))["ai-live"].statement
    assert "No voxel could have answered" in said
    assert "equivalent" not in said


def test_who_was_set_aside_and_who_costs_voxels_is_named(changed, told):
    def edit(record):
        record["set_aside"] = [{"participant": "sub-90", "group": "adult", "reason": "its map is empty"}]
        record["coverage"]["people"][0] |= {"lost_voxels": 700, "lost_percent": 27.0}

    one = told(changed(edit))["ai-live"]
    cells = [cell for grid in one.grids for row in grid.rows for cell in row]
    assert {"sub-90", "adults", "its map is empty", "700"} <= set(cells)
    assert any("because of one person: sub-01 27 %" in note for note in one.notes)


def test_a_map_that_cannot_be_estimated_says_why_and_shows_nothing(shown):
    one = shown["ai-live-child"]
    assert one.statement.startswith("Not estimable: fewer than 2 usable maps")
    assert not one.pictures


def test_clusters_stand_as_saved(shown):
    table = next(grid for grid in shown["ai-live"].grids if "|t|" in grid.caption)
    assert table.rows[0][:2] == ("1", "(3, 48, 27)")
    assert table.rows[1][1].startswith("(−42, −60, 18")
    assert {0, 1} <= table.strong
    assert all(len(row) == len(table.columns) for row in table.rows)


def whole(picture, out):
    """The picture is small enough, is not blank, and has its table."""
    data = (out / "figures" / f"{picture.name}.png").read_bytes()
    assert len(data) <= LARGEST
    with Image.open(io.BytesIO(data)) as image:
        assert len(image.convert("RGB").getcolors(1 << 20)) > 20
    assert (out / "figures" / f"{picture.name}.tsv").exists()
    return data


def test_the_glass_brain_is_drawn_the_same_again(out, tmp_path):
    (saved,) = [one for one in read_maps(out / "maps") if one.record.estimable]
    picture = glass_figure(saved, out, NAMES)
    assert "AI − live action, adults − children" in picture.alt
    assert whole(picture, out) == whole(glass_figure(saved, tmp_path, NAMES), tmp_path)


@pytest.mark.slow
def test_all_pictures_are_drawn_also_where_nothing_is_found(people, out, tmp_path):
    quiet = [one for one in people if one.group == "child"]
    halves = [dataclasses.replace(one, group="adult" if at % 2 else "child") for at, one in enumerate(quiet)]
    for name, content in map_outputs(halves, QUESTION, **SETTINGS).items():
        write_atomically(tmp_path / "maps" / name, content)
    for folder in (out, tmp_path):
        one = {made.name: made for made in brain(folder, NAMES)}["ai-live"]
        names = [picture.name for picture, _ in one.pictures]
        assert names == [f"brain-ai-live-{what}" for what in ("effect", "glass", "outcome", "precision")]
        for picture, caption in one.pictures:
            whole(picture, folder)
            assert caption
            assert "adults − children" in picture.alt
    assert "No voxel is shown to differ" in one.statement


def test_a_slice_shows_the_voxel_that_is_there():
    where = grid()
    values = np.zeros(where.shape)
    at = np.linalg.inv(where.affine) @ np.array([*ADULTS_MORE, 1])
    values[tuple(np.rint(at[:3]).astype(int))] = 1
    for axis in range(3):
        cut = Cut(axis, ADULTS_MORE[axis])
        points, shape = cut.points()
        lit = cut.of(Volume(values, where)).reshape(shape) == 1
        center = points.reshape(3, *shape)[:, lit].mean(axis=1)
        assert center == pytest.approx(ADULTS_MORE, abs=0.51)
        assert lit.sum() == pytest.approx(81, abs=20)
    assert np.isnan(values_at(Volume(values, where), np.array([[300.0], [0], [0]]))).all()


def test_a_p_of_exactly_alpha_passes_though_it_was_saved_in_single_precision():
    p = Volume(np.array([[[0.05, 0.0501, np.nan]]], np.float32), grid())
    assert passed(p, 0.05).values[0, 0, :2].tolist() == [1, 0]
    assert np.isnan(passed(p, 0.05).values[0, 0, 2])


def test_the_partial_renders_and_escapes(shown):
    environment = template.environment("analysis.report", ("brain.html",))
    page = environment.from_string('{% import "brain.html" as parts %}{{ parts.brain(one) }}')
    html = page.render(one=shown["ai-live"])
    assert html.count("<img") == 4
    assert "decides nothing" in html
    assert shown["ai-live"].statement in html
    assert "<img" not in page.render(one=shown["ai-live-child"])


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("blinded", [True, False])
def test_a_blinded_report_shows_no_maps_for_they_carry_the_arms_true_names(
    out, tmp_path, save, plan_text, read_page, monkeypatch, blinded
):
    draw_nothing(monkeypatch)
    study = save(tmp_path / "study", plan_text, blinded=blinded)
    shutil.copytree(out / "maps", study / "maps")
    build_report(study)
    page = read_page(study)
    assert bool(page.find(id="brain")) == (not blinded)
    methods_text = page.text_of("section", id="methods")
    assert ("of the whole brain" in methods_text) == (not blinded)


def test_methods_name_the_corrections_and_the_levels(out, tmp_path):
    said = " ".join(methods(out))
    for words in (
        "199 permutations",
        "α = .05",
        "voxelwise p of .001",
        "±0.10 % signal",
        "80 % power",
        "exploratorily",
    ):
        assert words in said
    assert methods(tmp_path) == []
    assert brain(tmp_path) == []


def test_a_broken_record_is_named(changed):
    with pytest.raises(InputError, match="is not the record of a map"):
        brain(changed(lambda record: record.pop("label")))
