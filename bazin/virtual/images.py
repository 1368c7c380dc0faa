"""Simulated runs on the disk, under fMRIPrep's names; everything says that no person was scanned."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

from analysis.fmri.preprocessing.confounds import confounds_table
from analysis.fmri.preprocessing.rigid import PARAMETERS, framewise_displacement
from bazin.virtual.bold import SPACE, Array, Head, Series
from bazin.virtual.moving import moved_run
from protocols.base.bids import BIDS_VERSION, Name, generated_by
from protocols.base.errors import OutputError, fail
from protocols.base.files import read_json, write_atomically, write_json
from protocols.base.tables import frame_text

UNIT = 0.5
"""Of the 16-bit numbers in the files: one is 0.005 % of the brain's level."""
MOST = 32_767


@dataclass(frozen=True)
class Shown:
    """One run as its session showed it.

    Attributes
    ----------
    run
        From 1.
    entities
        Of its files: sub, ses, task, run.
    events
        ``onset``, ``duration`` (s), ``arm``, ``scene``, …; one row per clip, attention trials with no arm.
    n_volumes, tr_s
        Volumes stored, and the repetition time.
    """

    run: int
    entities: Mapping[str, str]
    events: pd.DataFrame
    n_volumes: int
    tr_s: float


def own_folder(folder: Path, plan: str, seed: int) -> None:
    """Make a derivative that says it is simulated, without the people of an earlier one.

    Raises
    ------
    OutputError
        If the folder holds anything else, which is never written over.
    """
    description = folder / "dataset_description.json"
    if folder.exists() and any(folder.iterdir()):
        said = read_json(description) if description.exists() else {}
        if not said.get("Simulated"):
            raise fail(OutputError, str(folder), "holds something that was not simulated",
                       way_out="name a new folder")  # fmt: skip
        for person in folder.glob("sub-*"):
            shutil.rmtree(person)
    document = {
        "Name": f"Simulated functional images for the plan {plan}",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "Simulated": True,
        "GeneratedBy": generated_by(Description="the virtual lab: no person was scanned", Seed=seed),
    }
    write_json(description, document)


def _sidecar(shown: Shown, **more: object) -> str:
    said = {
        "TaskName": shown.entities["task"], "RepetitionTime": shown.tr_s, "SliceTimingCorrected": False,
        "Simulated": True, **more,
    }  # fmt: skip
    return json.dumps(said, indent=2) + "\n"


def write_derived(folder: Path, shown: Shown, values: Series, head: Head, motion: Array) -> Path:
    """Images, mask and confounds in the template's space."""
    home = folder / f"sub-{shown.entities['sub']}" / f"ses-{shown.entities['ses']}" / "func"
    home.mkdir(parents=True, exist_ok=True)
    resolution = f"{abs(head.grid.affine[0, 0]):g}".replace(".", "p")
    spaced = {**shown.entities, "space": SPACE, "res": resolution}
    stored = _stored(values)
    bold = home / str(Name("bold", ".nii.gz", {**spaced, "desc": "preproc"}))
    whole = np.zeros(head.brain.size, "<i2")  # in the file's order: x runs fastest
    places = np.ravel_multi_index(np.nonzero(head.brain), head.brain.shape, order="F")
    with _written(bold, head, shown.tr_s, shown.n_volumes) as stream:
        for volume in np.ascontiguousarray(stored.T):
            whole[places] = volume
            stream.write(whole.data)
    write_atomically(bold.with_name(bold.name.replace(".nii.gz", ".json")),
                     _sidecar(shown, SkullStripped=True, SpatialReference=SPACE))  # fmt: skip
    with _written(home / str(Name("mask", ".nii.gz", {**spaced, "desc": "brain"})), head, None, 1) as stream:
        stream.write(head.brain.astype("<i2").tobytes(order="F"))
    _write_confounds(home, shown, stored * np.float32(UNIT), head, motion)
    return bold


def _write_confounds(home: Path, shown: Shown, data: Series, head: Head, motion: Array) -> None:
    """From the images as they are stored, by the code that makes those of real runs."""
    tissues = {name: data[where] for name, where in head.tissues.items()}
    moved = pd.DataFrame(motion, columns=list(PARAMETERS))
    table, sidecar = confounds_table(moved, framewise_displacement(motion), data, tissues, shown.tr_s)
    path = home / str(Name("timeseries", ".tsv", {**shown.entities, "desc": "confounds"}))
    write_atomically(path, frame_text(table))
    write_atomically(path.with_suffix(".json"), json.dumps(sidecar, indent=2) + "\n")


def write_raw(folder: Path, shown: Shown, values: Series, head: Head, motion: Array) -> Path:
    """What the scanner sees, beside the events."""
    home = folder / f"sub-{shown.entities['sub']}" / f"ses-{shown.entities['ses']}" / "func"
    home.mkdir(parents=True, exist_ok=True)
    bold = home / str(Name("bold", ".nii.gz", shown.entities))
    sidecar = bold.with_name(bold.name.replace(".nii.gz", ".json"))
    if bold.exists() and not (sidecar.exists() and read_json(sidecar).get("Simulated")):
        raise fail(OutputError, str(bold), "was not simulated, and is left alone",
                   way_out="simulate into a data set of its own")  # fmt: skip
    with _written(bold, head, shown.tr_s, shown.n_volumes) as stream:
        for volume in moved_run(values, head, motion):
            stream.write(_stored(volume).tobytes(order="F"))
    write_atomically(sidecar, _sidecar(shown))
    return bold


def _stored(values: Series) -> np.ndarray:
    """As 16-bit numbers of `UNIT`."""
    numbers = np.rint(values * np.float32(1 / UNIT))
    if not 0 <= numbers.min() <= numbers.max() <= MOST:
        raise fail(OutputError, "the simulated run", "has values that a file of 16-bit numbers cannot hold",
                   got=f"{values.min():g} to {values.max():g}", accepted=f"0 to {MOST * UNIT:g}",
                   way_out="plant less noise or smaller responses")  # fmt: skip
    return numbers.astype("<i2")


@contextmanager
def _written(path: Path, head: Head, tr_s: float | None, n_volumes: int) -> Iterator[BinaryIO]:
    """A NIfTI file written volume by volume; it has its name only when it is complete. A mask has no `tr_s`."""
    import nibabel as nib

    header = nib.Nifti1Header()
    header.set_data_dtype("<i2")
    header.set_data_shape(head.grid.shape if tr_s is None else (*head.grid.shape, n_volumes))
    header.set_xyzt_units("mm", "sec")
    header.set_qform(head.grid.affine, "mni")
    header.set_sform(head.grid.affine, "mni")
    zooms = np.abs(np.diag(head.grid.affine))[:3]
    header.set_zooms(zooms if tr_s is None else (*zooms, tr_s))
    header.set_slope_inter(1.0 if tr_s is None else UNIT, 0.0)
    header["magic"] = b"n+1"
    header.set_data_offset(352)
    part = path.with_name(path.name + ".part")
    try:
        # Without a time of its own and a name the same volumes give the same bytes.
        with part.open("wb") as unpacked, gzip.GzipFile("", "wb", 1, unpacked, mtime=0) as stream:
            stream.write(header.binaryblock + bytes(4))
            yield stream  # type: ignore[misc]  # a GzipFile writes bytes as any binary file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
