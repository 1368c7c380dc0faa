"""Which arm and scene a file is, by its folder and name."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stimuli.registry.arms import Place, pair_ids, place_of
from stimuli.sets import safe_name

ROOT = Path("clips")


@pytest.mark.parametrize(
    ("path", "arm", "scene"),
    [
        ("live/kitchen.mp4", "live", "kitchen"),
        ("AI/kitchen.mp4", "ai", "kitchen"),
        ("ai/day 2/kitchen.mp4", "ai", "kitchen"),
        ("live/ai/kitchen.mp4", "ai", "kitchen"),  # the nearest folder says it
        ("kitchen_live.mp4", "live", "kitchen"),
        ("kitchen-AI.mov", "ai", "kitchen"),
        ("ai kitchen 2.mov", "ai", "kitchen 2"),
        ("codec_control/kitchen.mkv", "codec_control", "kitchen"),
        ("kitchen_codec_control.mkv", "codec_control", "kitchen"),
        ("classic_replica/psycho.mp4", "classic_replica", "psycho"),
        ("psycho classic replica.mp4", "classic_replica", "psycho"),
        ("实拍/咖啡馆.mp4", "live", "咖啡馆"),
        ("ai/kitchen_ai.mp4", "ai", "kitchen"),
        ("live/rain.mp4", "live", "rain"),  # 'ai' inside a word is no arm
        ("rain.mp4", None, "rain"),
        ("alive.mp4", None, "alive"),
        ("live.mp4", None, "live"),  # an arm, but of which scene?
    ],
)
def test_arm_and_scene(path, arm, scene):
    assert place_of(ROOT / path, ROOT) == Place(arm, scene)


def test_the_given_folder_itself_may_be_the_arm():
    assert place_of(Path("film/live/kitchen.mp4"), Path("film/live")) == Place("live", "kitchen")


def test_scenes_in_other_letters_get_a_number_and_keep_their_words():
    assert pair_ids(["kitchen", "咖啡馆", "Harbour 2", "p01", "厨房"]) == {
        "kitchen": "kitchen", "咖啡馆": "p02", "Harbour 2": "Harbour_2", "p01": "p01", "厨房": "p03",
    }  # fmt: skip


@given(st.lists(st.text(min_size=1, max_size=30), unique=True, max_size=12))
def test_pair_ids_are_safe_and_differ_even_without_regard_to_case(scenes):
    named = pair_ids(scenes)
    ids = list(named.values())
    assert list(named) == scenes
    assert len({one.casefold() for one in ids}) == len(scenes)
    assert all(one and safe_name(one) == one for one in ids)
