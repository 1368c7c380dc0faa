"""Loudness by the EBU's own test signals and beside FFmpeg's meter; speech's band and silence."""

import math

import av
import numpy as np
import pytest
from av.filter import Graph

from protocols.base.seeds import generator
from stimuli.decoding import Sound
from stimuli.features import bs1770
from stimuli.features.loudness import Loudness
from stimuli.features.sound_content import SoundContent

RATE = 48_000


def sine(level_dbfs, seconds, *, hertz=1000.0, channels=2, phase=0.0):
    """A sine whose peaks are at a level, in every channel."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = 10 ** (level_dbfs / 20) * np.sin(2 * np.pi * hertz * time + phase)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def heard(samples, layout="stereo"):
    """Values of a sound."""
    return Loudness().hear(Sound(samples, layout)).values


# EBU Tech 3341 (2016), table 1: minimum requirements test signals 1 to 6, tolerance ±0.1 LU.
@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(-23, 20)], -23.0),
        ([(-33, 20)], -33.0),
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
    ],
)
def test_integrated_loudness_of_the_ebus_signals(parts, expected):
    signal = np.concatenate([sine(*part) for part in parts])
    weights = bs1770.channel_weights("stereo", 2)
    assert bs1770.integrated(bs1770.step_powers(signal, weights)) == pytest.approx(expected, abs=0.1)


def test_surround_counts_more_and_lfe_not_at_all():
    tone = sine(-28, 20, channels=1)
    surround = np.concatenate(
        [tone, tone, 10 ** (4 / 20) * tone, tone * 0 + 0.5, *[10 ** (-2 / 20) * tone] * 2], axis=1
    )
    signal = 5  # signal 6: −28 dBFS left and right, −24 center, −30 surround
    weights = bs1770.channel_weights("5.1(side)", 6)
    assert weights.tolist() == [1, 1, 1, 0, 1.41, 1.41]
    assert bs1770.integrated(bs1770.step_powers(surround[: signal * RATE], weights)) == pytest.approx(
        -23, abs=0.1
    )


# EBU Tech 3342 (2016), table 1: signals 1 to 4, tolerance ±1 LU.
@pytest.mark.parametrize(
    ("levels", "expected"),
    [((-20, -30), 10), ((-20, -15), 5), ((-40, -20), 20), ((-50, -35, -20, -35, -50), 15)],
)
def test_loudness_range_of_the_ebus_signals(levels, expected):
    signal = np.concatenate([sine(level, 20) for level in levels])
    assert heard(signal)["loudness_range"] == pytest.approx(expected, abs=1)


# EBU Tech 3341, signals 15 to 18: true peak −6 dBTP whatever the phase, tolerance +0.2/−0.4.
@pytest.mark.parametrize(("divisor", "degrees"), [(4, 0), (4, 45), (6, 60), (8, 67.5)])
def test_true_peak_lies_between_the_samples_too(divisor, degrees):
    signal = sine(20 * math.log10(0.5), 1, hertz=RATE / divisor, phase=math.radians(degrees))
    fade = (
        np.minimum(1, np.arange(len(signal)) / 4800)[:, None]
        * np.minimum(1, np.arange(len(signal))[::-1] / 4800)[:, None]
    )
    assert -6.42 < heard(signal * fade)["true_peak"] < -5.82


def program(seconds=13.0, channels=2):
    """Something like a film's sound: noise whose level changes, with peaks and a pause."""
    random = generator(1, "program")
    noise = random.normal(size=(round(seconds * RATE), channels))
    noise = np.cumsum(noise - noise.mean(axis=0), axis=0)
    noise -= np.convolve(noise[:, 0], np.ones(400) / 400, "same")[:, None]
    level = 10 ** (np.repeat([-30, -18, -70, -24, -36], len(noise) // 5 + 1)[: len(noise)] / 20)
    return (noise / noise.std() * level[:, None]).clip(-1, 1).astype(np.float32)


def ebur128(samples, layout):
    """What FFmpeg's meter says at the end, and its momentary loudness every 100 ms."""
    graph = Graph()
    source = graph.add(
        "abuffer", f"sample_rate=48000:sample_fmt=fltp:channel_layout={layout}:time_base=1/48000"
    )
    meter = graph.add("ebur128", "metadata=1:peak=true:dualmono=true")
    graph.link_nodes(source, meter, graph.add("abuffersink")).configure()
    said = []
    for start in range(0, len(samples) - 4799, 4800):
        piece = np.ascontiguousarray(samples[start : start + 4800].T)
        frame = av.AudioFrame.from_ndarray(piece, "fltp", layout)
        frame.sample_rate, frame.pts = RATE, start
        graph.push(frame)
        said.append(graph.pull().metadata)
    return said


@pytest.mark.parametrize(("layout", "channels"), [("stereo", 2), ("mono", 1), ("5.1", 6)])
def test_loudness_is_ffmpegs(layout, channels):
    samples = program(channels=channels)
    said = ebur128(samples, layout)
    found = Loudness().hear(Sound(samples, layout))
    assert found.values["loudness"] == pytest.approx(float(said[-1]["lavfi.r128.I"]), abs=0.05)
    # FFmpeg also counts the incomplete windows of the first three seconds, which Tech 3342 does not have.
    assert found.values["loudness_range"] == pytest.approx(float(said[-1]["lavfi.r128.LRA"]), abs=0.5)
    peak = 20 * math.log10(float(said[-1]["lavfi.r128.true_peak"]))
    assert found.values["true_peak"] == pytest.approx(peak, abs=0.15)
    momentary = np.array([float(row["lavfi.r128.M"]) for row in said])
    ours = found.series["loudness"]
    assert len(ours) == len(momentary) + 1
    assert np.isnan(ours[:4]).all()
    assert ours[4:] == pytest.approx(np.maximum(momentary[3:], -70), abs=0.05)


def test_pieces_of_a_long_sound_join_without_a_seam():
    samples = program(23.7)
    weights = np.ones(2)
    whole = bs1770.step_powers(samples, weights)
    assert len(whole) == 237
    late = bs1770.step_powers(samples[8 * RATE :], weights)[5:]
    assert late == pytest.approx(whole[85:], rel=1e-3)
    spike = samples * 0.01
    spike[10 * RATE - 1 : 10 * RATE + 1] = 0.9  # across the border of two pieces
    assert bs1770.true_peak(spike) > 20 * math.log10(0.95)


def test_mono_counts_as_played_by_both_loudspeakers():
    mono, stereo = sine(-20, 3, channels=1), sine(-20, 3, channels=2)
    assert heard(mono, "mono")["loudness"] == pytest.approx(heard(stereo)["loudness"], abs=1e-6)


@pytest.mark.parametrize(
    ("samples", "why"), [(np.zeros((96_000, 2), np.float32), "−70 LUFS"), (sine(-20, 0.3), "0.4 s")]
)
def test_silent_or_too_short_sound_has_no_loudness_and_is_flagged(samples, why):
    found = Loudness().hear(Sound(samples, "stereo"))
    assert math.isnan(found.values["loudness"])
    assert math.isnan(found.values["loudness_range"])
    assert [flag.kind for flag in found.flags] == ["silent"]
    assert why in found.flags[0].detail


def test_speech_band_is_a_share_of_energy():
    low, mid = sine(-20, 2, hertz=100), sine(-20, 2, hertz=1000)
    content = SoundContent()
    assert content.hear(Sound(mid, "stereo")).values["speech_band"] == pytest.approx(1, abs=1e-3)
    assert content.hear(Sound(low, "stereo")).values["speech_band"] == pytest.approx(0, abs=1e-3)
    assert content.hear(Sound(low + mid, "stereo")).values["speech_band"] == pytest.approx(0.5, abs=0.01)
    assert math.isnan(content.hear(Sound(low * 0, "stereo")).values["speech_band"])


def test_silence_is_the_share_of_time_below_minus_60_dbfs():
    parts = [sine(-20, 1), sine(-70, 2), np.zeros((RATE, 2), np.float32), sine(-50, 1)]
    assert SoundContent().hear(Sound(np.concatenate(parts), "stereo")).values["silence"] == pytest.approx(0.6)
