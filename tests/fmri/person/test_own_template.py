"""A template that does not come along, of children for example: its brain is what maps are counted and drawn in."""

import json

import numpy as np
import pytest

from analysis.fmri.group.brain_maps import make_maps
from analysis.fmri.group.saved import read_maps
from analysis.fmri.group.template import brain_of
from analysis.fmri.person.page import page_name
from analysis.fmri.preprocessing import figures
from analysis.running import run_group
from protocols.base.errors import InputError, UsageError
from tests.fmri.person.world import AFFINE, BRAIN, World, analyze, promise_of

nib = pytest.importorskip("nibabel", reason="the extra 'fmri' is not installed")

OWN, NAMED = "TinyTemplateCohort2", "TinyTemplate_cohort-2"
"""As a plan names it, and as fMRIPrep names its files."""
PEOPLE = {f"sub-{group[0]}{k}": group for group in ("child", "adult") for k in range(3)}
MAPS = {"permutations": 99}
LARGER = ((np.indices(BRAIN.shape) - 4) ** 2).sum(axis=0) <= 14
"""The template's brain: people's, and a shell that nobody's images reach."""


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("template")
    for name, values in (("brain", 700.0 * LARGER), ("mask", 1.0 * LARGER)):
        nib.save(nib.Nifti1Image(values.astype(np.float32), AFFINE), folder / f"{name}.nii.gz")
    (folder / "template.json").write_text(json.dumps({"Space": OWN, "AgeMonths": [36, 84]}), "utf-8")
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("own")).start(PEOPLE, runs=(1,), space=NAMED)


@pytest.fixture(scope="module")
def promise():
    return promise_of(
        analysis__bold__space=OWN, analysis__bold__maps=MAPS, groups__child__age_months=[36, 84],
        groups__adult__age_months=[216, 480],
    )  # fmt: skip


@pytest.fixture(scope="module")
def analyzed(world, promise, template):
    return analyze(world, promise, template=template)


def test_maps_need_the_templates_brain_and_regions_do_not(world, promise, tmp_path):
    with pytest.raises(UsageError, match=rf"space '{OWN}': has no brain here") as caught:
        analyze(world, promise, out=tmp_path)
    assert "--template FOLDER" in str(caught.value)
    assert "maps: null" in str(caught.value)
    without = promise_of(analysis__bold__space=OWN, groups__child__age_months=[36, 84])
    result = analyze(world, without, out=tmp_path)
    assert result.errors == []
    assert any("a template of people whose ages are not said" in warning for warning in result.warnings)


def test_a_template_of_their_age_is_not_warned_about(analyzed):
    assert analyzed.errors == []
    assert not any("template of" in warning for warning in analyzed.warnings)


def test_shares_of_the_brain_are_of_the_templates_own(analyzed, promise):
    done, errors = make_maps(analyzed.out, analyzed.out, promise, threads=1, say=lambda _: None)
    assert errors == []
    assert done
    made = {saved.record.name: saved.record for saved in read_maps(analyzed.out / "maps")}
    record = made["aiMinusLive_child"]
    assert record.coverage.brain_voxels == LARGER.sum()
    assert record.coverage.template_percent == pytest.approx(100 * BRAIN.sum() / LARGER.sum())
    assert record.outcomes.not_in_everybody.voxels == LARGER.sum() - BRAIN.sum()
    again, _ = make_maps(analyzed.out, analyzed.out, promise, threads=1, say=lambda _: None)
    assert not any(step.recomputed for step in again)


def test_maps_keep_the_brain_they_are_drawn_in_wherever_they_are_written(analyzed, promise, tmp_path):
    make_maps(analyzed.out, tmp_path, promise, threads=1, say=lambda _: None)
    saved = read_maps(tmp_path / "maps")[0]
    intensity, inside = saved.brain.at(np.array([[0.0, 30, 60], [0, 0, 0], [0, 0, 0]]))
    assert inside.tolist() == [True, True, False]
    assert intensity.tolist() == [1, 1, 0]
    (tmp_path / "maps" / f"template-{OWN}" / "mask.nii.gz").unlink()
    with pytest.raises(InputError, match=rf"space '{OWN}': has no brain here"):
        brain_of(OWN, tmp_path / "maps")


@pytest.mark.slow
def test_the_report_draws_maps_in_it(analyzed, promise, tmp_path):
    outcome = run_group(analyzed.out, tmp_path, promise, say=lambda _: None, workers=1)
    assert "brain-aiMinusLive_child-effect" in outcome.report.read_text("utf-8")


@pytest.mark.slow
def test_a_persons_page_draws_maps_and_outlines_in_it(world, promise, template, tmp_path, monkeypatch):
    for what in ("boldref.nii.gz", "desc-affine_boldref.nii.gz", "dseg.nii.gz"):
        world.save(world.image("sub-c0", 1, what, space=NAMED), BRAIN)
    drawn = []
    draw = figures.overlay_figure
    monkeypatch.setattr(
        figures,
        "overlay_figure",
        lambda image, outline, *rest: drawn.append(outline) or draw(image, outline, *rest),
    )
    result = analyze(world, promise, ["c0"], out=tmp_path, template=template, pages=True)
    assert result.errors == []
    assert (tmp_path / page_name("sub-c0", "scan")).exists()
    assert list((tmp_path / "sub-c0" / "figures").glob("scan_map-*.png"))
    assert [outline.sum() for outline in drawn[:2]] == [LARGER.sum()] * 2  # the template's, not the person's


def test_the_brain_that_comes_along_is_whole(tmp_path):
    from nilearn.datasets import load_mni152_brain_mask

    brain = brain_of("MNI152NLin2009cAsym", tmp_path)
    mask = load_mni152_brain_mask(resolution=1)
    assert brain.solid().sum() == np.sum(np.asarray(mask.dataobj) > 0)
