"""``bazin stimuli prepare``: every clip by one recipe, and the control arms made of the live clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from protocols.base.canonical import sha256_file
from protocols.base.errors import BazinError, Fault, InputError, UsageError, did_you_mean, fail, listed
from protocols.base.files import write_json
from protocols.base.progress import progress
from stimuli.preparing.controls import Control, codec_control, rotoscope
from stimuli.preparing.geometry import Region
from stimuli.preparing.many import Job, Preparation, prepare_many
from stimuli.preparing.recipe import Recipe, read_recipe
from stimuli.preparing.telling import sentences
from stimuli.probing import probe
from stimuli.registry.arms import ROLE_OF
from stimuli.registry.bids import write_bids_stimuli
from stimuli.registry.importing import file_facts
from stimuli.registry.manifest import Cells, Clip, Manifest, read_manifest, write_manifest
from stimuli.sets import StimulusSet

CONTROLS = ("codec_control", "rotoscoped")
Say = Callable[[str], None]


@dataclass
class PreparedSet:
    """What was done.

    Attributes
    ----------
    preparation
        The recipe and what became of every clip.
    failed
        Clips and controls that could not be made.
    sha256
        The manifest's new hash.
    """

    preparation: Preparation
    failed: list[Fault] = field(default_factory=list)
    sha256: str = ""


def prepare_set(
    stimuli: StimulusSet, recipe_file: Path, *, controls: Sequence[str] = (), jobs: int = 1, say: Say = print
) -> PreparedSet:
    """Prepare all clips of a set, and point the manifest at the files made.

    Parameters
    ----------
    stimuli
        The set.
    recipe_file
        A recipe, or the name of a shipped one.
    controls
        Control arms to be made of the live clips first: ``codec_control``, ``rotoscoped``.
    jobs
        Clips worked on side by side.
    say
        Where lines for the user go.

    Raises
    ------
    UsageError
        If a control is unknown, or the set lacks the arms it is made of.
    """
    recipe = read_recipe(recipe_file)
    for name in controls:
        if name not in CONTROLS:
            raise fail(
                UsageError,
                f"control '{name}'",
                "is not known",
                accepted=listed(CONTROLS),
                way_out=did_you_mean(name, CONTROLS),
            )
    manifest = read_manifest(stimuli)
    failed: list[Fault] = []
    for name in dict.fromkeys(controls):
        manifest = _with_control(stimuli, manifest, name, failed, say)
    work = [_job(stimuli, recipe, clip) for clip in manifest.clips]
    preparation = prepare_many(work, recipe, stamps=stimuli.prepared / ".done" / recipe.name, workers=jobs)
    failed.extend(preparation.faults)
    made = {one.job.clip: one.job.target for one in preparation.outcomes if one.prepared is not None}
    clips = [_pointed(stimuli, recipe, clip, made.get(clip.name)) for clip in manifest.clips]
    sha256 = write_manifest(stimuli, Manifest(tuple(clips), manifest.extra))
    written = read_manifest(stimuli)
    write_bids_stimuli(stimuli, written)
    document = {**preparation.as_document(), "methods": " ".join(sentences(preparation))}
    write_json(stimuli.prepared / f"{recipe.name}.json", document)
    result = PreparedSet(preparation, failed, sha256)
    _tell(stimuli, result, say)
    return result


def _tell(stimuli: StimulusSet, result: PreparedSet, say: Say) -> None:
    preparation = result.preparation
    done = [one for one in preparation.outcomes if one.prepared is not None]
    reused = sum(not one.recomputed for one in done)
    for fault in result.failed:
        say(f"left out: {fault}")
    say(
        f"{len(done)} of {len(preparation.outcomes)} clips prepared"
        + (f" ({reused} reused: nothing they depend on has changed)" if reused else "")
        + f" -> {stimuli.clips / preparation.recipe.name}"
    )
    for pair, clips in preparation.incomplete_pairs.items():
        say(f"  pair {pair} cannot be shown: without {listed(clips)}")
    say("")
    for sentence in sentences(preparation):
        say(f"  {sentence}")
    say("")
    say(f"manifest SHA-256 {result.sha256}")
    say(f"Next: bazin stimuli measure {stimuli.root}   (again: the prepared files are what is shown)")


def _job(stimuli: StimulusSet, recipe: Recipe, clip: Clip) -> Job:
    return Job(
        clip.name,
        clip.pair_id,
        clip.arm,
        stimuli.file(clip["original"] or clip.file),
        stimuli.clips / recipe.name / f"{clip.name}.mp4",
        start_s=float(clip["start_s"]) if clip["start_s"] else None,
        region=region_of(clip["crop"]),
    )


def region_of(cell: str | None) -> Region | None:
    """The part of a picture a manifest's cell names: ``left top width height`` in pixels."""
    return Region(*(int(part) for part in cell.replace(",", " ").split())) if cell else None


def _pointed(stimuli: StimulusSet, recipe: Recipe, clip: Clip, target: Path | None) -> Clip:
    """A clip's row that shows the prepared file; one that could not be prepared shows its original."""
    if target is not None:
        return clip.having(
            file=target.relative_to(stimuli.bids).as_posix(),
            sha256=sha256_file(target),
            recipe=recipe.name,
            **file_facts(probe(target)),
        )
    if clip["recipe"] is None:
        return clip
    as_imported = clip.having(file=clip["original"], sha256=clip["original_sha256"], recipe=None)
    try:
        return as_imported.having(**file_facts(probe(stimuli.file(as_imported.file))))
    except InputError:  # why it could not be prepared; said already
        return as_imported


def _with_control(
    stimuli: StimulusSet, manifest: Manifest, name: str, failed: list[Fault], say: Say
) -> Manifest:
    """The set with a control for every pair that has the clips it is made of; finished ones are kept."""
    live_arms, ai_arms = manifest.arms_of_role("reference"), manifest.arms_of_role("contrast")
    if not live_arms or (name == "codec_control" and not ai_arms):
        raise fail(
            UsageError,
            f"control '{name}'",
            "cannot be made: the set lacks the arms it is made of",
            got=listed(manifest.arms),
            accepted="a reference (live)" + (" and a contrast (ai)" if name == "codec_control" else ""),
        )
    live_arm, ai_arm = live_arms[0], ai_arms[0] if ai_arms else ""
    if name == "codec_control" and len(ai_arms) > 1:
        say(f"codec_control follows the storage of '{ai_arm}', the first of {listed(ai_arms)}")
    clips = {clip.name: clip for clip in manifest.clips}
    for pair, versions in progress(manifest.pairs().items(), name, total=len(manifest.pairs())):
        live, ai = versions.get(live_arm), versions.get(ai_arm)
        if live is None or (name == "codec_control" and ai is None):
            continue
        made_from = " ".join(
            clip["original_sha256"] or "" for clip in (live, ai if name == "codec_control" else None) if clip
        )
        own = f"{pair}_{name}"
        before = clips.get(own)
        if (
            before is not None
            and before["made_from"] == made_from
            and stimuli.file(before["original"] or "").exists()
        ):
            continue
        if name == "codec_control" and live["crop"]:
            failed.append(
                Fault(
                    own,
                    "cannot be made while its live clip is cropped: at another size those pixels are another part",
                    way_out="crop the live clip in an editing program and import that",
                )
            )
            continue
        try:
            control = _made(stimuli, name, live, ai, own)
        except BazinError as error:
            failed += [Fault(own, f"could not be made: {fault}") for fault in error.faults]
            continue
        clips[own] = _registered(stimuli, name, own, live, control, made_from, before)
        write_manifest(
            stimuli, Manifest(tuple(clips.values()), manifest.extra)
        )  # what is made is not made again
    return Manifest(tuple(clips.values()), manifest.extra, manifest.where)


def _made(stimuli: StimulusSet, name: str, live: Clip, ai: Clip | None, own: str) -> Control:
    target = stimuli.clips / f"{own}.mp4"
    source = stimuli.file(live["original"] or live.file)
    if name == "codec_control":
        assert ai is not None
        return codec_control(source, stimuli.file(ai["original"] or ai.file), target)
    return rotoscope(source, target)


def _registered(
    stimuli: StimulusSet,
    arm: str,
    own: str,
    live: Clip,
    control: Control,
    made_from: str,
    before: Clip | None,
) -> Clip:
    stored = (stimuli.clips / control.target).relative_to(stimuli.bids).as_posix()
    kept: Cells = dict(before.cells) if before is not None else {}
    return Clip(
        {
            **kept,
            "clip": own,
            "pair_id": live.pair_id,
            "arm": arm,
            "role": ROLE_OF[arm],
            "scene": live["scene"],
            "file": stored,
            "sha256": control.target_sha256,
            "original": stored,
            "original_sha256": control.target_sha256,
            "source_name": None,
            "made_from": made_from,
            "recipe": None,
            "licence": live["licence"],
            "performer_consent": live["performer_consent"],
            "start_s": live["start_s"],
            "crop": live["crop"],
            "edits": control.how,
            **file_facts(probe(stimuli.clips / control.target)),
        }
    )
