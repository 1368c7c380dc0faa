"""Runs of a BIDS data set, opened with care: what contradicts itself is refused before anything is computed.

A converter that writes a wrong repetition time, a header without orientation or a file that was cut off gives
wrong numbers silently. Each check names the file, what it says and the way out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from protocols.base.bids import Name
from protocols.base.errors import Fault, InputError, cannot_read, fail, listed
from protocols.base.files import read_json
from protocols.base.tables import read_frame

FEWEST_VOLUMES = 10
TR_TOLERANCE_S = 0.001
"""Headers are float32 and converters round: a millisecond is no contradiction."""
AFFINE_TOLERANCE_MM = 1.0
"""Farthest that the two orientations of one header may put a corner of the volume apart."""


@dataclass(frozen=True)
class Scan:
    """One run of functional images.

    Attributes
    ----------
    path
        The NIfTI file.
    sidecar
        Its JSON, with what it inherits from the folders above.
    shape
        Voxels along x, y and z.
    affine
        From voxels to mm, (4, 4), RAS+.
    n_volumes
        Volumes stored.
    tr_s
        Repetition time.
    """

    path: Path
    sidecar: Mapping[str, Any]
    shape: tuple[int, int, int]
    affine: np.ndarray
    n_volumes: int
    tr_s: float
    _image: Any

    @property
    def seconds(self) -> float:
        """How long the run lasts."""
        return self.n_volumes * self.tr_s

    @property
    def voxel_mm(self) -> tuple[float, float, float]:
        """Edges of a voxel."""
        x, y, z = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return float(x), float(y), float(z)

    def volume(self, index: int) -> np.ndarray:
        """One volume from the disk: (x, y, z) float32, the header's scaling applied.

        Raises
        ------
        InputError
            If the file ends before it, or the volume has values that are not numbers, or nothing but one value.
        """
        try:
            values = np.asarray(self._image.dataobj[..., index], np.float32)
        except (EOFError, OSError, ValueError) as error:
            raise fail(
                InputError, str(self.path), f"cannot be read beyond volume {index} of {self.n_volumes}",
                got=str(error), way_out="the file is cut off or damaged: copy or convert it again",
            ) from error  # fmt: skip
        if not np.isfinite(values).all():
            raise fail(
                InputError, str(self.path), f"volume {index + 1} has values that are not numbers",
                got=f"{int((~np.isfinite(values)).sum())} voxels",
                way_out="convert the run again; an earlier program may have divided by zero",
            )  # fmt: skip
        if values.min() == values.max():
            raise fail(
                InputError, str(self.path), f"volume {index + 1} is empty",
                got=f"{values.min():g} in every voxel", way_out="convert the run again without this volume",
            )  # fmt: skip
        return values


def open_scan(path: Path, root: Path) -> Scan:
    """Open a run and check its header against its sidecar; no volume is read yet.

    Parameters
    ----------
    path
        A NIfTI file below `root`.
    root
        The data set, from where sidecars are inherited (BIDS, inheritance principle).

    Raises
    ------
    InputError
        With every fault of the header at once.
    """
    image = _loaded(path)
    faults = [*_shape_faults(path, image)]
    if faults:
        raise InputError(faults)
    sidecar = inherited(path, root)
    affine = np.asarray(image.affine, float)
    faults += _orientation_faults(path, image)
    tr, tr_faults = _repetition_time(path, image, sidecar)
    faults += tr_faults
    if faults:
        raise InputError(faults)
    x, y, z, n = image.shape
    return Scan(path, sidecar, (int(x), int(y), int(z)), affine, int(n), tr, image)


def inherited(path: Path, root: Path) -> dict[str, Any]:
    """The sidecar of a file: every JSON that applies to it from `root` down, the nearest one last."""
    name = Name.parse(path.name)
    folders = [folder for folder in (path.parent, *path.parent.parents) if folder.is_relative_to(root)]
    content: dict[str, Any] = {}
    for folder in reversed(folders):
        for found in sorted(folder.glob(f"*{name.suffix}.json"), key=lambda one: len(one.name)):
            try:
                other = Name.parse(found.name)
            except InputError:
                continue
            if other.suffix == name.suffix and other.entities.items() <= name.entities.items():
                said = read_json(found)
                if not isinstance(said, dict):
                    raise fail(
                        InputError, str(found), "is not a sidecar", accepted='{"RepetitionTime": 2.0, …}'
                    )
                content |= said
    return content


def events_path(name: Name, folder: Path) -> Path:
    """Where the events of a run lie, whatever was made of its images."""
    made = ("echo", "part", "desc", "space", "cohort", "res")
    return folder / str(
        Name("events", ".tsv", {key: one for key, one in name.entities.items() if key not in made})
    )


def events_of(scan: Scan, root: Path, path: Path | None = None) -> pd.DataFrame:
    """The events of a run: ``onset``, ``duration`` (s), ``trial_type`` and whatever else stands there.

    Parameters
    ----------
    scan
        The run, as measured or as preprocessed.
    root
        The data set the events lie in.
    path
        Their file, where it is not beside the run.

    Raises
    ------
    InputError
        If there are none, if they do not fit into the run, or if their sidecar planned another run.
    """
    path = path or events_path(Name.parse(scan.path.name), scan.path.parent)
    if not path.exists():
        raise fail(InputError, str(path), "is missing",
                   way_out="write it beside the run, or 'bazin session export' if bazin held the session")  # fmt: skip
    events = read_frame(path, numeric=("onset", "duration"), required=("onset", "duration", "trial_type"))
    faults = [*_planned_faults(scan, inherited(path, root)), *_end_faults(scan, path, events)]
    if faults:
        raise InputError(faults)
    return events


def _loaded(path: Path) -> Any:
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError

    if not path.exists():
        raise cannot_read(path, FileNotFoundError())
    try:
        return nib.load(
            path, keep_file_open=True
        )  # or each volume would be unpacked from the file's beginning
    except (ImageFileError, OSError, EOFError, ValueError) as error:
        raise fail(InputError, str(path), "is not a NIfTI file", got=str(error).splitlines()[0],
                   way_out="copy or convert it again") from error  # fmt: skip


def _shape_faults(path: Path, image: Any) -> list[Fault]:
    shape = image.shape
    if len(shape) != 4:
        return [
            Fault(str(path), f"has {len(shape)} dimensions", got=" × ".join(map(str, shape)),
                  accepted="volumes over time: 4 dimensions",
                  way_out="a single volume is no run; is this the reference image of one?")
        ]  # fmt: skip
    if shape[3] < FEWEST_VOLUMES:
        return [
            Fault(str(path), "is too short to be analyzed", got=f"{shape[3]} volumes",
                  accepted=f"at least {FEWEST_VOLUMES}", way_out="an aborted run: take it out of the data set")
        ]  # fmt: skip
    return []


def _orientation_faults(path: Path, image: Any) -> list[Fault]:
    header = image.header
    if not hasattr(header, "get_sform"):
        return []
    sform, sform_code = header.get_sform(coded=True)
    qform, qform_code = header.get_qform(coded=True)
    if not sform_code and not qform_code:
        return [
            Fault(str(path), "does not say how the head lies", got="qform_code 0 and sform_code 0",
                  way_out="convert it again from DICOM; left and right cannot be told without it")
        ]  # fmt: skip
    if abs(np.linalg.det(image.affine[:3, :3])) < 1e-6:
        return [
            Fault(str(path), "has an orientation without volume", got="an affine whose determinant is 0",
                  way_out="convert it again from DICOM")
        ]  # fmt: skip
    if sform_code and qform_code:
        corners = np.array(np.meshgrid(*[(0, size - 1) for size in image.shape[:3]])).reshape(3, -1)
        corners = np.vstack([corners, np.ones(corners.shape[1])])
        apart = float(np.linalg.norm(((sform - qform) @ corners)[:3], axis=0).max())
        if apart > AFFINE_TOLERANCE_MM:
            return [
                Fault(str(path), "gives two orientations that disagree",
                      got=f"sform and qform put a corner {apart:.1f} mm apart",
                      accepted=f"at most {AFFINE_TOLERANCE_MM:g} mm",
                      way_out="find out which program changed one of them, and write the right one into both")
            ]  # fmt: skip
    return []


def _repetition_time(path: Path, image: Any, sidecar: Mapping[str, Any]) -> tuple[float, list[Fault]]:
    said = sidecar.get("RepetitionTime")
    way_out = "write RepetitionTime (in seconds) into the run's JSON; the scanner's protocol has it"
    if said is None:
        return math.nan, [Fault(str(path), "has no RepetitionTime in its sidecar", way_out=way_out)]
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0.05 < said < 30:
        return math.nan, [
            Fault(str(path), "has a RepetitionTime that cannot be", got=repr(said),
                  accepted="seconds, between 0.05 and 30", way_out=way_out)
        ]  # fmt: skip
    header = _header_tr(image)
    if header is not None and abs(header - said) > TR_TOLERANCE_S:
        return math.nan, [
            Fault(str(path), "contradicts itself about the repetition time",
                  got=f"{header:.6g} s in the NIfTI header, {said:g} s in the sidecar",
                  way_out="find the right one in the scanner's protocol, and correct the other")
        ]  # fmt: skip
    return float(said), []


def _header_tr(image: Any) -> float | None:
    """What the NIfTI header says, in s; None if it says nothing."""
    if not hasattr(image.header, "get_xyzt_units"):
        return None
    unit = image.header.get_xyzt_units()[1]
    factor = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}.get(unit)
    zoom = float(image.header.get_zooms()[3])
    return zoom * factor if factor is not None and zoom > 0 else None


def _planned_faults(scan: Scan, said: Mapping[str, Any]) -> list[Fault]:
    """What the session planned for this run, where the events' sidecar tells it."""
    faults = []
    tr = said.get("PlannedRepetitionTime")
    if isinstance(tr, int | float) and abs(tr - scan.tr_s) > TR_TOLERANCE_S:
        faults.append(
            Fault(str(scan.path), "was measured with another repetition time than the session planned",
                  got=f"{scan.tr_s:g} s", accepted=f"{tr:g} s, as the events' sidecar says",
                  way_out="if the converter is wrong, correct RepetitionTime; if the scanner was, amend the plan")
        )  # fmt: skip
    counted = said.get("VolumesCounted")  # without those that are not stored
    if isinstance(counted, int) and scan.n_volumes > counted + 1:
        faults.append(
            Fault(str(scan.path), "has more volumes than the session counted",
                  got=f"{scan.n_volumes} volumes", accepted=f"{counted}, as the events' sidecar says",
                  way_out="is it another run's file? 'bazin session attach' matches files with runs")
        )  # fmt: skip
    return faults


def _end_faults(scan: Scan, path: Path, events: pd.DataFrame) -> list[Fault]:
    missing = [
        i for i, row in enumerate(events[["onset", "duration"]].to_numpy(float)) if not np.isfinite(row[0])
    ]
    if missing:
        return [
            Fault(str(path), "has events without an onset", got=f"line {listed([i + 2 for i in missing])}",
                  way_out="an event that was not shown has no place in the table")
        ]  # fmt: skip
    late = events.loc[events["onset"] > scan.seconds]
    if len(late):
        lines = listed([int(i) + 2 for i in late.index])
        return [
            Fault(str(path), "has events after the end of the run",
                  got=f"onset {late['onset'].max():g} s (line {lines}) in a run of {scan.n_volumes} volumes × "
                      f"{scan.tr_s:g} s = {scan.seconds:g} s",
                  way_out="a wrong repetition time, an aborted run, or another run's events")
        ]  # fmt: skip
    return []
