"""Text that looks as if it told who somebody is, or where a file lay on somebody's computer."""

from __future__ import annotations

import re

LONGEST = 120
WITHHELD = "(withheld: looks personal)"

_DATE = r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\s?\d{1,2}[-/.]\s?\d{4}|\d{4}年\d{1,2}月\d{1,2}日?)"
_BORN = "born|birth|birthday|date of birth|dob|geb|geboren|geburtstag|geburtsdatum|née?|naissance|nacid[oa]|nacimiento"
_LOOKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("an e-mail address", re.compile(r"[^\s@<>]+@[^\s@<>]+\.[A-Za-z]{2,}")),
    ("a telephone number", re.compile(r"(?<![\w.])(?:\+|00)[1-9](?:[\s/().-]*\d){8,14}(?!\d)")),
    ("a telephone number", re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")),  # mobile telephones in China
    (
        "a personal identity number",  # China's: place, birth date, number
        re.compile(r"\d{6}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]"),
    ),
    (
        "a birth date",
        re.compile(
            rf"(?:\b(?:{_BORN})\b|出生|生日).{{0,14}}?(?:{_DATE}|(?<!\d)(?:19|20)\d\d(?!\d))|{_DATE}\s*(?:出生|生)",
            re.IGNORECASE,
        ),
    ),
    ("a date, perhaps of birth", re.compile(rf"^\s*{_DATE}\s*$")),
)
_PATH = re.compile(r"(?<![\w:/])(?:[A-Za-z]:[\\/]|\\\\|~?/)[^\\/\s]+[\\/]|file://")


def looks_personal(text: str) -> str | None:
    """What a text seems to hold that tells who somebody is; None if nothing."""
    return next((what for what, looks_so in _LOOKS if looks_so.search(text)), None)


def harmless(text: object, longest: int = LONGEST) -> str:
    """A text from a file as it may be shown: one printable line, short, nothing personal and no path in it."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    if looks_personal(line) or _PATH.search(line):
        return WITHHELD
    return line if len(line) <= longest else line[: longest - 1] + "…"
