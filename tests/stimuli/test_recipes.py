"""Recipes, and what they decide for the clips of a set before any file is touched."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.base.errors import InputError, UsageError
from stimuli.preparing.deciding import Row, decide
from stimuli.preparing.geometry import Region, place
from stimuli.preparing.recipe import parse_recipe, read_recipe, shipped_recipes
from stimuli.probing import Probe

PROBE = Probe(
    container="mov", codec="h264", pixel_format="yuv420p", bit_depth=8, width=1280, height=720,
    pixel_aspect=Fraction(1), rotation=0, fps=Fraction(25), constant_rate=True, frames=100, duration_s=4.0,
    range="limited", matrix="bt709", transfer="bt709", interlaced=False, audio_codec="aac", channels=2,
    layout="stereo", sample_rate=48_000, audio_duration_s=4.0, bit_rate=1_000_000,
)  # fmt: skip


def recipe(**lines):
    fields = {"name": "test", "fps": 25, "width": 1280, "height": 720, "encoder": "{crf: 16}", **lines}
    return parse_recipe("\n".join(f"{key}: {value}" for key, value in fields.items()), "test.recipe.yaml")


def row(pair, arm, frames=100, sound=True, **about):
    fields = {"start_s", "region", "audible"}
    seen = replace(
        PROBE,
        frames=frames,
        duration_s=float(frames / about.get("fps", PROBE.fps)),
        audio_codec="aac" if sound else None,
        **{key: value for key, value in about.items() if key not in fields},
    )
    return Row(
        f"{pair}_{arm}", pair, arm, seen, **{key: value for key, value in about.items() if key in fields}
    )


@pytest.mark.parametrize("name", list(shipped_recipes()))
def test_shipped_recipes_are_valid_and_named_as_their_file(name):
    assert read_recipe(Path(name)).name == name


def test_the_recipes_the_guides_speak_of_are_there():
    shipped = {name: read_recipe(Path(name)) for name in shipped_recipes()}
    assert {(name, one.width, one.height, one.fps) for name, one in shipped.items()} == {
        ("hd25", 1280, 720, 25), ("hd30", 1280, 720, 30), ("small", 640, 360, 25),
    }  # fmt: skip


def test_an_unknown_recipe_is_guessed():
    with pytest.raises(UsageError, match="did you mean 'hd25'"):
        read_recipe(Path("hd2"))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ({"fps": "23.976"}, 'write 25, 30 or a ratio such as "24000/1001"'),
        ({"fps": '"24000/0"'}, "is not a frame rate"),
        ({"width": 1281}, "is odd"),
        ({"sound": "{loudness: -23}"}, "did you mean 'loudness_lufs'"),
        ({"sound": "loud"}, "accepted: silent"),
        ({"sound": "{loudness_lufs: 3}"}, "out of range"),
        ({"fit": "{rule: stretch}"}, "accepted: crop, letterbox, exact"),
        ({"fit": "{color: red}"}, "is not a color"),
        ({"seconds": "longest"}, "accepted: shortest_of_pair, shortest_of_set"),
        ({"encoder": "{}"}, "either crf or kilobits_per_second"),
        ({"encoder": "{crf: 16, kilobits_per_second: 900}"}, "either crf or kilobits_per_second"),
        ({"equalise": "{contrast: yes}"}, "write true or false"),
        ({"interpolate": "true"}, "is not a field here"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_said_with_its_line(line, complaint):
    with pytest.raises(InputError) as error:
        recipe(**line)
    assert len(error.value.faults) == 1
    assert error.value.faults[0].line
    assert complaint in str(error.value)


def test_a_rate_may_be_a_ratio():
    assert recipe(fps='"24000/1001"').rate == Fraction(24000, 1001)


def test_the_hash_changes_with_every_field_and_not_with_what_is_spelled_out():
    assert recipe().sha256 == recipe(sound="{loudness_lufs: -23}", start="beginning").sha256
    assert recipe().sha256 != recipe(fit="{vertical: 0.4}").sha256


def test_a_pair_lasts_as_long_as_its_shortest_clip():
    decided = decide(
        [row("a", "live", 120), row("a", "ai", 100), row("b", "live", 90), row("b", "ai", 95)], recipe()
    )
    assert {clip: one.frames for clip, one in decided.of.items()} == {
        "a_live": 100, "a_ai": 100, "b_live": 90, "b_ai": 90,
    }  # fmt: skip


def test_a_set_may_last_as_long_as_its_shortest_clip():
    decided = decide([row("a", "live", 120), row("b", "live", 90)], recipe(seconds="shortest_of_set"))
    assert {one.frames for one in decided.of.values()} == {90}


def test_frames_are_counted_in_the_recipes_rate():
    decided = decide([row("a", "live", 112, fps=Fraction(24000, 1001))], recipe())
    assert decided.of["a_live"].frames == 116  # 4.671 s; the 117th frame would end after the clip


def test_seconds_are_taken_to_the_nearest_frame():
    assert decide([row("a", "live", 300)], recipe(seconds=5, fps='"24000/1001"')).of["a_live"].frames == 120


def test_a_longer_clip_begins_where_the_recipe_or_its_row_says():
    assert decide([row("a", "live", 150)], recipe(seconds=4)).of["a_live"].start == 0
    middle = recipe(seconds=4, start="middle")
    assert decide([row("a", "live", 150)], middle).of["a_live"].start == 1
    assert decide([row("a", "live", 150, start_s=0.4)], middle).of["a_live"].start == Fraction(2, 5)


def test_a_clip_that_is_too_short_is_left_out_or_stands_still_and_says_so():
    rows = [row("a", "live", 150), row("a", "ai", 90)]
    decided = decide(rows, recipe(seconds=4))
    assert list(decided.of) == ["a_live"]
    assert "90 frames" in str(decided.refused["a_ai"][0])
    held = decide(rows, recipe(seconds=4, too_short="hold_last")).of["a_ai"]
    assert (held.frames, held.held) == (100, 10)
    assert "stands still for 0.40 s" in held.notes[0]


def test_a_start_outside_the_clip_is_refused():
    decided = decide([row("a", "live", start_s=-1.0), row("b", "live", start_s=4.0)], recipe())
    assert "before its first frame" in str(decided.refused["a_live"][0])
    assert "0 frames at 25 per second from 4 s on" in str(decided.refused["b_live"][0])


def test_a_clip_that_is_left_out_does_not_shorten_or_silence_the_others():
    hdr = row("a", "ai", 20, sound=False, transfer="pq", bit_depth=10)
    decided = decide([row("a", "live", 100), hdr], recipe())
    assert "high dynamic range" in str(decided.refused["a_ai"][0])
    assert "convert it to Rec. 709" in str(decided.refused["a_ai"][0])
    assert (decided.of["a_live"].frames, decided.of["a_live"].silent) == (100, False)


def test_a_clip_that_was_cut_off_is_left_out():
    decided = decide([row("a", "live", problems=("cut off: only 40 of 100 frames are there",))], recipe())
    assert "only 40 of 100" in str(decided.refused["a_live"][0])


@pytest.mark.parametrize(
    ("rule", "silent"),
    [("silence_set", {"a_live", "a_ai", "b_live", "b_ai"}), ("silence_pair", {"a_live", "a_ai"})],
)
@pytest.mark.parametrize("lack", [{"sound": False}, {"audible": False}])
def test_one_clip_without_audible_sound_silences_its_set_or_pair(rule, silent, lack):
    rows = [row("a", "live"), row("a", "ai", **lack), row("b", "live"), row("b", "ai")]
    decided = decide(rows, recipe(where_sound_is_missing=rule))
    assert {clip for clip, one in decided.of.items() if one.silent} == silent
    assert "a_ai" in decided.notes[0]


def test_a_clip_without_sound_may_be_left_out_instead():
    decided = decide([row("a", "live"), row("a", "ai", sound=False)], recipe(where_sound_is_missing="refuse"))
    assert list(decided.refused) == ["a_ai"]
    assert not decided.of["a_live"].silent


def test_sound_everywhere_or_nowhere_needs_no_rule():
    assert not any(one.silent for one in decide([row("a", "live"), row("a", "ai")], recipe()).of.values())
    none = decide([row("a", "live", sound=False), row("a", "ai", audible=False)], recipe())
    assert all(one.silent for one in none.of.values())
    assert none.notes == ("No clip has audible sound: all are silent.",)


def test_a_picture_that_is_enlarged_and_one_cut_unlike_its_twin_are_told():
    rows = [row("a", "live"), row("a", "ai", width=640, height=360, region=Region(0, 0, 640, 320))]
    notes = decide(rows, recipe()).of["a_ai"].notes
    assert "enlarged 2.25 times" in notes[0]
    assert "a_live is not" in notes[1]


@pytest.mark.parametrize(
    ("size", "way"),
    [
        ((1280, 720), "not resampled"),
        ((1284, 720), "not resampled, cut to 1280×720"),
        ((1282, 722), "not resampled, cut to 1280×720"),
        ((1920, 1080), "scaled to 1280×720"),
        ((1440, 1080), "scaled to 1280×960, cut to 1280×720"),
    ],
)
def test_a_picture_a_little_too_large_is_cut_and_not_blurred(size, way):
    assert place("x", replace(PROBE, width=size[0], height=size[1]), None, recipe()).in_words() == way


def test_another_shape_is_padded_or_refused_where_the_recipe_says_so():
    wide = replace(PROBE, width=1440, height=1080)
    padded = place("x", wide, None, recipe(fit="{rule: letterbox}"))
    assert (padded.scaled, padded.padded) == ((960, 720), (160, 0))
    with pytest.raises(InputError, match="another shape"):
        place("x", wide, None, recipe(fit="{rule: exact}"))


def test_pixels_are_made_square_and_the_picture_upright():
    anamorphic = replace(PROBE, width=720, height=576, pixel_aspect=Fraction(64, 45))
    assert place("x", anamorphic, None, recipe()).scaled == (1280, 720)
    assert place("x", replace(PROBE, width=720, height=1280, rotation=90), None, recipe()).in_words() == (
        "turned by 90° counter-clockwise, not resampled"
    )


def test_a_declared_part_must_lie_in_the_picture():
    assert place("x", PROBE, Region(1, 1, 1278, 718), recipe()).kept == Region(2, 2, 1276, 716)
    with pytest.raises(InputError, match="does not lie in its picture"):
        place("x", PROBE, Region(0, 0, 1281, 720), recipe())


@given(
    width=st.integers(16, 4096), height=st.integers(16, 4096),
    rule=st.sampled_from(["crop", "letterbox"]), rotation=st.sampled_from([0, 90, 180, 270]),
    horizontal=st.floats(0, 1), vertical=st.floats(0, 1),
)  # fmt: skip
def test_every_picture_comes_to_the_size_in_even_pixels(width, height, rule, rotation, horizontal, vertical):
    fit = f"{{rule: {rule}, horizontal: {horizontal:.6f}, vertical: {vertical:.6f}}}"
    probe = replace(PROBE, width=width, height=height, rotation=rotation)
    way = place("x", probe, None, recipe(fit=fit, width=640, height=360))
    full = way.scaled or (probe.shown_width, probe.shown_height)
    if rule == "crop":
        left, top = (way.cut.left, way.cut.top) if way.cut else (0, 0)
        assert 0 <= left <= full[0] - 640
        assert 0 <= top <= full[1] - 360
    else:
        left, top = way.padded or (0, 0)
        assert 0 <= left <= 640 - full[0]
        assert 0 <= top <= 360 - full[1]
    assert left % 2 == top % 2 == 0
    if way.scaled:  # at most one pixel is gained or lost by evenness, on either side
        factor = way.enlargement
        shown = (probe.shown_width * factor, probe.shown_height * factor)
        assert all(abs(a - b) <= 1.001 or a == 2 for a, b in zip(way.scaled, shown, strict=True))
