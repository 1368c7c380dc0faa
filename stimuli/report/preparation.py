"""What was done to each file, from ``prepared/<recipe>.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from protocols.pages.grids import Grid
from stimuli.preparing.pipeline import Prepared
from stimuli.report.saved import Saved
from stimuli.report.words import amount, n_of, rate, signed, some

NOTHING = {"Luma": "as it was", "Notes": "–"}
"""What stands in columns where nothing was done; a column of nothing else is left out."""


@dataclass(frozen=True)
class Recipe:
    """One recipe and what it did.

    Attributes
    ----------
    name, sha256, program
        The recipe, its hash, and what did the work.
    notes
        What concerned the whole set.
    clips
        What was done, clip by clip.
    left_out
        Clips it could not prepare, and why.
    steps, checks
        Filters, encoder and verification, clip by clip.
    """

    name: str
    sha256: str
    program: str
    notes: tuple[str, ...]
    clips: Grid | None
    left_out: tuple[str, ...]
    steps: Grid | None
    checks: Grid | None


@dataclass(frozen=True)
class Hashes:
    """SHA-256 of one clip's files: as imported, and as shown."""

    clip: str
    original: str
    shown: str

    @property
    def same(self) -> bool:
        """Whether the clip is shown as it was imported."""
        return self.original == self.shown


def hashes(saved: Saved) -> list[Hashes]:
    """Hashes of all clips."""
    return [
        Hashes(name, one.clip["original_sha256"] or "", one.clip["sha256"] or "")
        for name, one in saved.clips.items()
    ]


def recipes(saved: Saved) -> list[Recipe]:
    """Every recipe by which a clip was prepared that is shown."""
    return [_recipe(saved, name, document) for name, document in saved.recipes.items()]


def as_imported(saved: Saved) -> list[str]:
    """Clips that no recipe was applied to."""
    return [name for name, one in saved.clips.items() if one.clip["recipe"] is None]


def off_record(saved: Saved) -> list[str]:
    """Clips shown by a recipe whose record does not speak of them as they are now."""
    return [name for name, one in saved.clips.items() if one.clip["recipe"] and one.prepared is None]


def controls(saved: Saved) -> list[tuple[str, str]]:
    """Clips the program made of others, and how."""
    return [
        (name, one.clip["edits"] or "")
        for name, one in saved.clips.items()
        if one.clip["made_from"] is not None
    ]


def _recipe(saved: Saved, name: str, document: Mapping[str, Any]) -> Recipe:
    done = [
        (clip, one.prepared)
        for clip, one in saved.clips.items()
        if one.clip["recipe"] == name and one.prepared is not None
    ]
    entries: Mapping[str, Any] = document.get("clips", {})
    return Recipe(
        name,
        str(document.get("recipe_sha256", "")),
        str(document.get("libraries", "")),
        tuple(document.get("notes", ())),
        _done(done) if done else None,
        tuple(_left_out(clip, entry) for clip, entry in entries.items() if "left_out" in entry),
        _steps(done) if done else None,
        _checks(done) if done else None,
    )


def _left_out(clip: str, entry: Mapping[str, Any]) -> str:
    why = "; ".join(
        f"{fault['problem']}" + (f" ({fault['got']})" if fault.get("got") else "")
        for fault in entry["left_out"]
    )
    return f"{clip}: {why}"


def _done(clips: Sequence[tuple[str, Prepared]]) -> Grid:
    rows = []
    for name, one in clips:
        passed = sum(check.passed for check in one.checks)
        held = f", the last frame held for {one.held}" if one.held else ""
        rows.append(
            [
                name,
                f"{one.source_frames} at {_rate(one.source_fps)}",
                f"{one.frames} at {_rate(one.fps)}, {amount(one.duration_s)} s from {amount(one.start_s)} s{held}",
                str(one.repeated),
                str(one.dropped),
                one.picture,
                one.luma or NOTHING["Luma"],
                _sound(one.sound),
                f"{passed} of {len(one.checks)} passed",
                "; ".join(one.notes) or NOTHING["Notes"],
            ]
        )
    columns = [
        "Clip", "Frames before", "Frames after", "Repeated", "Dropped", "Picture", "Luma", "Sound", "Verified", "Notes"
    ]  # fmt: skip
    told = [i for i, name in enumerate(columns) if any(row[i] != NOTHING.get(name) for row in rows)]
    return Grid(
        "What was done to each clip",
        [columns[i] for i in told],
        [[row[i] for i in told] for row in rows],
        frozenset(told.index(columns.index(name)) for name in ("Repeated", "Dropped")),
        long=True,
    )


def _rate(fps: str) -> str:
    number, _, more = fps.partition(" ")
    return f"{rate(number)} fps {more}".strip()


def _sound(sound: Mapping[str, float | bool | None] | None) -> str:
    if sound is None:
        return "silent"
    gain, level = sound["gain_db"], sound["lufs"]
    if gain is None or level is None:
        return "kept; its loudness is not known"
    held = ", held back by its true peak" if sound["held_back_by_true_peak"] else ""
    return f"{signed(gain)} dB, to {amount(level)} LUFS{held}"


def _steps(clips: Sequence[tuple[str, Prepared]]) -> Grid:
    rows = [[name, ", ".join(one.filters), one.encoder] for name, one in clips]
    return Grid("Filters and encoder, as FFmpeg takes them", ["Clip", "Filters", "Encoder"], rows, long=True)


def _checks(clips: Sequence[tuple[str, Prepared]]) -> Grid:
    """One row per check: what was asked for, what was found over the clips, and which did not pass."""
    names = dict.fromkeys(check.name for _, one in clips for check in one.checks)
    rows = []
    for name in names:
        found = [(clip, check) for clip, one in clips for check in one.checks if check.name == name]
        failed = [
            f"{clip}: {check.got}, asked for {check.accepted}" for clip, check in found if not check.passed
        ]
        asked = list(dict.fromkeys(check.accepted for _, check in found))
        rows.append(
            [
                name,
                asked[0] if len(asked) == 1 else "as the clip’s own",
                some(list(dict.fromkeys(check.got for _, check in found)), 4),
                f"{len(found) - len(failed)} of {n_of(len(found), 'clip')}",
                "; ".join(failed) or "–",
            ]
        )
    return Grid(
        "What was verified by decoding every file",
        ["Checked", "Asked for", "Found", "Passed", "Not passed"],
        rows,
        long=True,
    )
