"""Maps as they were saved, read back for figures and pages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from analysis.fmri.group.clusters import COLUMNS, NUMERIC
from analysis.fmri.group.records import MapRecord
from analysis.fmri.group.template import Brain, brain_of
from analysis.fmri.images import Image, read_image
from protocols.base.errors import InputError, fail
from protocols.base.files import read_json
from protocols.base.tables import read_frame


@dataclass(frozen=True)
class SavedMap:
    """One map below ``maps/``.

    Attributes
    ----------
    record
        What was asked and found.
    folder
        Where its files are.
    """

    record: MapRecord
    folder: Path

    def image(self, what: str) -> Image:
        """One of its images, by the last word of its name; read anew, for all together are large."""
        return read_image(self.folder / f"{self.record.name}_{what}.nii.gz")

    @property
    def brain(self) -> Brain:
        """The brain it lies in."""
        return brain_of(self.record.space, self.folder)

    @cached_property
    def clusters(self) -> pd.DataFrame:
        """Its clusters: `clusters.COLUMNS`."""
        path = self.folder / f"{self.record.name}_clusters.tsv"
        return read_frame(path, numeric=NUMERIC, required=COLUMNS)


def read_maps(folder: Path) -> list[SavedMap]:
    """All maps of a folder, by name; none if there is no such folder.

    Raises
    ------
    InputError
        If a record is broken.
    """
    found = []
    for path in sorted(folder.glob("*.json"), key=lambda path: path.stem):
        try:
            found.append(SavedMap(MapRecord.model_validate(read_json(path)), folder))
        except ValidationError as error:
            first = error.errors()[0]
            raise fail(
                InputError, str(path), "is not the record of a map",
                got=f"{error.error_count()} faults, the first at {'.'.join(map(str, first['loc']))}",
                way_out="run bazin analyse OUT OUT group",
            ) from error  # fmt: skip
    return found
