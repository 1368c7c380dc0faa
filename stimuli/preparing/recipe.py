"""What is done to every clip, whatever its arm: a strict document, ``<name>.recipe.yaml``."""

from __future__ import annotations

import importlib.resources
import re
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Tag, model_validator

from protocols.base.canonical import sha256_of
from protocols.base.errors import InputError, UsageError, did_you_mean, fail, listed
from protocols.document import Document, parse_document, read_document, validate
from protocols.plan.fields import Identifier, NotNegative, Part, Positive, Share, declare

SUFFIX = ".recipe.yaml"
FASTEST = 240


def _rate(value: float | str) -> float | str:
    said = str(value)
    found = re.fullmatch(r"([1-9]\d{0,5})(?:/([1-9]\d{0,5}))?", said)
    if found is None:
        raise ValueError('is not a frame rate: write 25, 30 or a ratio such as "24000/1001"')
    if not 1 <= Fraction(said) <= FASTEST:
        raise ValueError(f"is not a frame rate: between 1 and {FASTEST} per second")
    return value


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("is odd: colors are stored for two by two pixels, so sizes are even")
    return value


def _color(value: str) -> str:
    if re.fullmatch(r"#[0-9A-Fa-f]{6}", value) is None:
        raise ValueError('is not a color: write "#000000" (red, green and blue, hexadecimal)')
    return value


Rate = Annotated[int | float | str, AfterValidator(_rate)]
Side = Annotated[int, AfterValidator(_even)]
Color = Annotated[str, AfterValidator(_color)]


class Fit(Part):
    """How a picture of another shape comes to the size."""

    rule: Literal["crop", "letterbox", "exact"] = declare(
        "crop fills the size and cuts what hangs over; letterbox shows all and pads; exact refuses other shapes",
        "crop",
    )
    horizontal: Share = declare("where the picture is cut or stands: 0 left, 0.5 centred, 1 right", 0.5)
    vertical: Share = declare("where the picture is cut or stands: 0 top, 0.5 centred, 1 bottom", 0.5)
    color: Color = declare("color of the padding", "#000000")
    tolerance: Share = declare("exact takes shapes whose aspect ratio differs by at most this share", 0.01)
    unscaled_within: Share = declare(
        "a picture that would shrink by at most this share is cut instead: resampling by so little only blurs",
        0.01,
    )


class Sound(Part):
    """How loud the clips are, and how their sound is stored."""

    loudness_lufs: float = declare("integrated loudness (EBU R 128)", -23.0, unit="LUFS", ge=-60, le=-5)
    true_peak_dbtp: float = declare(
        "a clip stays softer than asked rather than pass this true peak", -1.0, unit="dBTP", ge=-20, le=0
    )
    channels: Literal["mono", "stereo"] = declare("channels, mixed down or doubled", "stereo")
    sample_rate: Literal[44100, 48000] = declare("sample rate", 48000, unit="Hz")
    kilobits_per_second: int = declare("bit rate of the AAC sound", 192, unit="kbit/s", ge=48, le=512)
    fade_ms: NotNegative = declare("fade at both ends, so that cuts do not click", 5.0, unit="ms", le=1000)


SoundOrSilent = Annotated[
    Annotated[Sound, Tag("keys")] | Annotated[Literal["silent"], Tag("word")],
    Discriminator(lambda value: "word" if isinstance(value, str) else "keys"),
]


class Encoder(Part):
    """How the picture is stored; constant quality or a bit rate."""

    codec: Literal["libx264"] = declare("the encoder", "libx264")
    crf: float | None = declare(
        "constant quality; smaller is better, 18 is called transparent", None, ge=1, le=40
    )
    kilobits_per_second: int | None = declare(
        "average bit rate instead of a constant quality", None, unit="kbit/s", ge=50, le=200_000
    )
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"] = (
        declare("time the encoder spends", "medium")
    )
    gop: int = declare(
        "frames from one key frame to the next, always the same", 25, unit="frames", ge=1, le=600
    )
    pixel_format: Literal["yuv420p"] = declare("how colors are stored; what every player takes", "yuv420p")

    @model_validator(mode="after")
    def _one_policy(self) -> Encoder:
        if (self.crf is None) == (self.kilobits_per_second is None):
            raise ValueError("needs either crf or kilobits_per_second")
        return self


class Equalise(Part):
    """Mild equalisation within a pair: one gain and one offset of luma per clip, never per frame.

    As ``lumMatch`` of the SHINE toolbox (Willenbockel et al. 2010, Behavior Research Methods 42, 671–684), over all
    frames of a clip at once, towards the mean of the pair, and limited.
    """

    mean_luminance: bool = declare("bring the mean luminance of a pair's clips together", False)
    contrast: bool = declare("bring the standard deviation of luma of a pair's clips together", False)
    max_mean_change: Share = declare("largest shift of luma", 0.05, unit="share of white")
    max_contrast_change: Share = declare(
        "largest change of the standard deviation", 0.1, unit="share of itself"
    )

    @property
    def asked(self) -> bool:
        """Whether anything is to be equalised."""
        return self.mean_luminance or self.contrast


class Recipe(Part):
    """One preparation for every clip of a set."""

    name: Identifier = declare("the recipe's name; the prepared clips lie in a folder of that name")
    fps: Rate = declare('frames per second, the same for all: 25, 30, "24000/1001"', unit="Hz")
    width: Side = declare("width of the picture, even", unit="pixels", ge=16, le=8192)
    height: Side = declare("height of the picture, even", unit="pixels", ge=16, le=8192)
    fit: Fit = declare("how a picture of another shape comes to the size", Fit())
    seconds: Positive | Literal["shortest_of_pair", "shortest_of_set"] = declare(
        "duration, to the nearest frame, or that of the shortest clip", "shortest_of_pair", unit="s"
    )
    start: Literal["beginning", "middle"] = declare(
        "which part of a longer clip is kept, where its row does not say it", "beginning"
    )
    too_short: Literal["refuse", "hold_last"] = declare(
        "what becomes of a clip shorter than `seconds`: left out, or its last frame stands still", "refuse"
    )
    sound: SoundOrSilent = declare("the sound, or silent", Sound())
    where_sound_is_missing: Literal["silence_set", "silence_pair", "refuse"] = declare(
        "when a clip has no audible sound: all clips become silent, those of its pair, or it is left out",
        "silence_set",
    )
    encoder: Encoder = declare("how the picture is stored")
    equalise: Equalise = declare("mild equalisation within pairs; off unless asked for", Equalise())

    @property
    def rate(self) -> Fraction:
        """Frames per second, exactly."""
        return Fraction(str(self.fps))

    @property
    def sha256(self) -> str:
        """Hash of the whole recipe, with what it left to the defaults."""
        return sha256_of(self.model_dump(mode="json"))


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    path
        A YAML file, or the name of a shipped recipe.

    Raises
    ------
    InputError
        With every fault, each with line and column.
    UsageError
        If it is neither a file nor the name of a shipped recipe.
    """
    if path.exists() or path.suffix:
        return _checked(read_document(path))
    shipped = shipped_recipes()
    name = str(path)
    if name not in shipped:
        raise fail(
            UsageError,
            f"recipe '{name}'",
            "is neither a file nor a shipped recipe",
            accepted=f"a .yaml file, or {listed(shipped)}",
            way_out=did_you_mean(name, shipped),
        )
    return parse_recipe(shipped[name], f"{name}{SUFFIX}")


def parse_recipe(text: str, file: str = "recipe") -> Recipe:
    """Check a recipe given as text; see `read_recipe`."""
    return _checked(parse_document(text, file))


def shipped_recipes() -> dict[str, str]:
    """Names and texts of the recipes that come with bazin."""
    folder = importlib.resources.files("stimuli") / "recipes"
    found = sorted(item.name for item in folder.iterdir() if item.name.endswith(SUFFIX))
    return {name.removesuffix(SUFFIX): (folder / name).read_text(encoding="utf-8") for name in found}


def _checked(document: Document) -> Recipe:
    recipe, faults = validate(Recipe, document)
    if recipe is None:
        raise InputError(faults)
    return recipe
