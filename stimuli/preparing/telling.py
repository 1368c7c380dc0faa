"""What was done to a set, in sentences for a methods section."""

from __future__ import annotations

from collections.abc import Sequence

from protocols.base.errors import listed
from stimuli.preparing.many import Preparation
from stimuli.preparing.picture import ffmpeg_version
from stimuli.preparing.pipeline import Prepared
from stimuli.preparing.recipe import Recipe
from stimuli.together import together


def sentences(preparation: Preparation) -> list[str]:
    """A methods paragraph: every step, the same for every arm, with what it did to the clips.

    Parameters
    ----------
    preparation
        As `prepare_many` returns it.

    Returns
    -------
    list of str
        Sentences, to be joined by spaces; about clips left out at the end.
    """
    recipe = preparation.recipe
    clips = [one.prepared for one in preparation.outcomes if one.prepared is not None]
    said = []
    if clips:
        said += [
            f"All {len(clips)} clips, of whatever arm, went through one preparation (recipe {recipe.name}).",
            _size(recipe, clips),
            *_rate(recipe, clips),
            _duration(recipe, clips),
            *_luma(clips),
            *_sound(recipe, clips),
            *preparation.notes,
            _encoder(recipe),
            "Every file was then decoded in full: number of frames, duration, rate, size, color coding, content "
            "against the frames that had been encoded, added black or frozen frames"
            + (", loudness and true peak." if any(one.sound for one in clips) else "."),
        ]
    notes = [
        f"{one.job.clip}: {note}."
        for one in preparation.outcomes
        if one.prepared is not None
        for note in one.prepared.notes
    ]
    said += together(notes)
    for outcome in preparation.outcomes:
        if outcome.prepared is None:
            why = "; ".join(
                f"{fault.problem}" + (f" ({fault.got})" if fault.got else "") for fault in outcome.faults
            )
            said.append(f"{outcome.job.clip} was left out: {why}.")
    if preparation.incomplete_pairs:
        said.append(f"Incomplete and not to be shown: {listed(preparation.incomplete_pairs, limit=50)}.")
    return said


def _size(recipe: Recipe, clips: Sequence[Prepared]) -> str:
    fit = recipe.fit
    where = f"anchored at {fit.horizontal:.0%} of the width and {fit.vertical:.0%} of the height"
    if fit.horizontal == fit.vertical == 0.5:
        where = "centred"
    how = {
        "crop": f"filled, and cut where it hung over, {where}",
        "letterbox": f"shown whole, and padded with {fit.color}, {where}",
        "exact": f"of the same shape within {fit.tolerance:.1%}",
    }[fit.rule]
    scaled = sum("scaled to" in one.picture for one in clips)
    resampled = f"{scaled} of {len(clips)} were resampled (Lanczos), the others only cut or left as they were"
    if scaled == len(clips):
        resampled = "all were resampled (Lanczos)"
    elif scaled == 0:
        resampled = "none needed resampling"
    return (
        f"Pictures were brought to {recipe.width} × {recipe.height} square pixels ({how}; {resampled}), "
        "Rec. 709, limited range."
    )


def _rate(recipe: Recipe, clips: Sequence[Prepared]) -> list[str]:
    woven = sum(any(step.startswith("bwdif") for step in one.filters) for one in clips)
    changed = [one for one in clips if one.repeated or one.dropped]
    counts = "no frame was repeated or dropped"
    if changed:
        repeated, dropped = sum(one.repeated for one in clips), sum(one.dropped for one in clips)
        counts = f"{_n(repeated, 'frame')} repeated and {dropped} dropped, in {_n(len(changed), 'clip')}"
    rates = sorted({one.source_fps for one in clips})
    said = [
        (
            f"They were shown at {_number(recipe.rate)} frames per second, from sources at {_either(rates)}, by taking "
            f"the nearest frame; nothing was blended or interpolated ({counts})."
        )
    ]
    if woven:
        said.insert(0, f"Interlaced fields of {_n(woven, 'clip')} were woven into full frames (bwdif).")
    return said


def _duration(recipe: Recipe, clips: Sequence[Prepared]) -> str:
    lengths = sorted({one.duration_s for one in clips})
    from_to = f"{lengths[0]:.2f} s" if len(lengths) == 1 else f"{lengths[0]:.2f} to {lengths[-1]:.2f} s"
    if recipe.seconds == "shortest_of_pair":
        return f"The clips of a pair have the same number of frames, those of its shortest clip ({from_to})."
    if recipe.seconds == "shortest_of_set":
        return f"All clips have the same number of frames, those of the shortest ({from_to})."
    return f"All clips have the same number of frames ({clips[0].frames}, {from_to})."


def _luma(clips: Sequence[Prepared]) -> list[str]:
    changed = [one.luma for one in clips if one.luma is not None]
    if not changed:
        return []
    limited = sum("as far as" in one for one in changed)
    rest = f", which {limited} of them did not reach within the recipe's limits" if limited else ""
    return [
        (
            "Luma was equalised towards the mean of each pair by one gain and one offset per clip, as lumMatch of "
            f"the SHINE toolbox (Willenbockel et al., 2010) does{rest}."
        )
    ]


def _sound(recipe: Recipe, clips: Sequence[Prepared]) -> list[str]:
    if isinstance(recipe.sound, str):
        return ["All clips are silent."]
    levels = [one.sound for one in clips if one.sound is not None]
    if not levels:
        return []
    reached = [float(one["lufs"]) for one in levels if one["lufs"] is not None]
    gains = [float(one["gain_db"]) for one in levels if one["gain_db"] is not None]
    asked = recipe.sound
    gained, loud = f"{min(gains):+.1f} to {max(gains):+.1f} dB", f"{min(reached):.1f} to {max(reached):.1f}"
    return [
        (
            f"The sound of {_n(len(levels), 'clip')} was brought to {asked.loudness_lufs:g} LUFS integrated loudness "
            f"(EBU R 128; reached: {loud}) by one gain per clip "
            f"({gained}), with true peaks of at most {asked.true_peak_dbtp:g} dBTP and "
            f"{asked.fade_ms:g} ms fades at both ends; it is {asked.channels}, {asked.sample_rate / 1000:g} kHz, AAC "
            f"at {asked.kilobits_per_second} kbit/s."
        )
    ]


def _encoder(recipe: Recipe) -> str:
    encoder = recipe.encoder
    quality = f"crf {encoder.crf:g}" if encoder.crf is not None else f"{encoder.kilobits_per_second} kbit/s"
    return (
        f"All were encoded as H.264 with {encoder.codec} ({quality}, preset {encoder.preset}, a key frame every "
        f"{encoder.gop} frames, no bidirectional frames), using {ffmpeg_version()}."
    )


def _n(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _number(rate: object) -> str:
    return str(rate).replace("/", " / ")


def _either(rates: Sequence[str]) -> str:
    shown = [_number(rate) for rate in rates]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
