"""The files of the data set as a whole: its description, its README, and its people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from experiments.data.tables import document
from experiments.session.journal import Header
from protocols.base.bids import BIDS_VERSION, generated_by
from protocols.base.errors import InputError, fail
from protocols.base.files import read_json
from protocols.base.tables import frame_text, read_frame, table_text

DESCRIPTION, PEOPLE = "dataset_description.json", "participants.tsv"
FLAGS = {"Simulated": ("sim", "qa"), "Pilot": ("pilot",)}
"""Marks in the description by the modes that need them; an analysis refuses what has one."""
OF_PEOPLE = {
    "participant_id": {"LongName": "Participant", "Description": "pseudonym"},
    "group": {"LongName": "Group", "Description": "group of the plan the person belongs to"},
    "age_months": {
        "LongName": "Age",
        "Description": "age in whole months at the first session",
        "Units": "months",
    },
}


def files_of_dataset(bids: Path, header: Header) -> tuple[dict[str, str], list[str]]:
    """Files of the data set that are missing or lack something, by their path; and notes about them.

    What others wrote into them stays: rows, columns and cells are only added.

    Raises
    ------
    InputError
        If the data set is described as one of another kind (real, simulated, pilot), or has the person in another
        group.
    """
    files: dict[str, str] = {}
    if (bids / DESCRIPTION).exists():
        _same_kind(bids, header)
    else:
        files[DESCRIPTION] = _description(header)
    if not any((bids / name).exists() for name in ("README", "README.md", "README.txt", "README.rst")):
        files["README"] = _readme(header)
    people, notes = _people(bids, header)
    files |= people
    return files, notes


def _kind(described: dict[str, Any]) -> str:
    names = [flag.lower() for flag in FLAGS if described.get(flag) is True]
    return " and ".join(names) or "neither simulated nor pilot data"


def _same_kind(bids: Path, header: Header) -> None:
    described = read_json(bids / DESCRIPTION)
    wanted = {flag: header.mode in modes for flag, modes in FLAGS.items()}
    if not isinstance(described, dict):
        raise fail(
            InputError, str(bids / DESCRIPTION), "is no description of a data set", accepted="a JSON object"
        )
    if any((described.get(flag) is True) != needed for flag, needed in wanted.items()):
        raise fail(
            InputError,
            str(bids / DESCRIPTION),
            f"does not fit a session in mode '{header.mode}'",
            got=_kind(described),
            accepted=_kind(wanted),
            way_out="keep real, pilot and simulated sessions in data sets of their own",
        )


def _description(header: Header) -> str:
    content: dict[str, Any] = {
        "Name": header.plan,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "GeneratedBy": generated_by(Step="session"),
    }
    content |= {flag: True for flag, modes in FLAGS.items() if header.mode in modes}
    return document(content)


def _readme(header: Header) -> str:
    kind = {"run": "", "pilot": " These are pilot data."}.get(header.mode, " These are simulated data.")
    return f"""# {header.plan}

Sessions of the plan '{header.plan}', run with bazin.{kind} Yours to complete: an export never touches this file again.

* participants.tsv: who took part, by pseudonym
* sub-*/ses-*/func, eeg, beh: what was shown and answered, trial by trial; trials that cannot be used stay, with their
  reason in the column unusable_reason
* sourcedata/bazin: the journals everything is exported from, when every frame appeared (*_frames.tsv.gz), and a page
  about each session (session.html)

How the clips were presented (screen, programs, plan, markers) stands in the sidecar of every table.
"""


def _people(bids: Path, header: Header) -> tuple[dict[str, str], list[str]]:
    facts: dict[str, Any] = {"participant_id": header.participant, "group": header.group}
    if header.age_months is not None:
        facts["age_months"] = str(header.age_months)
    files, notes = {}, []
    path = bids / PEOPLE
    if not path.exists():
        files[PEOPLE] = table_text(list(facts), [list(facts.values())])
    else:
        frame = read_frame(path, required=("participant_id",))
        before = frame_text(frame)
        notes = _add(frame, facts, path)
        if frame_text(frame) != before:
            files[PEOPLE] = frame_text(frame)
    described = bids / "participants.json"
    known = read_json(described) if described.exists() else {}
    lacking = {name: OF_PEOPLE[name] for name in facts if name not in known and name != "participant_id"}
    if lacking:
        files[described.name] = document({**known, **lacking})
    return files, notes


def _add(frame: pd.DataFrame, facts: dict[str, Any], path: Path) -> list[str]:
    """Put a person into the table of people, whose other cells stay as they are."""
    own = frame.index[frame["participant_id"] == facts["participant_id"]]
    row = own[0] if len(own) else len(frame)
    notes = []
    for name, value in facts.items():
        if name not in frame:
            frame[name] = None
        found = frame[name].get(row)
        if found is None or pd.isna(found):
            frame.loc[row, name] = value
        elif name == "group" and found != value:
            raise fail(
                InputError, f"{facts['participant_id']} in {path}", "is in another group than in the session",
                got=f"'{found}' in the table, '{value}' in the session", way_out="correct the table",
            )  # fmt: skip
        elif found != value:
            notes.append(
                f"{name} is {found} in {PEOPLE} and {value} in this session; the table was left as it is"
            )
    return notes
