"""The settings of a laboratory, and whether its computer is ready."""

import builtins
import re
import sys
from types import SimpleNamespace

import pytest

from experiments.site.checks import KEYS
from experiments.site.readiness import disk_faults, free_disk, on_battery, power_faults, refresh_faults
from experiments.site.settings import Site, key_names, parse_site, read_site, site_template
from protocols.base.errors import InputError
from protocols.plan.field_table import parts


def refusal(text):
    with pytest.raises(InputError) as refused:
        parse_site(text)
    return "\n".join(str(fault) for fault in refused.value.faults)


def test_without_a_file_a_site_has_defaults_and_the_template_says_them(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text(site_template(), "utf-8")
    assert read_site(path) == read_site(None) == Site()


def test_the_template_mentions_and_sets_or_shows_every_field():
    for part in parts(Site):
        for name, info in part.model_fields.items():
            field = info.alias or name
            assert re.search(rf"^[# -]*\b{field}:", site_template(), re.MULTILINE), f"{part.__name__}.{field}"


def test_the_examples_in_the_template_are_right_when_their_comment_signs_are_taken_away():
    text = (
        site_template()
        .replace("triggers: []\n", "")
        .replace("boxes: []\n", "")
        .replace("from: keyboard", "from: serial")
    )
    text = re.sub(r"^#   ", "", text, flags=re.MULTILINE)
    site = parse_site(text)
    assert [port.kind for port in site.triggers] == ["serial", "lsl"]
    assert site.boxes[0].names == {"1": "left", "2": "right", "0x05": "scanner"}


def test_every_field_says_what_it_is():
    for part in parts(Site):
        for name, info in part.model_fields.items():
            assert info.description, f"{part.__name__}.{name}"


def test_the_keys_this_file_knows_are_keys_psychopy_can_report():
    keyboard = pytest.importorskip("psychopy.hardware.keyboard", reason="the extra 'lab' is not installed")
    reported = {
        name
        for table in (keyboard.keyNamesLinux, keyboard.keyNamesWin, keyboard.keyNamesMac)
        for name in table.values()
    }
    assert set(KEYS) <= reported


def test_outside_the_scanner_digits_are_steps_of_a_scale_and_no_key_is_a_pulse():
    for modality in ("beh", "eeg"):
        names = key_names(Site(), modality)
        for digit in "123456789":
            assert names[digit] == names[f"num_{digit}"] == digit
        assert "scanner" not in names.values()
        assert names["f"] == names["left"] == "left"
        assert names["space"] == "confirm"


def test_in_the_scanner_digits_belong_to_the_box():
    names = key_names(Site(), "bold")
    assert {key: names[key] for key in "1235t"} == {
        "1": "left", "2": "right", "3": "confirm", "5": "scanner", "t": "scanner",
    }  # fmt: skip
    assert not set(names.values()) & set("123456789")
    assert "4" not in names


def test_a_pulse_from_a_serial_box_is_not_a_key():
    site = parse_site('scanner: {from: serial}\nboxes:\n- device: COM3\n  names: {"t": scanner}\n')
    assert "scanner" not in key_names(site, "bold").values()


def test_a_lab_whose_box_is_used_everywhere_gives_its_digits_their_meaning():
    site = parse_site('keys: {left: ["1"], right: ["2"], digits_answer_scales: false}')
    for modality in ("beh", "bold"):
        assert key_names(site, modality)["1"] == "left"
    assert "4" not in key_names(site, "beh")


def test_the_operators_keys_mean_the_same_in_every_session():
    for modality in ("bold", "eeg", "beh"):
        names = key_names(parse_site("operator: {break: f8}"), modality)
        assert {key: name for key, name in names.items() if name.startswith("operator.")} == {
            "f2": "operator.pause", "f3": "operator.repeat", "f4": "operator.skip", "f6": "operator.inattentive",
            "f8": "operator.break", "f9": "operator.dissent", "f10": "operator.stop",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("screen:\n  with_cm: 3", "2:3", "did you mean 'width_cm'?"),
        ("screen:\n  distance_cm: -3", "2:16", "is out of range"),
        ("operator:\n  pauze: f2", "2:3", "did you mean 'pause'?"),
        ("operator:\n  pause: f10", "2:10", "gives the key 'f10' two meanings"),
        ("keys:\n  left: [a, 1]", "2:13", "put it in quotes"),
        ("keys:\n  confirm: [spce]", "2:13", "did you mean 'space'?"),
        ("keys:\n  left: [space]", "2:10", "left and confirm"),
        ('keys:\n  left: ["1"]', "2:10", "digits_answer_scales: false"),
        ("keys:\n  left: [num_4]", "2:10", "digits_answer_scales: false"),
        ("keys:\n  left: [t]", "2:10", "in the scanner, scanner.keys"),
        ('scanner:\n  buttons: {down: ["5"]}', "2:20", "scanner and down"),
        ("scanner:\n  from: serial", "2:9", "no box has a byte that means 'scanner'"),
        ("scanner:\n  keys: []", "2:9", "is empty"),
        ("triggers:\n  - kind: usb", "2:11", "serial, parallel, lsl"),
        ("triggers:\n  - kind: serial", "2:11", "lacks 'device'"),
        ("triggers:\n  - kind: lsl\n    device: COM3", "3:5", "is not for LSL"),
        ("triggers:\n  - kind: lsl\n  - kind: lsl", "3:11", "second LSL stream"),
        ("triggers:\n  - kind: parallel\n    device: x\n    reset_s: null", "4:14", "must be reset"),
        ("triggers:\n  - {kind: serial, device: a}\n  - {kind: serial, device: a}", "3:28", "used twice"),
        (
            'triggers:\n  - {kind: serial, device: a}\nboxes:\n  - {device: a, names: {"1": left}}',
            "4:14",
            "twice",
        ),
        ('boxes:\n  - device: a\n    names: {"1": lefft}', "3:18", "did you mean 'left'?"),
        ('boxes:\n  - device: a\n    names: {"256": left}', "3:13", "is not a byte"),
        ('boxes:\n  - device: a\n    names: {"é": left}', "3:13", "is not a byte"),
        ('boxes:\n  - device: a\n    names: {"1": left, "0x31": right}', "3:24", "same byte twice"),
        ('boxes:\n  - device: a\n    names: {"t": scanner}', "3:18", "write scanner.from: serial"),
    ],
)
def test_a_mistake_is_refused_with_its_line_and_column_and_the_way_out(text, place, says):
    told = refusal(text)
    assert f"site.yaml:{place}: " in told
    assert says in told


def test_one_mistake_is_told_once():
    assert refusal("keys: {left: [space]}").count("two meanings") == 1


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_site(tmp_path / "site.yaml")


def test_free_disk_is_found_for_a_folder_that_is_still_to_be_made(tmp_path):
    assert free_disk(tmp_path / "a" / "b") == pytest.approx(free_disk(tmp_path), rel=0.1)
    assert free_disk(tmp_path) > 1


def test_a_full_disk_is_told_and_enough_space_is_not(tmp_path):
    assert disk_faults(parse_site("free_disk_mb: 0"), tmp_path) == []
    (fault,) = disk_faults(parse_site("free_disk_mb: 1e12"), tmp_path)
    assert "MB free" in fault.got
    assert fault.way_out


@pytest.mark.parametrize(
    ("battery", "says"),
    [(None, None), (SimpleNamespace(power_plugged=None), None),
     (SimpleNamespace(power_plugged=True), False), (SimpleNamespace(power_plugged=False), True)],
)  # fmt: skip
def test_only_a_battery_that_is_known_to_run_blocks_a_session(monkeypatch, battery, says):
    monkeypatch.setitem(sys.modules, "psutil", SimpleNamespace(sensors_battery=lambda: battery))
    assert on_battery() is says
    assert bool(power_faults(Site())) == (says is True)
    assert power_faults(parse_site("require_power: false")) == []


def test_without_psutil_the_power_is_unknown(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "psutil":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert on_battery() is None
    assert power_faults(Site()) == []


@pytest.mark.parametrize(
    ("hz", "fits"), [(60.0, True), (59.94, True), (60.3, True), (59.0, False), (75.0, False)]
)
def test_a_screen_that_does_not_refresh_as_the_site_says_is_told(hz, fits):
    faults = refresh_faults(Site(), hz)
    assert (faults == []) == fits
    for fault in faults:
        assert f"{hz:.2f} Hz" in fault.got
        assert "60 Hz" in fault.accepted
