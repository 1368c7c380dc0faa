"""What the page calls things: numbers, units, arms, features, flags."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

UNIT_WORDS = {
    "cd_m2_percent": "% of white",
    "cielab": "CIELAB",
    "deg_s": "°/s",
    "exponent": "",
    "levels": "levels",
    "percent": "%",
    "percent_squared": "%²",
    "ratio": "",
    "rms": "",
    "share": "",
    "count": "",
    "widths": "picture widths",
    "widths_s": "picture widths/s",
}
ARM_WORDS = {"ai": "AI"}
ROLE_WORDS = {
    "reference": "reference",
    "contrast": "contrast",
    "positive_control": "positive control, meant to differ",
    "codec_control": "codec control",
    "familiarity_reference": "familiar film",
    "familiarity_contrast": "replica of a familiar film",
}
CODEC_WORDS = {
    "h264": "H.264",
    "hevc": "HEVC",
    "av1": "AV1",
    "libdav1d": "AV1",
    "vp9": "VP9",
    "mpeg4": "MPEG-4",
    "mpeg2video": "MPEG-2",
    "prores": "ProRes",
}
FLAG_WORDS = {
    "silent": "No sound to be heard",
    "repeats": "Repeated pictures",
    "freeze": "Freezes",
    "black": "Black",
    "photosensitivity": "Flashes",
    "variable_rate": "Uneven frame rate",
    "interlaced": "Interlaced",
    "watermark": "Something laid over the picture",
    "start_label": "Label at the start",
    "end_label": "Label at the end",
    "conflict": "Not what it is registered as?",
    "problem": "File",
}
"""Kinds of flags; the last two are the page's own."""
DRAWN_FLAGS = frozenset(FLAG_WORDS)


@dataclass(frozen=True)
class Theme:
    """A side of a clip that several features describe.

    Attributes
    ----------
    name
        What it is called.
    features
        Its features, the plainest first.
    told
        Those that sentences speak of; the others say the same in another way.
    """

    name: str
    features: tuple[str, ...]
    told: tuple[str, ...]


THEMES = (
    Theme("Light", ("luminance", "lab_l", "luminance_sd"), ("luminance", "luminance_sd")),
    Theme("Contrast", ("rms_contrast",), ("rms_contrast",)),
    Theme("Color", ("lab_a", "lab_b", "lab_spread", "colorfulness"), ("colorfulness", "lab_a", "lab_b")),
    Theme(
        "Detail",
        ("si", "si_max", "spectral_slope", "sharpness", "noise", "blockiness"),
        ("si", "noise", "sharpness", "spectral_slope", "blockiness"),
    ),
    Theme(
        "Movement",
        (
            "flow_speed",
            "flow_direction_spread",
            "flow_tempo",
            "flow_fast_share",
            "motion_energy",
            "ti",
            "ti_max",
        ),
        ("flow_speed", "motion_energy", "ti", "flow_direction_spread"),
    ),
    Theme(
        "Cuts and stills",
        ("cuts", "cut_score", "frozen", "freeze_longest", "black"),
        ("cuts", "frozen", "black"),
    ),
    Theme("Content", ("face_share", "saliency_spread"), ("face_share", "saliency_spread")),
    Theme("Flashes", ("flashes", "red_flashes"), ("flashes", "red_flashes")),
    Theme(
        "Sound",
        ("loudness", "loudness_range", "true_peak", "speech_band", "silence"),
        ("loudness", "loudness_range", "speech_band", "silence"),
    ),
)
OTHER = "Other"


@dataclass(frozen=True)
class Word:
    """How sentences speak of a feature.

    Attributes
    ----------
    name
        The feature, as a noun.
    more, less
        Predicates of a version in which it is higher, and lower.
    ratio
        Whether it has a natural zero and is best seen as a ratio.
    """

    name: str
    more: str
    less: str
    ratio: bool = False


FEATURE_WORDS = {
    "luminance": Word("mean luminance", "is brighter", "is darker", ratio=True),
    "lab_l": Word("lightness L*", "is lighter", "is darker"),
    "luminance_sd": Word("change of luminance over time", "changes more in brightness", "is steadier in brightness"),
    "rms_contrast": Word("RMS contrast", "has more contrast", "has less contrast", ratio=True),
    "lab_a": Word("mean a*", "is redder", "is greener"),
    "lab_b": Word("mean b*", "is yellower", "is bluer"),
    "lab_spread": Word("spread of color", "has more varied colors", "has less varied colors", ratio=True),
    "colorfulness": Word("colorfulness", "is more colorful", "is less colorful", ratio=True),
    "si": Word("spatial detail SI", "has more edges", "has fewer edges", ratio=True),
    "si_max": Word("largest SI", "has more edges", "has fewer edges", ratio=True),
    "spectral_slope": Word("spectral slope", "is richer in fine structure", "is poorer in fine structure"),
    "sharpness": Word("sharpness", "is sharper", "is blurrier"),
    "noise": Word("noise", "is noisier", "is cleaner", ratio=True),
    "blockiness": Word("blockiness", "shows more of a coding grid", "shows less of a coding grid"),
    "flow_speed": Word("speed of movement", "moves faster", "moves slower", ratio=True),
    "flow_direction_spread": Word("spread of directions", "moves in more directions", "moves more in one direction"),
    "flow_tempo": Word("tempo of movement", "moves in a quicker rhythm", "moves in a slower rhythm", ratio=True),
    "flow_fast_share": Word("share of fast fluctuation", "moves less evenly", "moves more evenly"),
    "motion_energy": Word("motion energy", "has more motion energy", "has less motion energy", ratio=True),
    "ti": Word("change between frames TI", "changes more from frame to frame",
               "changes less from frame to frame", ratio=True),
    "ti_max": Word("largest TI", "has larger changes between frames", "has smaller changes between frames", ratio=True),
    "cuts": Word("cuts", "has more cuts", "has fewer cuts"),
    "cut_score": Word("most abrupt change", "changes more abruptly", "changes less abruptly"),
    "frozen": Word("share of repeated frames", "repeats more frames", "repeats fewer frames"),
    "freeze_longest": Word("longest standstill", "stands still longer", "stands still less long"),
    "black": Word("share of black frames", "is black for longer", "is black for less long"),
    "face_share": Word("share of frames with a face", "shows a face more of the time", "shows a face less of the time"),
    "saliency_spread": Word("spread of what stands out", "spreads attention more", "draws attention to one place more"),
    "flashes": Word("flashes in a second", "flashes more", "flashes less"),
    "red_flashes": Word("red flashes in a second", "flashes more in red", "flashes less in red"),
    "loudness": Word("loudness", "is louder", "is softer"),
    "loudness_range": Word("loudness range", "ranges more in loudness", "ranges less in loudness"),
    "true_peak": Word("true peak", "has higher peaks", "has lower peaks"),
    "speech_band": Word("sound in the band of speech", "has more sound in the band of speech",
                        "has less sound in the band of speech"),
    "silence": Word("share of silence", "is silent for longer", "is silent for less long"),
}  # fmt: skip


def word(feature: str) -> Word:
    """How sentences speak of a feature, also of one that is new."""
    plain = feature.replace("_", " ")
    return FEATURE_WORDS.get(feature, Word(plain, f"has more {plain}", f"has less {plain}"))


def unit_words(unit: str) -> str:
    """A unit as the page writes it; nothing for a pure number."""
    return UNIT_WORDS.get(unit, unit)


def arm_words(arm: str) -> str:
    """An arm as sentences call it."""
    return ARM_WORDS.get(arm, arm.replace("_", " "))


def amount(value: float | None, digits: int = 3) -> str:
    """A number at some significant digits, with a true minus and never an exponent; ``n/a`` where there is none."""
    if value is None or math.isnan(value):
        return "n/a"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{min(decimals, 9)}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "0") else text.replace("-", "−")


def signed(value: float, digits: int = 3) -> str:
    """As `amount`, a positive number with its sign."""
    text = amount(value, digits)
    return f"+{text}" if value > 0 and text not in ("0", "n/a") else text


def quantity(value: float | None, unit: str, digits: int = 3) -> str:
    """A number with its unit: ``3.78 % of white``."""
    return f"{amount(value, digits)} {unit_words(unit)}".strip()


def p_value(p: float) -> str:
    """A p value without a leading zero."""
    if p < 0.001:
        return "p < .001"
    text = f"{p:.3f}"
    return "p = 1" if text == "1.000" else f"p = {text[1:]}"


def together(text: str) -> str:
    """A text in which no line ends between a number and its unit, or within a picture's size or a p value."""
    inside = r"(?<=\d) (?=[×%°]|s\b|fps\b|dB\b|LU)|(?<=×) (?=\d)|(?<=\bp) (?=[=<])|(?<=[=<]) (?=\.\d)"
    return re.sub(inside, "\u00a0", text)


def rate(fps: str | None) -> str:
    """A frame rate as people write it: ``23.976``."""
    if not fps:
        return "n/a"
    return f"{float(Fraction(fps)):.5g}"


def n_of(count: int, what: str, several: str = "") -> str:
    """A count with its noun."""
    return f"{count} {what}" if count == 1 else f"{count} {several or what + 's'}"


def joined(items: Iterable[str], last: str = "and") -> str:
    """Words in a row: ``a, b and c``."""
    words = list(items)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


def some(items: Sequence[str], limit: int) -> str:
    """The first few of many, and how many there are besides."""
    if len(items) <= limit:
        return joined(items)
    return f"{', '.join(items[:limit])} and {len(items) - limit} more"
