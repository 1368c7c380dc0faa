"""Prepared clips: the right frame at the right time, the right colors and level."""

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from protocols.base.errors import InputError
from stimuli.decoding import decode_frames, decode_pictures, decode_sound
from stimuli.features import bs1770
from stimuli.pixels import upright
from stimuli.preparing.frame_rate import Conversion, at_constant_rate
from stimuli.preparing.geometry import Region, place
from stimuli.preparing.picture import Chain, colors
from stimuli.preparing.verifying import luma_of
from stimuli.probing import probe
from tests.stimuli.barcodes import HEIGHT, WIDTH, barcode, numbers_in, prepare, recipe


def heard(path):
    return decode_sound(path, probe(path)).samples


# ---------------------------------------------------------------- which frame


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("24", "25"),
        ("24000/1001", "25"),
        ("40", "25"),
        ("30", "25"),
        ("25", "30"),
        ("12", "25"),
        ("25", "25"),
    ],
)
def test_every_frame_shows_the_source_frame_that_belongs_there(write_clip, tmp_path, before, after):
    source = write_clip(tmp_path / "a.mp4", [barcode(i) for i in range(60)], fps=Fraction(before))
    asked = recipe(fps=f'"{after}"')
    done = prepare(source, tmp_path / "out.mp4", asked)
    ratio = Fraction(after) / Fraction(before)
    begins = [(2 * i * ratio + 1) // 2 for i in range(60)]  # the written frame nearest to its own beginning
    expected = [max(i for i in range(60) if begins[i] <= k) for k in range(done.frames)]
    assert numbers_in(tmp_path / "out.mp4") == expected
    assert done.frames == 60 * ratio // 1
    assert done.repeated == len(expected) - len(set(expected))
    assert done.dropped == expected[-1] + 1 - len(set(expected))


def test_the_choice_of_frames_is_that_of_ffmpegs_own_filter():
    random = np.random.default_rng(4)
    times = [Fraction(int(t), 1000) for t in np.cumsum(random.integers(5, 90, 80)) - 5]
    times = [time - times[0] for time in times]
    for fps in (24, 25, 30, 60):
        frames = int(times[-1] * fps)
        conversion = Conversion()
        ours = [
            n
            for n, _ in at_constant_rate(
                ((t, t) for t in times), Fraction(fps), frames, Fraction(0), conversion
            )
        ]
        chain = Chain([f"fps={fps}:round=near:start_time=0"])

        def pictures():
            for number, moment in enumerate(times):
                picture = av.VideoFrame(16, 16, "gray")
                picture.planes[0].update(bytes([number]) * picture.planes[0].buffer_size)
                picture.pts, picture.time_base = int(moment * 1000), Fraction(1, 1000)
                yield picture

        theirs = [int(picture.to_ndarray()[0, 0]) for picture in chain.through(pictures())]
        assert ours == theirs[:frames]


def test_with_a_variable_rate_a_frame_stays_until_the_next_one_begins(write_clip, tmp_path):
    times = [0, 0.04, 0.08, 0.52, 0.56, 0.60]  # the third frame stays for 0.44 s
    source = write_clip(tmp_path / "a.mkv", [barcode(i) for i in range(6)], times=times)
    assert not probe(source).constant_rate
    prepare(source, tmp_path / "out.mp4")
    assert numbers_in(tmp_path / "out.mp4")[:15] == [0, 1, *[2] * 11, 3, 4]


def test_a_clip_can_begin_later_and_its_last_frame_can_stand_still(write_clip, tmp_path):
    source = write_clip(tmp_path / "a.mp4", [barcode(i) for i in range(30)])
    prepare(source, tmp_path / "b.mp4", recipe(seconds=0.4), start_s=0.2)
    assert numbers_in(tmp_path / "b.mp4") == list(range(5, 15))
    held = prepare(source, tmp_path / "c.mp4", recipe(seconds=1.4, too_short="hold_last"))
    assert numbers_in(tmp_path / "c.mp4") == [*range(30), *[29] * 5]
    assert (held.held, held.repeated) == (5, 0)


def test_key_frames_are_the_recipes_and_not_the_sources(write_clip, texture, tmp_path):
    options = {"crf": "20", "g": "7", "preset": "veryfast"}
    source = write_clip(tmp_path / "a.mp4", texture(40, size=(WIDTH, HEIGHT)), options=options)
    prepare(source, tmp_path / "out.mp4", recipe(encoder="{crf: 12, preset: ultrafast, gop: 10}"))
    pictures = decode_pictures(tmp_path / "out.mp4", probe(tmp_path / "out.mp4"))
    assert [place for place, picture in enumerate(pictures) if picture.key_frame] == [0, 10, 20, 30]


# ---------------------------------------------------------------- how it looks


def yuv_clip(path, matrix, full):
    """The same colors, in patches of 16 by 16 pixels, stored by one matrix and range."""
    red, blue = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}[matrix]
    patches = np.random.default_rng(3).uniform(0.05, 0.95, (HEIGHT // 16, WIDTH // 16, 3))
    patches[0] = patches[0][:, :1]  # a row of grays
    rgb = patches.repeat(16, 0).repeat(16, 1)
    luma = rgb @ [red, 1 - red - blue, blue]
    differences = [(rgb[..., 2] - luma) / (2 - 2 * blue), (rgb[..., 0] - luma) / (2 - 2 * red)]
    low, span, color = (0, 255, 255) if full else (16, 219, 224)
    planes = [low + span * luma, *(128 + color * plane[::2, ::2] for plane in differences)]
    stored = np.concatenate([np.rint(plane).ravel() for plane in planes]).reshape(-1, WIDTH)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "1", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.color_range = 2 if full else 1
        stream.codec_context.colorspace = 6 if matrix == "bt601" else 1
        for place_ in range(5):
            picture = av.VideoFrame.from_ndarray(np.clip(stored, 0, 255).astype(np.uint8), "yuv420p")
            picture.pts = place_
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("matrix", "full"), [("bt601", False), ("bt601", True), ("bt709", True)])
def test_colors_are_the_same_however_they_were_stored(tmp_path, matrix, full):
    asked = recipe(encoder="{crf: 1, preset: ultrafast}")
    prepared = []
    for name, source in (
        ("other", yuv_clip(tmp_path / "a.mp4", matrix, full)),
        ("bt709", yuv_clip(tmp_path / "b.mp4", "bt709", False)),
    ):
        prepare(source, tmp_path / f"{name}.mp4", asked)
        found = probe(tmp_path / f"{name}.mp4")
        assert (found.matrix, found.range, found.transfer) == ("bt709", "limited", "bt709")
        picture = next(decode_pictures(tmp_path / f"{name}.mp4", found)).to_ndarray().astype(float)
        prepared.append([plane[8::16, 8::16] for plane in (picture[:HEIGHT],)])
        chroma = picture[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
        prepared[-1] += [plane[4::8, 4::8] for plane in chroma]
    apart = np.array(prepared[0]) - np.array(prepared[1])
    assert np.abs(apart).max() <= 2
    assert np.abs(apart[0].mean()) <= 0.35  # no arm is darker for its matrix
    assert np.abs(apart[:, 0]).max() <= 1  # grays stay gray


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_pictures_are_turned_as_players_turn_them(write_clip, texture, tmp_path, rotation):
    picture = texture(1, size=(WIDTH, HEIGHT))[0]
    frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    found = probe(write_clip(tmp_path / "a.mp4", [picture]))
    seen = replace(found, rotation=rotation, matrix="bt709")
    size = {"width": HEIGHT, "height": WIDTH} if rotation != 180 else {}
    way = place("x", seen, None, recipe(**size))
    turned = luma_of(Chain(way.steps(colors(seen), "#000000")).of_one(frame))
    assert np.array_equal(turned, upright(luma_of(frame), rotation))


def test_padding_has_the_recipes_color_and_a_part_can_be_cut_out(write_clip, tmp_path):
    left_white = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    left_white[:, : WIDTH // 2] = 255
    source = write_clip(tmp_path / "a.mp4", [left_white] * 3)
    padded = recipe(height=96, fit='{rule: letterbox, color: "#808080"}')
    prepare(source, tmp_path / "b.mp4", padded)
    luma = next(decode_frames(tmp_path / "b.mp4", probe(tmp_path / "b.mp4"))).luma
    assert np.abs(luma[:14].astype(int) - 128).max() <= 2
    assert luma[48, 4] >= 250
    prepare(source, tmp_path / "c.mp4", region=Region(0, 0, WIDTH // 2, HEIGHT // 2))
    assert next(decode_frames(tmp_path / "c.mp4", probe(tmp_path / "c.mp4"))).luma.min() >= 250


def test_interlaced_fields_are_woven(tmp_path):
    source = tmp_path / "a.mp4"
    with av.open(str(source), "w") as container:
        options = {"crf": "8", "x264-params": "tff=1", "flags": "+ildct+ilme"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for k in range(12):
            luma = np.full((HEIGHT, WIDTH), 40, np.uint8)
            luma[::2, 4 * k : 4 * k + 24] = 200  # a block that has moved on in the second field
            luma[1::2, 4 * k + 2 : 4 * k + 26] = 200
            gray = np.full((HEIGHT // 2, WIDTH), 128, np.uint8)
            picture = av.VideoFrame.from_ndarray(np.concatenate([luma, gray]), "yuv420p")
            picture.pts = k
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    assert probe(source).interlaced
    done = prepare(source, tmp_path / "out.mp4")
    assert done.frames == 12
    assert done.filters[0].startswith("bwdif")

    def combing(path):
        luma = np.array([frame.luma for frame in decode_frames(path, probe(path))], float)
        return np.abs(luma[:, 1:-1] - (luma[:, :-2] + luma[:, 2:]) / 2).mean()

    assert combing(tmp_path / "out.mp4") < 0.35 * combing(source)


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "suffix", "size"),
    [
        ("ffv1", "bgr0", "mkv", (101, 67)), ("libx264", "yuv444p", "mp4", (131, 77)),
        ("libx265", "yuv420p10le", "mp4", (WIDTH, HEIGHT)), ("mjpeg", "yuvj420p", "avi", (WIDTH, HEIGHT)),
    ],
)  # fmt: skip
def test_odd_sizes_and_other_pixels_come_to_the_same(
    write_clip, texture, tmp_path, codec, pix_fmt, suffix, size
):
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    pictures = [np.kron(one, np.ones((3, 3, 1), np.uint8))[: size[1], : size[0]] for one in texture(6)]
    source = write_clip(tmp_path / f"a.{suffix}", pictures, codec=codec, pix_fmt=pix_fmt, options=options)
    prepare(source, tmp_path / "out.mp4")
    found = probe(tmp_path / "out.mp4")
    assert (found.width, found.height, found.pixel_format) == (WIDTH, HEIGHT, "yuv420p")
    frame = next(decode_frames(tmp_path / "out.mp4", found))
    assert abs(float(frame.rgb.mean()) - float(np.mean(pictures[0]))) < 4


# ---------------------------------------------------------------- how it sounds


def tone(seconds, level=0.02, rate=48_000):
    return (level * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def loudness_by_another_meter(samples):
    return bs1770.integrated(bs1770.step_powers(samples, bs1770.channel_weights("stereo", samples.shape[1])))


@pytest.mark.parametrize("channels", ["stereo", "mono"])
def test_the_loudness_asked_for_is_reached(write_clip, tmp_path, channels):
    still = [barcode(0)] * 50
    for name, level in (("soft", 0.003), ("loud", 0.4)):
        source = write_clip(tmp_path / f"{name}.mp4", still, sound=tone(2, level))
        done = prepare(
            source, tmp_path / "out.mp4", recipe(sound=f"{{loudness_lufs: -23, channels: {channels}}}")
        )
        assert loudness_by_another_meter(heard(tmp_path / "out.mp4")) == pytest.approx(-23, abs=0.3)
        assert done.sound["lufs"] == pytest.approx(-23, abs=0.1)
        assert done.sound["gain_db"] * (1 if name == "soft" else -1) > 5
        assert not done.sound["held_back_by_true_peak"]
    assert probe(tmp_path / "out.mp4").layout == channels


def test_a_true_peak_holds_the_gain_back_and_that_is_said(write_clip, tmp_path):
    sound = tone(2, 0.005)
    sound[48_000:48_004] = 0.9
    source = write_clip(tmp_path / "a.mp4", [barcode(0)] * 50, sound=sound)
    done = prepare(source, tmp_path / "out.mp4")
    assert bs1770.true_peak(heard(tmp_path / "out.mp4")) <= -0.9
    assert done.sound["held_back_by_true_peak"]
    assert "softer than asked" in done.notes[0]


def test_a_stretch_without_sound_cannot_be_made_loud(write_clip, tmp_path):
    sound = np.concatenate([np.zeros(48_000, np.float32), tone(1)])
    source = write_clip(tmp_path / "a.mp4", [barcode(i) for i in range(50)], sound=sound)
    with pytest.raises(InputError, match=r"silent in the 0\.80 s that are used"):
        prepare(source, tmp_path / "out.mp4", recipe(seconds=0.8))
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize(("before", "start"), [(30, 0.0), (40, 0.3), ("24000/1001", 0.52)])
def test_a_flash_and_its_beep_stay_together(write_clip, tmp_path, before, start):
    fps = Fraction(before)
    flash = round(fps)  # at about one second
    onset = round(flash / fps * 48_000)
    sound = np.zeros(96_000, np.float32)
    sound[onset:] = tone(2)[: 96_000 - onset]
    pictures = [barcode(255 if i >= flash else 0) for i in range(int(2 * fps))]
    source = write_clip(tmp_path / "a.mp4", pictures, fps=fps, sound=sound)
    prepare(source, tmp_path / "out.mp4", start_s=start)
    flashed, beeped = (
        float(flash / fps) - start,
        _onset(source) - start,
    )  # coding may have moved the beep already
    seen, beep = numbers_in(tmp_path / "out.mp4").index(255) / 25, _onset(tmp_path / "out.mp4")
    assert beep == pytest.approx(beeped, abs=0.001)
    assert abs(seen - flashed) <= 0.02 + 1e-9


def _onset(path):
    samples = np.abs(heard(path)[:, 0])
    return int(np.argmax(samples > 0.3 * samples.max())) / 48_000


def test_sound_and_picture_end_together(write_clip, tmp_path):
    source = write_clip(tmp_path / "a.mp4", [barcode(0)] * 50, sound=tone(1.5))
    prepare(source, tmp_path / "out.mp4")
    found = probe(tmp_path / "out.mp4")
    assert found.duration_s == 2
    assert abs(found.audio_duration_s - 2) <= 1024 / 48_000
    samples = heard(tmp_path / "out.mp4")[:, 0]
    assert np.abs(samples[int(1.55 * 48_000) :]).max() < 1e-3  # silence where the source had no sound
