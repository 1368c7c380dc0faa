"""Watermarks and start labels planted in scenes are found; neither is scenery taken for one, nor stillness for none."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from protocols.base.seeds import generator
from stimuli.provenance.overlays import OverlayDetector, Overlays, Region

WIDTH, HEIGHT, FPS, SECONDS = 320, 180, 10, 5.0
MOVING = ("pan", "zoom", "shake", "sky over a pan", "everything changes")
STYLES = ("text", "shadowed text", "logo", "half transparent text")


def texture(random, width: int, height: int, kind: int) -> np.ndarray:
    if kind == 0:  # clouds: amplitude falls with frequency
        spectrum = np.fft.rfft2(random.normal(size=(height, width)))
        distance = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
        distance[0, 0] = 1.0
        surface = np.fft.irfft2(spectrum / distance**1.2, s=(height, width))
        return np.clip(120 + 45 * surface / surface.std(), 0, 255).astype(np.float32)
    if kind == 1:  # a street of boxes
        surface = np.full((height, width), 90, np.float32)
        for _ in range(width * height // 900):
            x, y = (int(random.integers(limit)) for limit in (width, height))
            broad, high = (int(value) for value in random.integers(6, 50, 2))
            surface[y : y + high, x : x + broad] = random.integers(10, 245)
        return surface
    grain = cv2.GaussianBlur(random.normal(size=(height, width)).astype(np.float32), (0, 0), 40, sigmaY=1.2)
    return np.clip(110 + 35 * grain / grain.std(), 0, 255)  # wood


def shifted(surface: np.ndarray, x: float, y: float, zoom: float = 1.0) -> np.ndarray:
    """A window of the picture's size into a surface three times as large, centred at first."""
    height, width = surface.shape
    centre = np.array([width / 2 + x, height / 2 + y])
    move = np.array([[zoom, 0, WIDTH / 2 - zoom * centre[0]], [0, zoom, HEIGHT / 2 - zoom * centre[1]]])
    return cv2.warpAffine(surface, move, (WIDTH, HEIGHT))


def scene(kind: str, seed: int) -> np.ndarray:
    """Frames (n, h, w), float32, of one kind of scene."""
    random = generator(seed, "scene", kind)
    surface = texture(random, 3 * WIDTH, 3 * HEIGHT, seed % 3)
    angle, speed, noise = random.uniform(0, 6.3), random.uniform(10, 40), random.uniform(0.5, 2.5)
    others = [texture(random, WIDTH, HEIGHT, 0) for _ in range(12)] if kind == "everything changes" else []
    body = texture(random, 120, 120, 1)
    frames = []
    for i in range(round(SECONDS * FPS)):
        t = i / FPS
        if kind in ("pan", "sky over a pan"):
            frame = shifted(surface, speed * t * np.cos(angle), 0.5 * speed * t * np.sin(angle))
            if kind.startswith("sky"):
                frame[: HEIGHT // 2] = 200 - 0.2 * np.arange(HEIGHT // 2)[:, None]
        elif kind == "zoom":
            frame = shifted(surface, 0, 0, 1 + 0.12 * t)
        elif kind == "shake":
            frame = shifted(surface, 6 * np.sin(4.4 * t) + 4 * np.sin(12 * t + 1), 5 * np.sin(3.1 * t + 2))
        elif kind == "everything changes":
            now, share = int(2 * t), 2 * t - int(2 * t)
            frame = (1 - share) * others[now] + share * others[now + 1]
        else:
            frame = shifted(surface, 0, 0)
            if kind == "one thing moves":
                x, y = 40 + 50 * t, 60 + 10 * t
                round_body = cv2.circle(np.zeros((HEIGHT, WIDTH), np.uint8), (int(x), int(y)), 30, 1, -1)
                moved = cv2.warpAffine(
                    body,
                    np.array([[1.0, 0, x - 60], [0, 1.0, y - 60]]),
                    (WIDTH, HEIGHT),
                    borderMode=cv2.BORDER_REFLECT,
                )
                frame = np.where(round_body, moved, frame)
        frames.append(frame + noise * random.normal(size=(HEIGHT, WIDTH)))
    return np.array(frames, np.float32)


def mark(style: str, seed: int) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float, float]]:
    """Opacity and luma of a mark, drawn at 1280 x 720 and made small, and its box as shares of the picture."""
    drawn = np.zeros((720, 1280), np.uint8)
    word = ("Generated", "KLING AI", "AI GENERATED", "Hailuo AI")[seed % 4]
    (width, height), below = cv2.getTextSize(word, cv2.FONT_HERSHEY_DUPLEX, 1.5, 3)
    if style == "logo":
        width, height, below = 68, 68, 0
    x = 34 if seed % 2 else 1280 - 34 - width
    y = 34 + height if seed // 2 % 2 else 720 - 34 - below
    opacity, luma = drawn.astype(np.float32), np.full((720, 1280), 245, np.float32)
    if style == "logo":
        cv2.circle(drawn, (x + 34, y - 34), 33, 255, 6, cv2.LINE_AA)
        cv2.fillPoly(drawn, [np.array([[x + 20, y - 18], [x + 20, y - 50], [x + 54, y - 34]])], 255)
    else:
        cv2.putText(drawn, word, (x, y), cv2.FONT_HERSHEY_DUPLEX, 1.5, 255, 3, cv2.LINE_AA)
    opacity = drawn / np.float32(255)
    if style == "shadowed text":
        shadow = 0.7 * cv2.GaussianBlur(np.roll(opacity, (3, 3), (0, 1)), (0, 0), 2)
        luma = np.where(opacity > shadow, luma, 10)
        opacity = np.maximum(opacity, shadow)
    strength = {"half transparent text": 0.5, "logo": 0.7}.get(style, 1.0)
    small = cv2.resize(opacity, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    value = cv2.resize(luma * opacity, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) / np.maximum(
        small, 1e-6
    )
    box = (x / 1280, (y - height) / 720, width / 1280, (height + below) / 720)
    return strength * small, value, box


def marked(frames: np.ndarray, opacity: np.ndarray, luma: np.ndarray, *, from_s=0.0, to_s=99.0) -> np.ndarray:
    times = np.arange(len(frames)) / FPS
    shows = ((times >= from_s) & (times < to_s))[:, None, None]
    return np.where(shows, frames * (1 - opacity) + luma * opacity, frames)


def look(frames: np.ndarray, fps: float = FPS) -> Overlays:
    detector = OverlayDetector((frames.shape[2], frames.shape[1]), fps)
    for i, frame in enumerate(frames):
        detector.see(np.clip(frame, 0, 255).astype(np.uint8), i / fps)
    return detector.finish()


def lies_on(region: Region, box: tuple[float, float, float, float]) -> bool:
    """Whether a region covers a mark, and is not much larger."""
    across = min(region.x + region.width, box[0] + box[2]) - max(region.x, box[0])
    down = min(region.y + region.height, box[1] + box[3]) - max(region.y, box[1])
    shared = max(across, 0) * max(down, 0)
    return shared > 0.35 * region.width * region.height and shared > 0.5 * box[2] * box[3]


def test_forty_clips():
    """Half of them marked: nothing is found where nothing is, and the marks are found where they are."""
    false_alarms, hits, misses = [], 0, []
    for seed in range(4):
        for kind in MOVING:
            frames = scene(kind, seed)
            clean = look(frames)
            assert not clean.cannot_tell
            assert clean.judged == 1
            false_alarms += [(kind, seed, region) for region in clean.regions]
            opacity, luma, box = mark(STYLES[seed], seed)
            found = look(marked(frames, opacity, luma)).regions
            hit = len(found) == 1 and lies_on(found[0], box) and found[0].kind == "watermark"
            hits += hit
            misses += [] if hit else [(kind, STYLES[seed], found)]
    assert false_alarms == []
    assert hits >= 19, misses


@pytest.mark.parametrize("kind", ["pan", "shake", "everything changes", "stands still", "one thing moves"])
def test_a_start_label_is_timed(kind):
    opacity, luma, box = mark("shadowed text", 2)
    overlays = look(marked(scene(kind, 1), opacity, luma, to_s=2.5))
    assert [region.kind for region in overlays.regions] == ["start_label"]
    (label,) = overlays.regions
    assert lies_on(label, box)
    assert label.from_s == 0
    assert label.to_s == pytest.approx(2.5, abs=0.25)


def test_a_label_at_the_end():
    opacity, luma, _ = mark("text", 1)
    (label,) = look(marked(scene("pan", 2), opacity, luma, from_s=2.5)).regions
    assert label.kind == "end_label"
    assert (label.from_s, label.to_s) == pytest.approx((2.5, 5.0), abs=0.25)


def test_a_watermark_that_changes_its_place():
    here, luma, first = mark("text", 1)
    there, _, second = mark("text", 2)
    frames = marked(scene("shake", 4), here, luma, to_s=2.5)
    found = look(marked(frames, there, luma, from_s=2.5)).regions
    assert len(found) == 2
    assert all(any(lies_on(region, box) for region in found) for box in (first, second))


@pytest.mark.parametrize("kind", ["stands still", "one thing moves"])
@pytest.mark.parametrize("seed", range(4))
def test_where_the_camera_stands_nothing_can_be_told(kind, seed):
    """Neither scenery is taken for a mark, nor silence for its absence: with and without one it says the same."""
    frames = scene(kind, seed)
    opacity, luma, _ = mark("text", seed)
    for shown in (frames, marked(frames, opacity, luma)):
        overlays = look(shown)
        assert overlays.regions == ()
        assert overlays.cannot_tell
        assert overlays.message.startswith("cannot tell: ")


def test_a_horizon_and_black_bars_are_no_marks():
    frames = scene("pan", 1)
    frames[:, 90:] = 40  # a long edge that the pan does not move
    frames[:, :12] = 16
    frames[:, -12:] = 16
    assert look(frames).regions == ()


def sparse(seed: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A wall with small things on it, each by itself."""
    random = generator(seed, "sparse")
    surface = np.full((height, width), 90.0, np.float32)
    for x in range(12, width - 20, 26):
        for y in range(12, height - 16, 30):
            surface[y : y + 10, x : x + 12] = random.integers(150, 245)
            surface[y + 3 : y + 7, x + 4 : x + 8] = random.integers(10, 60)
    return surface


def test_a_cut_between_standing_shots_is_no_label():
    noise = generator(1, "noise").normal(size=(50, HEIGHT, WIDTH)).astype(np.float32)
    frames = np.where(np.arange(50)[:, None, None] < 25, sparse(1), 130) + noise
    assert look(frames).regions == ()


def test_things_on_a_wall_beside_a_waterfall_are_no_marks():
    """What stands among others that stand is not told from a mark, and not taken for one."""
    frames = scene("everything changes", 1)
    frames[:, 80:, :170] = 90
    frames[:, 110:, :100] = sparse(3, 100, 70)
    overlays = look(frames)
    assert overlays.judged == 1
    assert overlays.regions == ()


def test_strength_tells_opaque_from_transparent():
    frames = scene("pan", 0)
    opacity, luma, _ = mark("text", 0)
    (opaque,) = look(marked(frames, opacity, luma)).regions
    (transparent,) = look(marked(frames, 0.4 * opacity, luma)).regions
    assert opaque.strength > 1.5 * transparent.strength
    assert opaque.persistence > transparent.persistence
    assert 0.8 <= transparent.persistence <= 1


def test_an_upright_film_and_one_of_few_pixels():
    upright = np.ascontiguousarray(scene("pan", 0).transpose(0, 2, 1))
    assert look(upright).regions == ()
    assert look(upright[:, :40, :24]).regions == ()


@pytest.mark.parametrize("count", [0, 1, 5])
def test_too_short_a_clip(count):
    overlays = look(scene("pan", 0)[:count])
    assert overlays.cannot_tell
    assert "too short" in overlays.message


def test_the_same_frames_give_the_same_bytes():
    opacity, luma, _ = mark("logo", 3)
    frames = marked(scene("zoom", 1), opacity, luma)
    background = np.repeat(np.clip(frames[0], 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
    first, second = look(frames), look(frames)
    assert json.dumps(first.to_json()) == json.dumps(second.to_json())
    assert first.picture(background) == second.picture(background)


def test_the_picture_shows_frame_and_map_with_the_box():
    opacity, luma, box = mark("text", 1)
    frames = marked(scene("pan", 0), opacity, luma)
    overlays = look(frames)
    background = np.full((720, 1280, 3), 128, np.uint8)
    picture = cv2.imdecode(np.frombuffer(overlays.picture(background), np.uint8), cv2.IMREAD_COLOR)
    height, width = picture.shape[:2]
    assert width > 1280
    assert height > 360
    pink = (picture == (200, 0, 255)).all(axis=2)
    left = pink[:360, :640].any(axis=0).nonzero()[0]
    assert left.min() / 640 == pytest.approx(box[0], abs=0.03)
    assert pink[:360, 652:].any()


def test_a_long_clip_keeps_few_frames():
    detector = OverlayDetector((32, 18), 25)
    for i in range(20_000):
        detector.see(np.zeros((18, 32), np.uint8), i / 25)
    assert len(detector._head) + len(detector._middle) + len(detector._tail) <= 224
    assert detector.finish().cannot_tell


def test_frames_of_another_size_are_refused():
    detector = OverlayDetector((WIDTH, HEIGHT), FPS)
    with pytest.raises(ValueError, match="expected luma of shape"):
        detector.see(np.zeros((WIDTH, HEIGHT), np.uint8), 0.0)


def test_numbers_are_those_of_tables():
    opacity, luma, _ = mark("text", 0)
    document = look(marked(scene("pan", 0), opacity, luma)).to_json()
    (region,) = document["regions"]
    assert set(region) == {
        "x", "y", "width", "height", "kind", "from_s", "to_s", "strength", "persistence",
    }  # fmt: skip
    assert document["cannot_tell"] is False
    assert document["judged"] == 1
    assert 0 < document["movement"] <= 1
