"""The contact sheet: a card for each pair, with its versions one below the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stimuli.report.differences import Remark, codec, remarks, seconds, size, spreads
from stimuli.report.pictures import Pictures, album
from stimuli.report.saved import EARLIER, NOT_MEASURED, FlagSeen, Saved, Shown
from stimuli.report.words import DRAWN_FLAGS, FLAG_WORDS, ROLE_WORDS, amount, arm_words, n_of, rate, some

SAFE_FLAGS = frozenset({"photosensitivity"})
"""Flags for which the preview does not start by itself when the pointer passes over it."""


@dataclass(frozen=True)
class FlagLine:
    """A flag as the card shows it: icon, what it is, what was seen, and when."""

    icon: str
    name: str
    detail: str


@dataclass(frozen=True)
class Version:
    """One clip of a card.

    Attributes
    ----------
    name, arm, role
        The clip's name, and its arm and role in words.
    facts
        Size, rate, length, codec, sound, recipe.
    pictures
        What is shown of it.
    flags
        What somebody should look at.
    notes
        What could not be looked at.
    guarded
        Whether its preview must not start by itself.
    """

    name: str
    arm: str
    role: str
    facts: tuple[str, ...]
    pictures: Pictures
    flags: tuple[FlagLine, ...]
    notes: tuple[str, ...]
    guarded: bool


@dataclass(frozen=True)
class Card:
    """One pair, or one clip without a pair.

    Attributes
    ----------
    id, pair, scene
        Anchor, name of the pair, and what it shows.
    tone, badge
        How it stands with its tolerances, as the style sheet and as people call it.
    remarks
        What differs, by contrast arm (in words).
    lacking
        Arms it has no clip in.
    versions
        Its clips, in the order of their roles.
    """

    id: str
    pair: str
    scene: str
    tone: str
    badge: str
    remarks: Mapping[str, tuple[Remark, ...]]
    lacking: str
    versions: tuple[Version, ...]


def cards(saved: Saved) -> list[Card]:
    """Cards of all pairs, in the manifest's order, then of clips without a pair."""
    pictures, spread = album(saved.clips.values()), spreads(saved)
    found = [_card(saved, pair, versions, spread, pictures) for pair, versions in saved.pairs.items()]
    return found + [
        Card(
            f"clip-{one.clip.name}", one.clip.name, one.clip.scene, "open", "no pair", {},
            "It has no pair, and takes part in no comparison.", (_version(saved, one, pictures),),
        )
        for one in saved.alone
    ]  # fmt: skip


def _card(
    saved: Saved,
    pair: str,
    versions: Mapping[str, Shown],
    spread: Mapping[str, float],
    pictures: Mapping[str, Pictures],
) -> Card:
    said = {}
    if saved.reference in versions:
        for contrast in saved.contrasts:
            if contrast in versions:
                said[arm_words(contrast)] = tuple(remarks(saved, versions, contrast, spread))
    lacking = [arm_words(arm) for arm in saved.manifest.arms if arm not in versions]
    tone, badge = _badge(saved, pair)
    scenes = list(dict.fromkeys(one.clip.scene for one in versions.values()))
    return Card(
        f"pair-{pair}",
        pair,
        " / ".join(scenes),
        tone,
        badge,
        said,
        f"It has no clip of {some(lacking, 5)}." if lacking else "",
        tuple(_version(saved, one, pictures) for one in versions.values()),
    )


def _badge(saved: Saved, pair: str) -> tuple[str, str]:
    """How a pair stands with the tolerances of single pairs."""
    matching = saved.matched.found
    if matching is None:
        return "open", "not matched"
    rows = [row for one in matching.compared if pair in one.pairs for row in one.judged]
    if not rows:
        return "open", "not judged"
    out = {row.feature for row in rows if pair in row.outside}
    unknown = {row.feature for row in rows if pair in dict(row.not_measured)} - out
    n = len({row.feature for row in rows})
    if out:
        return "bad", f"{len(out)} of {n_of(n, 'feature')} outside"
    if unknown:
        return "open", f"{len(unknown)} of {n_of(n, 'feature')} not measured"
    return "good", f"within {n_of(n, 'tolerance')}"


def _version(saved: Saved, one: Shown, pictures: Mapping[str, Pictures]) -> Version:
    clip = one.clip
    notes = []
    if one.state == NOT_MEASURED:
        notes.append("Not measured yet: no pictures, no numbers.")
    elif one.state == EARLIER:
        notes.append(
            "The clip was changed since it was measured: pictures and flags are those of the earlier file."
        )
    if one.overlay_note:
        why = one.overlay_note.removeprefix("cannot tell: ")
        notes.append(f"Whether a label or watermark lies over it cannot be told: {why}.")
    return Version(
        clip.name,
        arm_words(clip.arm),
        ROLE_WORDS.get(clip.role, clip.role),
        facts(one),
        pictures[clip.name],
        (*(_line(flag) for flag in _ranked(one)), *_from_file(saved, one)),
        tuple(notes),
        any(flag.kind in SAFE_FLAGS for flag in one.flags),
    )


def facts(one: Shown) -> tuple[str, ...]:
    """What a clip's file is, in a few words each."""
    clip = one.clip
    audio = (clip["audio"] or "none").split(", ")
    sound = "no sound" if audio[0] == "none" else f"{audio[1] if len(audio) > 1 else ''} sound".strip()
    if one.has_track and one.silent:
        sound = f"{sound}, silent"
    variable = ", variable" if clip["frame_rate"] == "variable" else ""
    return (
        size(clip["size"]),
        f"{rate(clip['fps'])} fps{variable}",
        f"{seconds(clip['duration'])}, {clip['frames'] or '?'} frames",
        codec(clip["codec"]),
        sound,
        f"recipe {clip['recipe']}" if clip["recipe"] else "as imported",
    )


def _ranked(one: Shown) -> list[FlagSeen]:
    """Flags, what can do harm first."""
    return sorted(one.flags, key=lambda flag: flag.kind not in SAFE_FLAGS)


def _line(flag: FlagSeen) -> FlagLine:
    name = FLAG_WORDS.get(flag.kind, flag.kind.replace("_", " "))
    return FlagLine(flag.kind if flag.kind in DRAWN_FLAGS else "problem", name, flag.detail + _when(flag))


def _when(flag: FlagSeen) -> str:
    if flag.from_s is None:
        return ""
    if flag.to_s is None:
        return f" (at {amount(flag.from_s)} s)"
    return f" (from {amount(flag.from_s)} to {amount(flag.to_s)} s)"


def _from_file(saved: Saved, one: Shown) -> list[FlagLine]:
    """What the imported file itself tells: claims against its role, and oddities."""
    lines = [FlagLine("conflict", FLAG_WORDS["conflict"], text) for text in one.conflicts]
    matching = saved.matched.found
    label = one.clip["visible_label"]
    if label not in (None, "none", "cropped") and not any("label" in flag.kind for flag in one.flags):
        lines.append(FlagLine("start_label", "Visible label", f"registered: {label}"))
    if matching is not None and one.clip.name in matching.labelled:
        lines.append(FlagLine("start_label", "Visible label", "the plan rejects clips that carry one"))
    if one.clip["problems"]:
        lines.append(FlagLine("problem", FLAG_WORDS["problem"], one.clip["problems"] or ""))
    return lines
