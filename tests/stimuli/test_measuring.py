"""One clip measured from its file: every way of coding gives the same, and what is missing is missing."""

import av
import cv2
import numpy as np
import pytest

from protocols.base.errors import InputError
from protocols.base.seeds import generator
from stimuli.decoding import decode_frames
from stimuli.features.catalog import definitions
from stimuli.measuring.clip import measure_clip
from stimuli.measuring.files import steady
from stimuli.probing import probe

EXACT = {"qp": "0", "preset": "ultrafast"}
MOVEMENT = (
    "ti", "ti_max", "flow_speed", "flow_direction_spread", "flow_fast_share", "flow_tempo", "motion_energy", "frozen",
    "freeze_longest", "luminance_sd",
)  # fmt: skip
SOUND = ("loudness", "loudness_range", "true_peak", "speech_band", "silence")


def scene(frames=12, *, size=(160, 96)):
    """Texture that drifts over broad patches of color, (h, w, 3) uint8."""
    width, height = size
    random = generator(1, "scene")
    wide = (height, width + 4 * frames)
    gray = cv2.GaussianBlur(random.normal(size=wide), (0, 0), 3)
    colors = np.stack([cv2.GaussianBlur(random.normal(size=wide), (0, 0), 12) for _ in range(3)], axis=2)
    surface = 120 + 25 * (gray / gray.std())[..., None] + 12 * colors / colors.std()
    levels = np.clip(np.rint(surface), 20, 235).astype(np.uint8)
    return [np.ascontiguousarray(levels[:, 4 * k : 4 * k + width]) for k in range(frames)]


def coded(picture, *, fmt, full, matrix):
    """A frame with exactly the Y'CbCr that Rec. ITU-R BT.601 or BT.709 gives a picture."""
    if fmt == "rgb24":
        return av.VideoFrame.from_ndarray(picture, "rgb24")
    red, blue = (0.299, 0.114) if matrix == "bt601" else (0.2126, 0.0722)
    luma = picture @ np.array([red, 1 - red - blue, blue])
    scale = 4 if fmt.endswith("10le") else 1
    chroma = [(picture[..., k] - luma) / (2 - 2 * share) for k, share in ((2, blue), (0, red))]
    span, color, black = (255, 255, 0) if full else (219, 224, 16)
    largest = 1023 / 255 if full and scale == 4 else scale  # full range of ten bits ends at 1023
    planes = [
        black * scale + luma * span / 255 * largest,
        *(128 * scale + c * color / 255 * largest for c in chroma),
    ]
    if "420" in fmt:
        planes[1:] = [c.reshape(len(c) // 2, 2, -1, 2).mean(axis=(1, 3)) for c in planes[1:]]
    whole = [np.rint(plane).astype(np.uint16 if scale == 4 else np.uint8) for plane in planes]
    layout = fmt.replace("yuvj", "yuv")
    if "444" in fmt:
        return av.VideoFrame.from_ndarray(np.stack(whole), layout)
    return av.VideoFrame.from_ndarray(
        np.concatenate([p.reshape(-1, picture.shape[1]) for p in whole]), layout
    )


def store(path, pictures, *, fmt="yuv420p", full=False, matrix="bt709", rotation=0, codec="libx264"):
    """Write pictures in a given coding, without loss beyond it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=EXACT if codec.startswith("libx264") else {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = fmt
        stream.codec_context.color_range = 2 if full else 1
        if fmt != "rgb24":
            stream.codec_context.colorspace = 6 if matrix == "bt601" else 1
        if rotation:
            stream.set_display_rotation(rotation)
        for index, picture in enumerate(pictures):
            frame = coded(picture, fmt=fmt, full=full, matrix=matrix)
            frame.pts, frame.color_range = index, 2 if full else 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where this file's clips lie."""
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def plain(folder):
    """The scene in ordinary coding: its file, and what was measured."""
    path = store(folder / "plain.mp4", scene())
    return path, measure_clip(path)


def test_every_number_has_a_value_or_none_and_every_frame_a_row(plain):
    _, measured = plain
    assert list(measured.values) == list(definitions())
    per_frame = [name for name, d in definitions().items() if d.per_frame and name != "loudness"]
    assert list(measured.series) == per_frame
    assert {len(column) for column in measured.series.values()} == {12}
    assert measured.values["luminance"] == pytest.approx(measured.series["luminance"].mean())
    missing = {name for name, value in measured.values.items() if np.isnan(value)}
    assert missing == {
        *SOUND,
        "flow_tempo",
        "flow_fast_share",
    }  # no sound; half a second is too short for tempo


@pytest.mark.parametrize(
    "coding",
    [
        {"fmt": "yuvj420p", "full": True},
        {"matrix": "bt601"},
        {"fmt": "yuv444p"},
        {"fmt": "yuv420p10le"},
        {"fmt": "yuv420p10le", "full": True, "codec": "ffv1"},
        {"fmt": "rgb24", "full": True, "codec": "libx264rgb"},
    ],
    ids=lambda coding: "-".join(map(str, coding.values())),
)
def test_range_matrix_and_bit_depth_change_no_light_and_no_color(plain, folder, coding):
    other = measure_clip(store(folder / "coded.mkv", scene()[:3], **coding)).values
    first = {name: column[:3].mean() for name, column in plain[1].series.items()}
    light = ((np.array(scene()[:3]) / 255) ** 2.4 @ [0.2126, 0.7152, 0.0722]).mean()
    assert other["luminance"] == pytest.approx(100 * light, abs=0.2)
    assert other["rms_contrast"] == pytest.approx(first["rms_contrast"], abs=0.002)
    for name in ("lab_l", "lab_a", "lab_b", "lab_spread"):
        assert other[name] == pytest.approx(first[name], abs=0.3), name
    assert other["si"] == pytest.approx(first["si"], rel=0.01)


@pytest.mark.parametrize(
    "coding", [{}, {"matrix": "bt601"}, {"fmt": "yuvj420p", "full": True}, {"fmt": "yuv444p"}]
)
def test_colors_come_back_as_they_were_coded(folder, coding):
    colors = [(230, 40, 50), (30, 200, 60), (40, 60, 220), (240, 220, 30), (20, 20, 20), (250, 250, 250)]
    picture = np.zeros((96, 192, 3), np.uint8)
    for k, color in enumerate(colors):
        picture[:, 32 * k : 32 * (k + 1)] = color
    path = store(folder / "colors.mkv", [picture], **coding)
    (frame,) = decode_frames(path, probe(path))
    assert np.abs(frame.rgb[::48, 16::32].astype(int) - colors).max() <= 2
    assert frame.in_full().shape == picture.shape


def test_luminance_of_a_coded_gray_is_exact(folder):
    gray = [np.full((96, 160, 3), 128, np.uint8)] * 2
    for name, coding in {
        "limited": {},
        "full": {"fmt": "yuvj420p", "full": True},
        "ten": {"fmt": "yuv420p10le"},
    }.items():
        values = measure_clip(store(folder / f"gray-{name}.mkv", gray, **coding)).values
        assert values["luminance"] == pytest.approx(100 * (128 / 255) ** 2.4, abs=0.2), (
            name
        )  # one level is 0.35


def test_a_turned_file_gives_what_the_upright_one_gives(plain, folder):
    turned = [np.ascontiguousarray(np.rot90(picture, -1)) for picture in scene()]
    path = store(folder / "turned.mp4", turned, rotation=90)
    measured, upright = measure_clip(path), plain[1]
    assert (measured.probe.rotation, measured.probe.shown_width) == (90, 160)
    for name, value in upright.values.items():
        assert measured.values[name] == pytest.approx(value, rel=0.01, abs=0.03, nan_ok=True), name
    poster = cv2.imdecode(np.frombuffer(measured.pictures["poster-0.jpg"], np.uint8), cv2.IMREAD_COLOR)
    assert poster.shape == (96, 160, 3)
    assert np.abs(poster[..., ::-1].astype(float) - scene()[0]).mean() < 4


def test_pictures_show_the_clip_from_beginning_to_end(plain):
    _, measured = plain
    assert list(measured.pictures) == [*(f"poster-{k}.jpg" for k in (0, 25, 50, 75, 100)), "preview.jpg"]
    last = cv2.imdecode(np.frombuffer(measured.pictures["poster-100.jpg"], np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(last[..., ::-1].astype(float) - scene()[-1]).mean() < 4
    strip = cv2.imdecode(np.frombuffer(measured.pictures["preview.jpg"], np.uint8), cv2.IMREAD_COLOR)
    assert strip.shape == (144, 12 * 240, 3)


def test_one_frame_has_a_look_but_no_movement(folder):
    values = measure_clip(store(folder / "one.mp4", scene(1))).values
    assert {name for name, value in values.items() if np.isnan(value)} == {*MOVEMENT, *SOUND}
    assert values["cuts"] == 0
    assert values["si"] > 1


@pytest.mark.parametrize("size", [(161, 97), (48, 33), (97, 161), (33, 120)])
def test_odd_and_small_sizes_are_measured(folder, size):
    values = measure_clip(store(folder / "odd.mkv", scene(4, size=size), fmt="yuv444p", codec="ffv1")).values
    assert values["luminance"] > 1
    assert values["flow_speed"] > 0


def test_a_variable_rate_weights_by_time_and_its_series_are_steady(write_clip, folder):
    dark, light = np.full((96, 160, 3), 60, np.uint8), np.full((96, 160, 3), 200, np.uint8)
    pictures = [dark, light, dark, light, dark, light]
    path = write_clip(folder / "vfr.mkv", pictures, times=[0, 0.04, 0.08, 0.12, 0.16, 0.44])
    measured = measure_clip(path)
    assert not measured.probe.constant_rate
    series, rate = steady(measured)
    assert rate == pytest.approx(25)
    bright = series["luminance"] > 20
    assert bright.tolist() == [k % 2 == 1 if k < 5 else k >= 11 for k in range(len(bright))]
    assert measured.values["luminance"] == pytest.approx(series["luminance"].mean(), rel=0.01)
    assert "variable_rate" in [flag.kind for flag in measured.flags]


def test_sound_is_measured_and_has_a_series_of_its_own(write_clip, folder):
    tone = 10 ** (-20 / 20) * np.sin(2 * np.pi * 1000 * np.arange(96_000) / 48_000)
    path = write_clip(folder / "sound.mp4", scene(50), sound=tone)
    measured = measure_clip(path)
    assert measured.values["loudness"] == pytest.approx(-20, abs=0.3)  # one channel, two loudspeakers
    assert measured.values["speech_band"] > 0.99
    assert measured.sound_series["loudness"][5:15] == pytest.approx([-20] * 10, abs=0.3)
    silent = measure_clip(write_clip(folder / "silent.mp4", scene(20), sound=np.zeros(40_000)))
    assert np.isnan(silent.values["loudness"])
    assert "silent" in [flag.kind for flag in silent.flags]


def test_a_logo_is_flagged_and_drawn(folder):
    pictures = scene(50, size=(320, 180))
    for picture in pictures:
        cv2.putText(picture, "AI", (240, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (255, 255, 255), 4)
    measured = measure_clip(store(folder / "logo.mp4", pictures))
    assert "watermark" in [flag.kind for flag in measured.flags]
    assert measured.pictures["overlay.png"].startswith(b"\x89PNG")
    assert measured.overlays["regions"]


def test_cuts_have_times(folder):
    dark = [picture // 4 for picture in scene(30)]
    measured = measure_clip(store(folder / "cut.mp4", [*scene(20), *dark[20:]]))
    assert measured.cuts_s == (0.8,)


def test_high_dynamic_range_is_refused_with_a_way_out(folder):
    path = folder / "hdr.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p10le"
        stream.codec_context.color_trc, stream.codec_context.colorspace = 16, 9
        for index, picture in enumerate(scene(2)):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p10le")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="high dynamic range") as caught:
        measure_clip(path)
    assert "editing program" in str(caught.value)
