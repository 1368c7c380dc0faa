"""The methods text, to be pasted: what was done to the clips and found about them; nothing that was not."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

from protocols.plan.wording import capital
from stimuli.features.catalog import definitions
from stimuli.provenance.fields import FIELDS, UNKNOWN
from stimuli.registry.manifest import Clip
from stimuli.report.differences import codec, size
from stimuli.report.fitness import flashing
from stimuli.report.provenance import LABELS
from stimuli.report.saved import Saved, Shown
from stimuli.report.words import (
    ROLE_WORDS,
    amount,
    arm_words,
    joined,
    n_of,
    rate,
    some,
)

MOST_NAMED = 12
OWN = {"own": "a definition of bazin’s own"}


def methods_text(saved: Saved) -> str:
    """Paragraphs, each for a step that was done."""
    paragraphs = (_clips, _provenance, _claims, _shown_as, _features, _screens, _matching)
    return "\n\n".join(text for one in paragraphs if (text := " ".join(one(saved))))


def _clips(saved: Saved) -> Iterator[str]:
    arms = saved.manifest.arms
    roles = {clip.arm: clip.role for clip in saved.manifest.clips}
    named = joined(f"{arm_words(arm)} ({ROLE_WORDS.get(roles[arm], roles[arm])})" for arm in arms)
    pairs = saved.pairs
    whole = sum(len(versions) == len(arms) for versions in pairs.values())
    yield (
        f"The stimulus set “{saved.stimuli.name}” holds {n_of(len(saved.clips), 'clip')} of "
        f"{n_of(len(pairs), 'scene')} in {n_of(len(arms), 'version')}: {named}."
    )
    if whole < len(pairs):
        yield f"{whole} of the scenes have every version."
    if saved.alone:
        yield f"{n_of(len(saved.alone), 'clip')} belong to no scene."
    by = f" by bazin {saved.registered_by}" if saved.registered_by else ""
    yield f"Clips were registered with their SHA-256{by} (manifest pairs.tsv, SHA-256 {saved.sha256})."


def _provenance(saved: Saved) -> Iterator[str]:
    for arm in saved.manifest.arms:
        clips = [clip for clip in saved.manifest.clips if clip.arm == arm]
        said = [*_made_by(clips), *_chosen(clips), *_rights(clips), *_edits(clips)]
        if said:
            yield f"{capital(arm_words(arm))} versions: {'; '.join(said)}."
    left = sum(
        _gap(clip, field.name)
        for clip in saved.manifest.clips
        for field in FIELDS
        if field.is_required(clip.cells)
    )
    if left:
        yield f"{n_of(left, 'required cell')} of the clips' provenance are not known."


def _gap(clip: Clip, field: str) -> bool:
    return (clip[field] or UNKNOWN).casefold() == UNKNOWN


def _given(clips: Sequence[Clip], field: str) -> list[str]:
    return [text for clip in clips if (text := clip[field]) and text.casefold() != UNKNOWN]


def _made_by(clips: Sequence[Clip]) -> Iterator[str]:
    made = [
        " ".join(
            [clip["generator"] or "", f"({clip['model_version']})" if not _gap(clip, "model_version") else ""]
        ).strip()
        for clip in clips
        if not _gap(clip, "generator")
    ]
    if made:
        counts = [f"{name} ({n_of(made.count(name), 'clip')})" for name in dict.fromkeys(made)]
        yield f"generated with {some(counts, MOST_NAMED)}"
    prompts = _given(clips, "prompt")
    if prompts:
        yield f"prompts of {n_of(len(prompts), 'clip')} are in the manifest"
    first = list(dict.fromkeys(_given(clips, "source_of_first_frame")))
    if first:
        yield f"first picture: {some(first, 4)}"


def _chosen(clips: Sequence[Clip]) -> Iterator[str]:
    attempts = [int(text) for text in _given(clips, "attempts") if text.isdigit()]
    if attempts:
        all_known = len(attempts) == len(clips)
        of = "" if all_known else f", known for {len(attempts)} of {n_of(len(clips), 'clip')}"
        yield (
            f"{sum(attempts)} generated for {n_of(len(attempts), 'scene')} (median "
            f"{amount(statistics.median(attempts))} a scene, {min(attempts)} to {max(attempts)}{of})"
        )
    rules = list(dict.fromkeys(_given(clips, "selection_rule")))
    if rules:
        yield f"chosen by: {some(rules, 3)}"


def _rights(clips: Sequence[Clip]) -> Iterator[str]:
    licences = list(dict.fromkeys(_given(clips, "licence")))
    if licences:
        yield f"licence: {some(licences, 4)}"
    consents = _given(clips, "performer_consent")
    if "yes" in consents:
        yield f"performers in {n_of(consents.count('yes'), 'clip')} agreed to their use in research"


def _edits(clips: Sequence[Clip]) -> Iterator[str]:
    edits = [text for text in dict.fromkeys(_given(clips, "edits")) if text != "none"]
    if edits:
        yield f"edited before: {some(edits, 4)}"


def _claims(saved: Saved) -> Iterator[str]:
    clips = [one.clip for one in saved.clips.values() if one.clip["c2pa"]]
    if clips:
        bearing = [clip["c2pa"] for clip in clips if clip["c2pa"] != "none"]
        kinds = [f"{bearing.count(kind)} {kind}" for kind in dict.fromkeys(bearing)]
        found = f"in {len(bearing)} ({', '.join(kinds)})" if bearing else "in none"
        yield (
            f"Metadata of {n_of(len(clips), 'file')} were read as imported, before preparation; content "
            f"credentials (C2PA): {found}."
        )
    against: dict[str, list[str]] = {}
    for name, one in saved.clips.items():
        for text in one.conflicts:
            against.setdefault(text, []).append(name)
    if against:
        told = [f"{some(names, MOST_NAMED)} ({text})" for text, names in against.items()]
        yield (
            "If they are true, the metadata of some files contradict what these are registered as: "
            f"{'; '.join(told)}."
        )


def _shown_as(saved: Saved) -> Iterator[str]:
    raw = [one for one in saved.clips.values() if one.clip["recipe"] is None]
    if raw and len(raw) < len(saved.clips):
        yield f"{n_of(len(raw), 'clip')} are shown as imported."
    elif raw:
        yield f"The clips are shown as they were imported: {_forms(raw)}."
    for document in saved.recipes.values():
        if document.get("methods"):
            yield str(document["methods"])


def _forms(clips: Sequence[Shown]) -> str:
    """Sizes, rates, lengths and codecs of some clips."""
    rates = sorted({one.clip["fps"] or "" for one in clips}, key=lambda fps: (len(fps), fps))
    variable = sum(one.clip["frame_rate"] == "variable" for one in clips)
    uneven = f" ({variable} variable)" if variable else ""
    lengths = [float(one.clip["duration"]) for one in clips if one.clip["duration"]]
    parts = [
        some(sorted({size(one.clip["size"]) for one in clips}), 5) + " pixels",
        joined(rate(fps) for fps in rates) + " frames per second" + uneven,
        some(sorted({codec(one.clip["codec"]) for one in clips}), 5),
    ]
    if lengths:
        ends = [f"{end:.2f}" for end in (min(lengths), max(lengths))]
        parts.append(f"{ends[0]} s" if ends[0] == ends[1] else f"{ends[0]} to {ends[1]} s")
    heard = sum(not one.silent for one in clips)
    parts.append(f"audible sound in {heard} of {len(clips)}")
    return ", ".join(parts)


def _features(saved: Saved) -> Iterator[str]:
    clips = [one for one in saved.clips.values() if one.values]
    if not clips:
        return
    by_source: dict[str, list[str]] = {}
    for name, one in definitions().items():
        if any(not math.isnan(clip.values[name]) for clip in clips):
            by_source.setdefault(OWN.get(one.source, one.source), []).append(name)
    number = sum(len(names) for names in by_source.values())
    listing = "; ".join(f"{joined(names)} ({source})" for source, names in by_source.items())
    of = f"{len(clips)} of {n_of(len(saved.clips), 'clip')}" if saved.not_as_now else "every clip"
    yield (
        f"On {of} as it is shown, all frames were decoded once and {n_of(number, 'feature')} measured, "
        f"frame by frame and over the clip: {listing}."
    )


def _screens(saved: Saved) -> Iterator[str]:
    clips = [one for one in saved.clips.values() if one.state == ""]
    if not clips:
        return
    marked = [one for one in clips if any(flag.kind in LABELS for flag in one.flags)]
    unclear = sum(bool(one.overlay_note) for one in clips)
    names = some([one.clip.name for one in marked], MOST_NAMED)
    found = f"found in {names}" if marked else "none was found"
    yield (
        f"Watermarks and labels were looked for as edges that stay while the scene moves: {found}"
        + (f"; in {n_of(unclear, 'clip')} the picture moves too little to tell." if unclear else ".")
    )
    flagged = some(flashing(clips), MOST_NAMED)
    yield f"Clips were screened for flashes (WCAG 2.2; ITU-R BT.1702): {flagged or 'none'} flagged."


def _matching(saved: Saved) -> Iterator[str]:
    matching = saved.matched.found
    if matching is None:
        return
    if matching.plan:
        yield f"Tolerances are those of the plan “{matching.plan}” (SHA-256 {matching.plan_sha256})."
    yield matching.methods
