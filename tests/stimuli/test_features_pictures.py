"""Features of single pictures: planted truths, and other programs' numbers."""

import math
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from protocols.base.seeds import generator
from stimuli.decoding import Frame, scaled_size
from stimuli.features.blockiness import Blockiness
from stimuli.features.catalog import FEATURES, SOUND_FEATURES, definitions
from stimuli.features.color import Color
from stimuli.features.faces import Faces
from stimuli.features.luminance import Luminance
from stimuli.features.noise import Noise, median_of_counts
from stimuli.features.saliency import Saliency
from stimuli.features.sharpness import Sharpness
from stimuli.features.spectrum import SpectralSlope
from stimuli.pixels import full_luma, shrunk
from stimuli.probing import Probe


def file_of(width, height):
    """What a probe would say of RGB pictures of this size."""
    return Probe(
        container="mkv", codec="ffv1", pixel_format="rgb24", bit_depth=8, width=width, height=height,
        pixel_aspect=Fraction(1), rotation=0, fps=Fraction(25), constant_rate=True, frames=1, duration_s=0.04,
        range="full", matrix="unknown", transfer="unknown", interlaced=False, audio_codec=None, channels=None,
        layout=None, sample_rate=None, audio_duration_s=None, bit_rate=None,
    )  # fmt: skip


def frame_of(picture, *, index=0, time_s=0.0):
    """A frame as decoding would give it; a gray picture (h, w) or an RGB one (h, w, 3)."""
    picture = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    rgb = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture
    source = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    found = file_of(rgb.shape[1], rgb.shape[0])
    return Frame(index, time_s, full_luma(source, found), source, found)


def value(feature, picture):
    """What a feature says of one picture."""
    frame = frame_of(picture)
    return feature(frame.probe).see(frame)


def fractal(size, power, *, seed=1):
    """A random field whose power falls as frequency to the `power`, mean 0, SD 1."""
    width, height = size
    fy, fx = np.fft.fftfreq(height)[:, None] * height / width, np.fft.rfftfreq(width)[None, :]
    radius = np.hypot(fx, fy * width / height)
    radius[0, 0] = np.inf
    field = np.fft.irfft2(
        np.fft.rfft2(generator(seed, "fractal").normal(size=(height, width))) * radius ** (power / 2),
        s=(height, width),
    )
    return (field - field.mean()) / field.std()


def photograph(size=(640, 360), *, seed=1):
    """Something with the spectrum of a photograph, in levels."""
    return 128 + 45 * fractal(size, -2.0, seed=seed)


def test_every_number_is_defined_once_and_says_what_it_is():
    names = [d.name for f in (*FEATURES, *SOUND_FEATURES) for d in f.defines]
    assert len(names) == len(set(names)) == len(definitions())
    for definition in definitions().values():
        assert definition.unit
        assert definition.source
        assert len(definition.help) > 10


def test_a_plan_may_state_its_tolerance_for_loudness_in_lu():
    assert definitions()["loudness"].tolerance_units == ("LU", "LUFS")
    assert definitions()["luminance"].tolerance_units == ("cd_m2_percent",)


def test_luma_of_an_rgb_file_has_rec_709_weights_in_full_range():
    color = np.broadcast_to(np.array([200, 60, 30]), (72, 128, 3))
    expected = 0.2126 * 200 + 0.7152 * 60 + 0.0722 * 30
    assert frame_of(color).luma.mean() == pytest.approx(expected, abs=1)
    assert set(np.unique(frame_of(np.tile([0, 128, 255], (72, 40))).luma)) == {0, 128, 255}


@pytest.mark.parametrize(("level", "percent"), [(0, 0.0), (255, 100.0), (128, 100 * (128 / 255) ** 2.4)])
def test_luminance_of_one_gray(level, percent):
    mean, contrast = value(Luminance, np.full((72, 128), level))
    assert mean == pytest.approx(percent, abs=1e-4)
    assert contrast == pytest.approx(0, abs=1e-4)


def test_luminance_weighs_the_primaries_and_contrast_is_the_sd_of_light():
    halves = np.zeros((72, 128, 3))
    halves[:, :64] = (0, 255, 0)
    mean, contrast = value(Luminance, halves)
    assert mean == pytest.approx(71.52 / 2, abs=1e-3)
    assert contrast == pytest.approx(0.7152 / 2, abs=1e-5)


def test_luminance_sd_is_over_time():
    feature = Luminance(file_of(128, 72))
    found = feature.finish({"luminance": np.array([10.0, 14.0])}, np.array([0, 0.04]))
    assert found.values["luminance_sd"] == pytest.approx(2.0)
    assert math.isnan(feature.finish({"luminance": np.array([10.0])}, np.array([0.0])).values["luminance_sd"])


def test_cielab_of_the_red_primary_and_of_a_gray():
    lightness, a, b, spread, colorfulness = value(Color, np.broadcast_to([255, 0, 0], (72, 128, 3)))
    assert (lightness, a, b) == pytest.approx((53.24, 80.09, 67.20), abs=0.05)
    assert spread == pytest.approx(0, abs=1e-3)
    assert colorfulness == pytest.approx(0.37 * math.hypot(a, b), abs=1e-3)
    light = (100 / 255) ** 2.4
    lightness, a, b, *_ = value(Color, np.full((72, 128), 100))
    assert lightness == pytest.approx(116 * light ** (1 / 3) - 16, abs=0.02)
    assert (a, b) == pytest.approx((0, 0), abs=0.02)


def test_lab_spread_is_the_distance_between_two_colors():
    two = np.zeros((72, 128, 3))
    two[:, :64], two[:, 64:] = (255, 0, 0), (0, 0, 255)
    red, blue = np.array([80.09, 67.20]), np.array([79.19, -107.86])
    *_, spread, _ = value(Color, two)
    assert spread == pytest.approx(np.linalg.norm(red - blue) / 2, abs=0.1)


@pytest.mark.parametrize("power", [-1.0, -2.0, -3.0])
@pytest.mark.parametrize("size", [(640, 360), (1280, 720), (641, 361)])
def test_the_slope_of_a_planted_spectrum_is_found(power, size):
    light = np.clip(
        0.5 + 0.12 * fractal(size, power), 0, 1
    )  # luminance, then coded as BT.1886 will decode it
    (slope,) = value(SpectralSlope, 255 * light ** (1 / 2.4))
    averaging = -0.12 if size[0] > 700 else 0  # area averaging takes a little from the highest frequencies
    assert slope == pytest.approx(power + averaging, abs=0.12)


def test_a_flat_picture_has_no_slope_no_sharpness_no_saliency():
    flat = np.full((72, 128), 90)
    assert math.isnan(value(SpectralSlope, flat)[0])
    assert math.isnan(value(Sharpness, flat)[0])
    assert math.isnan(value(Saliency, flat)[0])


def crete(luma, size=9):
    """Crete's blur metric in floating point, as the paper has it, away from the border."""
    found = []
    for picture in (luma.astype(float), luma.T.astype(float)):
        blurred = cv2.blur(picture, (size, 1))
        inside = np.s_[:, size // 2 : -size // 2]
        before, after = np.abs(np.diff(picture[inside])), np.abs(np.diff(blurred[inside]))
        found.append((before.sum() - np.maximum(0, before - after).sum()) / before.sum())
    return max(found)


def test_sharpness_is_one_minus_cretes_blur():
    luma = np.clip(np.rint(photograph((1280, 720))), 0, 255).astype(np.uint8)
    assert value(Sharpness, luma)[0] == pytest.approx(1 - crete(luma), abs=2e-3)


def test_the_blurrier_direction_counts():
    picture = photograph((1280, 720))
    smeared = cv2.GaussianBlur(picture, (31, 1), 4)
    both = cv2.GaussianBlur(picture, (31, 31), 4)
    assert value(Sharpness, smeared)[0] == pytest.approx(value(Sharpness, both)[0], abs=0.05)
    assert value(Sharpness, smeared)[0] < value(Sharpness, picture)[0] - 0.2


def test_sharpness_falls_as_scikit_images_blur_effect_rises():
    from skimage.measure import blur_effect

    picture = photograph((1280, 720))
    ours, theirs = [], []
    for sd in (0.01, 1.0, 2.0, 4.0):
        luma = np.clip(np.rint(cv2.GaussianBlur(picture, (0, 0), sd)), 0, 255).astype(np.uint8)
        ours.append(value(Sharpness, luma)[0])
        theirs.append(blur_effect(luma, h_size=9))
    assert ours == sorted(ours, reverse=True)
    assert ours == pytest.approx([1 - x for x in theirs], abs=0.15)


def test_sharpness_does_not_depend_on_the_size_of_the_file():
    scene = cv2.GaussianBlur(photograph((1920, 1080)), (0, 0), 4)
    large = value(Sharpness, scene)[0]
    small = value(Sharpness, cv2.resize(scene, (1280, 720), interpolation=cv2.INTER_AREA))[0]
    blurred = value(Sharpness, cv2.GaussianBlur(scene, (0, 0), 4))[0]
    assert large == pytest.approx(small, abs=0.01)
    assert blurred < small - 0.05


@pytest.mark.parametrize("sd", [1.0, 3.0, 8.0])
@pytest.mark.parametrize("textured", [False, True])
def test_planted_noise_is_found_on_a_slope_and_on_texture(sd, textured):
    slope = np.linspace(60, 190, 1280)[None, :].repeat(720, axis=0)
    ground = cv2.GaussianBlur(photograph((1280, 720)), (0, 0), 3) if textured else slope
    noise = generator(3, "noise").normal(0, sd, ground.shape)
    assert value(Noise, ground + noise)[0] == pytest.approx(sd, rel=0.08, abs=0.06)


def test_noise_leaves_black_bars_out():
    picture = np.full((720, 1280), 100.0) + generator(4, "bars").normal(0, 3, (720, 1280))
    picture[:260] = picture[-260:] = 0
    assert value(Noise, picture)[0] == pytest.approx(3, rel=0.08)
    assert math.isnan(value(Noise, np.zeros((72, 128)))[0])


def test_the_median_of_counts_is_that_of_the_values_before_rounding():
    values = np.abs(generator(5, "median").normal(0, 6, 200_000))
    counts = np.bincount(np.rint(values).astype(int), minlength=256)
    assert median_of_counts(counts.astype(np.float32)) == pytest.approx(np.median(values), abs=0.05)


def blocked(shift, *, step=6.0):
    """A soft picture with a step at every line of the 8 × 8 grid, moved by `shift`."""
    ground = cv2.GaussianBlur(photograph((640, 360)), (0, 0), 3)
    coarse = generator(6, "blocks").normal(0, step, (47, 82)).repeat(8, axis=0).repeat(8, axis=1)
    return ground + coarse[shift : shift + 360, shift : shift + 640]


def blockiness(picture):
    feature = Blockiness(file_of(picture.shape[1], picture.shape[0]))
    feature.see(frame_of(picture))
    return feature.finish({}, np.zeros(1)).values["blockiness"]


def test_blocks_are_found_wherever_their_grid_lies():
    smooth = blockiness(cv2.GaussianBlur(photograph((640, 360)), (0, 0), 3))
    assert smooth == pytest.approx(1, abs=0.05)
    assert blockiness(blocked(0)) > 3
    assert blockiness(blocked(3)) == pytest.approx(blockiness(blocked(0)), rel=0.1)
    assert 1.1 < blockiness(blocked(0, step=1.0)) < blockiness(blocked(0))


def test_a_face_is_found_and_texture_is_none():
    import skimage.data

    person = skimage.data.astronaut()  # her face is about 90 of 512 pixels wide
    scene = np.full((512, 910, 3), 90, np.uint8)
    scene[:, 200:712] = person
    assert value(Faces, scene) == (1.0,)
    assert value(Faces, photograph()) == (0.0,)
    assert value(Faces, scene[::-1]) == (0.0,)  # upside down


def test_saliency_gathers_where_one_thing_stands_out():
    random = generator(7, "saliency")
    ground = 100 + random.normal(0, 2, (360, 640))
    one = ground.copy()
    one[160:200, 300:340] = 220
    (alone,) = value(Saliency, one)
    many = ground.copy()
    for y in range(20, 340, 80):
        for x in range(20, 620, 80):
            many[y : y + 40, x : x + 40] = random.integers(20, 240)
    (spread,) = value(Saliency, many)
    assert alone < 0.15 < 0.25 < spread < 0.4


def test_shrinking_by_halves_is_area_averaging():
    picture = generator(8, "shrink").integers(0, 256, (96, 160, 3), dtype=np.uint8)
    ours = shrunk(picture, (40, 24)).astype(int)
    exact = picture.reshape(24, 4, 40, 4, 3).mean(axis=(1, 3))
    assert np.abs(ours - exact).max() <= 1
    assert shrunk(picture, (160, 96)) is picture


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1280, 720), (640, 360)), ((1284, 720), (642, 360)), ((1920, 1080), (640, 360)), ((320, 240), (320, 240)),
     ((641, 361), (641, 361)), ((1081, 1921), (640, 1137))],
)  # fmt: skip
def test_pictures_are_halved_where_that_suffices(size, expected):
    assert scaled_size(file_of(*size), 640) == expected
