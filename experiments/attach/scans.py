"""A functional MRI file and its sidecar, from any converter, or made from DICOM files by dcm2niix."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.attach.nifti import Nifti, read_nifti
from protocols.base.errors import InputError, NotAvailable, UsageError, fail, listed
from protocols.base.files import read_json

DAY_S = 86400.0
_TIME = re.compile(r"(?:.*T)?(\d{2}):?(\d{2}):?(\d{2}(?:\.\d+)?)(?:Z|[+-]\d{2}:?\d{2})?")
_PERSONAL = re.compile(
    r"Patient(?!Position)\w*|\w*Physician\w*|Operator\w*|AccessionNumber|StudyID|\w+InstanceUID"
    r"|(Acquisition|Study|Series|Content)Date\w*"
)
"""What converters may write that says who was scanned, or on which day."""


@dataclass(frozen=True)
class Scan:
    """One functional file.

    Attributes
    ----------
    image
        ``.nii`` or ``.nii.gz``.
    nifti
        Its header.
    sidecar
        What the converter's JSON says.
    """

    image: Path
    nifti: Nifti
    sidecar: dict[str, Any] = field(repr=False)

    @property
    def acquired_s(self) -> float | None:
        """When its first volume was acquired, seconds of the day by the scanner's clock."""
        return acquired(self.sidecar)

    @property
    def repetition_times(self) -> dict[str, float]:
        """The time between volumes by every source that tells it, seconds."""
        said = {"RepetitionTime of the JSON": self.sidecar.get("RepetitionTime"),
                "the NIfTI header": self.nifti.repetition_time_s}  # fmt: skip
        return {name: float(value) for name, value in said.items() if isinstance(value, int | float)}

    def shared(self) -> tuple[dict[str, Any], list[str]]:
        """The sidecar without what must not be shared, and the names that were left out."""
        left_out = [name for name in self.sidecar if _PERSONAL.fullmatch(name)]
        kept = {name: value for name, value in self.sidecar.items() if name not in left_out}
        if "AcquisitionTime" not in kept and "AcquisitionDateTime" in self.sidecar:
            kept["AcquisitionTime"] = str(self.sidecar["AcquisitionDateTime"]).rpartition("T")[2]
        return kept, left_out


def acquired(sidecar: dict[str, Any]) -> float | None:
    """Seconds of the day in ``AcquisitionTime`` (or ``AcquisitionDateTime``); None if it is not given."""
    said = sidecar.get("AcquisitionTime") or sidecar.get("AcquisitionDateTime")
    match = _TIME.fullmatch(str(said)) if said else None
    return 3600 * int(match[1]) + 60 * int(match[2]) + float(match[3]) if match else None


def scan_of(given: Sequence[Path], work: Path) -> Scan:
    """The functional file among what was given.

    Parameters
    ----------
    given
        A NIfTI file, with its JSON or beside it; or a folder of DICOM files.
    work
        An empty folder for what dcm2niix makes.

    Raises
    ------
    UsageError
        If it is not one of these.
    InputError
        If a file cannot be read, or the NIfTI file holds a single volume.
    NotAvailable
        For DICOM files, if dcm2niix is not installed.
    """
    if len(given) == 1 and given[0].is_dir():
        return _converted(given[0], work)
    images = [path for path in given if _is_image(path)]
    others = [path for path in given if not _is_image(path)]
    if len(images) != 1 or len(others) > 1 or any(path.suffix.lower() != ".json" for path in others):
        raise fail(
            UsageError, "the recording", "must be one functional file", got=listed(path.name for path in given),
            accepted="one .nii or .nii.gz with its .json, or a folder of DICOM files",
            way_out="attach each run by itself" if len(images) > 1 else "convert it with the scanner's converter",
        )  # fmt: skip
    return _scan(images[0], others[0] if others else _beside(images[0]))


def compressed(image: Path, work: Path) -> Path:
    """The image as ``.nii.gz``; the same image gives the same bytes."""
    with image.open("rb") as stream:
        if stream.read(2) == b"\x1f\x8b":
            return image
        stream.seek(0)
        packed = work / "packed.nii.gz"
        with packed.open("wb") as into, gzip.GzipFile("", "wb", fileobj=into, mtime=0) as squeezed:
            shutil.copyfileobj(stream, squeezed, 1 << 20)
    return packed


def _is_image(path: Path) -> bool:
    return path.name.lower().endswith((".nii", ".nii.gz"))


def _beside(image: Path) -> Path:
    """The JSON of the same name."""
    return image.with_name(re.sub(r"\.nii(\.gz)?$", "", image.name, flags=re.IGNORECASE) + ".json")


def _scan(image: Path, sidecar: Path) -> Scan:
    nifti = read_nifti(image)
    if nifti.volumes < 2:
        raise fail(InputError, str(image), "holds a single volume", accepted="a functional run: x, y, z and time",
                   way_out="name the functional series; join volumes that were converted one by one")  # fmt: skip
    if not sidecar.is_file():
        raise fail(
            InputError, str(image), "has no JSON beside it", accepted=sidecar.name,
            way_out='convert with a sidecar (dcm2niix -b y), or write {"RepetitionTime": …} into a file of that name',
        )  # fmt: skip
    content = read_json(sidecar)
    if not isinstance(content, dict):
        raise fail(InputError, str(sidecar), "is not a sidecar", accepted='{"RepetitionTime": 2.0, …}')
    return Scan(image, nifti, content)


def _converted(folder: Path, work: Path) -> Scan:
    """Convert a folder of DICOM files; exactly one functional series must come out."""
    program = shutil.which("dcm2niix")
    if program is None:
        raise fail(
            NotAvailable, str(folder), "holds DICOM files, and dcm2niix is not installed",
            way_out="install dcm2niix, or give NIfTI and JSON from the scanner's converter",
        )  # fmt: skip
    done = subprocess.run(
        [program, "-b", "y", "-ba", "y", "-z", "y", "-f", "series%s", "-o", str(work), str(folder)],
        capture_output=True, encoding="utf-8", errors="replace", check=False,
    )  # fmt: skip
    images = [path for path in sorted(work.glob("*.nii.gz")) if read_nifti(path).volumes > 1]
    if len(images) != 1:
        said = " ".join((done.stderr or done.stdout).split())[-200:]
        raise fail(
            InputError, str(folder), "must hold one functional series",
            got=listed(path.name for path in images) if images else f"none (dcm2niix said: {said})",
            way_out="put the DICOM files of each run into a folder of its own",
        )  # fmt: skip
    return _scan(images[0], _beside(images[0]))


def sidecar_bytes(content: dict[str, Any]) -> bytes:
    """A sidecar's text."""
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
