"""Measure tables: ``OUT/measures/measure-<id>.tsv`` with a JSON sidecar.

One row per person x condition x scene, or per trial where the measure is made of choices. Excluded rows stay, with
their reason; every count of exclusions is derived from them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from protocols.base.errors import InputError, fail, listed
from protocols.base.files import read_json, write_atomically
from protocols.base.tables import frame_text, read_frame
from protocols.plan.measuring import CHOICES, Measure

COLUMNS: dict[str, str] = {
    "participant_id": "pseudonym, sub-<code>",
    "group": "group of the plan",
    "session": "session the value was measured in",
    "run": "run within the session",
    "trial": "trial within the run, where rows are trials",
    "condition": "condition of the plan; for choices the truth about the clip",
    "clip": "file or name of the clip",
    "pair_id": "pair of clips the clip belongs to",
    "scene": "scene the clip shows",
    "value": "the measured value; for choices 1 if the person said 'AI', else 0",
    "n": "observations behind the value",
    "se": "standard error of the value",
    "trial_order": "place of the clip among all clips the person saw, from 1",
    "included": "1 if the row is analysed, else 0",
    "reason": "why the row is not analysed",
}
NUMERIC = ("value", "n", "se", "trial_order", "included")
KEY = ("participant_id", "session", "run", "trial", "condition", "clip", "scene")
FOLDER = "measures"
PEOPLE = "participants.tsv"


class Sidecar(BaseModel):
    """What the numbers of a measure table are."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    Description: str = ""
    unit: str
    family: Literal["gaussian", "binomial", "ordinal"]
    link: Literal["identity", "logit", "probit", "cumulative_logit"] = "identity"
    level: Literal["conscious", "neural"]
    statistic: str
    truth_column: Literal["condition"] | None = None
    plan_sha256: str | None = None
    GeneratedBy: list[dict[str, Any]] = Field(default_factory=list)
    Sources: list[str] = Field(default_factory=list)


@dataclass(frozen=True)
class MeasureTable:
    """One measure's rows.

    Attributes
    ----------
    id
        The measure's name in the plan.
    rows
        Data frame with exactly the columns `COLUMNS`; text columns hold None where something is missing.
    sidecar
        Unit, distribution family and origin.
    """

    id: str
    rows: pd.DataFrame
    sidecar: Sidecar

    @property
    def used(self) -> pd.DataFrame:
        """The rows that are analysed."""
        return self.rows[self.rows["included"] == 1]


def family_of(measure: Measure) -> Literal["gaussian", "binomial"]:
    """Distribution family of a measure's single values."""
    return "binomial" if measure.statistic in CHOICES else "gaussian"


def sidecar_for(measure: Measure, **more: Any) -> Sidecar:
    """The sidecar that belongs to a measure of the plan."""
    choices = measure.statistic in CHOICES
    return Sidecar(
        unit="response" if choices else measure.in_unit,
        family=family_of(measure),
        link="probit" if choices else "identity",
        level=measure.level,
        statistic=measure.statistic,
        truth_column="condition" if choices else None,
        **more,
    )


def empty_rows() -> pd.DataFrame:
    """No rows, with the right columns and types."""
    return pd.DataFrame({name: pd.Series(dtype=float if name in NUMERIC else object) for name in COLUMNS})


def tidy(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with all columns in order, ``included`` and ``reason`` agreeing, sorted, with fresh index.

    A row without a finite value cannot be included; it is marked, never dropped.
    """
    frame = rows.copy()
    for name in COLUMNS:
        if name not in frame:
            frame[name] = np.nan if name in NUMERIC else None
    frame = frame[list(COLUMNS)]
    frame["included"] = frame["included"].fillna(1.0).astype(float)
    unusable = ~np.isfinite(frame["value"].astype(float))
    frame.loc[unusable & (frame["included"] == 1), "reason"] = "no value"
    frame.loc[unusable, "included"] = 0.0
    for name in COLUMNS:
        if name not in NUMERIC:
            frame[name] = pd.Series(
                [None if pd.isna(v) else v for v in frame[name]], index=frame.index, dtype=object
            )
    frame.loc[(frame["included"] == 0) & frame["reason"].isna(), "reason"] = "excluded, no reason given"
    order = ["participant_id", "session", "run", "trial_order", "trial", "condition", "scene", "clip"]
    return frame.sort_values(order, kind="stable", na_position="last").reset_index(drop=True)


def measure_path(folder: Path, measure_id: str) -> Path:
    """``OUT/measures/measure-<id>.tsv``."""
    return folder / FOLDER / f"measure-{measure_id}.tsv"


def measure_texts(table: MeasureTable) -> dict[str, str]:
    """The table's two files by their names below OUT; the sidecar describes every column."""
    columns = {name: {"Description": text} for name, text in COLUMNS.items()}
    columns["value"]["Units"] = table.sidecar.unit
    sidecar = {**table.sidecar.model_dump(mode="json"), **columns}
    name = f"{FOLDER}/measure-{table.id}"
    rows = table.rows.copy()
    for column in ("included", "n", "trial_order"):
        whole = rows[column].dropna()
        if (whole == whole.round()).all():
            rows[column] = rows[column].astype("Int64")
    return {
        f"{name}.json": json.dumps(sidecar, indent=2, ensure_ascii=False) + "\n",
        f"{name}.tsv": frame_text(rows),
    }


def write_measure(folder: Path, table: MeasureTable) -> Path:
    """Write the table and its sidecar below `folder`, atomically; returns the table's path."""
    for name, text in measure_texts(table).items():
        write_atomically(folder / name, text)
    return measure_path(folder, table.id)


def read_measure(path: Path) -> MeasureTable:
    """Read a measure table and its sidecar.

    Raises
    ------
    InputError
        If a file is missing or broken, a value contradicts its family, or a value stands twice.
    """
    rows = read_frame(path, numeric=NUMERIC, required=("participant_id", "group", "value", "included"))
    document = read_json(path.with_suffix(".json"))
    try:
        sidecar = Sidecar.model_validate_json(
            json.dumps({k: v for k, v in document.items() if k not in COLUMNS})
        )
    except (ValidationError, AttributeError) as error:
        raise fail(
            InputError,
            str(path.with_suffix(".json")),
            "does not describe a measure table",
            got=str(error).splitlines()[-2].strip()
            if isinstance(error, ValidationError)
            else "no JSON object",
            way_out="import the table again with 'bazin import measures'",
        ) from error
    table = MeasureTable(path.stem.removeprefix("measure-"), tidy(rows), sidecar)
    _check_values(table, path)
    return table


def _check_values(table: MeasureTable, path: Path) -> None:
    used = table.used
    if table.sidecar.family == "binomial" and not used["value"].isin([0.0, 1.0]).all():
        wrong = used.loc[~used["value"].isin([0.0, 1.0]), "value"]
        raise fail(
            InputError,
            str(path),
            f"holds {len(wrong)} values that are not choices",
            got=listed(sorted(set(wrong))),
            accepted="0 or 1 in every row: one row per trial",
        )
    _refuse_two_groups(used, path)
    # Choices without a trial's number may well agree: a clip was answered twice in the same way.
    told_apart = used if table.sidecar.family != "binomial" else used[used["trial"].notna()]
    twice = told_apart[told_apart.duplicated(list(KEY), keep=False)]
    if len(twice):
        first = twice.iloc[0]
        where = ", ".join(f"{name} {first[name]}" for name in KEY if first[name] is not None)
        raise fail(
            InputError,
            str(path),
            f"has {len(twice)} rows that say the same thing twice",
            got=where,
            way_out="give the runs or trials a column of their own, or remove the copies",
        )


def _refuse_two_groups(rows: pd.DataFrame, path: Path) -> None:
    """One code in two groups is two people, or one in the wrong group: either way no test could be trusted."""
    groups = rows.dropna(subset=["group"]).groupby("participant_id")["group"].unique()
    for code, found in groups[groups.map(len) > 1].items():
        raise fail(
            InputError,
            str(path),
            f"has '{code}' in more than one group",
            got=listed(sorted(found)),
            way_out="a person belongs to one group; two people need two codes",
        )


def read_people(folder: Path) -> pd.DataFrame | None:
    """``OUT/measures/participants.tsv``: one row per person with group, age and covariates, if there is one."""
    path = folder / FOLDER / PEOPLE
    if not path.exists():
        return None
    frame = read_frame(path, required=("participant_id", "group"))
    _refuse_two_groups(frame, path)
    twice = frame.loc[frame["participant_id"].duplicated(), "participant_id"]
    if len(twice):
        raise fail(
            InputError,
            str(path),
            f"has {listed(sorted(set(twice)))} more than once",
            accepted="a row per person",
        )
    for name in frame.columns:
        if name not in ("participant_id", "group"):
            numbers = pd.to_numeric(frame[name], errors="coerce")
            if numbers.notna().sum() == frame[name].notna().sum():
                frame[name] = numbers.astype(float)
    return frame
