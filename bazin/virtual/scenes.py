"""The virtual lab's films: small moving scenes, drawn by numbers, each in two versions.

Both versions of a scene show the same setting with the same light, colors, speeds and sound level; what differs is
chance (details of the texture, the grain, small departures of every setting), equally in both arms. So the arms cannot
be told apart from low-level features, by construction: the gate must pass, and the leak test must find nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import Colorspace

from protocols.base.seeds import generator

WIDTH, HEIGHT = 256, 144
RATE = Fraction(25, 2)
SAMPLE_RATE = 24_000
ARMS = ("live", "ai")
SPREAD = 0.01
"""How far each version departs from its scene's setting (SD as a share)."""
OWN_DETAIL = 0.05
"""Share of the texture's variance that is each version's own."""


@dataclass(frozen=True)
class Setting:
    """What both versions of a scene share.

    Attributes
    ----------
    light
        Mean gray of the background, 0 … 255.
    contrast
        SD of the background's texture, in the same gray values.
    tint
        Color of the light (RGB factors).
    drift
        Movement of the camera in pixels per second (x, y).
    bodies
        Bodies in the scene: (size, speed, phase, gray) each.
    loudness
        Level of the sound in dBFS.
    """

    light: float
    contrast: float
    tint: np.ndarray
    drift: np.ndarray
    bodies: np.ndarray
    loudness: float


def setting_of(seed: int, scene: str) -> Setting:
    """A scene's setting."""
    random = generator(seed, "scene", scene)
    return Setting(
        light=random.uniform(80, 170),
        contrast=random.uniform(15, 35),
        tint=np.asarray(random.uniform(0.85, 1.15, 3)),
        drift=np.asarray(random.uniform(-14, 14, 2)),
        bodies=np.column_stack(
            [
                random.uniform(9, 22, 3),
                random.uniform(0.15, 0.6, 3),
                random.uniform(0, 1, 3),
                random.uniform(20, 230, 3),
            ]
        ),
        loudness=random.uniform(-26, -20),
    )


def render_scene(path: Path, *, scene: str, arm: str, seconds: float, seed: int) -> Path:
    """Write one version of a scene as MP4 (H.264, AAC).

    Parameters
    ----------
    path
        The file.
    scene, arm
        Which scene, in which version.
    seconds
        Its length.
    seed
        Seed of the virtual lab.
    """
    shared = setting_of(seed, scene)
    random = generator(seed, "scene", scene, arm)

    def near(value: np.ndarray | float) -> np.ndarray:
        return np.asarray(value) * random.normal(1, SPREAD, np.shape(value))

    light, contrast, tint = float(near(shared.light)), float(near(shared.contrast)), near(shared.tint)
    drift, bodies = near(shared.drift), near(shared.bodies)
    background = _texture(generator(seed, "scene", scene, "texture"), random, light, contrast)
    grain = random.normal(0, 2.0, (2 * HEIGHT, 2 * WIDTH)).astype(np.float32)
    frames = round(seconds * RATE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "16"})
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        picture.thread_count = 1
        _declare_colors(picture.codec_context)
        sound = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for i in range(frames):
            image = _picture(background, tint, drift, bodies, grain, i / float(RATE), random)
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            container.mux(picture.encode(frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)))
        container.mux(picture.encode(None))
        samples = _sound(random, float(near(shared.loudness)), round(seconds * SAMPLE_RATE))
        heard = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
        heard.sample_rate = SAMPLE_RATE
        container.mux(sound.encode(heard))
        container.mux(sound.encode(None))
    return path


def _declare_colors(coding: av.VideoCodecContext) -> None:
    """Rec. 709 in limited range, said in the file, so that no player has to guess."""
    coding.colorspace, coding.color_primaries, coding.color_trc, coding.color_range = 1, 1, 1, 1


def _texture(
    shared: np.random.Generator, own: np.random.Generator, light: float, contrast: float
) -> np.ndarray:
    """A surface wide enough for the camera's travel, with a spectrum a little steeper than natural scenes' (1/f)."""
    height, width = 3 * HEIGHT, 3 * WIDTH
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = 1
    noise = np.sqrt(1 - OWN_DETAIL) * shared.normal(size=(height, width))
    noise += np.sqrt(OWN_DETAIL) * own.normal(size=(height, width))
    spectrum = np.fft.rfft2(noise) / frequency**1.3
    spectrum[0, 0] = 0
    surface = np.fft.irfft2(spectrum, (height, width))
    return np.asarray(light + contrast * surface / surface.std(), np.float32)


def _picture(
    background: np.ndarray,
    tint: np.ndarray,
    drift: np.ndarray,
    bodies: np.ndarray,
    grain: np.ndarray,
    time: float,
    random: np.random.Generator,
) -> np.ndarray:
    x, y = WIDTH + drift[0] * time, HEIGHT + drift[1] * time
    moved = np.array([[1, 0, -x], [0, 1, -y]], np.float32)
    gray = cv2.warpAffine(
        background, moved, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
    for size, speed, phase, tone in bodies:
        angle = 2 * np.pi * (speed * time + phase)
        center = (WIDTH * (0.5 + 0.33 * np.cos(angle)), HEIGHT * (0.5 + 0.3 * np.sin(2 * angle)))
        body = np.zeros(gray.shape, np.uint8)
        at = tuple(round(16 * value) for value in center)
        axes = (round(16 * size), round(16 * 1.4 * size))
        cv2.ellipse(body, at, axes, float(np.degrees(angle)) % 180, 0, 360, 255, -1, cv2.LINE_AA, 4)
        gray = cv2.add(
            cv2.multiply(gray, 255 - body, scale=1 / 255, dtype=cv2.CV_32F), body * np.float32(tone / 255)
        )
    left, top = random.integers(0, WIDTH), random.integers(0, HEIGHT)
    gray = gray + grain[top : top + HEIGHT, left : left + WIDTH]
    return cv2.merge([cv2.convertScaleAbs(np.maximum(gray, 0), alpha=float(factor)) for factor in tint])


def _sound(random: np.random.Generator, level_db: float, samples: int) -> np.ndarray:
    """Wind: noise with more energy in low tones, swelling slowly."""
    noise = np.fft.irfft(
        np.fft.rfft(random.normal(size=samples)) / np.sqrt(1 + np.arange(samples // 2 + 1) / 400), samples
    )
    swelling = 1 + 0.3 * np.sin(2 * np.pi * 0.5 * np.arange(samples) / SAMPLE_RATE + random.uniform(0, 6))
    sound = noise * swelling
    return np.asarray(sound / np.sqrt(np.mean(sound**2)) * 10 ** (level_db / 20), np.float32).clip(-1, 1)
