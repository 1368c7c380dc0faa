"""How a picture comes to the recipe's size: turned upright, cut, scaled, padded; in whole, even pixels."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from protocols.base.errors import InputError, fail
from stimuli.preparing.recipe import Recipe
from stimuli.probing import Probe

_TURNS = {90: ("transpose=cclock",), 180: ("hflip", "vflip"), 270: ("transpose=clock",)}


@dataclass(frozen=True)
class Region:
    """A part of the picture as it is shown (upright, square pixels), in pixels from the upper left corner."""

    left: int
    top: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}×{self.height} at ({self.left}, {self.top})"


@dataclass(frozen=True)
class Geometry:
    """Where every pixel goes.

    Attributes
    ----------
    turn
        Degrees counter-clockwise.
    kept
        The declared part, in stored, upright pixels (even numbers); None for the whole picture.
    scaled
        Width and height the kept part is scaled to; None where it is not resampled.
    cut
        The part of the scaled picture that fills the size; None where nothing hangs over.
    padded
        Left and top of the scaled picture in the size; None where it fills it.
    size
        Width and height in the end.
    enlargement
        Linear factor by which shown pixels grow; 1 where they are kept as they are.
    """

    turn: int
    kept: Region | None
    scaled: tuple[int, int] | None
    cut: Region | None
    padded: tuple[int, int] | None
    size: tuple[int, int]
    enlargement: float

    def steps(self, colors: str, padding: str) -> tuple[str, ...]:
        """The way in FFmpeg's words; `colors` are its scaler's options, `padding` a color as ``#rrggbb``."""
        steps = _TURNS.get(self.turn, ())
        if self.kept:
            steps += (_crop(self.kept),)
        # Also where the size stays: the scaler converts the colors.
        size = f"{self.scaled[0]}:{self.scaled[1]}" if self.scaled else "iw:ih"
        steps += (f"scale={size}:{colors}", "format=yuv420p")
        if self.cut:
            steps += (_crop(self.cut),)
        if self.padded:
            left, top = self.padded
            steps += (f"pad={self.size[0]}:{self.size[1]}:{left}:{top}:color=0x{padding.removeprefix('#')}",)
        return (*steps, "setsar=1")

    def in_words(self) -> str:
        """What was done to the picture."""
        words = [f"turned by {self.turn}° counter-clockwise"] if self.turn else []
        if self.kept:
            words.append(f"cut to its declared part ({self.kept})")
        if self.scaled:
            words.append(f"scaled to {self.scaled[0]}×{self.scaled[1]}")
        else:
            words.append("not resampled")
        if self.cut:
            words.append(f"cut to {self.cut.width}×{self.cut.height}")
        if self.padded:
            words.append(f"padded to {self.size[0]}×{self.size[1]}")
        return ", ".join(words)


def place(name: str, probe: Probe, region: Region | None, recipe: Recipe) -> Geometry:
    """The way of a clip's picture to the recipe's size.

    Raises
    ------
    InputError
        If the region lies outside the picture, or ``fit: exact`` meets another shape.
    """
    fit = recipe.fit
    upright = (probe.height, probe.width) if probe.rotation % 180 == 90 else (probe.width, probe.height)
    aspect = (Fraction(probe.shown_width, upright[0]), Fraction(probe.shown_height, upright[1]))
    kept = None if region is None else _stored(name, region, probe, aspect)
    stored = (kept.width, kept.height) if kept else upright
    shown = (stored[0] * aspect[0], stored[1] * aspect[1])
    size = (recipe.width, recipe.height)
    factors = [Fraction(size[axis]) / shown[axis] for axis in (0, 1)]
    square = aspect[0] == aspect[1] == 1
    turn = probe.rotation if probe.rotation in _TURNS else 0

    if fit.rule == "exact":
        if abs(factors[0] / factors[1] - 1) > Fraction(str(fit.tolerance)):
            raise fail(
                InputError,
                name,
                "has another shape than the recipe, which asks for the exact one",
                got=f"{float(shown[0]):g}×{float(shown[1]):g} ({float(shown[0] / shown[1]):.4f})",
                accepted=f"{float(Fraction(*size)):.4f} within {fit.tolerance:.2%}",
                way_out="crop the clips beforehand, or let the recipe crop or letterbox",
            )
        scaled = None if stored == size and square else size
        return Geometry(turn, kept, scaled, None, None, size, float(max(factors)))

    factor = max(factors) if fit.rule == "crop" else min(factors)
    as_is = square and 1 - Fraction(str(fit.unscaled_within)) <= factor <= 1
    if fit.rule == "crop":
        unscaled = as_is and stored[0] >= size[0] and stored[1] >= size[1]
        full = stored if unscaled else _at_least(shown, factor, size)
        cut = None if full == size else _cut(full, size, (fit.horizontal, fit.vertical))
        padded = None
    else:
        unscaled = factor == 1 and square and stored[0] % 2 == stored[1] % 2 == 0
        full = stored if unscaled else _at_most(shown, factor, size)
        cut = None
        padded = None if full == size else _margins(full, size, (fit.horizontal, fit.vertical))
    return Geometry(
        turn, kept, None if unscaled else full, cut, padded, size, 1.0 if unscaled else float(factor)
    )


def _at_least(shown: tuple[Fraction, Fraction], factor: Fraction, size: tuple[int, int]) -> tuple[int, int]:
    """The scaled size: even, so that colors can be cut with it, and no smaller than what it fills."""
    width, height = (
        max(whole, 2 * round(side * factor / 2)) for side, whole in zip(shown, size, strict=True)
    )
    return width, height


def _at_most(shown: tuple[Fraction, Fraction], factor: Fraction, size: tuple[int, int]) -> tuple[int, int]:
    width, height = (
        max(2, min(whole, 2 * round(side * factor / 2))) for side, whole in zip(shown, size, strict=True)
    )
    return width, height


def _cut(full: tuple[int, int], size: tuple[int, int], anchor: tuple[float, float]) -> Region:
    left, top = (
        2 * round((whole - part) * at / 2) for whole, part, at in zip(full, size, anchor, strict=True)
    )
    return Region(min(left, full[0] - size[0]), min(top, full[1] - size[1]), *size)


def _margins(full: tuple[int, int], size: tuple[int, int], anchor: tuple[float, float]) -> tuple[int, int]:
    left, top = (
        2 * round((whole - part) * at / 2) for part, whole, at in zip(full, size, anchor, strict=True)
    )
    return left, top


def _stored(name: str, region: Region, probe: Probe, aspect: tuple[Fraction, Fraction]) -> Region:
    """A region in stored pixels, shrunk to even ones, so that nothing outside it comes in."""
    inside = (
        min(region.left, region.top) >= 0
        and min(region.width, region.height) > 0
        and region.left + region.width <= probe.shown_width
        and region.top + region.height <= probe.shown_height
    )
    if not inside:
        raise fail(
            InputError,
            name,
            "is to be cut to a part that does not lie in its picture",
            got=str(region),
            accepted=f"within {probe.shown_width}×{probe.shown_height}",
        )
    left, top = _up(region.left / aspect[0]), _up(region.top / aspect[1])
    right = _down((region.left + region.width) / aspect[0])
    bottom = _down((region.top + region.height) / aspect[1])
    if right - left < 2 or bottom - top < 2:
        raise fail(InputError, name, "is to be cut to a part of less than two by two pixels", got=str(region))
    return Region(left, top, right - left, bottom - top)


def _up(value: Fraction) -> int:
    return 2 * -(-value // 2)


def _down(value: Fraction) -> int:
    return 2 * int(value // 2)


def _crop(part: Region) -> str:
    return f"crop={part.width}:{part.height}:{part.left}:{part.top}:exact=1"
