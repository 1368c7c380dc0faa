"""A desk to import trials from: write a table and a map, import, look at the data set."""

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from analysis.importing.trials import TrialSummary, import_trials
from protocols.base.errors import BazinError
from protocols.plan.reading import Promise

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "trials.md").read_text("utf-8")
PIECES = dict(re.findall(r"`([\w.]+)`:\n\n```\w+\n(.*?)```", GUIDE, re.DOTALL))
MAP = """
columns: {participant_id: Vp, item: clip, scene: scene, arm: art, response: said, trial: nr}
constant: {task: detection}
recode: {arm: {echt: live, KI: ai}, response: {e: live, k: ai}}
response_time: {column: rt, unit: s}
group: {constant: adult}
"""
HEADER = ["Vp", "nr", "clip", "scene", "art", "said", "rt"]
Row = list[Any]


def session(code: str, n: int, *, right: float | None = 1.0, swapped_from: int | None = None) -> list[Row]:
    """Trials of one person: n clips, every scene as live action and as AI."""
    rows = []
    for i in range(n):
        art = "KI" if (i + i // 2) % 2 else "echt"
        keys = {"KI": "k", "echt": "e"}
        said = (
            keys[art]
            if (i * 0.37) % 1 < (right if right is not None else 0.5)
            else keys["echt" if art == "KI" else "KI"]
        )
        if swapped_from is not None and i >= swapped_from:
            said = "e" if said == "k" else "k"
        rows.append(
            [code, i + 1, f"c{i // 2}{art[0]}", f"s{i // 2}", art, said, round(0.8 + (i * 0.171) % 1.5, 3)]
        )
    return rows


@dataclass
class Desk:
    """One folder with tables, maps and a data set."""

    folder: Path

    @property
    def out(self) -> Path:
        return self.folder / "bids"

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def bring(
        self,
        table: str | Path | Sequence[Row],
        map_text: str = MAP,
        *,
        name: str = "trials.csv",
        plan: Promise | None = None,
        header: Sequence[str] = HEADER,
    ) -> TrialSummary:
        if isinstance(table, Path):
            file = table
        elif isinstance(table, str):
            file = self.write(name, table)
        else:
            lines = [header, *table]
            file = self.write(name, "\n".join(",".join(map(str, line)) for line in lines) + "\n")
        return import_trials(file, self.write("map.yaml", map_text), self.out, plan=plan)

    def refused(self, *args: Any, **kwargs: Any) -> str:
        """The message of an import that must fail, and must change nothing."""
        before = self.snapshot()
        with pytest.raises(BazinError) as caught:
            self.bring(*args, **kwargs)
        assert self.snapshot() == before, "a refused import changed the output"
        return str(caught.value)

    def snapshot(self) -> dict[str, bytes]:
        return {
            str(p.relative_to(self.out)): p.read_bytes() for p in sorted(self.out.rglob("*")) if p.is_file()
        }

    def rows(self, name: str) -> list[dict[str, str]]:
        """A table of the data set as text."""
        with (self.out / name).open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream, delimiter="\t"))

    def json(self, name: str) -> Any:
        return json.loads((self.out / name).read_text("utf-8"))

    def beh(self, code: str, task: str = "detection") -> list[dict[str, str]]:
        return self.rows(f"sub-{code}/beh/sub-{code}_task-{task}_beh.tsv")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
