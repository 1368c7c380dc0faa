import sys
import time

import numpy as np
import pytest

from experiments.sound import cards
from experiments.sound import engine as drivers
from experiments.sound.cards import NullSound, SoundCard, devices, open_sound
from experiments.sound.engine import Output, chosen
from protocols.base.errors import InputError, NotAvailable, UsageError
from tests.experiments.sound.clicks import CLOCK, RATE, click_train, clicks_in, clip_of, write_wav

SPREAD_S = 0.005
"""0.0001 on an idle machine; on a loaded one PulseAudio misjudges its own delay when a sound begins, by up to 0.008.

A test of when sounds begin therefore runs alone.
"""


@pytest.fixture(autouse=True)
def _rate_of_the_null_sink(monkeypatch):
    monkeypatch.setattr(
        cards, "RATE", RATE
    )  # where PulseAudio resamples, its null sink runs wild after a recording


@pytest.fixture
def card(engine):
    return SoundCard(CLOCK, engine)


def tone(seconds):
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)
    return np.repeat(wave[:, None], 2, axis=1)


def offsets(heard, whens, every, seconds):
    """Recorded minus scheduled time of every click of trains that were scheduled at `whens`."""
    scheduled = np.concatenate([when + np.arange(0, seconds - 1e-9, every) for when in whens])
    assert len(heard) == len(scheduled)
    return heard - scheduled


@pytest.mark.alone
def test_two_clips_after_each_other_keep_the_times_they_were_scheduled_for(card, recording, tmp_path):
    clips = [clip_of(write_wav(tmp_path / f"{name}.wav", click_train(4.5, 0.25)), 4.5) for name in "ab"]
    whens, logs = [], []
    for clip in clips:
        card.prepare(clip)
    for clip, ahead in zip(clips, (0.4, 0.3371), strict=True):
        whens.append(CLOCK.now() + ahead)
        card.start(clip, whens[-1])
        CLOCK.sleep_until(whens[-1] + clip.seconds + 0.1)
        logs.append(card.stop())
    found = offsets(clicks_in(recording.end()), whens, 0.25, 4.5)
    assert np.ptp(found) < SPREAD_S
    for log, when in zip(logs, whens, strict=True):
        assert log.scheduled == when
        assert log.started == pytest.approx(when, abs=0.001)
        assert abs(log.drift_s) < 0.005
        assert log.underruns == 0


@pytest.mark.slow
def test_five_minutes_of_sound_drift_less_than_five_milliseconds(card, recording, tmp_path):
    clip = clip_of(write_wav(tmp_path / "film.wav", click_train(300, 0.5)), 300.0)
    card.prepare(clip)
    when = CLOCK.now() + 0.5
    card.start(clip, when)
    CLOCK.sleep_until(when + clip.seconds + 0.2)
    log = card.stop()
    heard = clicks_in(recording.end())
    print(
        f"{card.name}: {len(heard)} clicks, last minus first {(np.ptp(heard) - 299.5) * 1e3:+.3f} ms by the card's "
        f"clock, which fell behind the session's by {recording.fell_behind() * 1e3:+.3f} ms; logged drift "
        f"{log.drift_s * 1e3:+.3f} ms, start {(log.started - when) * 1e3:+.3f} ms, {log.underruns} underruns"
    )
    found = offsets(heard, [when], 0.5, 300)
    drift = found[-1] - found[0] + recording.fell_behind()
    assert np.ptp(found) < SPREAD_S
    assert abs(drift) < 0.005
    assert log.drift_s == pytest.approx(drift, abs=0.002)
    assert log.underruns == 0


def test_a_clip_that_follows_without_a_stop_replaces_the_one_before(card, recording, tmp_path):
    tones = clip_of(write_wav(tmp_path / "tone.wav", tone(3)), 3.0)
    clicks = clip_of(write_wav(tmp_path / "clicks.wav", click_train(0.5, 0.25)), 0.5)
    card.prepare(tones)
    card.prepare(clicks)
    card.start(tones, CLOCK.now() + card.lead_s)
    time.sleep(card.lead_s + 0.3)
    card.start(clicks, CLOCK.now() + 2 * card.lead_s)
    time.sleep(2 * card.lead_s + 0.6)
    sound = recording.end()
    last = clicks_in(sound)[-1]
    assert not np.abs(sound[round((last + 0.01) * RATE) :]).any()


def test_stopping_in_the_middle_makes_silence(card, recording, tmp_path):
    clip = clip_of(write_wav(tmp_path / "tone.wav", tone(3)), 3.0)
    card.prepare(clip)
    when = CLOCK.now() + card.lead_s
    card.start(clip, when)
    CLOCK.sleep_until(when + 0.7)
    asked = time.perf_counter()
    log = card.stop()
    assert time.perf_counter() - asked < 0.1
    time.sleep(card.lead_s + 0.2)
    heard = np.flatnonzero(np.abs(recording.end()) > 0.01)
    assert 0.5 < np.ptp(heard) / RATE < 0.7 + card.lead_s
    assert log.started == pytest.approx(when, abs=0.001)
    assert card.stop() is None


@pytest.mark.alone
def test_a_start_asked_for_too_late_leaves_out_the_beginning_and_keeps_the_rest_in_step(
    card, recording, tmp_path
):
    clip = clip_of(write_wav(tmp_path / "clicks.wav", click_train(1, 0.25)), 1.0)
    card.prepare(clip)
    punctual = CLOCK.now() + card.lead_s
    card.start(clip, punctual)
    CLOCK.sleep_until(punctual + 1.1)
    assert card.stop().started == pytest.approx(punctual, abs=0.001)
    late = CLOCK.now()
    asked = time.perf_counter()
    card.start(clip, late)
    assert time.perf_counter() - asked < 0.05
    CLOCK.sleep_until(late + 1.1)
    log = card.stop()
    heard = clicks_in(recording.end())
    assert len(heard) == 7
    assert heard[4:] - late - [0.25, 0.5, 0.75] == pytest.approx(heard[0] - punctual, abs=SPREAD_S)
    assert late + 0.01 < log.started < late + card.lead_s


def test_a_start_that_comes_after_the_sounds_end_plays_nothing(card, recording, tmp_path):
    clip = clip_of(write_wav(tmp_path / "clicks.wav", click_train(0.5, 0.25)), 0.5)
    card.prepare(clip)
    card.start(clip, CLOCK.now() - 5)
    time.sleep(0.4)
    log = card.stop()
    assert not recording.end().any()
    assert log.started is None or log.started > log.scheduled + 5


@pytest.mark.alone
def test_the_sites_delay_lets_sound_leave_that_much_earlier(engine, recording, tmp_path):
    clip = clip_of(write_wav(tmp_path / "click.wav", click_train(0.1, 0.1)), 0.1)
    whens, logs = [], []
    for delay in (0.0, 0.12):
        card = SoundCard(CLOCK, engine, delay)
        card.prepare(clip)
        whens.append(CLOCK.now() + card.lead_s + 0.05)
        card.start(clip, whens[-1])
        CLOCK.sleep_until(whens[-1] + 0.3)
        logs.append(card.stop())
    found = clicks_in(recording.end()) - whens
    assert found[0] - found[1] == pytest.approx(0.12, abs=SPREAD_S)
    assert [log.started for log in logs] == pytest.approx(whens, abs=0.001)


def test_a_spoken_instruction_begins_at_once_and_can_be_stopped(card, recording, tmp_path):
    spoken = write_wav(tmp_path / "spoken.wav", tone(2))
    assert card.say(spoken) == pytest.approx(2.0)
    time.sleep(card.lead_s + 0.5)
    card.stop()
    time.sleep(card.lead_s + 0.1)
    heard = np.flatnonzero(np.abs(recording.end()) > 0.01)
    assert 0.3 < np.ptp(heard) / RATE < 0.6 + card.lead_s


def test_a_card_that_stood_still_for_a_while_is_told(card, sound_server, tmp_path):
    clip = clip_of(write_wav(tmp_path / "tone.wav", tone(3)), 3.0)
    card.prepare(clip)
    card.start(clip, CLOCK.now() + card.lead_s)
    time.sleep(card.lead_s + 0.3)
    sound_server("suspend-sink", "nul", "1")
    time.sleep(0.4)
    sound_server("suspend-sink", "nul", "0")
    time.sleep(1.5)
    log = card.stop()
    print(card.name, log)
    assert log.drift_s > 0.1
    assert drivers.wait_until_running(lambda: time.perf_counter())


def test_more_clips_than_are_kept_can_be_prepared_while_one_plays(card, recording, tmp_path):
    playing = clip_of(write_wav(tmp_path / "train.wav", click_train(1, 0.25)), 1.0)
    card.prepare(playing)
    when = CLOCK.now() + card.lead_s
    card.start(playing, when)
    for number in range(6):
        card.prepare(clip_of(write_wav(tmp_path / f"{number}.wav", click_train(0.1, 0.1)), 0.1))
    CLOCK.sleep_until(when + 1.1)
    card.stop()
    assert len(clicks_in(recording.end())) == 4


def test_a_clip_without_sound_plays_nothing(card):
    mute = clip_of(None, 1.0, sound=False)
    card.prepare(mute)
    card.start(mute, CLOCK.now())
    assert card.stop() is None


def test_a_broken_sound_file_is_named(card, tmp_path):
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"this is no sound" * 50)
    with pytest.raises(InputError, match=r"broken\.mp3"):
        card.prepare(clip_of(broken, 1.0))
    with pytest.raises(InputError, match=r"broken\.mp3"):
        card.say(broken)


@pytest.mark.usefixtures("sound_server")
def test_a_card_is_found_and_tells_its_name():
    pytest.importorskip("psychtoolbox", reason="the extra 'lab' is not installed")
    card = open_sound(CLOCK, "default")
    card.close()
    assert card.name == "default (ALSA), psychtoolbox"
    assert not card.is_null
    assert "default (ALSA)" in devices()


@pytest.mark.usefixtures("sound_server")
def test_without_psychtoolbox_sounddevice_plays(monkeypatch):
    pytest.importorskip("sounddevice", reason="the extra 'lab' is not installed", exc_type=ImportError)
    monkeypatch.setitem(sys.modules, "psychtoolbox", None)
    card = open_sound(CLOCK)
    card.close()
    assert card.name == "default (ALSA), sounddevice"


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param("psychtoolbox", marks=pytest.mark.slow),
        "sounddevice",
    ],  # PortAudio takes 28 s to give up a card
)
def test_a_card_that_takes_no_sound_is_refused_and_nothing_hangs(sound_server, monkeypatch, backend):
    pytest.importorskip(backend, reason="the extra 'lab' is not installed", exc_type=ImportError)
    monkeypatch.setattr(drivers, "_SETTLES_WITHIN_S", 1.0)
    sound_server("suspend-sink", "nul", "1")
    try:
        with pytest.raises(NotAvailable, match="takes no sound"):
            open_sound(CLOCK, backend=backend)
    finally:
        sound_server("suspend-sink", "nul", "0")


def test_a_server_that_plays_to_nobody_is_refused(sound_server):
    module = sound_server("load-module", "module-null-sink", "sink_name=auto_null").strip()
    sound_server("set-default-sink", "auto_null")
    try:
        with pytest.raises(NotAvailable, match="heard by nobody") as refused:
            open_sound(CLOCK)
    finally:
        sound_server("set-default-sink", "nul")
        sound_server("unload-module", module)
    assert "--no-sound" in str(refused.value)


@pytest.mark.usefixtures("sound_server")
def test_an_unknown_device_is_answered_with_those_there_are():
    with pytest.raises(NotAvailable, match=r"accepted: .*default \(ALSA\)") as refused:
        open_sound(CLOCK, "defalut")
    assert "did you mean 'default'?" in str(refused.value)


def test_without_any_card_the_ways_out_are_told(monkeypatch):
    for name in ("psychtoolbox", "sounddevice"):
        monkeypatch.setitem(sys.modules, name, None)
    assert devices() == []
    with pytest.raises(
        NotAvailable, match=r"psychtoolbox cannot be loaded.*sounddevice cannot be loaded"
    ) as refused:
        open_sound(CLOCK)
    assert "--no-sound" in str(refused.value)
    assert "site.yaml" in str(refused.value)


def test_an_unknown_backend_is_refused():
    with pytest.raises(UsageError, match="did you mean 'sounddevice'"):
        open_sound(CLOCK, backend="soundevice")


def test_no_sound_is_null_and_says_when_sound_would_have_begun(tmp_path):
    null = NullSound()
    clip = clip_of(write_wav(tmp_path / "tone.wav", tone(0.5)), 0.5)
    null.prepare(clip)
    null.start(clip, 12.5)
    log = null.stop()
    assert null.is_null
    assert (log.scheduled, log.started, log.drift_s) == (12.5, None, None)
    assert null.stop() is None
    assert null.say(clip.path) == pytest.approx(0.5)
    null.start(clip_of(None, 1.0, sound=False), 1.0)
    assert null.stop() is None


OUTPUTS = [
    Output(0, "Speakers", "MME", 0.09, 44_100),
    Output(1, "Speakers", "WASAPI", 0.003, 48_000),
    Output(2, "Headphones USB", "WASAPI", 0.003, 48_000),
    Output(3, "HDMI USB", "WASAPI", 0.003, 48_000),
]


@pytest.mark.parametrize(
    ("asked", "index"), [("Speakers", 1), ("Speakers (MME)", 0), ("headphones", 2), ("HDMI USB", 3)]
)
def test_a_device_is_found_by_name_system_or_a_part_of_its_name(asked, index):
    assert chosen(OUTPUTS, asked).index == index


def test_a_part_of_two_names_is_refused():
    with pytest.raises(NotAvailable, match=r"Headphones USB \(WASAPI\), HDMI USB"):
        chosen(OUTPUTS, "usb")


def test_drivers_are_tried_in_the_order_of_the_docstring():
    assert list(cards._ENGINES) == ["psychtoolbox", "sounddevice"]
