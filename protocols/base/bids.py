"""BIDS file names, sidecars and data-set descriptions (specification 1.11.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import protocols
from protocols.base.errors import InputError, fail
from protocols.base.files import write_json

BIDS_VERSION = "1.11.1"
ENTITIES = (
    "sub", "ses", "sample", "task", "tracksys", "acq", "ce", "trc", "stain", "rec", "dir", "run",
    "mod", "echo", "flip", "inv", "mt", "part", "proc", "hemi", "space", "cohort", "split", "recording",
    "chunk", "seg", "res", "den", "label", "desc",
)  # fmt: skip
"""In the order of the specification; ``cohort`` is TemplateFlow's and fMRIPrep's, after the space it belongs to."""
_LABEL = re.compile(r"[A-Za-z0-9+]+")
_NAME = re.compile(
    r"(?P<entities>(?:[a-z]+-[A-Za-z0-9+]+_)*)(?P<suffix>[A-Za-z0-9]+)(?P<extension>(?:\.[A-Za-z0-9]+)+)"
)


def label(text: str) -> str:
    """A BIDS label: what is left of `text` when everything but ASCII letters and digits is taken away.

    Raises
    ------
    InputError
        If nothing is left.
    """
    kept = re.sub(r"[^A-Za-z0-9]", "", text)
    if not kept:
        raise fail(InputError, repr(text), "cannot be made a BIDS label", accepted="ASCII letters and digits")
    return kept


def participant_id(code: str) -> str:
    """``07`` or ``sub-07`` as ``sub-07``; anything but letters and digits in it is refused."""
    bare = code.strip().removeprefix("sub-")
    if not re.fullmatch(r"[A-Za-z0-9]+", bare):
        raise fail(
            InputError,
            f"participant '{code}'",
            "is not a participant code",
            accepted="ASCII letters and digits, with or without 'sub-': 07, sub-07, kid12",
            way_out="rename it, or let the import re-key the codes",
        )
    return f"sub-{bare}"


@dataclass(frozen=True)
class Name:
    """A BIDS file name: entities in the order the specification fixes, a suffix and an extension.

    Examples
    --------
    >>> str(Name("bold", ".nii.gz", {"task": "film", "sub": "07"}))
    'sub-07_task-film_bold.nii.gz'
    >>> Name.parse("sub-07_task-film_run-1_bold.nii.gz").entities["run"]
    '1'
    """

    suffix: str
    extension: str
    entities: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, value in self.entities.items():
            if key not in ENTITIES:
                raise ValueError(f"'{key}' is not a BIDS entity; known: {', '.join(ENTITIES)}")
            if not _LABEL.fullmatch(value):
                raise ValueError(f"'{key}-{value}': a label is made of letters, digits and '+'")

    def __str__(self) -> str:
        ordered = [f"{key}-{self.entities[key]}_" for key in ENTITIES if key in self.entities]
        return "".join(ordered) + self.suffix + self.extension

    @classmethod
    def parse(cls, name: str) -> Name:
        """Take a file name apart.

        Raises
        ------
        InputError
            If it is not a BIDS name, an entity is unknown or stands twice.
        """
        match = _NAME.fullmatch(name)
        if match is None:
            raise fail(
                InputError, name, "is not a BIDS file name", accepted="sub-07_task-film_run-1_bold.nii.gz"
            )
        pairs = [part.split("-", 1) for part in match["entities"].split("_") if part]
        keys = [key for key, _ in pairs]
        for key in keys:
            if key not in ENTITIES or keys.count(key) > 1:
                problem = "stands twice" if keys.count(key) > 1 else "is not a BIDS entity"
                raise fail(InputError, name, f"'{key}' {problem}")
        return cls(match["suffix"], match["extension"], dict(pairs))


def generated_by(**settings: Any) -> list[dict[str, Any]]:
    """The ``GeneratedBy`` entry of everything this program writes."""
    entry: dict[str, Any] = {"Name": "bazin", "Version": protocols.__version__}
    return [{**entry, **settings}] if settings else [entry]


def write_description(folder: Path, name: str, *, sources: list[dict[str, str]] | None = None) -> Path:
    """Write ``dataset_description.json`` for a derivative data set."""
    document: dict[str, Any] = {
        "Name": name,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": generated_by(),
    }
    if sources:
        document["SourceDatasets"] = sources
    return write_json(folder / "dataset_description.json", document)
