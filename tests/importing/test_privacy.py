"""Nobody can be found in what an import says or writes."""

import datetime
import stat

import pytest

from analysis.importing.personal import by_content, by_header

TODAY = datetime.date(2026, 6, 1)
MAP = """
columns: {participant_id: Subj, condition: Stim, scene: item, value: beta}
group: {constant: adult}
measures: {dmpfc: {level: neural, statistic: percent_signal_change}}
"""
SECRET = "Xaverine"


@pytest.mark.parametrize(
    "header",
    [
        "Name",
        "first_name",
        "Vorname",
        "Nom",
        "Prénom",
        "nombre completo",
        "Apellidos",
        "姓名",
        "E-Mail",
        "RecipientEmail",
        "courriel",
        "邮箱",
        "IPAddress",
        "IP",
        "dob",
        "birth_date",
        "Geburtsdatum",
        "geb. Datum (Geburt)",
        "date de naissance",
        "Fecha de nacimiento",
        "出生日期",
        "Telefon",
        "phone number",
        "电话",
        "Adresse",
        "Straße",
        "postcode",
        "LocationLatitude",
        "GPS",
        "Prolific_ID",
    ],
)
def test_headers_that_look_personal(header):
    assert by_header(header) is not None


@pytest.mark.parametrize(
    "header",
    [
        "Subj",
        "id",
        "participant_id",
        "filename",
        "Dateiname",
        "ROI_name",
        "stim name",
        "latency",
        "lat",
        "beta",
        "item",
        "Title",
        "nombre de essais",
        "mobile phase",
        "IPS",
        "trip",
        "age",
        "Alter",
        "geburtenrang",
        "dprime",
        "Condition",
        "ScreenWidth",
    ],
)
def test_headers_that_do_not(header):
    assert by_header(header) is None


LONG = "My mother told me that she saw this film with her sister in Graz"


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("x", ["a", "me@uni.example"]),
        ("x", ["192.168.10.4", "10.0.0.1"]),
        ("x", ["2001:0db8:85a3:0000:0000:8a2e:0370:7334"]),
        ("x", ["+43 660 1234567"]),
        ("x", ["47.0707, 15.4395"]),
        ("x", ["1984-05-01", "2019-12-31"]),
        ("x", ["1.5.1984", "31.12.2019"]),
        ("x", ["5/13/1984"]),
        ("x", [LONG, LONG + "."]),
        ("x", ["他" * 41]),
        ("comments", ["is a nurse", ""]),
        ("x", ["5f3c9a1b2d4e6f7a8b9c0d1e"]),
    ],
)
def test_cells_that_look_personal(header, cells):
    assert by_content(header, cells, TODAY) is not None


@pytest.mark.parametrize(
    "cells",
    [
        ["0.123456789"],
        ["+0.123456789"],
        ["2026-01-03", "2025-12-24"],
        ["-4, 50, 32"],
        ["0.1234, 0.5678"],
        ["20-29 Jahre alt"],
        ["12345678901234"],
        ["1.2.3"],
        ["stimuli/live/a_very_long_name_of_a_clip_without_a_space.mp4"],
        [],
        ["12:30:05"],
    ],
)
def test_cells_that_do_not(cells):
    assert by_content("x", cells, TODAY) is None


def test_personal_column_is_refused_even_if_unused(desk):
    table = f"Subj,Stim,item,beta,Kontakt,Geburtsdatum\n1,live,s1,0.1,{SECRET}@x.example,\n2,ai,s1,0.2,,1984-01-01\n"
    message = desk.refused(table)
    assert "'Kontakt' (e-mail addresses)" in message
    assert "--allow-column 'Geburtsdatum'" in message
    assert SECRET not in message
    assert "1984" not in message
    assert "'Kontakt'" in desk.refused(table, allow=["Geburtsdatum"])
    desk.bring(table, MAP + "allow_columns: [Kontakt]\n", allow=["Geburtsdatum"])
    assert SECRET not in desk.text()
    assert "1984" not in desk.text()


def test_allowed_column_that_is_used_is_never_shown(desk):
    table = f"Subj,Name,item,beta\n1,{SECRET},s1,0.1\n1,ai,s1,0.2\n1,live,s1,0.2\n"
    how = MAP.replace("Stim", "Name") + "conditions: [live, ai]\n"
    desk.bring(table, how, allow=["Name"])
    assert SECRET not in desk.text()
    table = table.replace("ai,", f"{SECRET}2,")
    assert SECRET not in desk.refused(
        table + f"1,{SECRET},s2,\n", how.replace("live, ai", "filmed"), allow=["Name"]
    )


def test_allowed_column_is_not_shown_in_the_fault_of_a_copy(desk):
    message = desk.refused(
        f"Subj,Stim,Name,beta\n1,ai,{SECRET},1\n1,ai,{SECRET},2\n",
        MAP.replace("item", "Name"),
        allow=["Name"],
    )
    assert "lines 2, 3" in message
    assert SECRET not in message


def test_long_text_in_a_value_is_not_repeated(desk):
    desk.bring(f"Subj,Stim,item,beta\n1,live,s1,0.1\n1,ai,s1,{SECRET} was ill and could not come\n")
    assert SECRET not in desk.text()
    assert desk.rows("unusable_rows.tsv")[0]["value_found"].startswith("(text of")


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ([SECRET, "S2"], "looks like a name"),
        ([f"{SECRET} Huber", "S2"], "looks like a name"),
        (["王芳", "S2"], "holds letters a code cannot have"),
        ([f"{SECRET}@x.example", "S2"], "looks like an e-mail address"),
        (["P_01", "P_02"], "holds characters a code cannot have: '_'"),
        (["sub-07_ses-1", "S2"], "'-', '_'"),
        (["anna85", "ben12", "clara3"], "look like names with a number"),
        (["5f3c9a1b2d4e6f7a8b9c0d1e", "S2"], "panel"),
    ],
)
def test_codes_that_are_refused(desk, codes, words):
    table = "Subj,Stim,item,beta\n" + "".join(f"{code},live,s1,0.1\n" for code in codes)
    message = desk.refused(table, allow=["Subj"])
    assert words in message
    assert "rekey: true" in message
    assert not any(code in message for code in codes)


def test_plain_codes(desk):
    summary = desk.bring(
        "Subj,Stim,item,beta\n07,live,s1,0.1\nsub-07,ai,s1,0.2\nkid12,live,s1,0.2\n7,live,s1,1\n"
    )
    assert set(desk.measure().rows["participant_id"]) == {"sub-07", "sub-7", "sub-kid12"}
    assert any("sub-07, sub-7 may be one person" in note for note in summary.notes)
    desk.bring("Subj,Stim,item,beta\n07,live,s1,0.1\n7,ai,s1,1\n", "digits: 2\n" + MAP)
    assert set(desk.measure().rows["participant_id"]) == {"sub-07"}


NAMES = [f"{SECRET} {word}" for word in ("Huber", "Maier", "Berger", "Gruber", "Wagner", "Pichler")]


def table_of(names, column="beta"):
    rows = "".join(
        f"{name},{arm},s1,0.{i}\n" for i, name in enumerate(names, start=1) for arm in ("live", "ai")
    )
    return f"Name,Stim,item,{column}\n{rows}"


def test_fresh_codes_lead_back_to_nobody(desk):
    how = "rekey: true\n" + MAP.replace("Subj", "Name")
    desk.bring(table_of(NAMES), how)
    assert sorted(set(desk.measure().rows["participant_id"])) == [f"sub-{i:03d}" for i in range(1, 7)]
    assert SECRET not in desk.text()
    assert "Huber" not in desk.text()
    orders = set()
    for i in range(8):  # the order is drawn anew; that it is the same eight times has probability 720**-7
        desk.bring(table_of(NAMES) + "\n" * i, how)
        rows = desk.measure().rows
        orders.add(tuple(rows.loc[rows["condition"] == "ai", "value"]))
    assert len(orders) > 1
    other = "rekey: true\n" + MAP.replace("Subj", "Name").replace("dmpfc", "tpj")
    assert "cannot tell whose codes these are" in desk.refused(table_of(NAMES), other, name="b.csv")


def test_code_table_keeps_people_together(desk):
    private = desk.folder / "private" / "codes.tsv"
    how = "rekey: true\ncode_table: private/codes.tsv\n" + MAP.replace("Subj", "Name")
    desk.bring(table_of(NAMES[:4]), how)
    first = desk.measure().rows.set_index("value")["participant_id"].to_dict()
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    desk.bring(table_of(NAMES), how.replace("dmpfc", "tpj"), name="b.csv")
    second = desk.measure("tpj").rows.set_index("value")["participant_id"].to_dict()
    assert {value: second[value] for value in first} == first
    assert len(private.read_text().splitlines()) == 7
    assert SECRET not in desk.text()
    message = desk.refused(
        table_of(NAMES), how.replace("private/", "out/").replace("dmpfc", "x"), name="c.csv"
    )
    assert "lies inside the output folder" in message
