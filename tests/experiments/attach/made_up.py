"""Small sessions with a journal and events, and the recordings that come home to them."""

import gzip
import json
import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from experiments.attach.alignment import Markers
from experiments.session.journal import FileJournal, Header, next_path, write_header
from protocols.base.seeds import generator
from protocols.base.tables import table_text

CODES = {"live": 11, "ai": 21, "cartoon": 31, "star": 90, "run": 99}
WALL = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HEADER = Header(
    uid="u1", wall=WALL.isoformat(), plan="small", plan_sha256="a" * 64, manifest_sha256=None, seed=7,
    participant="sub-01", group="child", profile="child", language="en", session="lab", modality="eeg", mode="run",
    computer="c1", triggers=CODES,
)  # fmt: skip
TR = 2.0


def planted(
    *keys,
    n=120,
    codes=5,
    lost=3,
    spurious=2,
    drift_ppm=50.0,
    offset_s=3600.25,
    jitter_s=0.001,
    gap=(1.5, 8.0),
):
    """Triggers and the markers a recording made of them; also which triggers were kept."""
    chance = generator(5, *keys)
    times = np.cumsum(chance.uniform(*gap, n))
    code = chance.integers(1, codes + 1, n)
    heard = offset_s + (1 + drift_ppm * 1e-6) * times + np.clip(chance.normal(0, jitter_s, n), -4e-3, 4e-3)
    kept = np.sort(chance.choice(n, n - lost, replace=False))
    extra = chance.uniform(heard[0], heard[-1], spurious)
    recorded = Markers.of(
        np.concatenate([heard[kept], extra]),
        np.concatenate([code[kept], chance.integers(1, codes + 1, spurious)]),
    )
    return Markers.of(times, code), recorded, kept


class Session:
    """A session in a BIDS folder; `clock` is its own."""

    def __init__(self, bids, **header):
        self.bids, self.header = bids, replace(HEADER, **header)
        self.start()

    def start(self):
        """Begin a journal, as at every start of the program."""
        path = next_path(self.bids, self.header.participant, self.header.session)
        self.journal, self.clock = FileJournal(path), 100.0
        write_header(self.journal, 3.0, self.header)

    def begin(self, number, volumes=None):
        """A run begins."""
        self.clock += 30
        self.journal.write(
            self.clock, "run", task="passive_viewing", run=number, label=number, attempt=None,
            planned_volumes=volumes, planned_seconds=None,
        )  # fmt: skip

    def end(self, number, status="complete"):
        """A run ends; None leaves it open, as a crash does."""
        if status is not None:
            self.journal.write(self.clock, "run_end", label=number, status=status, volumes=None)

    def eeg_run(self, number, triggers, status="complete", onsets=(1.0, 2.0)):
        """A run whose onset 0 is its first trigger."""
        self.begin(number)
        zero = self.clock + 2
        self.journal.write(zero, "zero", at=zero)
        for at, code in zip(triggers.times - triggers.times[0], triggers.codes, strict=True):
            self.clock = zero + float(at)
            self.journal.write(self.clock, "trigger", at=self.clock, code=int(code), name="x")
        self.end(number, status)
        return self.events("eeg", number, {"OnsetReference": "trigger 1"}, onsets)

    def mri_run(self, number, volumes, pulses=None, status="complete", skip=(), onsets=(1.0, 2.0)):
        """A run whose onset 0 is its first stored volume; pulses in `skip` (from 1) were not heard."""
        dummies = self.header.dummy_volumes
        pulses = volumes + dummies if pulses is None else pulses
        self.begin(number, volumes)
        first, heard = self.clock + 5, 0
        for n in range(pulses):
            self.clock = first + n * TR
            if n + 1 in skip:
                continue
            heard += 1
            self.journal.write(self.clock, "volume", at=self.clock, n=heard)
            if heard == dummies + 1:
                self.journal.write(self.clock, "zero", at=self.clock)
        self.end(number, status)
        first_at = WALL + timedelta(seconds=first - 3.0)
        return first_at, self.events("func", number, {"OnsetReference": "first stored volume"}, onsets)

    def events(self, folder, number, about, onsets):
        """What an export writes for the run."""
        name = f"sub-01_ses-lab_task-passiveviewing_run-{number}_events"
        path = self.bids / "sub-01/ses-lab" / folder / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(table_text(("onset", "duration", "trial_type", "response"),
                                   [(onset, 2.0, "live", None) for onset in onsets]))  # fmt: skip
        path.with_suffix(".json").write_text(json.dumps({"TaskName": "passive_viewing", **about}))
        return path


def write_brainvision(folder, markers, *, name="rec", sampling_hz=500, seconds=None, kind="Stimulus"):
    """A BrainVision recording of two channels; returns the header file."""
    folder.mkdir(parents=True, exist_ok=True)
    last = markers.times[-1] if len(markers) else 1.0
    samples = int((seconds or last + 2) * sampling_hz)
    data = generator(1, "eeg").normal(0, 10, (samples, 2)).astype("<f4")
    (folder / f"{name}.eeg").write_bytes(data.tobytes())
    rows = [
        f"Mk{i}={kind},S{code:3d},{round(at * sampling_hz) + 1},1,0"
        for i, (at, code) in enumerate(zip(markers.times, markers.codes, strict=True), start=2)
    ]
    (folder / f"{name}.vmrk").write_text(
        "Brain Vision Data Exchange Marker File, Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        f"DataFile={name}.eeg\n\n[Marker Infos]\nMk1=New Segment,,1,1,0,20260302090000000000\n"
        + "\n".join(rows)
        + "\n"
    )
    (folder / f"{name}.vhdr").write_text(
        "Brain Vision Data Exchange Header File Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        f"DataFile={name}.eeg\nMarkerFile={name}.vmrk\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\n"
        f"NumberOfChannels=2\nSamplingInterval={1e6 / sampling_hz:g}\n\n[Binary Infos]\n"
        "BinaryFormat=IEEE_FLOAT_32\n\n[Channel Infos]\nCh1=Cz,,1,µV\nCh2=Pz,,1,µV\n",
        "utf-8",
    )
    return folder / f"{name}.vhdr"


def nifti_bytes(volumes, *, tr=TR, order="<", units=8 | 2, size=(4, 4, 3), brightness=0):
    """A NIfTI-1 file of two-byte voxels, each volume of its own brightness."""
    header = bytearray(352)
    struct.pack_into(f"{order}i", header, 0, 348)
    struct.pack_into(f"{order}8h", header, 40, 4, *size, volumes, 1, 1, 1)
    struct.pack_into(f"{order}2h", header, 70, 4, 16)
    struct.pack_into(f"{order}8f", header, 76, 1, 3, 3, 3.3, tr, 0, 0, 0)
    struct.pack_into(f"{order}f", header, 108, 352)
    header[123] = units
    header[344:348] = b"n+1\0"
    body = np.repeat(brightness + np.arange(volumes), np.prod(size)).astype(f"{order}i2")
    return bytes(header) + body.tobytes()


def write_scan(folder, volumes, *, name="scan", at=None, tr=TR, packed=True, **sidecar):
    """A functional file and its JSON, acquired at a time (UTC); returns both."""
    folder.mkdir(parents=True, exist_ok=True)
    image = folder / (f"{name}.nii.gz" if packed else f"{name}.nii")
    content = nifti_bytes(volumes, tr=tr, brightness=sum(map(ord, name)))
    image.write_bytes(gzip.compress(content, 1, mtime=0) if packed else content)
    about = {"RepetitionTime": tr, "EchoTime": 0.03, **sidecar}
    if at is not None:
        about["AcquisitionTime"] = at.astimezone().strftime("%H:%M:%S.%f")
    beside = folder / f"{name}.json"
    beside.write_text(json.dumps(about))
    return [image, beside]
