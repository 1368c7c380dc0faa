"""A stimulus set on disk: where everything in its folder lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from protocols.base.errors import InputError, UsageError, fail

MANIFEST = "pairs.tsv"


@dataclass(frozen=True)
class StimulusSet:
    """The folder of a set.

    Attributes
    ----------
    root
        The folder: ``pairs.tsv``, ``stimuli/``, ``measures/``, ``match/``, ``prepared/`` and ``report.html`` lie in it.
    """

    root: Path

    @property
    def name(self) -> str:
        """What BIDS tables call it: the folder's name in ASCII letters, digits, ``_`` and ``-``."""
        return safe_name(self.root.resolve().name) or "set"

    @property
    def manifest(self) -> Path:
        """The pair manifest."""
        return self.root / MANIFEST

    @property
    def bids(self) -> Path:
        """The folder that is copied into a BIDS data set as it is; files in it are what ``stim_file`` names."""
        return self.root / "stimuli"

    @property
    def clips(self) -> Path:
        """The clips as they were imported; those of a recipe lie in a folder of its name below."""
        return self.bids / self.name

    @property
    def measures(self) -> Path:
        """What was measured."""
        return self.root / "measures"

    @property
    def match(self) -> Path:
        """How far the arms differ."""
        return self.root / "match"

    @property
    def prepared(self) -> Path:
        """What preparation did, a file for each recipe."""
        return self.root / "prepared"

    @property
    def report(self) -> Path:
        """The page."""
        return self.root / "report.html"

    def file(self, stim_file: str) -> Path:
        """A clip by its path below ``stimuli/``."""
        return self.bids / stim_file


def existing_set(root: Path) -> StimulusSet:
    """The set in a folder.

    Raises
    ------
    UsageError
        If the folder is not there.
    InputError
        If it holds no manifest.
    """
    if not root.is_dir():
        raise fail(
            UsageError,
            str(root),
            "is not a folder" if root.exists() else "does not exist",
            way_out="name the folder that 'bazin stimuli import … --out SET' made",
        )
    found = StimulusSet(root)
    if not found.manifest.exists():
        raise fail(
            InputError,
            str(root),
            f"is not a stimulus set: it holds no {MANIFEST}",
            way_out="make one: bazin stimuli import FOLDER --out SET",
        )
    return found


def safe_name(text: str) -> str:
    """Text as a name that every system and BIDS takes: ASCII letters, digits, ``_`` and ``-``; may be empty."""
    return re.sub(r"[^A-Za-z0-9-]+", "_", text).strip("_-")
