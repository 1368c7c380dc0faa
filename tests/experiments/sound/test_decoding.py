from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from experiments.sound.decoding import RATE, Pcm, clip_sound, decoded
from experiments.sound.levels import NOT_MEASURED, check_level
from protocols.base.errors import InputError
from tests.experiments.sound.clicks import clip_of, write_wav

CLICK_S = 1.0
WITHIN_S = 0.001


def click(rate, seconds=2.0, at=CLICK_S):
    """A soft click whose peak is at `at`: (n,) float32."""
    samples = np.zeros(round(seconds * rate), np.float32)
    shape = np.hanning(round(0.002 * rate) | 1)
    middle = round(at * rate)
    samples[middle - len(shape) // 2 : middle + len(shape) // 2 + 1] = 0.5 * shape
    return samples


def film(path, *, codec="aac", picture="libx264", rate=RATE, layout="stereo", samples=None, sound_later=0.0,
         picture_later=0.0, options=None):  # fmt: skip
    """A film of two seconds whose sound is one click; either track may begin later."""
    samples = click(rate) if samples is None else samples
    with av.open(str(path), "w", options=options or {}) as container:
        video = container.add_stream(picture, rate=25)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        audio = container.add_stream(codec, rate=rate, layout=layout) if codec else None
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 5 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number + round(picture_later * 25), Fraction(1, 25)
            for packet in video.encode(frame):
                container.mux(packet)
        for packet in video.encode(None):
            container.mux(packet)
        if audio is not None:
            _encode(container, audio, samples, rate, round(sound_later * rate))
    return path


def spoken(path, *, codec, rate=RATE):
    """A sound file of one click."""
    with av.open(str(path), "w") as container:
        _encode(container, container.add_stream(codec, rate=rate, layout="mono"), click(rate), rate, 0)
    return path


def _encode(container, audio, samples, rate, begins):
    channels = len(audio.codec_context.layout.channels)
    size = audio.codec_context.frame_size or 1024
    for at in range(0, len(samples), size):
        piece = np.tile(samples[at : at + size], (channels, 1))
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=audio.codec_context.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = rate, at + begins, Fraction(1, rate)
        for packet in audio.encode(frame):
            container.mux(packet)
    for packet in audio.encode(None):
        container.mux(packet)


def heard_at(pcm):
    return np.argmax(np.abs(pcm.samples[:, 0])) / pcm.rate


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.mp4", {}),
        ("a.mov", {}),
        ("a.mkv", {}),
        ("a.ts", {}),
        ("mono44.mp4", {"rate": 44_100, "layout": "mono"}),
        ("surround.mp4", {"layout": "5.1"}),
        ("opus.webm", {"codec": "libopus", "picture": "libvpx"}),
        ("mp3.mp4", {"codec": "libmp3lame"}),
        ("fragments.mp4", {"options": {"movflags": "frag_keyframe+empty_moov+delay_moov"}}),
    ],
)
def test_a_click_comes_out_when_the_picture_says(tmp_path, name, form):
    pcm = decoded(film(tmp_path / name, **form))
    assert heard_at(pcm) == pytest.approx(CLICK_S, abs=WITHIN_S)
    assert pcm.rate == RATE
    assert pcm.samples.dtype == np.float32
    assert pcm.samples.shape[1] == 2


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.wav", "pcm_s16le", 44_100),
        ("a.mp3", "libmp3lame", 44_100),
        ("a.mp3", "libmp3lame", 48_000),
        ("a.ogg", "libopus", 48_000),
        ("a.m4a", "aac", 44_100),
        ("a.m4a", "aac", 48_000),
        ("a.flac", "flac", 96_000),
    ],
)
def test_a_spoken_instruction_begins_with_its_own_first_sample(tmp_path, name, codec, rate):
    pcm = decoded(spoken(tmp_path / name, codec=codec, rate=rate))
    assert heard_at(pcm) == pytest.approx(CLICK_S, abs=WITHIN_S)
    assert pcm.seconds == pytest.approx(2.0, abs=0.05)


def test_sound_that_begins_later_than_the_picture_is_preceded_by_silence(tmp_path):
    assert heard_at(decoded(film(tmp_path / "a.mkv", sound_later=0.4))) == pytest.approx(
        1.4, abs=2 * WITHIN_S
    )
    assert heard_at(decoded(film(tmp_path / "a.mp4", sound_later=0.4))) == pytest.approx(1.4, abs=WITHIN_S)


def test_sound_that_begins_before_the_picture_is_cut(tmp_path):
    pcm = decoded(film(tmp_path / "a.mp4", picture_later=0.4))
    assert heard_at(pcm) == pytest.approx(0.6, abs=WITHIN_S)


def test_a_gap_in_the_track_is_silence_not_a_shift(tmp_path):
    path = tmp_path / "gap.mkv"
    film(path, codec="pcm_s16le")
    whole = tmp_path / "with_gap.mkv"
    with av.open(str(path)) as source, av.open(str(whole), "w") as out:
        streams = {one.index: out.add_stream_from_template(one) for one in source.streams}
        for packet in source.demux():
            seconds = packet.pts * packet.time_base if packet.pts is not None else 0
            if packet.size and not (packet.stream.type == "audio" and 0.3 < seconds < 0.7):
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    pcm = decoded(whole)
    assert heard_at(pcm) == pytest.approx(CLICK_S, abs=2 * WITHIN_S)  # mkv's own clock ticks in milliseconds


def test_one_channel_goes_to_both_sides_at_its_own_level(tmp_path):
    wave = 0.5 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)
    pcm = decoded(write_wav(tmp_path / "mono.wav", wave[:, None], RATE))
    assert np.array_equal(pcm.samples[:, 0], pcm.samples[:, 1])
    assert np.abs(pcm.samples).max() == pytest.approx(0.5, abs=0.001)


def test_sides_are_not_swapped(tmp_path):
    left = np.zeros((RATE, 2))
    left[:, 0] = 0.5 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)
    pcm = decoded(write_wav(tmp_path / "left.wav", left, 44_100))
    assert len(pcm.samples) == pytest.approx(RATE * RATE / 44_100, abs=1)
    assert np.abs(pcm.samples).max(axis=0) == pytest.approx([0.5, 0], abs=0.001)


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_sound_is_brought_to_the_cards_rate(tmp_path, rate):
    pcm = decoded(film(tmp_path / "a.mp4"), rate)
    assert pcm.rate == rate
    assert heard_at(pcm) == pytest.approx(CLICK_S, abs=WITHIN_S)
    assert pcm.seconds == pytest.approx(2.0, abs=0.03)


def test_a_clips_sound_is_no_longer_than_the_clip(tmp_path):
    clip = clip_of(film(tmp_path / "a.mp4"), 1.5)
    assert clip_sound(clip).seconds == pytest.approx(1.5)
    early = clip_of(film(tmp_path / "b.mp4", picture_later=0.4), 1.2)
    assert clip_sound(early).seconds == pytest.approx(1.2)


def test_a_file_without_sound_is_named(tmp_path):
    with pytest.raises(InputError, match=r"mute\.mp4: holds no sound"):
        decoded(film(tmp_path / "mute.mp4", codec=None))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.wav: does not exist"):
        decoded(tmp_path / "gone.wav")


@pytest.mark.parametrize("content", [b"", b"no sound at all" * 100, b"RIFF\x00\x00\x00\x00WAVEfmt "])
def test_a_broken_file_is_named_with_the_way_out(tmp_path, content):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.wav") as refused:
        decoded(broken)
    assert "way out" in str(refused.value)


def test_a_film_cut_off_in_the_middle_is_named(tmp_path):
    whole = film(tmp_path / "whole.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut\.mp4"):
        decoded(cut)


def sine(amplitude, seconds):
    wave = amplitude * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * RATE)) / RATE)
    return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)


def test_levels_are_told_relative_to_a_full_scale_sine():
    assert Pcm("a", sine(1.0, 1), RATE).level_dbfs == pytest.approx(0, abs=0.01)
    half = Pcm("a", sine(0.5, 1), RATE)
    assert half.level_dbfs == pytest.approx(-6.02, abs=0.01)
    assert half.peak_dbfs == pytest.approx(-6.02, abs=0.01)
    assert half.loudness_lufs == pytest.approx(-6.02, abs=0.1)  # a 1 kHz sine of both channels: its level


@pytest.mark.parametrize("side", [0, 1])
def test_the_level_is_that_of_the_loudest_moment_and_the_louder_side(side):
    samples = sine(0.01, 10)
    samples[5 * RATE : 5 * RATE + RATE // 4, side] = sine(0.5, 0.25)[:, side]
    assert Pcm("a", samples, RATE).level_dbfs == pytest.approx(-6.02, abs=0.05)


def test_silence_and_very_short_sounds_have_levels_too():
    silent = Pcm("a", np.zeros((RATE, 2), np.float32), RATE)
    assert (silent.level_dbfs, silent.peak_dbfs, silent.loudness_lufs) == (-np.inf, -np.inf, None)
    assert Pcm("a", sine(1.0, 0.125 / 2), RATE).level_dbfs == pytest.approx(-3.01, abs=0.02)
    assert Pcm("a", np.zeros((0, 2), np.float32), RATE).level_dbfs == -np.inf


def test_a_clip_that_would_be_too_loud_is_told_with_its_level_and_the_way_out(tmp_path):
    loud = clip_of(write_wav(tmp_path / "loud.wav", sine(0.5, 0.5), RATE), 0.5)
    soft = clip_of(write_wav(tmp_path / "soft.wav", sine(0.1, 0.5), RATE), 0.5)
    faults, warning = check_level([loud, soft, clip_of(None, 1.0, sound=False)], 85.0, 95.0)
    assert warning is None
    assert [fault.item for fault in faults] == ["clip 'loud'"]
    assert "89.0 dB SPL" in faults[0].got
    assert "85 dB SPL" in faults[0].accepted
    assert "turn the volume down by 4.0 dB" in faults[0].way_out
    assert check_level([loud], 89.1, 95.0)[0] == []


def test_spoken_instructions_and_broken_clips_are_in_the_check(tmp_path):
    loud = write_wav(tmp_path / "welcome.wav", sine(1.0, 0.5), RATE)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing")
    faults, _ = check_level([replace(clip_of(broken, 1.0), name="b")], 85.0, 95.0, spoken=[loud])
    assert [str(fault).splitlines()[0] for fault in faults][1] == (
        "spoken instruction 'welcome.wav': would be too loud"
    )
    assert "broken.mp4" in faults[0].item


def test_a_level_that_was_never_measured_is_a_warning(tmp_path):
    loud = clip_of(write_wav(tmp_path / "loud.wav", sine(1.0, 0.5), RATE), 0.5)
    assert check_level([loud], 85.0, None) == ([], NOT_MEASURED)
