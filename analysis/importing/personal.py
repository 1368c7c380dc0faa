"""Columns that look as if they told who somebody is.

They are refused wherever they stand in the file, used or not: a table that comes with birth dates should not travel
at all. What a cell holds is looked at and never repeated, in no message and no file.
"""

from __future__ import annotations

import datetime
import re
import statistics
import unicodedata
from collections.abc import Callable, Collection, Sequence

from analysis.importing.mapping import TableMap
from analysis.importing.numbers import Missing
from protocols.base.errors import Fault, InputError, did_you_mean, listed
from protocols.sources.cells import SourceTable

LONG_TEXT = 40
YEARS_BACK = 3
"""Dates this much before today may be birth dates: nobody younger is a participant."""

# Words of a header, without accents; a header is cut at capitals, digits and signs: RecipientEmail, geburts_datum.
_WORDS: dict[str, frozenset[str]] = {
    what: frozenset(words.split())
    for what, words in {
        "names": "vorname nachname familienname surname lastname firstname forename fullname prenom nomdefamille "
        "apellido apellidos",
        "e-mail addresses": "email emails mail emailaddress mailadresse emailadresse courriel correo",
        "network addresses": "ipaddress ipadresse ipaddr",
        "birth dates": "birth birthdate birthday birthyear dob geburt geburtsdatum geburtstag geburtsjahr gebdat "
        "naissance nacimiento cumpleanos",
        "telephone numbers": "phone phonenumber telephone telefon telefonnummer handynummer telefono movil",
        "postal addresses": "address anschrift adresse wohnort street strasse postcode zipcode postleitzahl plz "
        "direccion domicilio codepostal",
        "coordinates of places": "latitude longitude gps breitengrad laengengrad langengrad latitud longitud",
        "personal identity numbers": "ssn passport passnummer reisepass dni versichertennummer workerid prolificid "
        "prolificpid",
    }.items()
}
_CHINESE = {
    "names": ("姓名", "名字"),
    "e-mail addresses": ("邮箱", "邮件"),
    "birth dates": ("出生", "生日"),
    "telephone numbers": ("电话", "手机"),
    "postal addresses": ("地址", "住址"),
    "personal identity numbers": ("身份证",),
    "coordinates of places": ("经度", "纬度"),
}
_PAIRS: dict[str, tuple[frozenset[str], ...]] = {  # words that mean it only together
    "names": tuple(
        frozenset(pair.split())
        for pair in (
            "first name",
            "last name",
            "family name",
            "given name",
            "full name",
            "participant name",
            "subject name",
            "child name",
            "parent name",
            "mother name",
            "father name",
            "nombre completo",
            "nombre participante",
            "nom famille",
            "name kind",
        )
    ),
    "network addresses": (
        frozenset({"ip", "address"}),
        frozenset({"ip", "adresse"}),
        frozenset({"ip", "addr"}),
    ),
    "personal identity numbers": (
        frozenset({"prolific", "id"}),
        frozenset({"worker", "id"}),
        frozenset({"social", "security"}),
    ),
}
_ALONE = {
    "name": "names",
    "names": "names",
    "nom": "names",
    "nombre": "names",
    "ip": "network addresses",
    "tel": "telephone numbers",
    "mobile": "telephone numbers",
    "handy": "telephone numbers",
}
_COMMENTS = frozenset(
    "comment comments remark remarks note notes bemerkung bemerkungen anmerkung anmerkungen kommentar kommentare "
    "commentaire commentaires remarque remarques comentario comentarios observaciones freitext feedback".split()
)
_COMMENTS_CHINESE = ("备注", "评论", "意见")

_EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[A-Za-z]{2,}")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)")
_IPV6 = re.compile(r"(?=(?:.*:){4})[0-9A-Fa-f:]{8,39}")
_PHONE = re.compile(r"(?:\+|00)[1-9]\d{0,2}[\s/().-]*(?:\d[\s/().-]*){7,13}")
_PLACE = re.compile(r"\(?\s*([-+]?\d{1,2}\.\d{3,})\s*[,; ]\s*([-+]?\d{1,3}\.\d{3,})\s*\)?")
_ACCOUNT = re.compile(r"[0-9a-f]{24}")
_DATES = (
    re.compile(r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?:[T ].*)?"),
    re.compile(r"(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>\d{4})"),
    re.compile(r"(?P<m>\d{1,2})[/-](?P<d>\d{1,2})[/-](?P<y>\d{4})"),
    re.compile(r"(?P<y>\d{4})年(?P<m>\d{1,2})月(?P<d>\d{1,2})日?"),
)


def is_email(text: str) -> bool:
    """Whether a cell holds an e-mail address."""
    return _EMAIL.search(text) is not None


def by_header(header: str) -> str | None:
    """What a column holds if its name tells, in English, German, French, Spanish or Chinese."""
    for what, parts in _CHINESE.items():
        if any(part in header for part in parts):
            return what
    words = _words(header)
    joined = "".join(words)
    for what, known in _WORDS.items():
        if known & set(words) or joined in known:
            return what
    for what, pairs in _PAIRS.items():
        if any(pair <= set(words) for pair in pairs):
            return what
    return _ALONE.get(joined)


def _words(header: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", header.replace("ß", "ss"))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return [word for word in re.split(r"[^a-z]+", spaced.casefold()) if word]


def by_content(header: str, cells: Sequence[str], today: datetime.date) -> str | None:
    """What a column holds if its cells tell.

    Parameters
    ----------
    header
        The column's name; comments are known by it.
    cells
        Its cells, the missing ones left out.
    today
        Dates are old or new relative to it.
    """
    if not cells:
        return None
    different = set(cells)
    simple: tuple[tuple[str, Callable[[str], object]], ...] = (
        ("e-mail addresses", is_email),
        ("network addresses", lambda text: _IPV4.fullmatch(text) or _IPV6.fullmatch(text)),
        ("telephone numbers", _PHONE.fullmatch),
        ("coordinates of places", _is_place),
        ("account numbers of a panel", _ACCOUNT.fullmatch),
    )
    for what, looks_so in simple:
        if any(looks_so(text) for text in different):
            return what
    dates = [date for date in map(_date, cells) if date is not None]
    if len(dates) * 2 > len(cells) and statistics.median_low(dates).year <= today.year - YEARS_BACK:
        return "dates that may be birth dates"
    comments = bool(_COMMENTS & set(_words(header))) or any(part in header for part in _COMMENTS_CHINESE)
    if comments and any(len(text.split()) >= 3 or len(text) > LONG_TEXT // 2 for text in different):
        return "free text"
    if statistics.median(len(text) for text in cells) > LONG_TEXT and any(
        " " in text or text[0] > "\u3000" for text in different
    ):
        return "free text"
    return None


def _is_place(text: str) -> bool:
    match = _PLACE.fullmatch(text)
    if match is None:
        return False
    latitude, longitude = float(match[1]), float(match[2])
    on_screen = abs(latitude) <= 1 and abs(longitude) <= 1  # gaze and norms in shares of the screen
    return abs(latitude) <= 90 and abs(longitude) <= 180 and not on_screen


def _date(text: str) -> datetime.date | None:
    for pattern in _DATES:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        year, month, day = int(match["y"]), int(match["m"]), int(match["d"])
        if month > 12:
            month, day = day, month
        try:
            date = datetime.date(year, month, day)
        except ValueError:
            continue
        return date if year >= 1900 else None
    return None


def personal_columns(
    table: SourceTable, missing: Missing, *, exempt: Collection[str] = (), today: datetime.date | None = None
) -> dict[str, str]:
    """Columns that look personal, with what they seem to hold.

    Parameters
    ----------
    table
        The whole file's table.
    missing
        Which cells hold nothing.
    exempt
        Columns not looked at, such as codes that are replaced anyway.
    today
        Today, unless a test says otherwise.
    """
    now = today or datetime.date.today()
    found: dict[str, str] = {}
    latitude = {name for name in table.header if _words(name) == ["lat"]}
    longitude = {name for name in table.header if _words(name) in (["lon"], ["lng"], ["long"])}
    for i, name in enumerate(table.header):
        if name in exempt or name in found:
            continue
        what = by_header(name)
        if what is None and latitude and longitude and name in latitude | longitude:
            what = "coordinates of places"  # 'lat' alone is a latency
        cells = [row[i] for _, row in table.rows if not missing(row[i])]
        what = what or by_content(name, cells, now)
        if what:
            found[name] = what
    return found


def refuse_personal(table: SourceTable, found: dict[str, str], allowed: Collection[str]) -> None:
    """Raise an InputError for every personal-looking column that nobody allowed by name.

    The error names the columns, never what they hold.
    """
    faults = [
        Fault(
            f"column '{name}'",
            "was allowed by name but is not in the file",
            file=str(table.file),
            way_out=did_you_mean(name, table.header),
        )
        for name in dict.fromkeys(allowed)
        if name not in table.header
    ]
    left = {name: what for name, what in found.items() if name not in allowed}
    if left:
        flags = " ".join(f"--allow-column '{name}'" for name in left)
        faults.append(
            Fault(
                str(table.file),
                f"holds {'a column that looks' if len(left) == 1 else 'columns that look'} personal",
                got=listed((f"'{name}' ({what})" for name, what in left.items()), limit=30),
                way_out=f"take {'it' if len(left) == 1 else 'them'} out of the file; or, if it is no such thing, "
                f"allow it by name: {flags} (or allow_columns in the map)",
            )
        )
    if faults:
        raise InputError(faults)


def looked_through(table: SourceTable, how: TableMap, missing: Missing, allow: Sequence[str]) -> set[str]:
    """Refuse personal columns; returns those whose cells must never be shown, allowed ones included."""
    codes = {how.columns.participant_id} if how.rekey else set()
    found = personal_columns(table, missing, exempt=codes)
    refuse_personal(table, found, [*how.allow_columns, *allow])
    return {*found, how.columns.participant_id}
