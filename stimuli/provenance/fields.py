"""What has to be known of a clip that its file cannot tell: the provenance columns of the manifest.

The table serves the list of what is still to do, the spreadsheet and the editor. Performers appear nowhere by name: a
cell that looks as if it told who somebody is, is refused without being repeated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from protocols.base.errors import Fault, did_you_mean, listed
from protocols.base.tables import MISSING
from stimuli.provenance.personal import looks_personal
from stimuli.registry.arms import ROLE_OF

UNKNOWN = "unknown"
LONGEST = 20_000
SHOWN = 60

AI = frozenset({"contrast", "familiarity_contrast"})
CLASSICS = frozenset({"familiarity_reference", "familiarity_contrast"})
CONTROLS = frozenset({"codec_control", "positive_control"})
FILMED = frozenset({"reference", "familiarity_reference"})
NOBODY: frozenset[str] = frozenset()

Check = Callable[[str], str | None]
"""Takes a cell, returns what is wrong with it, or None."""


@dataclass(frozen=True)
class Field:
    """One column.

    Attributes
    ----------
    name
        The column's name.
    meaning
        What stands in it, in one line.
    example
        A cell as it may be.
    required_for
        Roles whose clips must have it.
    check
        What is wrong with a cell, or None.
    accepted
        What the check lets through, in a sentence.
    words
        The only cells it lets through, where these are a few.
    may_be_unknown
        Whether `unknown` is an honest answer. It is taken, and stays listed as a gap.
    by_program
        Whether the program fills it in from the file.
    """

    name: str
    meaning: str
    example: str
    required_for: frozenset[str]
    check: Check
    accepted: str
    words: tuple[str, ...] = ()
    may_be_unknown: bool = False
    by_program: bool = False

    def is_required(self, row: Mapping[str, str | None]) -> bool:
        """Whether a clip must have it, by its role; by its arm where it has no role."""
        role = row.get("role") or ROLE_OF.get(row.get("arm") or "", "")
        return role in self.required_for


@dataclass(frozen=True)
class ToDo:
    """One cell that somebody has to fill in.

    Attributes
    ----------
    clip, field
        Where it stands.
    meaning
        What is wanted.
    """

    clip: str
    field: str
    meaning: str


def _text(value: str) -> str | None:
    if len(value) > LONGEST:
        return f"is longer than {LONGEST} characters"
    return None if any(character.isalnum() for character in value) else "holds no word"


def _count(value: str) -> str | None:
    return None if re.fullmatch(r"[1-9]\d{0,6}", value) else "is not a whole number of 1 or more"


def _seed(value: str) -> str | None:
    return None if re.fullmatch(r"-?\d{1,20}", value) else "is not a whole number"


def _one_of(*words: str) -> Check:
    return lambda value: None if value in words else "is none of the words it may be"


CONSENTS = ("yes", "no", "not_needed")
LABELS = ("none", "start", "end", "permanent", "cropped")
MANIFESTS = ("none", "valid", "trusted", "invalid", "elsewhere", "not supported", "unreadable")

FIELDS: tuple[Field, ...] = (
    Field(
        "generator",
        "the program that made the clip, as its maker calls it",
        "Sora",
        AI,
        _text,
        "a name",
        may_be_unknown=True,
    ),
    Field(
        "model_version",
        "model and version of the generator; where its maker gives none, the month it was used in",
        "sora-2-pro, 2025-11",
        AI,
        _text,
        "a version",
        may_be_unknown=True,
    ),
    Field(
        "prompt",
        "the whole text the generator was given, with what else it was given (pictures, negative prompt, settings)",
        "A woman pours coffee at a kitchen table, morning light",
        AI,
        _text,
        "text",
        may_be_unknown=True,
    ),
    Field(
        "seed",
        "the generator's random seed",
        "1234567",
        AI,
        _seed,
        "a whole number, or 'unknown' where the generator shows none",
        may_be_unknown=True,
    ),
    Field(
        "source_of_first_frame",
        "where the first picture came from: none (from text alone), a frame of the live clip, another picture",
        "first frame of the live clip",
        AI,
        _text,
        "text; 'none' for a clip made from text alone",
        may_be_unknown=True,
    ),
    Field(
        "attempts",
        "how many clips were generated for this scene, the chosen one included",
        "12",
        AI,
        _count,
        "a whole number, 1 or more",
        may_be_unknown=True,
    ),
    Field(
        "selection_rule",
        "the rule by which this attempt was chosen, and who applied it (a role, no name)",
        "first without visible artefacts, by two raters who did not know the hypotheses",
        AI,
        _text,
        "text",
        may_be_unknown=True,
    ),
    Field(
        "licence",
        "under which licence, or whose permission, the clip may be shown and passed on",
        "CC BY 4.0",
        FILMED | CONTROLS,
        _text,
        "a licence, or whose permission",
        may_be_unknown=True,
    ),
    Field(
        "performer_consent",
        "whether the people in it agreed to its use in research; the papers stay with the lab",
        "yes",
        frozenset({"reference"}),
        _one_of(*CONSENTS),
        "yes, no, not_needed (nobody can be recognised)",
        words=CONSENTS,
        may_be_unknown=True,
    ),
    Field(
        "prior_exposure",
        "how participants are asked whether they had seen the clip, or the film it is from, before the study",
        "after the session: 'Have you ever seen this film?' yes, no, not sure",
        CLASSICS,
        _text,
        "text",
    ),
    Field(
        "edits",
        "what was done to the clip before it was imported; of a control: from which clip it was made, and how",
        "cut to 5 s, color graded; upscaled with Real-ESRGAN",
        CONTROLS,
        _text,
        "text; 'none' for a clip as the camera or the generator gave it",
        may_be_unknown=True,
    ),
    Field(
        "visible_label",
        "whether a label or watermark can be seen: none, start, end, permanent, or cropped (it was there)",
        "none",
        AI,
        _one_of(*LABELS),
        "none, start, end, permanent, cropped",
        words=LABELS,
    ),
    Field(
        "c2pa",
        "whether the imported file bears a C2PA manifest, and whether its signature holds",
        "valid",
        NOBODY,
        _one_of(*MANIFESTS),
        listed(MANIFESTS),
        words=MANIFESTS,
        by_program=True,
    ),
    Field(
        "digital_source_type",
        "how the file itself claims to have come about (IPTC digital source types, from C2PA and XMP)",
        "trainedAlgorithmicMedia",
        NOBODY,
        _text,
        "IPTC digital source types, separated by ';'",
        by_program=True,
    ),
)
"""Every provenance column, in the order of the manifest."""


def value_of(row: Mapping[str, str | None], field: Field) -> str | None:
    """What stands in a cell; None if nothing does."""
    value = (row.get(field.name) or "").strip()
    return None if value in ("", MISSING) else value


def todo(row: Mapping[str, str | None]) -> list[ToDo]:
    """Cells of a clip that must be filled in and are empty.

    Parameters
    ----------
    row
        A row of the manifest: ``clip``, ``arm``, ``role`` and the columns of `FIELDS`, as far as there are any.
    """
    return [
        ToDo(row.get("clip") or "", field.name, field.meaning)
        for field in FIELDS
        if field.is_required(row) and value_of(row, field) is None
    ]


def gaps(row: Mapping[str, str | None]) -> list[ToDo]:
    """What a report must say is not known of a clip: required cells that are empty or say `unknown`."""
    return [
        ToDo(row.get("clip") or "", field.name, field.meaning)
        for field in FIELDS
        if field.is_required(row) and (value_of(row, field) or UNKNOWN).casefold() == UNKNOWN
    ]


def check_row(row: Mapping[str, str | None]) -> list[Fault]:
    """Everything wrong with the cells of a clip that are filled in.

    Parameters
    ----------
    row
        As for `todo`.

    Returns
    -------
    list of Fault
        Their item is ``clip.field``. A cell that looks personal is never repeated.
    """
    faults = (_fault(row, field) for field in FIELDS)
    return [fault for fault in faults if fault is not None]


def _fault(row: Mapping[str, str | None], field: Field) -> Fault | None:
    value = value_of(row, field)
    if value is None:
        return None
    item = f"{row.get('clip') or 'clip'}.{field.name}"
    personal = None if field.check in (_seed, _count) else looks_personal(value)
    if personal is not None:
        return Fault(
            item,
            f"looks like {personal}",
            accepted=field.accepted,
            way_out="take it out: who performed, and how to reach them, stays with the lab",
        )
    if value.casefold() == UNKNOWN:
        if field.may_be_unknown:
            return None
        problem: str | None = "can be found out: it is not left unknown"
    else:
        problem = field.check(value)
    if problem is None:
        return None
    shown = value if len(value) <= SHOWN else value[: SHOWN - 1] + "…"
    way_out = did_you_mean(value, field.words) or f"for example: {field.example}"
    return Fault(item, problem, got=shown, accepted=field.accepted, way_out=way_out)
