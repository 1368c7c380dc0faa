"""All features there are, in the order of the table's columns."""

from __future__ import annotations

from stimuli.features.blockiness import Blockiness
from stimuli.features.color import Color
from stimuli.features.complexity import Complexity
from stimuli.features.cuts import Cuts
from stimuli.features.faces import Faces
from stimuli.features.feature import Definition, Feature, SoundFeature
from stimuli.features.flashes import Flashes
from stimuli.features.flow import Flow
from stimuli.features.loudness import Loudness
from stimuli.features.luminance import Luminance
from stimuli.features.motion_energy import MotionEnergy
from stimuli.features.noise import Noise
from stimuli.features.saliency import Saliency
from stimuli.features.sharpness import Sharpness
from stimuli.features.sound_content import SoundContent
from stimuli.features.spectrum import SpectralSlope
from stimuli.features.stillness import Stillness

FEATURES: tuple[type[Feature], ...] = (
    Luminance,
    Color,
    SpectralSlope,
    Sharpness,
    Blockiness,
    Noise,
    Complexity,
    Flow,
    MotionEnergy,
    Cuts,
    Faces,
    Saliency,
    Stillness,
    Flashes,
)
SOUND_FEATURES: tuple[type[SoundFeature], ...] = (Loudness, SoundContent)


def definitions() -> dict[str, Definition]:
    """Every number that is measured, by name."""
    defined = [feature.defines for feature in FEATURES] + [feature.defines for feature in SOUND_FEATURES]
    return {definition.name: definition for several in defined for definition in several}
