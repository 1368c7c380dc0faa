"""Pictures that show their own number, a recipe to prepare them by, and the way back to the numbers."""

import numpy as np

from stimuli.decoding import decode_frames
from stimuli.preparing.deciding import Row, decide
from stimuli.preparing.pipeline import prepare_clip
from stimuli.preparing.recipe import parse_recipe
from stimuli.probing import probe

WIDTH, HEIGHT = 96, 64


def recipe(**lines):
    fields = {
        "name": "test",
        "fps": 25,
        "width": WIDTH,
        "height": HEIGHT,
        "encoder": "{crf: 10, preset: ultrafast}",
    }
    return parse_recipe("\n".join(f"{key}: {value}" for key, value in (fields | lines).items()))


def barcode(number):
    """A picture that shows its number as eight bars, the lowest bit left."""
    bars = [235 if number >> bit & 1 else 20 for bit in range(8)]
    return np.repeat(np.tile(np.repeat(bars, WIDTH // 8), (HEIGHT, 1))[..., None], 3, axis=2).astype(np.uint8)


def number_in(luma):
    bars = luma.reshape(luma.shape[0], 8, -1).mean(axis=(0, 2))
    return sum(1 << bit for bit in range(8) if bars[bit] > 128)


def numbers_in(path):
    return [number_in(frame.luma) for frame in decode_frames(path, probe(path))]


def prepare(source, target, asked=None, **about):
    asked = asked or recipe()
    found = probe(source)
    decided = decide([Row("a", None, "live", found, found.has_sound, **about)], asked)
    assert not decided.refused, decided.refused
    return prepare_clip(source, target, asked, decided.of["a"])
