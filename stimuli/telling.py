"""What the commands say of a set, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from stimuli.registry.checking import Checked, incomplete_pairs
from stimuli.registry.editing import todo_lines
from stimuli.registry.importing import Imported
from stimuli.registry.manifest import Clip, Manifest
from stimuli.together import together

SHOWN_HASH = 12


def import_lines(outcome: Imported) -> Iterator[str]:
    """After an import: the pairs, what is odd, what is still to be filled in, and what to do next."""
    manifest = outcome.manifest
    root = outcome.stimuli.root
    pairs = manifest.pairs()
    kept = f", {len(outcome.kept)} kept as they were" if outcome.kept else ""
    yield (
        f"{root}: {len(manifest.clips)} clips in {len(pairs)} pairs ({', '.join(manifest.arms)}); "
        f"{len(outcome.added)} new{kept}"
    )
    yield from _table(manifest)
    lacking = list(incomplete_pairs(manifest))
    yield from _block("Pairs that are not complete", lacking)
    yield from _block(
        "Not what they are registered as, if their files are right", together(outcome.conflicts)
    )
    yield from _block("Found in the files", together(outcome.notes))
    todo = todo_lines(manifest)
    yield from _block(f"To be filled in (bazin stimuli edit {root})", todo)
    yield ""
    yield f"manifest SHA-256 {outcome.sha256}"
    yield f"Next: bazin stimuli measure {root}"


def check_lines(checked: Checked) -> Iterator[str]:
    """After a check."""
    yield from _table(checked.manifest)
    yield from _block("Faults", [str(fault) for fault in checked.faults])
    yield from _block("To be known", together(checked.warnings))
    yield from _block("To be filled in", checked.todo)
    yield ""
    state = f"{len(checked.faults)} faults" if checked.faults else "no faults"
    yield f"{state}; manifest SHA-256 {checked.sha256}"
    if not checked.faults:
        yield f'In the plan: stimuli.manifest_sha256: "{checked.sha256}"'


def _block(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"{title}:"
        for text in lines:
            yield from (f"  {line}" for line in text.splitlines())


def _table(manifest: Manifest) -> Iterator[str]:
    """One row for each clip, aligned."""
    rows = [_described(clip) for clip in manifest.clips]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _described(clip: Clip) -> tuple[str, ...]:
    rate = f"{float(Fraction(clip['fps'] or 0)):.6g} fps"
    variable = " variable" if clip["frame_rate"] == "variable" else ""
    seconds = f"{float(clip['duration'] or 0):.2f} s"
    sound = (clip["audio"] or "none").split(", ")
    audio = "no sound" if sound[0] == "none" else " ".join(sound[:2])
    size = (clip["size"] or "").replace("x", " × ")
    return (clip.pair_id or "–", clip.arm, size, rate + variable, seconds, clip["codec"] or "", audio)
