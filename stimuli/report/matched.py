"""What ``match/`` holds, read back: only if it belongs to the clips as they are now."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from protocols.base.canonical import sha256_file
from protocols.base.errors import BazinError
from protocols.base.files import read_json
from protocols.base.tables import read_frame
from stimuli.matching.equivalence import Equivalence
from stimuli.matching.gate import GateRow
from stimuli.matching.leak import Driver, Leak
from stimuli.matching.what_if import WhatIf
from stimuli.registry.manifest import Manifest
from stimuli.sets import StimulusSet
from stimuli.verbs.measure import TABLE

JUDGED = ("within", "mean_outside", "worst_outside", "both_outside", "not_measured")


@dataclass(frozen=True)
class Compared:
    """One contrast arm against the reference.

    Attributes
    ----------
    contrast
        The arm.
    pairs
        Complete pairs.
    passes
        Whether every toleranced feature is within; None without tolerances.
    gate, tests, leak, what_if
        As `stimuli.matching` has them; the leak test without its scores.
    """

    contrast: str
    pairs: tuple[str, ...]
    passes: bool | None
    gate: tuple[GateRow, ...]
    tests: tuple[Equivalence, ...]
    leak: Leak
    what_if: WhatIf | None

    @property
    def judged(self) -> tuple[GateRow, ...]:
        """Rows of features with a tolerance."""
        return tuple(row for row in self.gate if row.outcome in JUDGED)

    @property
    def outside(self) -> tuple[GateRow, ...]:
        """Rows of features that are not within their tolerance."""
        return tuple(row for row in self.judged if row.outcome != "within")


@dataclass(frozen=True, eq=False)
class Matching:
    """How well the arms match, as saved.

    Attributes
    ----------
    reference
        The arm the others are compared with.
    compared
        What was found, contrast by contrast.
    differences
        ``differences.tsv``.
    covariates
        Names of what the analysis must carry.
    sentences
        Everything that was found, a line each.
    methods
        The paragraph about matching.
    plan, plan_sha256
        The plan whose tolerances they are; empty where that was not recorded.
    labelled
        Clips with a visible label that the plan rejects.
    renewed
        Whether the manifest is another one than when the arms were compared, while the clips are the same.
    """

    reference: str
    compared: tuple[Compared, ...]
    differences: pd.DataFrame
    covariates: tuple[str, ...]
    sentences: tuple[str, ...]
    methods: str
    plan: str
    plan_sha256: str
    labelled: tuple[str, ...]
    renewed: bool

    def of(self, contrast: str) -> Compared | None:
        """The comparison of one arm."""
        return next((one for one in self.compared if one.contrast == contrast), None)


@dataclass(frozen=True, eq=False)
class Matched:
    """`found`, or `why` there is nothing that holds for the clips as they are now."""

    found: Matching | None = None
    why: str = ""


def read_matched(
    stimuli: StimulusSet, manifest: Manifest, sha256: str, measured: bool, broken: list[str]
) -> Matched:
    """Read ``match/``.

    Parameters
    ----------
    stimuli, manifest, sha256
        The set, its manifest, and that file's SHA-256.
    measured
        Whether all clips were measured as they are now.
    broken
        Gets what cannot be read.
    """
    if not (stimuli.match / "match.json").exists():
        return Matched(why="not matched yet")
    try:
        document = read_json(stimuli.match / "match.json")
        reason = _outdated(stimuli, manifest, document, measured)
        return Matched(why=reason) if reason else Matched(_matching(stimuli, document, sha256))
    except BazinError as error:
        broken.extend(str(fault) for fault in error.faults)
    except (KeyError, TypeError, ValueError, AttributeError):
        broken.append(f"{stimuli.match}: is not what this version of bazin writes")
    return Matched(why="what was saved of the matching cannot be read")


def _outdated(stimuli: StimulusSet, manifest: Manifest, document: Mapping[str, Any], measured: bool) -> str:
    """Why the saved comparison says nothing of the clips as they are now; empty if it does."""
    table = stimuli.measures / TABLE
    recorded = document.get("made_from", {}).get("measures_sha256")
    if not measured or (recorded and (not table.exists() or sha256_file(table) != recorded)):
        return "matched before the clips were changed or measured again"
    both = {
        contrast: sorted(
            pair
            for pair, versions in manifest.pairs().items()
            if contrast in versions and document["reference"] in versions
        )
        for contrast in document["contrasts"]
    }
    if both != {contrast: sorted(one["pairs"]) for contrast, one in document["contrasts"].items()}:
        return "matched before the pairs were changed"
    return ""


def _matching(stimuli: StimulusSet, document: Mapping[str, Any], sha256: str) -> Matching:
    folder = stimuli.match
    numbers = [one.name for one in fields(GateRow) if one.type == "float"]
    gate = read_frame(folder / "gate.tsv", numeric=numbers, required=("contrast", "feature", "outcome"))
    tested = [one.name for one in fields(Equivalence) if one.type not in ("str", "int", "int | None")]
    tests = read_frame(folder / "equivalence.tsv", numeric=tested, required=("contrast", "feature"))
    differences = read_frame(
        folder / "differences.tsv",
        numeric=("reference_value", "contrast_value", "difference", "tolerance_worst", "outside"),
        required=("contrast", "pair_id", "feature", "unit"),
    )
    made_from = document.get("made_from", {})
    return Matching(
        document["reference"],
        tuple(
            Compared(
                contrast,
                tuple(one["pairs"]),
                one["passes"],
                tuple(_gate_row(row) for row in _rows(gate, contrast)),
                tuple(_test(row) for row in _rows(tests, contrast)),
                _leak(one["leak"]),
                WhatIf(**_tuples(one["what_if"])) if one["what_if"] else None,
            )
            for contrast, one in document["contrasts"].items()
        ),
        differences,
        tuple(document["covariates"]),
        tuple(document["sentences"]),
        document["methods"],
        made_from.get("plan", ""),
        made_from.get("plan_sha256", ""),
        tuple(made_from.get("labelled", ())),
        made_from.get("manifest_sha256", sha256) != sha256,
    )


def _rows(frame: pd.DataFrame, contrast: str) -> list[dict[str, Any]]:
    return [
        {str(name): value for name, value in row.items()}
        for row in frame.to_dict("records")
        if row["contrast"] == contrast
    ]


def _gate_row(row: Mapping[str, Any]) -> GateRow:
    gaps = re.findall(r"([^,()]+?) \(([^)]*)\)", row["not_measured"] or "")
    cells = {
        **row,
        "unit": row["unit"] or "",
        "pairs": int(row["pairs"]),
        "outside": tuple((row["outside"] or "").split(", ")) if row["outside"] else (),
        "not_measured": tuple((pair.strip(), tuple(arms.split(" and "))) for pair, arms in gaps),
    }
    return GateRow(**{one.name: cells[one.name] for one in fields(GateRow)})


def _test(row: Mapping[str, Any]) -> Equivalence:
    needed = row["pairs_needed"]
    cells = {
        **row,
        "pairs": int(row["pairs"]),
        "pairs_needed": int(needed) if needed else None,
        "note": row["note"] or "",
        "unit": row["unit"] or "",
    }
    return Equivalence(**{one.name: cells[one.name] for one in fields(Equivalence)})


def _leak(entry: Mapping[str, Any]) -> Leak:
    drivers = tuple(Driver(**_numbers(one)) for one in entry["drivers"])
    return Leak(**_numbers({**entry, "drivers": drivers}))


def _numbers(entry: Mapping[str, Any]) -> dict[str, Any]:
    """NaN where JSON has none."""
    return {name: math.nan if value is None else value for name, value in entry.items()}


def _tuples(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(tuple(one) if isinstance(one, list) else one for one in value)
        if isinstance(value, list)
        else value
        for name, value in entry.items()
    }
