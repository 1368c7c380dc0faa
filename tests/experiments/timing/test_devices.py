"""Ports through pseudo terminals, keys through real key events, the card through a stand-in, the film decoded again."""

import shutil
import subprocess
import threading
import time
from types import SimpleNamespace

import av
import numpy as np
import pytest

from experiments.devices.interfaces import Played, SoundLog
from experiments.site.fields import SoundSettings
from experiments.site.settings import Site, parse_site
from experiments.timing import sounds
from experiments.timing.keys import check_keys
from experiments.timing.playback import check_clip
from experiments.timing.ports import check_triggers
from experiments.timing.sounds import check_sound
from experiments.timing.testfilm import clip_of_file, read_number, write_test_film
from tests.experiments.timing.conftest import Ticks, no_card


def serial_site(*paths, reset_s="null"):
    ports = [f"  - {{kind: serial, device: {path}, reset_s: {reset_s}}}" for path in paths]
    return parse_site("\n".join(["triggers:", *ports]))


def quiet(_):
    pass


def test_on_a_bridged_port_every_code_comes_back(wire):
    bridged = wire()
    (found,) = check_triggers(serial_site(bridged.path), Ticks(), quiet)
    assert found.numbers["sent"] == found.numbers["answered"] == 100
    assert len(found.numbers["round_trips_ms"]) == 100
    assert found.verdict in ("fine", "look at this")  # the machine of the tests may be slow
    assert 0 not in bridged.arrived  # a device that makes its own pulses is never sent a 0


def test_lines_that_are_reset_go_back_to_zero_after_every_code_of_the_loop(wire):
    bridged = wire()
    (found,) = check_triggers(serial_site(bridged.path, reset_s=0.001), Ticks(), quiet)
    assert found.numbers["answered"] == 100
    give_up = time.monotonic() + 5
    while bridged.arrived[-2:] != [100, 0] and time.monotonic() < give_up:
        time.sleep(0.01)
    assert bridged.arrived[-2:] == [100, 0]


def test_a_port_where_nobody_answers_or_something_else_does_is_not_checked(wire):
    silent, chatty = wire(lambda _: b""), wire(lambda _: b"\xfe")
    found = check_triggers(serial_site(silent.path, chatty.path), Ticks(), quiet)
    assert [one.verdict for one in found] == ["not checked"] * 2
    assert [one.numbers["sent"] for one in found] == [100, 100]
    assert silent.arrived[:100] == list(range(1, 101))
    assert len(silent.arrived) < 110  # it gives up soon


def test_a_port_that_is_not_there_fails_and_the_next_one_is_checked(wire, tmp_path):
    found = check_triggers(serial_site(tmp_path / "none", wire().path), Ticks(), quiet)
    assert found[0].verdict == "failed"
    assert "is not there" in found[0].sentences[0]
    assert found[0].ways_out
    assert found[1].numbers["answered"] == 100


def test_without_ports_nothing_is_claimed():
    (found,) = check_triggers(Site(), Ticks(), quiet)
    assert found.verdict == "not checked"


@pytest.fixture
def asking(screen):  # noqa: ARG001 (it is the DISPLAY that is needed)
    """A display that only notes what it shows, and the session's clock."""
    from experiments.devices.clock import SessionClock

    shown = []
    return SimpleNamespace(show=shown.append, window=None, shown=shown), SessionClock()


def pressing(*words):
    """Something to be told, that presses when it is asked to."""
    if shutil.which("xdotool") is None:
        pytest.skip("no xdotool: install xdotool (as root on Debian, `make test` does)")

    def say(line):
        if line.startswith("Press"):
            threading.Thread(target=subprocess.run, args=[["xdotool", *words]]).start()

    return say


def test_a_keyboard_that_nobody_pressed_is_not_checked_never_fine(asking):
    display, clock = asking
    (found,) = check_keys(display, Site(), clock, 0.3, quiet)
    assert found.verdict == "not checked"
    assert found.numbers["presses"] == 0
    assert found.numbers["shortest_press_ms"] is None
    assert "was not checked" in found.sentences[0]
    assert found.ways_out
    assert "ten times" in display.shown[0].elements[0].text


def test_ten_presses_are_counted_with_the_shortest_and_the_polls(asking):
    display, clock = asking
    began = clock.now()
    say = pressing("key", "--delay", "30", "--repeat", "10", "f")
    (found,) = check_keys(display, Site(), clock, 20, say)
    assert found.numbers["presses"] == 10
    assert found.verdict == "fine"
    assert 0 < found.numbers["shortest_press_ms"] < 1000
    assert found.numbers["polling_interval"]["median_ms"] >= 1.9
    assert clock.now() - began < 15  # it does not wait for the rest of the time


def test_fewer_presses_than_asked_for_are_to_be_looked_at(asking):
    display, clock = asking
    (found,) = check_keys(display, Site(), clock, 2, pressing("key", "--delay", "30", "--repeat", "3", "f"))
    assert found.numbers["presses"] == 3
    assert found.verdict == "look at this"


def test_boxes_are_checked_beside_the_keyboard_and_one_that_is_missing_stops_nothing(asking, wire, tmp_path):
    display, clock = asking
    there = wire()
    boxes = [
        f"  - {{device: {path}, names: {{'{name}': left}}}}"
        for path, name in ((tmp_path / "none", "a"), (there.path, "b"))
    ]
    site = parse_site("\n".join(["boxes:", *boxes]))
    found = check_keys(display, site, clock, 1, lambda _: there.send(b"bbbbbbbbbb"))
    assert [one.verdict for one in found] == ["not checked", "failed", "fine"]
    assert found[1].device == f"Button box {tmp_path / 'none'}"
    assert found[2].numbers["presses"] == 10
    assert "every box" in display.shown[0].elements[0].text


class Card:
    """A sound card that starts everything a millisecond late."""

    name = "card"
    lead_s = 0.0

    def __init__(self):
        self.prepared, self.started, self.closed = [], [], False

    def prepare(self, clip):
        with av.open(str(clip.path)) as container:
            self.prepared.append(float(container.duration / av.time_base))

    def start(self, _clip, when):
        self.started.append(when)

    def stop(self):
        return SoundLog(self.name, self.started[-1], self.started[-1] + 0.001, 0.0)

    def close(self):
        self.closed = True


class Still(Ticks):
    """A clock that goes only where it is waited for."""

    time = 0.0

    def now(self):
        return self.time

    def sleep_until(self, when):
        self.time = max(self.time, when)


def test_ten_clicks_and_a_train_are_played_and_the_card_is_given_back(monkeypatch):
    card = Card()
    asked = []
    monkeypatch.setattr(sounds, "open_sound", lambda *args: (asked.append(args), card)[1])
    clock = Still()
    settings = SoundSettings(device="HDMI", audio_delay_s=0.02, backend="sounddevice")
    found = check_sound(settings, clock, 4.0, quiet)
    assert asked == [(clock, "HDMI", 0.02, "sounddevice")]
    assert card.prepared == [0.2] * 10 + [4.0]
    assert len(card.started) == 11
    assert all(b - a >= 0.2 for a, b in zip(card.started, card.started[1:], strict=False))
    assert found.verdict == "fine"
    assert found.numbers["start_error"]["median_ms"] == pytest.approx(1.0)
    assert card.closed


@pytest.mark.parametrize(("device", "verdict"), [(None, "not checked"), ("HDMI", "failed")])
def test_without_a_card_sound_is_not_checked_and_a_card_that_was_named_has_failed(
    monkeypatch, device, verdict
):
    monkeypatch.setattr(sounds, "open_sound", no_card)
    found = check_sound(SoundSettings(device=device), Ticks(), 2.0, quiet)
    assert found.verdict == verdict
    assert "finds no sound card" in found.sentences[0]
    assert found.ways_out == ("switch a card on",)


def test_the_bars_of_the_test_film_tell_every_frame_apart(tmp_path):
    clip = write_test_film(tmp_path / "film.mp4", 2.0)
    with av.open(str(clip.path)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert container.streams.video[0].average_rate == 25
    assert (clip.frames, clip.fps) == (50, 25.0)
    assert pictures[0].shape == (720, 1280, 3)
    assert [read_number(one) for one in pictures] == list(range(50))


class Projector:
    """A display that shows every frame at its time, and notes how it was asked to."""

    refresh_hz = 50.0

    def __init__(self, clock):
        self.clock = clock
        self.prepared_at, self.asked = None, None

    def show(self, _screen):
        return self.clock.now()

    def prepare(self, clips):
        self.prepared_at = self.clock.now()
        self.clips = list(clips)

    def predicted(self, when):
        return when + 0.004

    def play(self, clips, planned, *, beside, on_start, watch):
        self.asked = planned, beside
        on_start(planned)
        assert not watch(planned)
        clip = clips[0].clip
        index = np.arange(clip.frames)
        return [
            Played(clip, planned, planned, planned + clip.seconds, index, index / 25, planned + index / 25, 0)
        ]


def test_a_film_of_ones_own_is_prepared_ahead_played_beside_the_patch_and_named_without_its_folder(tmp_path):
    own = clip_of_file(write_test_film(tmp_path / "ours.mp4", 0.4).path)
    assert (own.name, own.frames, own.fps) == ("ours", 10, 25.0)
    clock = Still()
    display = Projector(clock)
    found = check_clip(display, own, clock)
    planned, beside = display.asked
    assert planned == pytest.approx(display.prepared_at + 1.004)  # the flip that the display predicts
    assert beside.patch is True
    assert [one.clip for one in display.clips] == [own]
    assert found.verdict == "fine"
    assert found.numbers["clip"] == "ours"
    assert str(tmp_path) not in str(found)
