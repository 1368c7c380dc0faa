"""A leak planted in how the files are stored: caught before preparation, gone after it. No leak planted: none found."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import Interpolation

from protocols.base.seeds import generator
from protocols.plan.reading import read_plan, shipped_plans
from stimuli.registry.importing import import_clips
from stimuli.sets import StimulusSet
from stimuli.verbs.match import match_set
from stimuli.verbs.measure import measure_set
from stimuli.verbs.prepare import prepare_set

PAIRS, FRAMES = 24, 15
FINE = {"crf": "2", "preset": "veryfast"}
"""What a first coding destroys no preparation brings back; here it destroys nothing, only sizes differ."""
LARGE, SMALL = (320, 180), (160, 90)
RECIPE = f"""name: both_alike
fps: 25
width: {SMALL[0]}
height: {SMALL[1]}
seconds: shortest_of_pair
encoder: {{crf: 12, preset: veryfast, gop: 25}}
"""


def scene(pair: int, arm: str) -> list[np.ndarray]:
    """A textured surface that the camera moves over; both versions have the setting in common, each its own details."""
    setting, own = generator(5, "setting", pair), generator(5, "details", pair, arm)
    light, contrast, speed = setting.uniform(90, 160), setting.uniform(15, 35), setting.uniform(1, 5)
    width, height = LARGE
    size = (width + 6 * FRAMES, height)
    gray, tint = (
        own.normal(size=(height // cell, size[0] // cell, depth)) for cell, depth in ((4, 1), (24, 3))
    )
    surface = cv2.resize(gray, size, interpolation=cv2.INTER_CUBIC)[..., None]
    surface = (
        light + contrast * surface / surface.std() + 8 * cv2.resize(tint, size, interpolation=cv2.INTER_CUBIC)
    )
    views = [surface[:, round(i * speed) : round(i * speed) + width] for i in range(FRAMES)]
    return [np.clip(view, 0, 255).astype(np.uint8) for view in views]


def smaller(pictures: list[np.ndarray]) -> list[np.ndarray]:
    """What is left of them in a file of half the size."""
    frames = (av.VideoFrame.from_ndarray(picture, "rgb24") for picture in pictures)
    scaled = (frame.reformat(*SMALL, format="rgb24", interpolation=Interpolation.LANCZOS) for frame in frames)
    return [frame.to_ndarray() for frame in scaled]


def leak(stimuli: StimulusSet, folder: Path):
    text = shipped_plans()["demo"]
    begin, end = text.index("  # Above it, low-level"), text.index("sessions:")
    path = folder / "leak.plan.yaml"
    path.write_text(text[:begin] + "  leak_test: {max_auc: 0.9}\n\n" + text[end:], "utf-8")
    measure_set(stimuli, jobs=2, say=lambda _: None)
    return match_set(stimuli, read_plan(path), say=lambda _: None).matching.comparisons[0].leak


@pytest.fixture(scope="module")
def sets(tmp_path_factory, write_clip):
    """Two sets: in one, AI clips are stored at half the size; in the other, all are stored alike."""
    made = {}
    for kind in ("leaking", "alike"):
        folder = tmp_path_factory.mktemp(kind)
        for pair in range(PAIRS):
            for arm in ("live", "ai"):
                pictures = scene(pair, arm)
                stored = smaller(pictures) if kind == "leaking" and arm == "ai" else pictures
                write_clip(folder / "lab" / arm / f"s{pair:02d}.mp4", stored, options=FINE)
        made[kind] = StimulusSet(folder / "set")
        import_clips([folder / "lab"], made[kind].root, say=lambda _: None)
    return made


@pytest.mark.slow
def test_a_codec_leak_in_24_pairs_is_caught_and_gone_after_preparation(sets, tmp_path):
    before = leak(sets["leaking"], tmp_path)
    assert before.verdict == "leaks"
    assert before.p <= 0.05
    recipe = tmp_path / "both_alike.recipe.yaml"
    recipe.write_text(RECIPE, "utf-8")
    assert not prepare_set(sets["leaking"], recipe, jobs=2, say=lambda _: None).failed
    after = leak(sets["leaking"], tmp_path)
    assert after.verdict != "leaks", [driver.feature for driver in after.drivers]
    assert after.auc < before.auc


@pytest.mark.slow
def test_the_same_scenes_stored_alike_do_not_leak(sets, tmp_path):
    assert leak(sets["alike"], tmp_path).verdict != "leaks"
