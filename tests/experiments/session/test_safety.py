"""What must be true of the clips, and of the laboratory, before anybody sits down."""

from dataclasses import replace

import pytest

from experiments.clips import Clip, changed_files, simulated_clips
from experiments.session.playing import readiness
from experiments.session.request import Request, prepare
from experiments.session.safety import flash_faults
from experiments.site.fields import ScreenSettings
from experiments.window.display import picture_width
from protocols.base.canonical import sha256_file
from protocols.base.errors import NotAvailable
from protocols.plan.reading import parse_plan, shipped_plans
from tests.experiments.session.conftest import PLAN

CLIP = Clip("p1_ai", "p1", "ai", "contrast", "kitchen", "set/p1_ai.mp4", 4.0, 25.0, sha256="abc")


def measured(folder, *, sha256="abc", luminance="40", flags=""):
    """A set's folder of measures with one clip."""
    folder.mkdir()
    header = "clip\tpair_id\tarm\trole\tscene\tsha256\tluminance\n"
    (folder / "clips.tsv").write_text(
        f"{header}p1_ai\tp1\tai\tcontrast\tkitchen\t{sha256}\t{luminance}\n", "utf-8"
    )
    (folder / "flags.tsv").write_text(f"clip\tkind\tdetail\tfrom_s\tto_s\n{flags}", "utf-8")
    return folder


def test_a_measured_clip_without_flashes_may_be_shown(tmp_path):
    assert flash_faults(measured(tmp_path / "measures"), [CLIP]) == []


@pytest.mark.parametrize(
    "how", [{"sha256": "older"}, {"luminance": "n/a"}], ids=["another version of the file", "it failed"]
)
def test_a_clip_nobody_has_checked_for_flashes_is_not_shown(tmp_path, how):
    [fault] = flash_faults(measured(tmp_path / "measures", **how), [CLIP])
    assert "have not been checked for flashes" in fault.problem
    assert "bazin stimuli measure" in fault.way_out


def test_a_set_that_was_never_measured_is_not_shown(tmp_path):
    assert "have not been checked" in flash_faults(tmp_path / "measures", [CLIP])[0].problem


def test_dangerous_flashes_stop_the_start_and_other_flags_do_not(tmp_path):
    flags = "p1_ai\tphotosensitivity\tmay set off seizures: 4 flashes\t1\t2\np1_ai\trepeats\t5 %\tn/a\tn/a\n"
    [fault] = flash_faults(measured(tmp_path / "measures", flags=flags), [CLIP])
    assert "may set off seizures" in fault.problem
    other = replace(CLIP, name="p2_ai")
    assert all("seizures" not in fault.problem for fault in flash_faults(tmp_path / "measures", [other]))


def test_a_file_that_is_not_the_manifests_is_named(tmp_path):
    file = tmp_path / "clip.mp4"
    file.write_bytes(b"film")
    good = replace(CLIP, path=file, sha256=sha256_file(file))
    assert changed_files([good]) == []
    file.write_bytes(b"another film")
    [fault] = changed_files([good])
    assert fault.item == "clip 'p1_ai'"


def test_classics_are_pairs_of_their_own():
    clips = simulated_clips(parse_plan(shipped_plans()["boundary-2026"]).plan)
    arms = {}
    for clip in clips:
        arms.setdefault(clip.pair_id, set()).add(clip.arm)
    assert {frozenset(found) for found in arms.values()} == {
        frozenset({"live", "ai", "codec_control", "cartoon"}),
        frozenset({"classic", "classic_replica"}),
    }


def test_the_picture_is_as_wide_as_the_plan_says_for_the_viewer():
    screen = ScreenSettings(width_cm=50.0, distance_cm=100.0)
    # 2 x 100 cm x tan(8 deg) = 28.11 cm of 50 cm
    assert picture_width(screen, 1000, 16.0) == 562
    assert picture_width(ScreenSettings(), 1000, 16.0) is None
    assert picture_width(screen, 1000, None) is None
    with pytest.raises(NotAvailable, match="too narrow"):
        picture_width(screen, 1000, 40.0)


def test_an_eeg_session_without_a_marker_port_does_not_start(tmp_path):
    old = PLAN[PLAN.index("    modality: bold") : PLAN.index("    design: {kind: event")]
    new = """    modality: eeg
    paradigm: passive_viewing
    conditions: [live, ai, cartoon]
    runs: 2
    run_seconds: 80
"""
    promise = parse_plan(PLAN.replace(old, new))
    request = Request(promise, "01", "scan", tmp_path / "bids", "sim", group="adult")
    prepared = prepare(request)
    real = replace(prepared, request=replace(request, mode="run"), stimuli=_set(tmp_path), clips=())
    assert [fault.item for fault in readiness(real)[0] if fault.item == "triggers"] == ["triggers"]


def _set(tmp_path):
    from stimuli.sets import StimulusSet

    stimuli = StimulusSet(tmp_path / "set")
    stimuli.root.mkdir()
    stimuli.manifest.write_text("clip\n", "utf-8")
    measured(stimuli.measures)
    return stimuli


def test_a_childs_session_without_recordings_says_what_to_read_aloud(hold):
    prepared = hold("scan", group="child").prepared
    real = replace(prepared, request=replace(prepared.request, mode="qa"))
    from experiments.session.playing import _unspoken

    assert "read the screens aloud" in _unspoken(real)[0]
    assert _unspoken(hold("scan", group="adult", participant="02").prepared) == []
