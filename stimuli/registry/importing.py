"""``bazin stimuli import``: files of a lab become a set with a manifest; the lab's own files are only read."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from protocols.base.canonical import sha256_file
from protocols.base.errors import BazinError, Fault, InputError, OutputError, UsageError, fail, listed
from protocols.base.files import cannot_write
from protocols.base.progress import progress
from stimuli.probing import Probe, probe
from stimuli.provenance.claims import Claims, conflicts, read_claims
from stimuli.registry.arms import ROLE_OF, pair_ids
from stimuli.registry.bids import write_bids_stimuli
from stimuli.registry.manifest import Cells, Clip, Manifest, filled_by_hand, read_manifest, write_manifest
from stimuli.registry.sources import Found, find_clips
from stimuli.sets import StimulusSet

Say = Callable[[str], None]


@dataclass
class Imported:
    """What an import did.

    Attributes
    ----------
    stimuli, manifest, sha256
        The set, its clips, and the manifest's hash.
    added, kept
        Clips that are new or changed, and those that were there before.
    set_aside
        Files that were not taken, each with its reason.
    ignored
        Files that are no videos by their name.
    conflicts
        Claims of files that contradict what their clips are registered as.
    notes
        What else is odd about single clips.
    """

    stimuli: StimulusSet
    manifest: Manifest
    sha256: str = ""
    added: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    set_aside: list[Fault] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def import_clips(
    folders: Sequence[Path], out: Path, *, pairs_file: Path | None = None, say: Say = print
) -> Imported:
    """Register the clips in some folders as a set.

    Every file is probed, its claims about its own making are read, and it is copied under a plain name. What a person
    filled into an earlier manifest of the same set is kept.

    Parameters
    ----------
    folders
        Folders with clips, looked through to the bottom; single files count too.
    out
        The set's folder; made where missing.
    pairs_file
        A table that says which file is which clip (``file, pair_id, arm`` and any other column of the manifest), where
        names and folders do not.
    say
        Where lines for the user go.

    Raises
    ------
    UsageError
        If a folder is missing, or there is not one clip whose arm is known.
    OutputError
        If the set cannot be written.
    """
    stimuli = StimulusSet(out)
    _refuse_foreign(stimuli)
    earlier = read_manifest(stimuli) if stimuli.manifest.exists() else Manifest(())
    found, set_aside, ignored = find_clips(folders, pairs_file, out)
    outcome = Imported(stimuli, earlier, set_aside=set_aside, ignored=ignored)
    named = pair_ids(dict.fromkeys(one.scene for one in found if one.pair_id is None))
    clips = {clip.name: clip for clip in earlier.clips}
    contents = {clip["original_sha256"]: clip.name for clip in earlier.clips}
    for one in progress(found, "import"):
        try:
            clip = _register(one, named, stimuli, clips, contents, outcome)
        except OutputError:
            raise
        except BazinError as error:
            outcome.set_aside += [replace(fault, item=one.shown) for fault in error.faults]
            continue
        if clip is not None:
            clips[clip.name] = clip
            contents[clip["original_sha256"]] = clip.name
    if not clips:
        _say_all(outcome, say)
        raise fail(
            UsageError,
            listed(str(folder) for folder in folders),
            "gave not one clip",
            accepted="folders named after arms (live/, ai/), files such as kitchen_live.mp4, or a pairs file",
            way_out="write a table with the columns file, pair_id, arm and give it with --pairs",
        )
    outcome.manifest = Manifest(tuple(clips.values()), _extra(earlier, found))
    outcome.sha256 = write_manifest(stimuli, outcome.manifest)
    outcome.manifest = read_manifest(stimuli)
    write_bids_stimuli(stimuli, outcome.manifest)
    _say_all(outcome, say)
    return outcome


def _register(
    one: Found,
    named: dict[str, str],
    stimuli: StimulusSet,
    clips: dict[str, Clip],
    contents: dict[str | None, str],
    outcome: Imported,
) -> Clip | None:
    pair_id = one.pair_id or named[one.scene]
    name = f"{pair_id}_{one.arm}"
    digest = sha256_file(one.path)
    same = contents.get(digest)
    if same is not None and same != name:
        way_out = (
            "take one of them away" if same.endswith(f"_{one.arm}") else "one of the two is the wrong file"
        )
        outcome.set_aside.append(
            Fault(one.shown, f"is the same file, byte for byte, as {same}", way_out=way_out)
        )
        return None
    before = clips.get(name)
    if (
        before is not None
        and before["original_sha256"] == digest
        and stimuli.file(before["original"] or "").exists()
    ):
        outcome.kept.append(name)
        return before.having(**one.cells) if one.cells else before
    if before is not None and name in {*outcome.added, *outcome.kept}:
        outcome.set_aside.append(
            Fault(
                one.shown,
                f"is a second clip for {name}",
                got=f"{before['source_name']} and {one.path.name}",
                way_out="rename one of them, or tell them apart in a pairs file",
            )
        )
        return None
    described = probe(one.path)
    claims = read_claims(one.path)
    target = stimuli.clips / f"{name}{one.path.suffix.lower()}"
    copy_file(one.path, target, digest)
    outcome.added.append(name)
    if before is not None:
        outcome.notes.append(f"{name}: the file is another one than before; check what was filled in by hand")
    outcome.conflicts += [f"{name}: {text}" for text in conflicts(one.role, claims)]
    outcome.notes += [f"{name}: {text}" for text in described.problems]
    return Clip(
        {**(_by_hand(before)), **_facts(one, name, pair_id, digest, described, claims, stimuli, target)}
    )


def _by_hand(before: Clip | None) -> Cells:
    return {name: before[name] for name in filled_by_hand()} if before is not None else {}


def _facts(
    one: Found,
    name: str,
    pair_id: str,
    digest: str,
    found: Probe,
    claims: Claims,
    stimuli: StimulusSet,
    target: Path,
) -> Cells:
    stored = target.relative_to(stimuli.bids).as_posix()
    said = claimed(claims)
    return {
        "clip": name,
        "pair_id": None if one.alone else pair_id,
        "arm": one.arm,
        "role": one.role,
        "scene": one.scene,
        "file": stored,
        "sha256": digest,
        "original": stored,
        "original_sha256": digest,
        "source_name": one.path.name,
        "recipe": None,
        **file_facts(found),
        **said,
        **one.cells,
    }


def file_facts(found: Probe) -> Cells:
    """The manifest's columns that describe a file."""
    sound = f"{found.audio_codec}, {found.layout}, {found.sample_rate} Hz" if found.has_sound else "none"
    return {
        "duration": f"{found.duration_s:.6f}",
        "fps": str(found.fps),
        "frame_rate": "constant" if found.constant_rate else "variable",
        "frames": str(found.frames),
        "size": f"{found.width}x{found.height}",
        "pixel_aspect": str(found.pixel_aspect),
        "container": found.container,
        "codec": found.codec,
        "color": f"{found.pixel_format}, {found.range} range, matrix {found.matrix}, transfer {found.transfer}",
        "audio": sound,
        "problems": "; ".join(found.problems) or None,
    }


def claimed(claims: Claims) -> Cells:
    """The manifest's columns that the file's own claims fill."""
    return {
        "claims": claims.summary or None,
        "c2pa": claims.c2pa_summary,
        "digital_source_type": claims.digital_source_type,
    }


def copy_file(source: Path, target: Path, digest: str) -> None:
    """Copy a film so that `target` is never seen half written, and is what `digest` says.

    Raises
    ------
    OutputError
        If the disk is full or cannot be written; nothing is left then.
    InputError
        If the source changed while it was read.
    """
    if target.exists() and sha256_file(target) == digest:
        return
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as reading, part.open("wb") as writing:
            while piece := reading.read(1 << 20):
                writing.write(piece)
            writing.flush()
            os.fsync(writing.fileno())
        if sha256_file(part) != digest:
            raise fail(InputError, source.name, "changed while it was copied", way_out="import it again")
        part.replace(target)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        part.unlink(missing_ok=True)


def _refuse_foreign(stimuli: StimulusSet) -> None:
    """Nothing of a user's is overwritten: a folder that holds other things is not taken for a set."""
    root = stimuli.root
    if root.exists() and not root.is_dir():
        raise fail(OutputError, str(root), "is a file", way_out="name another folder for --out")
    if root.is_dir() and not stimuli.manifest.exists() and not stimuli.bids.exists() and any(root.iterdir()):
        raise fail(
            OutputError,
            str(root),
            "holds something that is not a stimulus set",
            got=listed(sorted(path.name for path in root.iterdir()), limit=5),
            way_out="name a new folder for --out",
        )


def _extra(earlier: Manifest, found: Sequence[Found]) -> tuple[str, ...]:
    known = {*earlier.extra}
    return (
        *earlier.extra,
        *dict.fromkeys(name for one in found for name in one.own_columns if name not in known),
    )


def _say_all(outcome: Imported, say: Say) -> None:
    for fault in outcome.set_aside:
        say(f"set aside: {fault}")
    if outcome.ignored:
        say(f"ignored, no videos by their names: {listed(outcome.ignored)}")


__all__ = ["ROLE_OF", "Imported", "import_clips"]
