"""Which files are clips, and of which pair and arm: by folders and names, or by a table that says so."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from protocols.base.errors import Fault, InputError, UsageError, did_you_mean, fail, listed
from protocols.base.tables import MISSING
from protocols.sources.cells import read_source
from protocols.sources.notation import Plain
from stimuli.registry.arms import ROLE_OF, place_of, tidy
from stimuli.registry.manifest import FACTS, ROLES, Cells, filled_by_hand

VIDEOS = frozenset(
    ".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .mts .m2ts .ts .wmv .flv .ogv .3gp .mxf .gif .y4m".split()
)
SOUNDS = frozenset(".mp3 .wav .m4a .aac .flac .ogg .opus".split())
FILE, PAIR, ARM, SCENE, ROLE = "file", "pair_id", "arm", "scene", "role"


@dataclass(frozen=True)
class Found:
    """A file and what it is to be.

    Attributes
    ----------
    shown
        How messages name it: its path below the folder that was given.
    pair_id
        As a pairs file says it; None: its scene's name.
    alone
        Whether it is a clip without a partner so far, because the pairs file leaves its pair open.
    cells
        Provenance a pairs file holds.
    own_columns
        Columns of the lab's own in it.
    """

    path: Path
    shown: str
    arm: str
    role: str
    scene: str
    pair_id: str | None = None
    alone: bool = False
    cells: Cells = field(default_factory=dict)
    own_columns: tuple[str, ...] = ()


def find_clips(
    folders: Sequence[Path], pairs_file: Path | None, out: Path
) -> tuple[list[Found], list[Fault], list[str]]:
    """All clips, files that could not be placed, and files that are no videos by their names.

    Parameters
    ----------
    folders
        Where to look.
    pairs_file
        The table that says what is what; then files it does not name are listed and left.
    out
        The set's own folder, in which nothing is looked for.
    """
    files, ignored = _files(folders, out)
    if not files:
        raise fail(
            UsageError,
            listed(str(folder) for folder in folders),
            "holds no video",
            accepted=listed(sorted(VIDEOS), limit=30),
            way_out="name the folder that holds the clips",
        )
    if pairs_file is not None:
        found, faults = _by_table(pairs_file, files)
    else:
        found, faults = _by_name(files)
    return found, faults, ignored


def _files(folders: Sequence[Path], out: Path) -> tuple[list[tuple[Path, Path]], list[str]]:
    """(file, folder it was found in) in the order of names, and what was ignored."""
    files: dict[Path, Path] = {}
    ignored = []
    own = out.resolve()
    for folder in folders:
        if not folder.exists():
            raise fail(UsageError, str(folder), "does not exist", way_out="check the name")
        listing = [folder] if folder.is_file() else sorted(_below(folder))
        for path in listing:
            if path.is_relative_to(own) or path.resolve().is_relative_to(own) or path.name.startswith("."):
                continue
            suffix = path.suffix.lower()
            if suffix in VIDEOS or suffix in SOUNDS:
                files.setdefault(path.resolve(), folder.parent if folder.is_file() else folder)
            else:
                ignored.append(path.name)
    return list(files.items()), ignored


def _below(folder: Path) -> list[Path]:
    """All files below a folder, links followed no further than themselves."""
    return [Path(where) / name for where, _, names in os.walk(folder) for name in names]


def _shown(path: Path, root: Path) -> str:
    try:
        inside = path.relative_to(root.resolve())
    except ValueError:
        return tidy(path.name)
    return tidy(f"{root.resolve().name}/{inside.as_posix()}")


def _by_name(files: Sequence[tuple[Path, Path]]) -> tuple[list[Found], list[Fault]]:
    found, faults = [], []
    for path, root in files:
        place = place_of(path, root.resolve())
        if place.arm is None:
            faults.append(
                Fault(
                    _shown(path, root),
                    "does not say which arm it belongs to",
                    accepted=f"a folder or a word in the name: {listed(ROLE_OF)}",
                    way_out="rename it, or say it in a pairs file (--pairs) with the columns file, pair_id, arm",
                )
            )
            continue
        found.append(Found(path, _shown(path, root), place.arm, ROLE_OF[place.arm], place.scene))
    return found, faults


def _by_table(table_file: Path, files: Sequence[tuple[Path, Path]]) -> tuple[list[Found], list[Fault]]:
    given = set(filled_by_hand())
    known = {FILE, PAIR, ARM, SCENE, ROLE, *given}
    table = read_source(table_file, Plain(), sorted(known))
    table.require((FILE, ARM))
    own = tuple(name for name in table.header if name not in known and name not in FACTS)
    for name in own:
        close = did_you_mean(name, known)
        if close:
            raise InputError(
                Fault(
                    f"column '{name}'",
                    "is not known",
                    file=str(table_file),
                    accepted=listed(sorted(known), limit=30),
                    way_out=f"{close} or give it a name that is like none of these, then it is kept as it is",
                )
            )
    found: list[Found] = []
    faults: list[Fault] = []
    used: set[Path] = set()
    for line, texts in table.rows:
        row: Cells = {
            name: None if text in ("", MISSING) else text
            for name, text in zip(table.header, texts, strict=True)
        }
        item = row[FILE] or f"line {line}"
        problem = _row_problem(row, files, item, str(table_file), line)
        if isinstance(problem, Fault):
            faults.append(problem)
            continue
        path, root = problem
        if path in used:
            faults.append(Fault(item, "stands twice in the pairs file", file=str(table_file), line=line))
            continue
        used.add(path)
        arm = row[ARM] or ""
        place = place_of(path, root.resolve())
        pair = row.get(PAIR)
        found.append(
            Found(
                path,
                _shown(path, root),
                arm,
                row.get(ROLE) or ROLE_OF[arm],
                row.get(SCENE) or pair or place.scene,
                pair_id=pair or _own_name(path, found),
                alone=pair is None,
                cells={name: row[name] for name in (*sorted(given), *own) if row.get(name) is not None},
                own_columns=own,
            )
        )
    left = [_shown(path, root) for path, root in files if path not in used]
    if left:
        faults.append(
            Fault(
                listed(left),
                "is not in the pairs file" if len(left) == 1 else "are not in the pairs file",
                file=str(table_file),
            )
        )
    return found, faults


def _row_problem(
    row: Cells, files: Sequence[tuple[Path, Path]], item: str, file: str, line: int
) -> Fault | tuple[Path, Path]:
    """The file a row means with its folder, or what is wrong with the row."""
    arm, pair, role = row[ARM], row.get(PAIR), row.get(ROLE)
    wanted = (row[FILE] or "").replace("\\", "/")
    matches = [
        (path, root)
        for path, root in files
        if wanted and (f"/{tidy(path.as_posix())}".endswith(f"/{tidy(wanted)}"))
    ]
    if len(matches) != 1:
        names = [tidy(path.name) for path, _ in files]
        problem = "is the name of several files" if matches else "is not among the files"
        way_out = "write more of its path" if matches else did_you_mean(tidy(Path(wanted).name), names)
        return Fault(item, problem, file=file, line=line, way_out=way_out)
    if arm is None or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", arm):
        return Fault(
            item,
            "has no arm" if arm is None else "has an arm that cannot be a condition's name",
            file=file,
            line=line,
            got=arm or "",
            accepted=f"{listed(ROLE_OF)}, or a condition of your plan with its role",
        )
    if role is None and arm not in ROLE_OF:
        return Fault(
            item,
            f"has the arm '{arm}', whose role is not known",
            file=file,
            line=line,
            accepted=listed(ROLES),
            way_out=did_you_mean(arm, ROLE_OF) or "add a column 'role'",
        )
    if role is not None and role not in ROLES:
        return Fault(
            item,
            "has an unknown role",
            file=file,
            line=line,
            got=role,
            accepted=listed(ROLES),
            way_out=did_you_mean(role, ROLES),
        )
    if pair is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", pair):
        return Fault(
            item,
            "has a pair_id that cannot be part of a file's name",
            file=file,
            line=line,
            got=pair,
            accepted="up to 40 letters, digits, '_' and '-': p07, kitchen",
            way_out="the words people read go into the column 'scene'",
        )
    return matches[0]


def _own_name(path: Path, found: Sequence[Found]) -> str:
    """A name for a clip that has no pair yet."""
    from stimuli.sets import safe_name

    stem = safe_name(path.stem)[:32] or "clip"
    taken = {one.pair_id for one in found}
    number = 2
    name = stem
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    return name
