"""A desk to import from: write a table and a map, import, look at what is there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from analysis.importing.measures import ImportSummary, import_measures
from analysis.measures.table import MeasureTable, measure_path, read_measure
from protocols.base.errors import BazinError
from protocols.plan.reading import Promise

MAP = """
columns: {participant_id: Subj, condition: Stim, scene: item, value: beta}
group: {constant: adult}
measures: {dmpfc: {level: neural, statistic: percent_signal_change}}
"""
TABLE = """Subj,Stim,item,beta
01,live,s1,0.1
01,ai,s1,0.2
02,live,s1,0.3
02,ai,s1,0.4
"""


@dataclass
class Desk:
    """One folder with tables, maps and an output."""

    folder: Path

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def workbook(self, name: str, sheets: Mapping[str, Sequence[Sequence[Any]]]) -> Path:
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(list(row))
        book.save(self.folder / name)
        return self.folder / name

    def bring(
        self,
        table: str | bytes | Path = TABLE,
        map_text: str = MAP,
        *,
        name: str = "roi.csv",
        plan: Promise | None = None,
        allow: Sequence[str] = (),
    ) -> ImportSummary:
        file = table if isinstance(table, Path) else self.write(name, table)
        return import_measures(
            file, self.write("map.yaml", map_text), self.out, plan=plan, allow_columns=allow
        )

    def refused(self, *args: Any, **kwargs: Any) -> str:
        """The message of an import that must fail, and must leave nothing behind."""
        before = self.snapshot()
        with pytest.raises(BazinError) as caught:
            self.bring(*args, **kwargs)
        assert self.snapshot() == before, "a refused import changed the output"
        return str(caught.value)

    def snapshot(self) -> dict[str, bytes]:
        return {
            str(p.relative_to(self.out)): p.read_bytes() for p in sorted(self.out.rglob("*")) if p.is_file()
        }

    def measure(self, name: str = "dmpfc") -> MeasureTable:
        return read_measure(measure_path(self.out, name))

    def rows(self, name: str) -> list[dict[str, str]]:
        """A table below OUT/measures as text."""
        lines = (self.out / "measures" / name).read_text("utf-8").splitlines()
        header = lines[0].split("\t")
        return [dict(zip(header, line.split("\t"), strict=True)) for line in lines[1:]]

    def text(self) -> str:
        """Everything that was written, in one string."""
        return "\n".join(content.decode() for content in self.snapshot().values())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    return Desk(tmp_path)
