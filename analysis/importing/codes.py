"""Participant codes: ``07`` is ``sub-07``, names are refused, and fresh codes lead back to nobody."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis.importing.mapping import TableMap
from analysis.importing.numbers import Missing
from analysis.importing.personal import is_email
from protocols.base.errors import Fault, InputError, OutputError, fail, listed
from protocols.base.files import write_atomically
from protocols.base.tables import read_frame, table_text
from protocols.sources.cells import SourceTable

_WAY_OUT = "write 'rekey: true' in the map: everybody gets a fresh code; or rename the codes in the table"
_VOWEL = re.compile(r"[aeiouyAEIOUYàâäáæéèêëíîïóôöøúûüœÀÂÄÁÆÉÈÊËÍÎÏÓÔÖØÚÛÜŒ]")
_ACCOUNT = re.compile(r"[0-9a-f]{24}")


def bare(code: str) -> str:
    """A code without ``sub-``."""
    return code.removeprefix("sub-")


def plain_codes(file: Path, lines: Mapping[str, Sequence[int]], digits: int | None) -> dict[str, str]:
    """``sub-…`` for every code of a file as it stands.

    Parameters
    ----------
    file
        The file, for messages.
    lines
        The lines each code stands in.
    digits
        Fill codes made of digits only with zeros to this length.

    Raises
    ------
    InputError
        For codes with illegal characters and codes that look like names. They are not repeated: they may be names.
    """
    faults = []
    for code, at in lines.items():
        reason = _refused(code)
        if reason:
            where = f"line {at[0]}" if len(at) == 1 else f"lines {listed(at, limit=5)}"
            faults.append(
                Fault(
                    f"participant code in {where}",
                    reason,
                    file=str(file),
                    line=at[0],
                    accepted="ASCII letters and digits, with or without 'sub-': 07, sub-07, kid12",
                    way_out=_WAY_OUT,
                )
            )
    if not faults and _mostly_names(list(lines)):
        faults.append(
            Fault("participant codes", "look like names with a number", file=str(file), way_out=_WAY_OUT)
        )
    if faults:
        shown = faults[:10]
        if len(faults) > len(shown):
            shown.append(
                Fault("participant codes", f"{len(faults) - len(shown)} more like these", file=str(file))
            )
        raise InputError(shown)
    return {
        code: "sub-" + (bare(code).zfill(digits) if digits and bare(code).isdigit() else bare(code))
        for code in lines
    }


def _refused(code: str) -> str:
    plain = bare(code)
    if is_email(code):
        return "looks like an e-mail address"
    if _ACCOUNT.fullmatch(plain):
        return "looks like an account number of a panel"
    if re.fullmatch(r"[^\W\d_]{3,}(?:[\s.,_'-]+[^\W\d_]+)*", plain) and _VOWEL.search(plain):
        return "looks like a name"
    illegal = sorted(set(re.sub(r"[A-Za-z0-9]", "", plain)))
    if any(sign.isalpha() for sign in illegal):  # not repeated: they may be most of a name
        return "holds letters a code cannot have"
    if illegal:
        return f"holds characters a code cannot have: {listed(map(repr, illegal), limit=5)}"
    return "" if plain else "is empty"


def _mostly_names(codes: Sequence[str]) -> bool:
    """``anna85, ben12, clara3``: many different words before the number; ``kid1, kid2`` has one."""
    words = [
        match[1].casefold() for code in codes if (match := re.fullmatch(r"([A-Za-z]{3,})\d{1,4}", bare(code)))
    ]
    named = {word for word in words if _VOWEL.search(word)}
    return len(codes) >= 3 and len(named) * 2 > len(codes)


def doubtful_codes(codes: Sequence[str]) -> list[str]:
    """Notes on codes that may be one person: ``sub-7`` and ``sub-07``, ``sub-a1`` and ``sub-A1``."""
    same: dict[str, list[str]] = {}
    for code in sorted(set(codes)):
        plain = bare(code).casefold()
        same.setdefault(plain.lstrip("0") or "0" if plain.isdigit() else plain, []).append(code)
    return [
        f"{listed(group)} may be one person: they differ in zeros or capitals only (digits: … in the map fills zeros)"
        for group in same.values()
        if len(group) > 1
    ]


def fresh_codes(
    codes: Sequence[str], how: TableMap, map_file: Path, out: Path, *, others: bool
) -> dict[str, str]:
    """A fresh ``sub-001`` … for every code, in an order nobody can repeat.

    The order is that of a keyed hash (HMAC-SHA256) whose key is drawn here and forgotten: without the table of old
    and new codes nobody, not even with the old codes in hand, can tell who is who.

    Parameters
    ----------
    codes
        The old codes.
    how
        The map; its ``code_table`` keeps old and new codes, outside `out`, so that later imports use the same ones.
    map_file
        The map's file; the table's path counts from its folder.
    out
        The output folder.
    others
        Whether other sources are in `out` already: then codes can only come from an existing table.

    Raises
    ------
    InputError
        If the table lies inside the output, is not such a table, or is missing where it is needed.
    """
    file = None if how.code_table is None else (map_file.parent / how.code_table).resolve()
    if file is not None and file.is_relative_to(out.resolve()):
        raise fail(
            InputError,
            f"code_table '{how.code_table}'",
            "lies inside the output folder",
            file=str(map_file),
            way_out="keep it elsewhere, where only those may read it who may know the names",
        )
    kept: dict[str, str] = {}
    if file is not None and file.exists():
        frame = read_frame(file, required=("old_code", "participant_id"))
        kept = dict(zip(frame["old_code"].map(str), frame["participant_id"].map(str), strict=True))
    elif others:
        raise fail(
            InputError,
            "rekey",
            "cannot tell whose codes these are: the output holds people from other files already",
            file=str(map_file),
            way_out="name a code_table (outside the output) in every map from the first import on, or another output",
        )
    key = secrets.token_bytes(32)
    new = sorted(
        {bare(code) for code in codes} - set(kept),
        key=lambda code: hmac.new(key, code.encode(), hashlib.sha256).digest(),
    )
    taken = [int(match[1]) for code in kept.values() if (match := re.fullmatch(r"sub-(\d+)", code))]
    for number, code in enumerate(new, start=max(taken, default=0) + 1):
        kept[code] = f"sub-{number:03d}"
    if file is not None and new:
        write_atomically(
            file, table_text(["old_code", "participant_id"], sorted(kept.items(), key=lambda pair: pair[1]))
        )
        try:
            file.chmod(0o600)
        except OSError as error:
            raise fail(
                OutputError, str(file), f"cannot be kept from other readers: {error.strerror}"
            ) from error
    return {code: kept[bare(code)] for code in codes}


def participant_codes(
    table: SourceTable, how: TableMap, map_file: Path, out: Path, missing: Missing, *, others: bool
) -> dict[str, str]:
    """``sub-…`` for every code in the table; as they stand, or fresh."""
    place = table.index(how.columns.participant_id)
    lines: dict[str, list[int]] = {}
    for line, cells in table.rows:
        if not missing(cells[place]):
            lines.setdefault(cells[place], []).append(line)
    if how.rekey:
        filled = {
            code: bare(code).zfill(how.digits) if how.digits and bare(code).isdigit() else code
            for code in lines
        }
        fresh = fresh_codes(sorted(set(filled.values())), how, map_file, out, others=others)
        return {code: fresh[full] for code, full in filled.items()}
    return plain_codes(table.file, lines, how.digits)
