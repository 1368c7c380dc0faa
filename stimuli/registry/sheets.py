"""Provenance as a spreadsheet: written with its open cells marked, read back cell by cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from protocols.base.errors import Fault, InputError, OutputError, UsageError, did_you_mean, fail, listed
from protocols.base.files import write_atomically
from protocols.base.tables import MISSING, table_text
from protocols.sources.cells import read_source
from protocols.sources.notation import Plain
from stimuli.provenance.fields import FIELDS
from stimuli.registry.editing import faults_of, open_cells, save
from stimuli.registry.manifest import DIRECTIONS, filled_by_hand, read_manifest
from stimuli.sets import StimulusSet

SHEET = "clips"
SHOWN = ("clip", "pair_id", "arm", "scene", "source_name")


def write_sheet(stimuli: StimulusSet, path: Path) -> Path:
    """Write what people fill in as a spreadsheet: a row for each clip, open cells marked, meanings on a second sheet.

    Parameters
    ----------
    stimuli
        The set.
    path
        ``.xlsx``, ``.csv`` or ``.tsv``; it must not exist.

    Raises
    ------
    OutputError
        If the file exists or cannot be written.
    UsageError
        If its ending is another one.
    """
    if path.exists():
        raise fail(
            OutputError,
            str(path),
            "exists already",
            way_out="read it in with --read-sheet, or name another file",
        )
    manifest = read_manifest(stimuli)
    names = [*SHOWN, *filled_by_hand()]
    rows = [[clip[name] for name in names] for clip in manifest.clips]
    kind = path.suffix.lower()
    if kind == ".xlsx":
        marked = {(one.clip, one.field) for one in open_cells(manifest)}
        return write_atomically(path, _workbook(names, rows, marked))
    if kind == ".tsv":
        return write_atomically(path, table_text(names, rows))
    if kind == ".csv":
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(
            [names, *([cell or "" for cell in row] for row in rows)]
        )
        # The mark tells spreadsheet programs that it is UTF-8.
        return write_atomically(path, "\ufeff" + out.getvalue())
    raise fail(UsageError, str(path), "has an unknown ending", accepted=".xlsx, .csv, .tsv")


def _workbook(
    names: Sequence[str], rows: Sequence[Sequence[str | None]], marked: set[tuple[str, str]]
) -> bytes:
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    book = Workbook()
    book.remove(book.worksheets[0])
    sheet = book.create_sheet(SHEET)
    open_fill, own_fill = PatternFill("solid", fgColor="FFF2CC"), PatternFill("solid", fgColor="EFEDE6")
    sheet.append(list(names))
    for row in rows:
        sheet.append([cell or "" for cell in row])
    for j, name in enumerate(names, start=1):
        sheet.cell(1, j).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(j)].width = max(14, len(name) + 3)
        for i, row in enumerate(rows, start=2):
            cell = sheet.cell(i, j)
            cell.number_format = "@"  # a seed stays a seed, not 1.2E+18
            if name in SHOWN:
                cell.fill = own_fill
            elif (row[0], name) in marked:
                cell.fill = open_fill
    sheet.freeze_panes = sheet.cell(2, len(SHOWN) + 1)
    meanings = book.create_sheet("meaning")
    meanings.append(["field", "meaning", "example", "required for"])
    for one in FIELDS:
        meanings.append([one.name, one.meaning, one.example, ", ".join(sorted(one.required_for))])
    for name, (meaning, unit, example) in DIRECTIONS.items():
        meanings.append([name, f"{meaning} ({unit})", example, ""])
    for j in range(1, 5):
        meanings.cell(1, j).font = Font(bold=True)
    for letter, width in zip("ABCD", (24, 90, 30, 40), strict=True):
        meanings.column_dimensions[letter].width = width
    for i in range(2, len(FIELDS) + len(DIRECTIONS) + 2):
        meanings.cell(i, 2).alignment = Alignment(wrap_text=True, vertical="top")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def read_sheet(stimuli: StimulusSet, path: Path) -> int:
    """Take over a spreadsheet that people filled in.

    Parameters
    ----------
    stimuli
        The set.
    path
        A table with the column ``clip`` and any of the provenance columns; other columns are not read. A column that
        is not there changes nothing, an empty cell empties the cell.

    Returns
    -------
    int
        Cells that changed.

    Raises
    ------
    InputError
        With every cell that is not what its field takes, by its line. Then nothing is changed.
    """
    notation = Plain(sheet=SHEET) if path.suffix.lower() == ".xlsx" and _has_sheet(path) else Plain()
    table = read_source(path, notation, ["clip", *filled_by_hand()])
    table.require(("clip",))
    fields = [name for name in table.header if name in filled_by_hand()]
    if not fields:
        raise fail(
            InputError,
            str(path),
            "holds no column that people fill in",
            got=listed(table.header),
            accepted=listed(filled_by_hand(), limit=30),
        )
    manifest = read_manifest(stimuli)
    clips = {clip.name: clip for clip in manifest.clips}
    changed, faults = 0, []
    for line, cells in table.rows:
        row = dict(zip(table.header, cells, strict=True))
        name = row["clip"]
        if name not in clips:
            faults.append(
                Fault(
                    f"clip '{name}'",
                    "is not in the set",
                    file=str(path),
                    line=line,
                    way_out=did_you_mean(name, clips),
                )
            )
            continue
        new = {field: None if row[field] in ("", MISSING) else str(row[field]) for field in fields}
        changed += sum(clips[name][field] != value for field, value in new.items())
        clips[name] = clips[name].having(**new)
        faults += [replace(fault, file=str(path), line=line) for fault in faults_of(clips[name])]
    if faults:
        raise InputError(faults)
    save(stimuli, manifest, clips.values())
    return changed


def _has_sheet(path: Path) -> bool:
    import zipfile

    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True)
        try:
            return SHEET in book.sheetnames
        finally:
            book.close()
    except (zipfile.BadZipFile, KeyError, ValueError, OSError):
        return False  # `read_source` says what is wrong with it
