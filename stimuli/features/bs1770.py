"""Loudness and true peak of sound at 48 kHz: ITU-R BS.1770-4 and EBU R 128, in pieces so that films fit too."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

RATE = 48_000
STEP = RATE // 10  # gating blocks of 400 ms overlap by three quarters
MOMENTARY, SHORT_TERM = 4, 30  # steps
OFFSET = -0.691
ABSOLUTE_GATE = -70.0
RELATIVE_GATE, RANGE_GATE = -10.0, -20.0
OVERSAMPLING = 4
_K_WEIGHTING = np.array(
    [
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585],
        [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621],
    ]
)
_PIECE = 10 * RATE
_MARGIN = 64  # samples on either side of a piece, more than the interpolating filter reaches
_SURROUND = {"BL", "BR", "BC", "SL", "SR", "SDL", "SDR", "TBL", "TBC", "TBR"}


def channel_weights(layout: str, channels: int) -> np.ndarray:
    """Weight of each channel's power: 1.41 for surround, 0 for LFE; 2 for mono, which both loudspeakers play."""
    import av

    if channels == 1:
        return np.array([2.0])
    try:
        names = [channel.name for channel in av.AudioLayout(layout).channels]
    except (ValueError, KeyError):
        names = []
    if len(names) != channels:
        return np.ones(channels)
    return np.array([0.0 if n in ("LFE", "LFE2") else 1.41 if n in _SURROUND else 1.0 for n in names])


def step_powers(samples: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted, K-filtered power of every whole 100 ms.

    Parameters
    ----------
    samples
        (n, channels) at 48 kHz.
    weights
        (channels,)

    Returns
    -------
    np.ndarray
        (n // 4800,) float64.
    """
    from scipy.signal import sosfilt

    state = np.zeros((len(_K_WEIGHTING), 2, samples.shape[1]))
    powers = []
    for piece in _pieces(samples):
        filtered, state = sosfilt(_K_WEIGHTING, piece.astype(np.float64), axis=0, zi=state)
        whole = len(filtered) // STEP * STEP
        squares = np.square(filtered[:whole]).reshape(-1, STEP, samples.shape[1]).mean(axis=1)
        powers.append(squares @ weights)
    return np.concatenate(powers) if powers else np.zeros(0)


def running(powers: np.ndarray, steps: int) -> np.ndarray:
    """Loudness in LUFS of every window of so many steps: (len(powers) − steps + 1,); −inf for silence."""
    if len(powers) < steps:
        return np.zeros(0)
    return _lufs(np.convolve(powers, np.full(steps, 1 / steps), "valid"))


def integrated(powers: np.ndarray) -> float:
    """Gated loudness in LUFS; NaN where nothing reaches the gate."""
    blocks = running(powers, MOMENTARY)
    loud = blocks[blocks > ABSOLUTE_GATE]
    if not len(loud):
        return np.nan
    loud = loud[loud > _mean_lufs(loud) + RELATIVE_GATE]
    return _mean_lufs(loud)


def loudness_range(powers: np.ndarray) -> float:
    """Loudness range in LU (EBU Tech 3342); NaN for sound below the gate or shorter than three seconds."""
    blocks = running(powers, SHORT_TERM)
    loud = blocks[blocks > ABSOLUTE_GATE]
    if not len(loud):
        return np.nan
    loud = np.sort(loud[loud > _mean_lufs(loud) + RANGE_GATE])
    low, high = (loud[int((len(loud) - 1) * share + 0.5)] for share in (0.10, 0.95))
    return float(high - low)


def true_peak(samples: np.ndarray) -> float:
    """Largest value between and at the samples in dBTP, by fourfold oversampling; NaN for silence."""
    from scipy.signal import resample_poly

    peak = 0.0
    for start in range(0, len(samples), _PIECE):
        piece = samples[max(0, start - _MARGIN) : start + _PIECE + _MARGIN].astype(np.float64)
        peak = max(peak, float(np.abs(piece).max()))
        peak = max(peak, float(np.abs(resample_poly(piece, OVERSAMPLING, 1, axis=0)).max()))
    return 20 * float(np.log10(peak)) if peak > 0 else np.nan


def _pieces(samples: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(samples), _PIECE):
        yield samples[start : start + _PIECE]


def _lufs(power: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return OFFSET + 10 * np.log10(np.maximum(power, 0))


def _mean_lufs(loudness: np.ndarray) -> float:
    return float(_lufs(np.mean(10 ** ((loudness - OFFSET) / 10), keepdims=True))[0])
