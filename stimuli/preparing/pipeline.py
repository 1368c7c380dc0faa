"""One clip from its source to a verified file: the same way for every arm."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.video.frame import VideoFrame

from protocols.base.canonical import sha256_file
from protocols.base.errors import Fault, OutputError
from protocols.base.tables import rounded
from stimuli.preparing.deciding import Decision
from stimuli.preparing.encoding import coding_of, whole_or_absent, write_clip
from stimuli.preparing.equalising import LumaChange, LumaStatistics, luma_statistics
from stimuli.preparing.frame_rate import Conversion
from stimuli.preparing.picture import filters, pictures
from stimuli.preparing.recipe import Recipe
from stimuli.preparing.sound import Levelled, levelled
from stimuli.preparing.verifying import Check, Seen, verified
from stimuli.probing import Probe, probe


@dataclass(frozen=True)
class Prepared:
    """What was done to one clip; everything in it goes into ``prepared/<recipe>.json``.

    Attributes
    ----------
    source, source_sha256, target, target_sha256
        Names and hashes of the two files.
    source_frames, source_fps
        What the source had.
    frames, fps, duration_s, start_s
        What was written, and where it begins in the source.
    repeated, dropped
        Frames shown twice and frames of the source left out, to come to the frame rate.
    held
        Frames at the end in which the last one stands still.
    picture
        How the picture came to its size, in words.
    filters
        The same in FFmpeg's words, in order.
    encoder
        The encoder and its options.
    luma
        Equalisation, in words; None where none was asked for.
    sound
        None for a silent clip; else loudness before and after (LUFS), true peaks (dBTP), gain (dB), whether the
        true peak held the gain back, and seconds of the stretch that have sound.
    checks
        Everything that was verified in the written file.
    notes
        What a researcher should know.
    """

    source: str
    source_sha256: str
    source_frames: int
    source_fps: str
    target: str
    target_sha256: str
    frames: int
    fps: str
    duration_s: float
    start_s: float
    repeated: int
    dropped: int
    held: int
    picture: str
    filters: tuple[str, ...]
    encoder: str
    luma: str | None
    sound: Mapping[str, float | bool | None] | None
    checks: tuple[Check, ...]
    notes: tuple[str, ...]

    def as_document(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Prepared:
        """From `as_document`'s JSON."""
        fields = dict(document)
        fields["checks"] = tuple(Check(**one) for one in document["checks"])
        fields["filters"], fields["notes"] = tuple(document["filters"]), tuple(document["notes"])
        return cls(**fields)


def prepare_clip(
    source: Path, target: Path, recipe: Recipe, decision: Decision, luma: LumaChange | None = None
) -> Prepared:
    """Prepare one clip; the source is only read, and the target is written whole and verified, or not at all.

    Parameters
    ----------
    source
        The clip as it was imported.
    target
        The file to be written, an mp4.
    recipe
        What is done to every clip.
    decision
        What `decide` settled for this one.
    luma
        Equalisation, where the recipe asks for it.

    Raises
    ------
    InputError
        If the source breaks off, or its sound is silent where it is used.
    OutputError
        If the target cannot be written, or is not what it should be; every value that is wrong is named.
    """
    found = probe(source)
    steps = _steps(found, decision, recipe, luma)
    duration = Fraction(decision.frames) / recipe.rate
    sound: Levelled | None = None
    if not decision.silent and not isinstance(recipe.sound, str):
        sound = levelled(source, recipe.sound, start=decision.start, duration=duration)
    conversion, seen = Conversion(), Seen(decision.frames)

    def watched() -> Iterator[VideoFrame]:
        for picture in _pictures(source, found, steps, recipe, decision, conversion):
            seen.look(picture)
            yield picture

    coding = coding_of(recipe.encoder)
    with whole_or_absent(target) as part:
        write_clip(
            part,
            target,
            coding,
            watched(),
            fps=recipe.rate,
            size=(recipe.width, recipe.height),
            sound=None if sound is None or isinstance(recipe.sound, str) else (recipe.sound, sound.samples),
        )
        checks = verified(part, recipe, decision.frames, seen, sound)
        failed = [_failed(target, check) for check in checks if not check.passed]
        if failed:
            raise OutputError(failed)
        digest = sha256_file(part)
    return Prepared(
        source=source.name,
        source_sha256=sha256_file(source),
        source_frames=found.frames,
        source_fps=str(found.fps) + ("" if found.constant_rate else " (variable)"),
        target=target.name,
        target_sha256=digest,
        frames=decision.frames,
        fps=str(recipe.rate),
        duration_s=float(f"{float(duration):.9g}"),
        start_s=float(f"{float(decision.start):.9g}"),
        repeated=max(0, conversion.repeated - decision.held),
        dropped=conversion.dropped,
        held=decision.held,
        picture=decision.geometry.in_words(),
        filters=steps,
        encoder=str(coding),
        luma=luma.in_words() if luma else None,
        sound=_told(sound),
        checks=checks,
        notes=(*decision.notes, *_of_sound(sound, recipe)),
    )


def measure_luma(source: Path, recipe: Recipe, decision: Decision) -> LumaStatistics:
    """Luma of what will be shown of a clip, before any equalisation."""
    found = probe(source)
    steps = _steps(found, decision, recipe, None)
    return luma_statistics(_pictures(source, found, steps, recipe, decision, Conversion()))


def _steps(found: Probe, decision: Decision, recipe: Recipe, luma: LumaChange | None) -> tuple[str, ...]:
    return filters(found, decision.geometry, recipe.fit.color, luma.filter() if luma else None)


def _pictures(
    source: Path,
    found: Probe,
    steps: tuple[str, ...],
    recipe: Recipe,
    decision: Decision,
    conversion: Conversion,
) -> Iterator[VideoFrame]:
    return pictures(
        source,
        found,
        steps,
        fps=recipe.rate,
        frames=decision.frames,
        start=decision.start,
        conversion=conversion,
    )


def _failed(target: Path, check: Check) -> Fault:
    return Fault(
        target.name,
        f"was not written as asked: {check.name}",
        got=check.got,
        accepted=check.accepted,
        way_out="nothing was kept of it, and its source is untouched; look at the source there",
    )


def _told(sound: Levelled | None) -> dict[str, float | bool | None] | None:
    if sound is None:
        return None
    return {
        "lufs_before": rounded(sound.before.integrated_lufs),
        "true_peak_dbtp_before": rounded(sound.before.true_peak_dbtp),
        "gain_db": rounded(sound.gain_db),
        "lufs": rounded(sound.after.integrated_lufs),
        "true_peak_dbtp": rounded(sound.after.true_peak_dbtp),
        "held_back_by_true_peak": sound.peak_limited,
        "seconds_with_sound": rounded(sound.content_s),
    }


def _of_sound(sound: Levelled | None, recipe: Recipe) -> tuple[str, ...]:
    if sound is None or not sound.peak_limited or isinstance(recipe.sound, str):
        return ()
    reached = sound.after.integrated_lufs
    if reached is None or recipe.sound.loudness_lufs - reached <= 0.5:
        return ()
    said = (
        f"{recipe.sound.loudness_lufs - reached:.1f} LU softer than asked, held back by its true peak: all clips "
        f"are equally loud with loudness_lufs at {math.floor(reached)} or less"
    )
    return (said,)
