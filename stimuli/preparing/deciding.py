"""What is done to each clip, as far as the others decide it: durations, silence, what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from protocols.base.errors import BazinError, Fault, InputError, fail, listed
from stimuli.preparing.geometry import Geometry, Region, place
from stimuli.preparing.recipe import Recipe
from stimuli.probing import Probe

_ROUNDING = Fraction(1, 1000)  # of a frame: durations of variable rates are stored in ticks


@dataclass(frozen=True)
class Row:
    """A clip that is to be prepared.

    Attributes
    ----------
    clip, pair_id, arm
        As in the manifest; a clip without a pair stands for itself.
    probe
        What its file is.
    audible
        Whether its sound track, if any, holds anything but silence.
    start_s
        Where the part to be shown begins, in seconds, where the manifest says it.
    region
        The part of the picture to be shown, where the manifest says it.
    """

    clip: str
    pair_id: str | None
    arm: str
    probe: Probe
    audible: bool = True
    start_s: float | None = None
    region: Region | None = None

    @property
    def heard(self) -> bool:
        """Whether anything can be heard."""
        return self.probe.has_sound and self.audible

    @property
    def group(self) -> str:
        """The pair, or the clip itself."""
        return f"pair {self.pair_id}" if self.pair_id is not None else f"clip {self.clip}"


@dataclass(frozen=True)
class Decision:
    """What is done to one clip.

    Attributes
    ----------
    clip
        Its name.
    frames
        Frames it will have.
    start
        Where they begin in the source, in seconds.
    held
        How many of them, at the end, show the last frame standing still.
    silent
        Whether it gets no sound.
    geometry
        How its picture comes to the size.
    notes
        What a researcher should know, in sentences.
    """

    clip: str
    frames: int
    start: Fraction
    held: int
    silent: bool
    geometry: Geometry
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decisions:
    """For all clips.

    Attributes
    ----------
    of
        By clip.
    refused
        Clips that are left out, and why.
    notes
        What concerns the set, in sentences.
    """

    of: dict[str, Decision]
    refused: dict[str, tuple[Fault, ...]]
    notes: tuple[str, ...]


def decide(rows: Sequence[Row], recipe: Recipe) -> Decisions:
    """Settle every clip's part, duration and sound. A pure function of the files' probes and the recipe.

    A clip that is left out has no say in the duration and silence of the others.
    """
    refused: dict[str, tuple[Fault, ...]] = {}
    geometries: dict[str, Geometry] = {}
    for row in rows:
        try:
            _check_usable(row, recipe)
            geometries[row.clip] = place(row.clip, row.probe, row.region, recipe)
        except BazinError as error:
            refused[row.clip] = error.faults
    kept = [row for row in rows if row.clip not in refused]
    silence = _silence(kept, recipe)
    refused |= {clip: (_no_sound(clip),) for clip in silence.refused}
    kept = [row for row in kept if row.clip not in refused]
    lengths = _lengths(kept, recipe)
    decided = {}
    for row in kept:
        frames, there = lengths[row.group], available(row, recipe)
        start = Fraction(str(row.start_s)) if row.start_s is not None else Fraction(0)
        if row.start_s is None and recipe.start == "middle" and there > frames:
            start = Fraction((there - frames) // 2) / recipe.rate
        decided[row.clip] = Decision(
            row.clip,
            frames,
            start,
            max(0, frames - there),
            row.clip in silence.clips,
            geometries[row.clip],
            tuple(_remarks(row, geometries[row.clip], frames, there, recipe, kept)),
        )
    return Decisions(decided, refused, silence.notes)


def available(row: Row, recipe: Recipe) -> int:
    """Whole frames of the recipe's rate that the clip fills, from its declared start on."""
    found = row.probe
    lasts = Fraction(found.frames) / found.fps if found.constant_rate else Fraction(f"{found.duration_s:.6f}")
    left = lasts - (Fraction(str(row.start_s)) if row.start_s is not None else 0)
    return max(0, int((left * recipe.rate + _ROUNDING) // 1))


def _check_usable(row: Row, recipe: Recipe) -> None:
    """Refuse what no recipe makes comparable, and what is too short for this one."""
    found = row.probe
    if found.beyond_rec709:
        raise fail(
            InputError,
            row.clip,
            "has more colors than an ordinary screen shows",
            got=found.beyond_rec709,
            accepted="Rec. 709 or Rec. 601, standard dynamic range",
            way_out="convert it to Rec. 709 in an editing program, where somebody sees what becomes of the light",
        )
    broken = found.cut_off
    if broken:
        raise fail(InputError, row.clip, f"is {broken}", way_out="copy or export it again")
    if row.start_s is not None and row.start_s < 0:
        raise fail(
            InputError,
            row.clip,
            "is to begin before its first frame",
            got=f"{row.start_s:g} s",
            accepted="0 or more",
        )
    there = available(row, recipe)
    asked = round(Fraction(str(recipe.seconds)) * recipe.rate) if not isinstance(recipe.seconds, str) else 1
    if there < 1 or (there < asked and recipe.too_short == "refuse"):
        since = f" from {row.start_s:g} s on" if row.start_s else ""
        raise fail(
            InputError,
            row.clip,
            "is too short for the recipe",
            got=f"{there} frames at {float(recipe.rate):.6g} per second{since}",
            accepted=f"{asked} or more",
            way_out="ask for fewer seconds, use a longer clip, or let its last frame stand: too_short: hold_last",
        )


def _lengths(rows: Sequence[Row], recipe: Recipe) -> dict[str, int]:
    """Frames by pair."""
    if not isinstance(recipe.seconds, str):
        frames = max(1, round(Fraction(str(recipe.seconds)) * recipe.rate))
        return {row.group: frames for row in rows}
    shortest: dict[str, int] = {}
    for row in rows:
        there = available(row, recipe)
        shortest[row.group] = min(there, shortest.get(row.group, there))
    if recipe.seconds == "shortest_of_set" and shortest:
        return dict.fromkeys(shortest, min(shortest.values()))
    return shortest


@dataclass(frozen=True)
class _Silence:
    """Clips that become silent, what to say of it, and clips left out for having no sound."""

    clips: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def _silence(rows: Sequence[Row], recipe: Recipe) -> _Silence:
    everyone = frozenset(row.clip for row in rows)
    if isinstance(recipe.sound, str):
        return _Silence(everyone)
    lacking = [row for row in rows if not row.heard]
    if not lacking:
        return _Silence()
    if len(lacking) == len(rows):
        return _Silence(everyone, ("No clip has audible sound: all are silent.",))
    rule = recipe.where_sound_is_missing
    if rule == "refuse":
        return _Silence(refused=tuple(row.clip for row in lacking))
    said = listed(
        f"{row.clip} ({'nothing audible on its track' if row.probe.has_sound else 'no track'})"
        for row in lacking
    )
    if rule == "silence_pair":
        groups = {row.group for row in lacking}
        silent = frozenset(row.clip for row in rows if row.group in groups)
        return _Silence(silent, (f"Silent with their whole pair, because these clips lack sound: {said}.",))
    lost = len(rows) - len(lacking)
    clips = "the clip that has" if lost == 1 else f"the {lost} clips that have"
    note = (
        f"All clips are silent, also {clips} sound, because these lack it: {said}. "
        "To silence only their pairs: where_sound_is_missing: silence_pair."
    )
    return _Silence(everyone, (note,))


def _no_sound(clip: str) -> Fault:
    return Fault(
        clip,
        "has no audible sound",
        accepted="sound in every clip (where_sound_is_missing: refuse)",
        way_out="add its sound, or let the recipe make its pair or the set silent",
    )


def _remarks(
    row: Row, geometry: Geometry, frames: int, there: int, recipe: Recipe, rows: Sequence[Row]
) -> list[str]:
    """What a researcher should know of this clip."""
    said = []
    if frames > there:
        held = (frames - there) / recipe.rate
        said.append(f"its last frame stands still for {float(held):.2f} s")
    if geometry.enlargement > 1:
        said.append(f"enlarged {geometry.enlargement:.2f} times: it has less detail than its size")
    if row.region is not None:
        whole = [one.clip for one in rows if one.group == row.group and one.region is None]
        if whole:
            said.append(f"cut to a part of its picture, while {listed(whole)} is not: cut both alike")
    return said
