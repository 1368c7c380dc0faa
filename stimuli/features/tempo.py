"""The tempo of movement: how fast flow speed itself goes up and down."""

from __future__ import annotations

import numpy as np

RATE = 20.0  # Hz; flow is brought to it, so that clips of every frame rate are treated alike
FASTEST = 8.0  # Hz; below half the rate of film
FAST = 2.0  # Hz
BRIDGED_S = 0.1  # repeated pictures up to here are a cadence (24 in 40), not a stop
SHORTEST_S = 1.0
SLOWEST_FILE = 16.0  # frames per second; slower ones hold nothing at 8 Hz


def steady_speed(speed: np.ndarray, times: np.ndarray, repeated: np.ndarray) -> np.ndarray:
    """Flow speed at 20 Hz, each value the mean over its 50 ms.

    The distance moved is added up and read off at even times. Where pictures are repeated in a cadence (24 in 25 or
    40), the new ones count as evenly spaced, as they were filmed; over cuts the neighbors' speed is carried.

    Parameters
    ----------
    speed
        Mean speed since the frame before, (frames,), NaN at cuts and at the first frame.
    times
        (frames,) in seconds.
    repeated
        Whether a frame repeats the one before, (frames,).

    Returns
    -------
    np.ndarray
        (n,); empty for clips too short or too slow.
    """
    if len(times) < 3 or times[-1] - times[0] < SHORTEST_S:
        return np.zeros(0)
    steps = np.diff(times)
    known = np.isfinite(speed)
    if 1 / np.median(steps) < SLOWEST_FILE or known.sum() < 2:
        return np.zeros(0)
    filled = np.interp(times, times[known], speed[known])
    moved = np.concatenate([[0.0], np.cumsum(filled[1:] * steps)])
    even = np.arange(times[0], times[-1], 1 / RATE)
    shown, kept = film_times(times, repeated)
    return np.diff(np.interp(even, shown, moved[kept])) * RATE


def film_times(times: np.ndarray, repeated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """When the new pictures come in a film that was brought to another rate by repeating some, and which they are.

    Between stops longer than `BRIDGED_S` they are spaced evenly, if any was repeated there.
    """
    new = np.flatnonzero(~repeated)
    after = np.append(new[1:], len(times) - 1)
    stops = [(int(a), int(b)) for a, b in zip(new, after, strict=True) if times[b] - times[a] > BRIDGED_S]
    borders = [0, *(border for stop in stops for border in stop), len(times) - 1]
    kept, shown = [], []
    for first, last in zip(borders[::2], borders[1::2], strict=True):
        inside = new[(new > first) & (new < last)]
        frames = np.unique([first, *inside, last])
        even = repeated[first + 1 : last].any()
        kept.append(frames)
        shown.append(np.linspace(times[first], times[last], len(frames)) if even else times[frames])
    frames, first_of = np.unique(np.concatenate(kept), return_index=True)
    return np.concatenate(shown)[first_of], frames


def fast_share_and_centroid(speed: np.ndarray) -> tuple[float, float]:
    """Share of the fluctuation's power above 2 Hz, and its mean frequency in Hz, both up to 8 Hz.

    Parameters
    ----------
    speed
        (n,) at 20 Hz.

    Returns
    -------
    tuple
        NaN for speed that is too short or does not change.
    """
    if len(speed) < RATE * SHORTEST_S * 0.9 or np.ptp(speed) <= 1e-9 * np.max(np.abs(speed), initial=1e-12):
        return np.nan, np.nan
    power = np.abs(np.fft.rfft((speed - speed.mean()) * np.hanning(len(speed) + 2)[1:-1])) ** 2
    frequency = np.fft.rfftfreq(len(speed), 1 / RATE)
    band = (frequency > 0) & (frequency <= FASTEST)
    power, frequency = power[band], frequency[band]
    return float(power[frequency > FAST].sum() / power.sum()), float(frequency @ power / power.sum())
