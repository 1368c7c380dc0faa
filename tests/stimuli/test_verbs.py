"""A whole set through every verb: measured, matched against a plan, prepared, paired, checked."""

import json
from pathlib import Path

import numpy as np
import pytest

from protocols.base.canonical import sha256_file
from protocols.base.errors import InputError, PlanError, UsageError
from protocols.plan.reading import Promise, parse_plan, read_plan, shipped_plans
from stimuli.registry.checking import check_set
from stimuli.registry.editing import set_cells
from stimuli.registry.importing import import_clips
from stimuli.registry.manifest import manifest_sha256, read_manifest
from stimuli.sets import StimulusSet
from stimuli.verbs.match import match_set
from stimuli.verbs.measure import measure_set, read_measured
from stimuli.verbs.pair import pair_set
from stimuli.verbs.prepare import prepare_set
from tests.stimuli.conftest import write

RECIPE = """name: tiny
fps: 25
width: 64
height: 48
seconds: shortest_of_pair
encoder: {crf: 14, preset: veryfast, gop: 25}
"""


def silent(_):
    pass


def plan(folder: Path, matching: str, more: str = "") -> Promise:
    """The demo's plan with other tolerances."""
    text = shipped_plans()["demo"]
    begin, end = text.index("  # Largest difference"), text.index("sessions:")
    text = text[:begin] + f"  matching: {matching}\n  leak_test: {{max_auc: 0.8}}\n{more}" + text[end:]
    path = folder / "my.plan.yaml"
    path.write_text(text, encoding="utf-8")
    return read_plan(path)


@pytest.fixture
def stimuli(lab, tmp_path) -> StimulusSet:
    made = StimulusSet(tmp_path / "stimuli" / "virtual")
    import_clips([lab], made.root, say=silent)
    return made


@pytest.fixture
def recipe(tmp_path) -> Path:
    path = tmp_path / "tiny.recipe.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def test_the_plan_s_tolerances_decide_and_three_pairs_give_no_leak_verdict(stimuli, tmp_path):
    measure_set(stimuli, say=silent)
    wide = "{luminance: {mean: 50, worst: 90, unit: cd_m2_percent}, cuts: {mean: 0, worst: 0, unit: count}}"
    matched = match_set(stimuli, plan(tmp_path, wide), say=silent).matching
    assert matched.comparisons[0].passes
    assert matched.comparisons[0].leak.verdict == "too_few"
    assert "3 pairs, 8 needed" in " ".join(matched.sentences())
    narrow = "{luminance: {mean: 0.001, worst: 0.001, unit: cd_m2_percent}}"
    assert not match_set(stimuli, plan(tmp_path, narrow), say=silent).matching.comparisons[0].passes


def test_sound_in_one_arm_only_does_not_pass_for_matched(stimuli, lab, tmp_path, write_clip, texture):
    write_clip(lab / "ai" / "kitchen.mp4", texture(25, seed=1))  # without sound, its live twin has some
    import_clips([lab], stimuli.root, say=silent)
    measure_set(stimuli, say=silent)
    said: list[str] = []
    matched = match_set(
        stimuli, plan(tmp_path, "{loudness: {mean: 1, worst: 2, unit: LU}}"), say=said.append
    ).matching
    assert not matched.comparisons[0].passes
    assert "kitchen" in "\n".join(said)


def test_speeds_in_degrees_need_the_picture_s_width(stimuli, tmp_path):
    measure_set(stimuli, say=silent)
    in_degrees = "{flow_speed: {mean: 100, worst: 500, unit: deg_s}}"
    with pytest.raises(PlanError, match=r"add stimuli\.width_deg"):
        match_set(stimuli, plan(tmp_path, in_degrees), say=silent)
    matched = match_set(stimuli, plan(tmp_path, in_degrees, "  width_deg: 20\n"), say=silent).matching
    row = next(row for row in matched.gate if row.feature == "flow_speed")
    table = read_measured(stimuli, read_manifest(stimuli)).set_index("clip")["flow_speed"]
    by_hand = [20 * (table[f"{pair}_ai"] - table[f"{pair}_live"]) for pair in ("Harbour_2", "kitchen", "p01")]
    assert row.unit == "deg_s"
    assert row.mean == pytest.approx(np.mean(by_hand), abs=1e-6)  # both have nine digits


def test_misspelt_tolerances_have_their_place_in_the_plan(stimuli, tmp_path):
    measure_set(stimuli, say=silent)
    wrong = "{luminence: {mean: 1, worst: 2, unit: cd_m2_percent}, loudness: {mean: 1, worst: 2, unit: sone}}"
    with pytest.raises(PlanError) as caught:
        match_set(stimuli, plan(tmp_path, wrong), say=silent)
    told = str(caught.value)
    assert "did you mean 'luminance'" in told
    assert "is not a unit of loudness" in told
    assert "my.plan.yaml:" in told


def test_clips_that_were_not_measured_as_they_are_stop_the_match(stimuli, lab, tmp_path, write_clip, texture):
    promise = plan(tmp_path, "{luminance: {mean: 50, worst: 90, unit: cd_m2_percent}}")
    with pytest.raises(InputError, match="was not measured yet"):
        match_set(stimuli, promise, say=silent)
    measure_set(stimuli, say=silent)
    write_clip(lab / "ai" / "kitchen.mp4", texture(25, seed=98))
    import_clips([lab], stimuli.root, say=silent)
    with pytest.raises(InputError, match="kitchen_ai: was not measured as it is now"):
        match_set(stimuli, promise, say=silent)


def test_a_plan_bound_to_a_manifest_refuses_another(stimuli, tmp_path):
    measure_set(stimuli, say=silent)
    wide = "{luminance: {mean: 50, worst: 90, unit: cd_m2_percent}}"
    bound = plan(tmp_path, wide, f'  manifest_sha256: "{manifest_sha256(stimuli)}"\n')
    match_set(stimuli, bound, say=silent)
    assert not check_set(stimuli, bound).faults
    document = json.loads((stimuli.match / "match.json").read_text("utf-8"))
    assert document["made_from"]["manifest_sha256"] == manifest_sha256(stimuli)
    assert document["made_from"]["plan_sha256"] == bound.sha256
    set_cells(stimuli, ["ai.generator=another one"])
    with pytest.raises(PlanError, match="is the hash of another manifest"):
        match_set(stimuli, bound, say=silent)
    assert any("another manifest" in str(fault) for fault in check_set(stimuli, bound).faults)


def test_prepared_files_are_what_is_shown_and_the_originals_stay(stimuli, recipe):
    before = {clip.name: sha256_file(stimuli.file(clip.file)) for clip in read_manifest(stimuli).clips}
    done = prepare_set(stimuli, recipe, say=silent)
    assert not done.failed
    manifest = read_manifest(stimuli)
    for clip in manifest.clips:
        assert clip.file == f"virtual/tiny/{clip.name}.mp4"
        assert clip["recipe"] == "tiny"
        assert sha256_file(stimuli.file(clip.file)) == clip["sha256"]
        assert sha256_file(stimuli.file(clip["original"])) == clip["original_sha256"] == before[clip.name]
    assert manifest_sha256(stimuli) == done.sha256
    assert not check_set(stimuli).faults
    told = json.loads((stimuli.prepared / "tiny.json").read_text("utf-8"))
    assert set(told["clips"]) == set(before)
    assert "64 × 48" in told["methods"]
    said: list[str] = []
    prepare_set(stimuli, recipe, say=said.append)
    assert "6 reused" in "\n".join(said)


def test_importing_again_after_preparing_does_not_bring_the_originals_back(stimuli, lab, recipe):
    prepare_set(stimuli, recipe, say=silent)
    before = stimuli.manifest.read_bytes()
    import_clips([lab], stimuli.root, say=silent)
    assert stimuli.manifest.read_bytes() == before


def test_controls_are_made_of_the_live_clips_and_go_through_the_same_recipe(stimuli, recipe):
    prepare_set(stimuli, recipe, controls=["codec_control", "rotoscoped"], say=silent)
    manifest = read_manifest(stimuli)
    assert set(manifest.arms) == {"live", "ai", "codec_control", "rotoscoped"}
    assert manifest["kitchen_codec_control"].role == "codec_control"
    assert manifest["kitchen_rotoscoped"].role == "positive_control"
    for pair in ("kitchen", "p01"):
        frames = {clip["frames"] for clip in manifest.pairs()[pair].values()}
        assert len(frames) == 1
    first = {clip.name: clip["original_sha256"] for clip in manifest.clips}
    prepare_set(stimuli, recipe, controls=["codec_control"], say=silent)
    assert {clip.name: clip["original_sha256"] for clip in read_manifest(stimuli).clips} == first
    with pytest.raises(UsageError, match="did you mean 'rotoscoped'"):
        prepare_set(stimuli, recipe, controls=["rotoscope"], say=silent)


def test_a_clip_that_cannot_be_prepared_leaves_its_pair_out_and_shows_its_original(stimuli, recipe):
    path = stimuli.file("virtual/kitchen_ai.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    said: list[str] = []
    done = prepare_set(stimuli, recipe, say=said.append)
    assert [fault.item for fault in done.failed] == ["kitchen_ai.mp4"]
    assert done.preparation.incomplete_pairs == {"kitchen": ("kitchen_ai",)}
    assert "pair kitchen cannot be shown" in "\n".join(said)
    assert read_manifest(stimuli)["p01_ai"]["recipe"] == "tiny"


def test_an_edited_or_lost_file_is_a_fault(stimuli):
    stimuli.file("virtual/kitchen_ai.mp4").unlink()
    with stimuli.file("virtual/kitchen_live.mp4").open("ab") as stream:
        stream.write(b"x")
    told = {fault.item: fault.problem for fault in check_set(stimuli).faults}
    assert "has no file" in told["kitchen_ai"]
    assert "changed since" in told["kitchen_live"]


def test_what_the_plan_says_and_the_set_does_not_bear_out(stimuli, tmp_path):
    promise = plan(tmp_path, "{luminance: {mean: 50, worst: 90, unit: cd_m2_percent}}")
    set_cells(stimuli, ["ai.generator=Kling 2.5"])
    warnings = "\n".join(check_set(stimuli, promise).warnings)
    assert "the set has 3 pairs; the plan says 40" in warnings
    assert "no clip of codec_control, cartoon" in warnings
    assert "kitchen_ai (1.00 s)" in warnings
    assert "generators do not name Kling 2.5" in warnings


def test_clips_without_pairs_find_their_partners(tmp_path, write_clip):
    """Five scenes of different light, each in two arms, under names that tell nothing."""
    rows = ["file,pair_id,arm"]
    random = np.random.default_rng(3)
    for k, light in enumerate((40, 80, 120, 160, 200)):
        for arm, name in (("live", f"x{k}"), ("ai", f"y{4 - k}")):
            pictures = [
                np.clip(random.normal(light, 8, (48, 64, 3)), 0, 255).astype(np.uint8) for _ in range(8)
            ]
            write_clip(tmp_path / "l" / f"{name}.mp4", pictures)
            rows.append(f"{name}.mp4,,{arm}")
    (tmp_path / "pairs.csv").write_text("\n".join(rows) + "\n", "utf-8")
    stimuli = StimulusSet(tmp_path / "set")
    import_clips([tmp_path / "l"], stimuli.root, pairs_file=tmp_path / "pairs.csv", say=silent)
    assert all(clip.pair_id is None for clip in read_manifest(stimuli).clips)
    measure_set(stimuli, say=silent)
    before = stimuli.manifest.read_bytes()
    pair_set(stimuli, features=["luminance"], say=silent)
    assert stimuli.manifest.read_bytes() == before
    pair_set(stimuli, features=["luminance"], adopt=True, say=silent)
    pairs = read_manifest(stimuli).pairs()
    assert {(v["live"].name, v["ai"].name) for v in pairs.values()} == {
        (f"x{k}_live", f"y{4 - k}_ai") for k in range(5)
    }
    with pytest.raises(InputError, match="no clip without a pair"):
        pair_set(stimuli, say=silent)


def test_shipped_plans_name_features_and_units_that_exist():
    from stimuli.tolerances import tolerance_faults

    for text in shipped_plans().values():
        assert list(tolerance_faults(parse_plan(text))) == []


def test_the_manifest_directs_which_part_of_a_clip_is_shown(stimuli, recipe):
    """A clip whose left half is dark and whose right half, and second half in time, is bright."""
    from stimuli.decoding import decode_frames
    from stimuli.probing import probe

    def light() -> float:
        path = stimuli.file(read_manifest(stimuli)["kitchen_live"].file)
        return float(np.mean([frame.luma.mean() for frame in decode_frames(path, probe(path))]))

    pictures = [np.full((96, 128, 3), 40, np.uint8) for _ in range(50)]
    for k, picture in enumerate(pictures):
        picture[:, 64:] = 160 if k < 25 else 220
    path = stimuli.file("virtual/kitchen_live.mp4")
    write(path, pictures)
    prepare_set(stimuli, recipe, say=silent)
    assert light() == pytest.approx((40 + 160) / 2, abs=4)
    set_cells(stimuli, ["kitchen_live.crop=64 0 64 48"])
    prepare_set(stimuli, recipe, say=silent)
    assert light() == pytest.approx(160, abs=4)
    set_cells(stimuli, ["kitchen_live.start_s=1"])
    prepare_set(stimuli, recipe, say=silent)
    assert light() == pytest.approx(220, abs=4)


@pytest.mark.parametrize(("rule", "named"), [("reject", True), ("crop", True), ("keep", False)])
def test_clips_with_a_visible_label_are_named_unless_the_plan_keeps_them(stimuli, tmp_path, rule, named):
    measure_set(stimuli, say=silent)
    flags = stimuli.measures / "flags.tsv"
    rows = "kitchen_ai\twatermark\tstays over the scene\tn/a\tn/a\np01_ai\tsilent\tno sound\tn/a\tn/a\n"
    flags.write_text("clip\tkind\tdetail\tfrom_s\tto_s\n" + rows, "utf-8")
    wide = "{luminance: {mean: 50, worst: 90, unit: cd_m2_percent}}"
    said: list[str] = []
    found = match_set(stimuli, plan(tmp_path, wide, f"  visible_label: {rule}\n"), say=said.append)
    assert found.labelled == (("kitchen_ai",) if named else ())
    assert ("found on kitchen_ai" in "\n".join(said)) == named
