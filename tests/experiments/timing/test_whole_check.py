"""The whole check: on a virtual screen with ports and keys, without any screen, and into folders of all kinds."""

import json
import platform
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments.site.settings import parse_site
from experiments.timing import sounds
from experiments.timing.checking import Measured, check_timing
from experiments.timing.findings import Finding
from protocols.base.errors import InputError, OutputError
from tests.experiments.timing.conftest import no_card


@pytest.fixture(scope="module")
def whole(screen, wire, tmp_path_factory):  # noqa: ARG001
    """What a check found on the virtual screen, and where."""
    out = tmp_path_factory.mktemp("check")
    bridged, missing = wire(), out / "nothing-here"
    site = parse_site(
        "screen: {fullscreen: false, size_px: [1280, 720]}\n"
        "triggers:\n"
        f"  - {{kind: serial, device: {bridged.path}, reset_s: null}}\n"
        f"  - {{kind: serial, device: {missing}}}\n"
        "  - {kind: lsl}\n"
    )

    def say(line):
        if line.startswith("Press") and shutil.which("xdotool"):
            keys = ["xdotool", "key", "--delay", "20", "--repeat", "10", "j"]
            threading.Thread(target=subprocess.run, args=[keys]).start()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sounds, "open_sound", no_card)
        measured = check_timing(out, site, clip=None, seconds=2, say=say)
    return out, {one.device: one for one in measured.findings}, measured, bridged, missing


def test_every_device_has_its_finding(whole):
    _, found, _, bridged, missing = whole
    assert list(found) == [
        "Flips", "Clip playback", "Keyboard", "Sound", f"Trigger port {bridged.path}", f"Trigger port {missing}",
        "Trigger stream (LSL)",
    ]  # fmt: skip


def test_flips_were_measured_for_the_time_asked_for_and_a_virtual_screen_has_no_retrace(whole):
    numbers = whole[1]["Flips"].numbers
    assert 1.9 < numbers["seconds"] < 4
    assert numbers["flips"] == len(numbers["intervals_ms"]) > 30
    assert numbers["waits_for_retrace"] is False
    assert whole[1]["Flips"].verdict != "fine"


def test_the_film_was_played_from_its_first_frame(whole):
    numbers = whole[1]["Clip playback"].numbers
    assert numbers["frames"] == 50
    assert numbers["first_frame_shown"] is True
    assert numbers["frames_shown"] == len(numbers["index"]) == len(numbers["flip_ms"]) > 25
    assert numbers["frames_shown"] + numbers["frames_dropped"] == 50


def test_ports_were_checked_although_one_is_missing(whole):
    _, found, measured, bridged, missing = whole
    assert found[f"Trigger port {bridged.path}"].numbers["answered"] == 100
    assert found["Trigger stream (LSL)"].numbers["answered"] == 100
    assert found[f"Trigger port {missing}"].verdict == "failed"
    assert measured.passed is False


def test_the_lines_give_every_verdict_and_the_way_out(whole):
    _, _, measured, _, missing = whole
    lines = measured.lines()
    assert "Sound: not checked" in lines
    assert "  way out: switch a card on" in lines
    assert f"Trigger port {missing}: failed" in lines
    assert lines[-1] == f"page: {measured.page}"


def test_the_numbers_are_kept_whole_and_name_no_machine(whole):
    out, found, *_ = whole
    text = (out / "timing-check.json").read_text("utf-8")
    kept = json.loads(text)
    assert kept["passed"] is False
    assert (kept["screen"]["width_px"], kept["screen"]["height_px"]) == (1280, 720)
    assert kept["screen"]["refresh_hz"] == 60.0
    assert {"bazin", "python", "psychopy"} <= set(kept["versions"])
    assert kept["date"].endswith("+00:00")
    assert [one["verdict"] for one in kept["findings"]] == [one.verdict for one in found.values()]
    assert kept["findings"][0]["numbers"] == found["Flips"].numbers
    page = re.sub('base64,[^"]*', "", (out / "timing-check.html").read_text("utf-8"))
    for file in (text, page):
        assert not re.search(rf"\b{re.escape(platform.node())}\b", file)
        assert str(Path.home()) not in file


def test_the_page_stands_alone_and_has_both_figures_and_every_sentence(whole):
    out, found, *_ = whole
    page = (out / "timing-check.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert "http" not in page
    assert "src=" not in page.replace('src="data:', "")
    for one in found.values():
        assert one.device in page
        assert one.verdict in page
        for said in (*one.sentences, *one.ways_out):
            assert said.split("'")[0].split("&")[0] in page
    for kind in ("flips", "clip"):
        assert (out / "figures" / f"timing-check-{kind}.tsv").is_file()


@pytest.fixture
def dark(monkeypatch):
    """A computer without a screen and without a sound card."""
    pytest.importorskip("psychopy", reason="the extra 'lab' is not installed")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr(sounds, "open_sound", no_card)


def check(out, site="", clip=None):
    said = []
    measured = check_timing(
        out, parse_site(site or "operator_panel: true"), clip=clip, seconds=2, say=said.append
    )
    return measured, said


@pytest.mark.usefixtures("dark")
def test_without_a_screen_the_rest_is_checked_and_the_check_does_not_pass(wire, tmp_path):
    bridged = wire()
    site = (
        f"triggers: [{{kind: serial, device: {bridged.path}, reset_s: null}}]\n"
        "boxes: [{device: COM7, names: {a: left}}]"
    )
    measured, _ = check(tmp_path, site)
    assert [(one.device, one.verdict) for one in measured.findings][:5] == [
        ("Flips", "failed"), ("Clip playback", "not checked"), ("Keyboard", "not checked"),
        ("Button box COM7", "not checked"), ("Sound", "not checked"),
    ]  # fmt: skip
    assert measured.findings[5].numbers["answered"] == 100
    assert measured.findings[0].ways_out
    assert not measured.passed
    assert "data:image" not in measured.page.read_text("utf-8")


@pytest.mark.usefixtures("dark")
def test_an_earlier_check_is_never_overwritten(tmp_path):
    first, _ = check(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert first.page.name == "timing-check.html"
    names = {first.page.stem, *(check(tmp_path)[0].page.stem for _ in range(3))}
    assert len(names) == 4
    assert all(name.startswith("timing-check") for name in names)
    assert {path: path.read_bytes() for path in before} == before
    assert {path.stem for path in tmp_path.glob("*.json")} == names


@pytest.mark.usefixtures("dark")
@pytest.mark.parametrize("left", ["timing-check.json", "timing-check.html", "figures/timing-check-clip.png"])
def test_one_file_of_an_earlier_check_is_enough_for_another_name(tmp_path, left):
    (tmp_path / left).parent.mkdir(exist_ok=True)
    (tmp_path / left).write_text("kept")
    measured, _ = check(tmp_path)
    assert measured.page.stem != "timing-check"
    assert (tmp_path / left).read_text() == "kept"


@pytest.mark.usefixtures("dark")
def test_a_folder_that_cannot_be_made_is_told_before_anything_is_measured(tmp_path):
    (tmp_path / "file").write_text("")
    site = parse_site("triggers: [{kind: serial, device: none, reset_s: null}]")
    said = []
    with pytest.raises(OutputError) as caught:
        check_timing(tmp_path / "file", site, clip=None, seconds=2, say=said.append)
    assert str(tmp_path / "file") in str(caught.value)
    assert said == []


@pytest.mark.usefixtures("dark")
def test_a_film_that_cannot_be_read_is_told_before_anything_is_measured(tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no film")
    for name in ("broken.mp4", "missing.mp4"):
        with pytest.raises(InputError, match=name):
            check(tmp_path / "out", clip=tmp_path / name)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("dark")
def test_the_command_tells_everything_and_ends_with_one_where_a_device_failed(tmp_path):
    from bazin.cli import app

    (tmp_path / "site.yaml").write_text("sound: {device: HDMI}")
    words = ["timing-check", str(tmp_path / "out"), "--site", str(tmp_path / "site.yaml"), "--seconds", "2"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "Flips: failed" in done.output
    assert "Sound: failed" in done.output
    assert (tmp_path / "out" / "timing-check.html").is_file()


def test_a_check_passes_with_devices_that_were_not_checked_and_not_with_one_that_failed():
    def measured(*verdicts):
        findings = tuple(Finding("keys", "X", verdict, ("said",)) for verdict in verdicts)
        return Measured(findings, Path("n.json"), Path("p.html"))

    assert measured("fine", "look at this", "not checked").passed
    assert not measured("fine", "failed").passed
