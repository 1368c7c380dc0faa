"""What a person's results are called below OUT."""

from __future__ import annotations

from analysis.fmri.derivatives import space_of
from protocols.base.bids import Name, label

WORK = "work"
"""Folder for what is no BIDS derivative: rows for the group, transforms, templates, unfinished files."""


def saved_name(participant: str, session: str, what: str) -> str:
    """Where a person's tables lie below OUT."""
    return f"{WORK}/{participant}/{label(session)}_{what}.tsv"


def first_level_stamp(participant: str, session: str) -> str:
    """Name of the stamp of a person's first level."""
    return f"first-level-{participant}-{label(session)}"


def map_stem(name: str) -> str:
    """How the names of a person's maps begin: those of a run without ``run-``."""
    entities = Name.parse(name).entities
    kept = {key: one for key, one in entities.items() if key in ("sub", "ses", "task", "acq", "space", "res")}
    kept["space"] = space_of(entities)
    return "_".join(f"{key}-{one}" for key, one in kept.items())
