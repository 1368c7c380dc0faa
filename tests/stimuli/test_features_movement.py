"""Features of sequences: planted movement, cuts, freezes and flashes, and FFmpeg's numbers."""

import math
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from av.filter import Graph

from protocols.base.seeds import generator
from stimuli.decoding import Frame, decode_frames
from stimuli.features.complexity import Complexity
from stimuli.features.cuts import Cuts
from stimuli.features.feature import mean
from stimuli.features.flashes import Flashes
from stimuli.features.flow import Flow
from stimuli.features.motion_energy import MotionEnergy, decay
from stimuli.features.stillness import Stillness
from stimuli.pixels import full_luma
from stimuli.probing import Probe, probe

SIZE = (320, 180)


def frames_of(pictures, *, fps=25.0):
    """Frames as decoding would give them, from gray (h, w) or RGB (h, w, 3) pictures."""
    previous = None
    for index, picture in enumerate(pictures):
        levels = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
        rgb = np.repeat(levels[..., None], 3, axis=2) if levels.ndim == 2 else levels
        source = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        found = file_of(rgb.shape[1], rgb.shape[0], fps)
        frame = Frame(index, index / fps, full_luma(source, found), source, found, previous)
        yield frame
        if previous is not None:
            previous.previous = None
        previous = frame


def file_of(width, height, fps=25.0):
    """What a probe would say of RGB pictures of this size."""
    return Probe(
        container="mkv", codec="ffv1", pixel_format="rgb24", bit_depth=8, width=width, height=height,
        pixel_aspect=Fraction(1), rotation=0, fps=Fraction(fps), constant_rate=True, frames=1, duration_s=0.04,
        range="full", matrix="unknown", transfer="unknown", interlaced=False, audio_codec=None, channels=None,
        layout=None, sample_rate=None, audio_duration_s=None, bit_rate=None,
    )  # fmt: skip


def measured(kind, frames):
    """Series, values of the clip, and flags of one feature."""
    feature, rows, times = None, [], []
    for frame in frames:
        feature = feature or kind(frame.probe)
        rows.append(feature.see(frame))
        times.append(frame.time_s)
    names = [definition.name for definition in kind.defines if definition.per_frame]
    series = dict(zip(names, np.array(rows, float).reshape(len(rows), len(names)).T, strict=True))
    found = feature.finish(series, np.array(times))
    return series, {name: mean(column) for name, column in series.items()} | dict(found.values), found.flags


def texture(size=(1200, 400), *, seed=1, sd=3):
    """Blurred noise in levels, larger than the picture, to be looked at through a window."""
    width, height = size
    field = cv2.GaussianBlur(generator(seed, "texture").normal(size=(height, width)), (0, 0), sd)
    return 128 + 45 * (field - field.mean()) / field.std()


SURFACE = texture()


def window(x, y=100.0, *, surface=SURFACE):
    """What is seen through a window whose left upper corner lies at x, y (to parts of a pixel)."""
    shift = np.float32([[1, 0, -x], [0, 1, -y]])
    return cv2.warpAffine(surface, shift, SIZE, flags=cv2.INTER_CUBIC)


def pan(speed, fps, seconds=2.0):
    """Pictures of a pan at a speed in picture widths per second."""
    return [window(100 + speed * SIZE[0] * k / fps) for k in range(round(seconds * fps))]


@pytest.mark.parametrize("fps", [24000 / 1001, 25, 40, 60])
def test_flow_speed_is_that_of_the_pan_at_every_frame_rate(fps):
    _, values, _ = measured(Flow, frames_of(pan(0.3, fps), fps=fps))
    assert values["flow_speed"] == pytest.approx(0.3, rel=0.03)
    assert values["flow_direction_spread"] < 0.02


def test_flow_counts_a_cadence_of_repeated_pictures_at_its_true_speed():
    film = pan(0.3, 24)
    pulled_down = [film[k * 24 // 40] for k in range(80)]
    series, values, _ = measured(Flow, frames_of(pulled_down, fps=40))
    assert values["flow_speed"] == pytest.approx(0.3, rel=0.04)
    assert (series["flow_speed"] == 0).mean() == pytest.approx(0.4, abs=0.02)


def test_flow_of_a_still_scene_is_zero_and_noise_adds_little():
    still = [window(100)] * 10
    assert measured(Flow, frames_of(still))[1]["flow_speed"] == 0
    random = generator(2, "grain")
    grainy = [cv2.resize(window(100), (1280, 720)) + random.normal(0, 3, (720, 1280)) for _ in range(6)]
    assert measured(Flow, frames_of(grainy))[1]["flow_speed"] < 0.01


def test_flow_leaves_cuts_out():
    other = texture(seed=9)
    pictures = [*pan(0.2, 25, 1), *(window(100 + 2.56 * k, surface=other - 70) for k in range(25))]
    series, values, _ = measured(Flow, frames_of(pictures))
    assert np.flatnonzero(np.isnan(series["flow_speed"])).tolist() == [0, 25]
    assert values["flow_speed"] == pytest.approx(0.2, rel=0.03)


def test_directions_of_a_zoom_are_balanced():
    scales = [1 + 0.01 * k for k in range(10)]
    center = (600.0, 200.0)
    pictures = []
    for scale in scales:
        zoom = np.float32([[scale, 0, 160 - scale * center[0]], [0, scale, 90 - scale * center[1]]])
        pictures.append(cv2.warpAffine(SURFACE, zoom, SIZE, flags=cv2.INTER_CUBIC))
    assert measured(Flow, frames_of(pictures))[1]["flow_direction_spread"] > 0.9


@pytest.mark.parametrize("fps", [24000 / 1001, 25, 40])
@pytest.mark.parametrize(("hertz", "fast"), [(1.0, False), (4.0, True)])
def test_tempo_is_how_fast_speed_goes_up_and_down(fps, hertz, fast):
    times = np.arange(round(4 * fps)) / fps
    path = 0.3 * times - 0.2 / (2 * np.pi * hertz) * np.cos(2 * np.pi * hertz * times)
    _, values, _ = measured(Flow, frames_of([window(100 + SIZE[0] * x) for x in path], fps=fps))
    assert values["flow_tempo"] == pytest.approx(hertz, abs=0.35)
    assert (values["flow_fast_share"] > 0.5) == fast


def test_tempo_is_the_films_own_in_a_faster_file():
    times = np.arange(96) / 24
    path = 0.3 * times - 0.2 / (2 * np.pi) * np.cos(2 * np.pi * times)
    film = [window(100 + SIZE[0] * x) for x in path]
    pulled_down = [film[k * 24 // 40] for k in range(160)]
    _, values, _ = measured(Flow, frames_of(pulled_down, fps=40))
    assert values["flow_tempo"] == pytest.approx(1.0, abs=0.35)


def test_motion_energy_is_the_same_at_every_frame_rate_and_grows_with_contrast_squared():
    energies = [
        measured(MotionEnergy, frames_of(pan(0.2, fps, 3), fps=fps))[1]["motion_energy"]
        for fps in (24, 40, 60)
    ]
    assert energies[0] > 1
    assert energies == pytest.approx([energies[-1]] * 3, rel=0.06)
    half = [128 + (picture - 128) / 2 for picture in pan(0.2, 25, 3)]
    assert measured(MotionEnergy, frames_of(half))[1]["motion_energy"] == pytest.approx(
        energies[-1] / 4, rel=0.06
    )


def test_motion_energy_of_a_still_scene_is_zero():
    assert measured(MotionEnergy, frames_of([window(100)] * 20))[1]["motion_energy"] == pytest.approx(
        0, abs=1e-6
    )


def test_the_temporal_filters_are_a_cascade_solved_exactly():
    from scipy.linalg import expm

    system = 40.0 * (np.eye(8, k=-1) - np.eye(8))
    assert decay(1 / 24) == pytest.approx(expm(system / 24), abs=1e-6)
    assert decay(0.02) @ decay(0.03) == pytest.approx(decay(0.05), abs=1e-6)


def scenes(seed=4):
    """Four shots with a jump of brightness between them, and where they begin."""
    starts, pictures = [0, 12, 31, 40], []
    for shot, (first, after) in enumerate(zip(starts, [*starts[1:], 60], strict=True)):
        surface = 40 + 50 * shot + 0.3 * (texture(seed=seed + shot) - 128)
        pictures += [window(100 + 3 * k, surface=surface) for k in range(after - first)]
    return pictures, starts[1:]


def test_cuts_are_found_where_they_were_made():
    pictures, starts = scenes()
    series, values, _ = measured(Cuts, frames_of(pictures))
    assert np.flatnonzero(series["cuts"]).tolist() == starts
    assert values["cuts"] == 3
    pulled_down = [pictures[k * 24 // 40] for k in range(100)]
    assert measured(Cuts, frames_of(pulled_down, fps=40))[1]["cuts"] == 3


def test_fast_movement_is_no_cut():
    hard = np.where(texture(sd=6) > 128, 230, 30).astype(float)
    assert measured(Cuts, frames_of([window(100 + 25 * k, surface=hard) for k in range(20)]))[1]["cuts"] == 0


def ffmpeg_says(path, name, arguments, keys):
    """What a filter of FFmpeg writes for every frame: (frames, keys)."""
    with av.open(str(path)) as container:
        graph = Graph()
        first = graph.add_buffer(template=container.streams.video[0])
        graph.link_nodes(first, graph.add(name, arguments), graph.add("buffersink")).configure()
        rows = []
        for frame in container.decode(video=0):
            graph.push(frame)
            said = graph.pull().metadata
            rows.append([float(said[key]) for key in keys])
    return np.array(rows)


@pytest.fixture(scope="module")
def film(write_clip, tmp_path_factory):
    """A file with shots, movement and grain."""
    pictures, _ = scenes()
    random = generator(5, "film")
    grainy = [np.clip(p + random.normal(0, 4, p.shape), 0, 255).astype(np.uint8) for p in pictures]
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return write_clip(path, [np.repeat(p[..., None], 3, axis=2) for p in grainy])


def test_si_and_ti_are_ffmpegs(film):
    theirs = ffmpeg_says(film, "siti", "", ("lavfi.siti.si", "lavfi.siti.ti"))
    series, values, _ = measured(Complexity, decode_frames(film, probe(film)))
    assert series["si"] == pytest.approx(theirs[:, 0], abs=0.1)
    assert series["ti"][1:] == pytest.approx(theirs[1:, 1], abs=0.1)
    assert math.isnan(series["ti"][0])
    assert values["si"] == pytest.approx(theirs[:, 0].mean(), abs=0.1)
    assert (values["si_max"], values["ti_max"]) == pytest.approx(theirs.max(axis=0), abs=0.1)


def test_cut_scores_are_ffmpegs(film):
    theirs = ffmpeg_says(film, "scdet", "threshold=10", ("lavfi.scd.score",))[:, 0]
    series, _, _ = measured(Cuts, decode_frames(film, probe(film)))
    assert series["cut_score"][2:] == pytest.approx(theirs[2:], abs=0.05)
    assert (theirs >= 10).tolist() == (series["cuts"] == 1).tolist()


def test_repeats_and_freezes_are_told_apart():
    film = pan(0.2, 24, 2)
    _, values, flags = measured(Stillness, frames_of([film[k * 24 // 40] for k in range(80)], fps=40))
    assert values["frozen"] == pytest.approx(0.4, abs=0.02)
    assert values["freeze_longest"] == pytest.approx(0.025)
    assert [flag.kind for flag in flags] == ["repeats"]
    assert "about 24 new pictures a second in a file of 40" in flags[0].detail
    stopped = [*film[:24], *[film[23]] * 24, *film[24:]]
    _, values, flags = measured(Stillness, frames_of(stopped, fps=24))
    assert values["freeze_longest"] == pytest.approx(1.0)
    assert [(flag.kind, flag.from_s, flag.to_s) for flag in flags] == [("freeze", 1.0, 2.0)]


def test_coding_noise_does_not_hide_a_repeat_and_slow_movement_is_none():
    random = generator(6, "repeat")
    coded = [window(100) + random.normal(0, 0.3, SIZE[::-1]) for _ in range(10)]
    assert measured(Stillness, frames_of(coded))[1]["frozen"] == 1
    slow = [window(100 + 0.4 * k) for k in range(10)]
    assert measured(Stillness, frames_of(slow))[1]["frozen"] == 0


def test_black_is_flagged_with_its_time_and_a_dark_scene_is_not_black():
    pictures = [np.full((180, 320), level) for level in [16] * 10 + [60] * 15]
    _, values, flags = measured(Stillness, frames_of(pictures))
    assert values["black"] == pytest.approx(0.4)
    assert [(f.kind, f.from_s, f.to_s) for f in flags if f.kind == "black"] == [("black", 0.0, 0.4)]


def flashing(per_s, *, low=40, high=230, share=1.0, fps=50, seconds=2.0, color=(1, 1, 1)):
    """A field that goes up and down `per_s` times a second over a share of the picture."""
    cut = round(320 * share)
    pictures = []
    for k in range(round(fps * seconds)):
        picture = np.full((180, 320, 3), low, float)
        if int(2 * per_s * k / fps) % 2:
            picture[:, :cut] = np.array(color) * high
        pictures.append(picture)
    return frames_of(pictures, fps=fps)


@pytest.mark.parametrize(
    ("sequence", "flashes"),
    [
        ({"per_s": 5}, 5),
        ({"per_s": 10}, 10),
        ({"per_s": 2}, 2),
        ({"per_s": 5, "share": 0.3}, 5),
        ({"per_s": 5, "share": 0.2}, 0),
        ({"per_s": 5, "low": 100, "high": 115}, 0),  # 5 % of white
        ({"per_s": 5, "low": 240, "high": 255}, 0),  # 14 % of white, but the darker is above 80 %
    ],
)
def test_flashes_of_known_rate_size_and_depth(sequence, flashes):
    _, values, flags = measured(Flashes, flashing(**sequence))
    assert values["flashes"] == pytest.approx(flashes, abs=0.5)
    assert [flag.kind for flag in flags] == (["photosensitivity"] if flashes > 3 else [])


def test_saturated_red_counts_even_where_luminance_changes_little():
    red = {"low": 0, "color": (1, 0, 0), "per_s": 6}
    _, values, flags = measured(Flashes, flashing(high=160, **red))
    assert values["red_flashes"] == 6
    assert values["flashes"] == 0  # 7 % of white
    assert [flag.kind for flag in flags] == ["photosensitivity"]
    pale = {
        "low": 0,
        "color": (1, 0.56, 0.56),
        "per_s": 6,
    }  # two thirds of its light are red, not four fifths
    assert measured(Flashes, flashing(high=255, **pale))[1]["red_flashes"] == 0


def test_one_cut_and_a_slow_fade_are_no_flashes():
    fade = [np.full((180, 320), level) for level in np.linspace(20, 250, 50)]
    assert measured(Flashes, frames_of([*fade, *fade[::-1]]))[1]["flashes"] <= 1
