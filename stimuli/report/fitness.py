"""Whether a set is fit to be shown, as far as its saved files tell, and what is in the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from stimuli.matching.leak import LEAST_PAIRS
from stimuli.provenance.fields import gaps
from stimuli.registry.checking import incomplete_pairs
from stimuli.registry.editing import open_cells
from stimuli.report.saved import Saved, Shown
from stimuli.report.words import FLAG_WORDS, arm_words, joined, n_of, some, word

FLASHES = "photosensitivity"

SAME = ("fps", "frame_rate", "size", "codec", "color", "duration")
"""What the files of a pair should have in common, whatever else differs."""


@dataclass(frozen=True)
class Obstacle:
    """Something in the way of showing the set.

    Attributes
    ----------
    briefly
        A clause.
    text
        A sentence that says what to do, or where to look.
    """

    briefly: str
    text: str


@dataclass(frozen=True)
class Fitness:
    """Whether the set is fit to be shown.

    Attributes
    ----------
    tone
        `good` or `bad`.
    says
        The answer in one sentence.
    obstacles
        What is in the way.
    known
        What is not in the way but has to be known.
    """

    tone: Literal["good", "bad"]
    says: str
    obstacles: tuple[Obstacle, ...]
    known: tuple[str, ...]


def fitness(saved: Saved) -> Fitness:
    """Whether the set is fit to be shown, as far as saved files tell."""
    obstacles = [one for part in (_of_clips, _of_files, _of_match, _of_rights) for one in part(saved)]
    known = tuple(_known(saved))
    name = saved.stimuli.name
    if not obstacles:
        return Fitness("good", f"Nothing on record speaks against showing “{name}”.", (), known)
    why = joined(one.briefly for one in obstacles)
    return Fitness("bad", f"“{name}” is not fit to be shown yet: {why}.", tuple(obstacles), known)


def _of_clips(saved: Saved) -> Iterator[Obstacle]:
    if not saved.comparable:
        arms = some([arm_words(arm) for arm in saved.manifest.arms], 6) or "none"
        yield Obstacle(
            "there are no two arms to compare",
            f"One arm has to be the reference (live), another the contrast (AI); there are: {arms}.",
        )
    lacking = list(incomplete_pairs(saved.manifest))
    if lacking:
        yield Obstacle("pairs are not complete", f"{'; '.join(lacking)}.")
    if saved.not_as_now:
        yield Obstacle(
            "clips were not measured as they are now",
            f"Not measured as they are now: {some(saved.not_as_now, 6)}. 'bazin stimuli measure' does it.",
        )
    if dangerous := flashing(saved.clips.values()):
        yield Obstacle(
            "there are flashes that can harm",
            f"Flashes that can harm people with photosensitive epilepsy are in {some(dangerous, 6)}: have "
            "them examined, or leave them out.",
        )


def _of_files(saved: Saved) -> Iterator[Obstacle]:
    uneven: dict[str, set[str]] = {}
    for pair, versions in saved.pairs.items():
        apart = [name for name in SAME if len({one.clip[name] for one in versions.values()}) > 1]
        if len({one.has_track for one in versions.values()}) > 1:
            apart.append("sound track")
        for name in apart:
            uneven.setdefault("frame rate" if name in ("fps", "frame_rate") else name, set()).add(pair)
    if uneven:
        pairs = set().union(*uneven.values())
        yield Obstacle(
            "its files differ in form",
            f"In {len(pairs)} of {n_of(len(saved.pairs), 'pair')} the files differ in {joined(uneven)}: "
            "whoever, or whatever, tells the versions apart may go by that. 'bazin stimuli prepare' gives all "
            "of them one form.",
        )


def _of_match(saved: Saved) -> Iterator[Obstacle]:
    matching = saved.matched.found
    if matching is None:
        if saved.comparable:
            yield Obstacle(
                "whether its versions match is not known",
                f"Whether the versions match is not known: {saved.matched.why}.",
            )
        return
    for one in matching.compared:
        whose = f"{arm_words(one.contrast)} and {arm_words(matching.reference)} versions"
        if one.passes is False:
            names = some([word(row.feature).name for row in one.outside], 6)
            yield Obstacle(
                f"{whose} do not match",
                f"The {whose} do not match: {len(one.outside)} of {n_of(len(one.judged), 'feature')} "
                f"{'is' if len(one.outside) == 1 else 'are'} not within tolerance ({names}).",
            )
        elif one.passes is None:
            yield Obstacle(
                "no tolerance was declared",
                f"No tolerance was declared, so it is not judged whether {whose} match.",
            )
        if one.leak.verdict == "leaks":
            yield Obstacle(
                f"a machine tells {whose} apart",
                f"A machine tells {whose} apart by low-level features alone (AUC {one.leak.auc:.2f}).",
            )
    if matching.labelled:
        yield Obstacle(
            "visible labels are left",
            f"A visible label, which the plan rejects, is on {some(matching.labelled, 6)}.",
        )


def _of_rights(saved: Saved) -> Iterator[Obstacle]:
    left = open_cells(saved.manifest)
    sentences = {
        "licence": ("licences are not on record", "Under which terms {} may be shown is not on record."),
        "performer_consent": (
            "performers’ consent is not on record",
            "Whether performers agreed to the use of {} is not on record.",
        ),
    }
    for field, (briefly, sentence) in sentences.items():
        clips = [one.clip for one in left if one.field == field]
        if clips:
            yield Obstacle(briefly, sentence.format(_whose(saved, clips)))
    refused = [clip.name for clip in saved.manifest.clips if clip["performer_consent"] == "no"]
    if refused:
        yield Obstacle(
            "performers did not consent", f"Performers did not agree to the use of {_whose(saved, refused)}."
        )
    rest = [one for one in left if one.field not in sentences]
    if rest:
        fields = list(dict.fromkeys(one.field.replace("_", " ") for one in rest))
        yield Obstacle(
            "its provenance has gaps",
            f"{n_of(len(rest), 'cell')} of provenance {'is' if len(rest) == 1 else 'are'} open: "
            f"{some(fields, 8)}. 'bazin stimuli edit' asks for them.",
        )
    if saved.faults:
        yield Obstacle(
            "cells filled in by hand cannot be right",
            f"{n_of(len(saved.faults), 'cell')} filled in by hand cannot be right; they stand below Provenance.",
        )


def _whose(saved: Saved, clips: Sequence[str]) -> str:
    """Clips by name, or as all of an arm."""
    arms = list(dict.fromkeys(saved.manifest[name].arm for name in clips))
    everyone = [clip.name for clip in saved.manifest.clips if clip.arm in arms]
    if len(clips) > 1 and sorted(everyone) == sorted(clips):
        return f"all {len(clips)} {joined(arm_words(arm) for arm in arms)} clips"
    return some(clips, 6)


def _known(saved: Saved) -> Iterator[str]:
    """What does not stand in the way, and has to be known."""
    matching = saved.matched.found
    for one in matching.compared if matching else ():
        whose = f"{arm_words(one.contrast)} and {arm_words(matching.reference) if matching else ''} versions"
        if one.leak.verdict == "too_few":
            yield (
                f"With {n_of(one.leak.pairs, 'pair')} there is no leak verdict ({LEAST_PAIRS} are "
                f"needed): it cannot be said whether low-level features alone tell {whose} apart."
            )
        elif one.leak.verdict == "cannot_tell":
            yield (
                f"It cannot be said with {n_of(one.leak.pairs, 'pair')} whether low-level features alone "
                f"tell {whose} apart; the analysis carries the classifier’s score as a covariate."
            )
    disputed = [name for name, one in saved.clips.items() if one.conflicts]
    if disputed:
        yield (
            f"The files of {some(disputed, 6)} contradict what they are registered as, if what they say is "
            "true."
        )
    kinds = Counter(kind for one in saved.clips.values() for kind in {flag.kind for flag in one.flags})
    seen = [
        f"{FLAG_WORDS.get(kind, kind).lower()} ({n_of(n, 'clip')})"
        for kind, n in sorted(kinds.items())
        if kind != FLASHES
    ]
    if seen:
        yield f"To be looked at: {'; '.join(seen)}."
    if unknown := unknown_cells(saved):
        yield f"{n_of(unknown, 'required cell')} of provenance say that it is unknown."
    if matching is not None and matching.renewed:
        yield (
            "The manifest was changed since the versions were compared, though not its clips: a plan that "
            "is bound to it needs the new hash."
        )


def flashing(clips: Iterable[Shown]) -> list[str]:
    """Clips that were flagged for their flashes."""
    return [one.clip.name for one in clips if any(flag.kind == FLASHES for flag in one.flags)]


def unknown_cells(saved: Saved) -> int:
    """Required cells that say they are unknown."""
    everything = sum(len(gaps(clip.cells)) for clip in saved.manifest.clips)
    return everything - len(open_cells(saved.manifest))
