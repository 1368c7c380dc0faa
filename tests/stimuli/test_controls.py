"""Control clips: stored as the AI clip is, or drawn over without flicker."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from protocols.base.canonical import sha256_file
from protocols.base.errors import InputError
from stimuli.decoding import decode_frames, decode_sound
from stimuli.preparing.controls import codec_control, key_frame_distance, rotoscope
from stimuli.preparing.deciding import Row, decide
from stimuli.preparing.pipeline import prepare_clip
from stimuli.preparing.recipe import parse_recipe
from stimuli.preparing.rotoscoping import Colors, Rotoscope, Style, palette
from stimuli.probing import probe

RECIPE = parse_recipe("name: t\nfps: 25\nwidth: 160\nheight: 96\nencoder: {crf: 10, preset: veryfast}")


@pytest.fixture(scope="module")
def scene(write_clip, texture, tmp_path_factory):
    """A filmed scene, and the same scene as a machine's program stores it: larger, slower, poorer."""
    folder = tmp_path_factory.mktemp("scene")
    pictures = [cv2.GaussianBlur(one, (0, 0), 0.8) for one in texture(50, size=(160, 96), speed=1)]
    tone = (0.1 * np.sin(np.arange(96_000) * 0.06)).astype(np.float32)
    write_clip(folder / "live.mp4", pictures, sound=tone)
    at_twenty = [pictures[5 * k // 4] for k in range(40)]
    larger = [cv2.resize(one, (200, 120), interpolation=cv2.INTER_LANCZOS4) for one in at_twenty]
    options = {"b": "25k", "g": "13"}
    write_clip(folder / "ai.mp4", larger, fps=20, codec="libx264", options=options)
    return folder


def prepared(path, target):
    found = probe(path)
    decided = decide([Row(path.stem, None, "live", found, audible=False)], RECIPE)
    prepare_clip(path, target, RECIPE, decided.of[path.stem])
    return target


def test_the_codec_control_is_stored_as_the_ai_clip_is(scene, tmp_path):
    made = codec_control(scene / "live.mp4", scene / "ai.mp4", tmp_path / "control.mp4")
    control, ai, live = (
        probe(path) for path in (tmp_path / "control.mp4", scene / "ai.mp4", scene / "live.mp4")
    )
    assert (control.codec, control.width, control.height, control.fps) == ("h264", 200, 120, 20)
    assert control.constant_rate
    assert control.frames == int(live.duration_s * 20)
    assert control.bit_rate == pytest.approx(ai.bit_rate, rel=0.08)
    assert key_frame_distance(tmp_path / "control.mp4") == key_frame_distance(scene / "ai.mp4") == 13
    assert not control.has_sound, "the AI clip has none"
    assert "200×120, 20 frames per second" in made.how
    again = codec_control(scene / "live.mp4", scene / "ai.mp4", tmp_path / "again.mp4")
    assert again.target_sha256 == made.target_sha256 == sha256_file(tmp_path / "control.mp4")


def test_the_codec_control_takes_most_of_a_planted_codec_leak(scene, tmp_path):
    """The two arms show the same film, so whatever tells them apart after preparation is the codec."""
    codec_control(scene / "live.mp4", scene / "ai.mp4", tmp_path / "control.mp4")
    sharpness = {}
    for name, path in (
        ("live", scene / "live.mp4"), ("ai", scene / "ai.mp4"), ("control", tmp_path / "control.mp4"),
    ):  # fmt: skip
        target = prepared(path, tmp_path / f"{name}-prepared.mp4")
        frames = [frame.luma for frame in decode_frames(target, probe(target))][:40]
        sharpness[name] = np.mean([cv2.Laplacian(one, cv2.CV_64F).var() for one in frames])
    leak = abs(np.log(sharpness["ai"] / sharpness["live"]))
    left = abs(np.log(sharpness["ai"] / sharpness["control"]))
    assert leak > 0.3, (leak, left)
    assert left < 0.4 * leak, (leak, left)


def test_a_codec_that_cannot_be_written_is_said(scene, write_clip, texture, tmp_path):
    ai = write_clip(tmp_path / "ai.mov", texture(5), codec="prores_ks", pix_fmt="yuv422p10le", options={})
    with pytest.raises(InputError, match="codec that cannot be written here") as error:
        codec_control(scene / "live.mp4", ai, tmp_path / "control.mp4")
    assert "got:      prores" in str(error.value)


# ---------------------------------------------------------------- drawn over


def filmed(frames, *, noise, moving, seed=5):
    """Shaded discs before a shaded ground, (height, width, 3) uint8 B′G′R′."""
    random = np.random.default_rng(seed)
    discs = [(random.uniform(20, 300), random.uniform(20, 160), random.uniform(12, 34), random.uniform(40, 220, 3))
             for _ in range(14)]  # fmt: skip
    y, x = np.mgrid[:180, :320].astype(np.float32)
    pictures = []
    for k in range(frames):
        picture = np.stack([90 + x / 4, 70 + y / 3, 120 - x / 8], axis=2)
        for left, top, radius, color in discs:
            at = (x - left - (1.5 * k if moving else 0), y - top)
            inside = np.clip(radius - np.hypot(*at), 0, 1)[..., None]
            picture = picture * (1 - inside) + inside * (color + (0.5 * at[0])[..., None])
        picture += random.normal(0, noise, picture.shape)
        pictures.append(np.clip(cv2.GaussianBlur(picture, (0, 0), 0.7), 0, 255).astype(np.uint8))
    return pictures


def drawn(pictures, style=None):
    style = style or Style()
    lab = [
        cv2.cvtColor(one.astype(np.float32) / 255, cv2.COLOR_BGR2LAB).reshape(-1, 3)[::16]
        for one in pictures[::4]
    ]
    drawing = Rotoscope(Colors(palette(np.concatenate(lab), style), style), style)
    for picture in pictures[8:0:-1]:
        drawing.draw(picture)
    return [drawing.draw(picture) for picture in pictures]


def flicker(pictures, guide):
    """Mean absolute change from frame to frame after taking out the movement, which is that of `guide`."""
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    y, x = np.mgrid[: pictures[0].shape[0], : pictures[0].shape[1]].astype(np.float32)
    changes = []
    for before, after, first, second in zip(pictures, pictures[1:], guide, guide[1:], strict=False):
        grays = [cv2.cvtColor(one, cv2.COLOR_BGR2GRAY) for one in (second, first)]
        moved = flow.calc(*grays, None)
        there = cv2.remap(before, x + moved[..., 0], y + moved[..., 1], cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
        changes.append(cv2.absdiff(there, after)[:, 24:-24].mean())
    return float(np.mean(changes))


@pytest.mark.parametrize("noise", [2.0, 6.0])
def test_what_stands_still_does_not_flicker(noise):
    pictures = filmed(20, noise=noise, moving=False)
    before, after = (
        np.abs(np.diff(np.array(one, float), axis=0)).mean() for one in (pictures, drawn(pictures))
    )
    assert after <= before


def test_what_moves_hardly_flickers_more_than_the_film():
    clean, noisy = filmed(20, noise=0, moving=True), filmed(20, noise=2, moving=True)
    assert flicker(drawn(noisy), clean) <= 1.5 * flicker(noisy, clean)


def test_without_memory_it_would_flicker():
    """So that the two tests above are seen to measure something."""
    pictures = filmed(20, noise=4.0, moving=False)
    with_memory, without = (
        np.abs(np.diff(np.array(drawn(pictures, style), float), axis=0)).mean()
        for style in (Style(), Style(memory=0.0))
    )
    assert without > 1.3 * with_memory


def test_it_is_flat_with_dark_contours():
    pictures = filmed(10, noise=2, moving=True)
    before, after = (one[5].astype(np.int64) for one in (pictures, drawn(pictures)))
    flat = [(np.abs(np.diff(one, axis=1)).max(axis=2) == 0).mean() for one in (before, after)]
    assert flat[1] > 5 * flat[0], flat
    assert flat[1] > 0.6, flat
    ink = after.max(axis=2) < 60
    assert ink.mean() > 10 * (before.max(axis=2) < 60).mean() + 0.002
    edges = cv2.Canny(pictures[5], 60, 160) > 0
    near = cv2.dilate(edges.astype(np.uint8), np.ones((9, 9))) > 0
    assert ink[near].sum() > 0.95 * ink.sum(), "contours lie at edges"
    smooth = cv2.GaussianBlur(before.astype(np.uint8), (0, 0), 3)
    assert np.abs(after[~near] - smooth[~near]).mean() < 16, "surfaces keep about their color"


def test_a_cut_leaves_no_trace_of_the_scene_before():
    first, second = (
        filmed(6, noise=1, moving=True),
        [255 - one for one in filmed(6, noise=1, moving=True, seed=9)],
    )
    style = Style()
    lab = cv2.cvtColor(
        np.array(first + second)[::3].reshape(-1, 320, 3).astype(np.float32) / 255, cv2.COLOR_BGR2LAB
    )
    colors = Colors(palette(lab.reshape(-1, 3)[::16], style), style)
    cut, alone = Rotoscope(colors, style), Rotoscope(colors, style)
    for picture in first:
        cut.draw(picture)
    assert np.array_equal(cut.draw(second[0]), alone.draw(second[0]))


def test_the_palette_is_the_clips_and_a_dull_clip_has_fewer_colors():
    random = np.random.default_rng(1)
    dull = random.normal([50, 0, 0], 1.5, (2000, 3)).astype(np.float32)
    vivid = random.uniform([10, -60, -60], [95, 60, 60], (2000, 3)).astype(np.float32)
    assert len(palette(dull, Style())) <= 2
    assert len(palette(vivid, Style())) == Style().colors
    assert np.array_equal(palette(vivid, Style()), palette(vivid, Style()))


def test_a_drawn_clip_keeps_its_time_sound_and_size_and_is_the_same_every_time(scene, tmp_path):
    made = rotoscope(scene / "live.mp4", tmp_path / "drawn.mp4")
    threads = cv2.getNumThreads()
    cv2.setNumThreads(2)
    again = rotoscope(scene / "live.mp4", tmp_path / "again.mp4")
    assert cv2.getNumThreads() == 2, "as the caller left it"
    cv2.setNumThreads(threads)
    assert made.target_sha256 == again.target_sha256
    live, seen = probe(scene / "live.mp4"), probe(tmp_path / "drawn.mp4")
    assert (seen.width, seen.height, seen.fps, seen.frames) == (160, 96, Fraction(25), live.frames)
    before, after = (
        decode_sound(path, probe(path)).mono for path in (scene / "live.mp4", tmp_path / "drawn.mp4")
    )
    assert np.std(after[4800:-4800]) == pytest.approx(np.std(before[4800:-4800]), rel=0.1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.mp4", "drawn.mp4"]
    with av.open(str(tmp_path / "drawn.mp4")) as container:
        assert "comment" not in container.metadata
