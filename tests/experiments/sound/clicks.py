"""Clicks: made, played, recorded, found again."""

import contextlib
import os
import subprocess
import threading
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from experiments.clips import Clip

RATE = 50_000
"""Of the null sink: it counts whole microseconds, so that at 48 kHz its clock would be 30 ppm fast."""


@contextlib.contextmanager
def before_others() -> Iterator[None]:
    """What is started here (threads, programs) runs before whatever else the machine does, where that is allowed.

    Else a busy machine starves the sound server, and its gaps are measured instead of our times.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except (AttributeError, PermissionError):
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


class SessionClock:
    """A clock that has nothing to do with the card's."""

    def now(self) -> float:
        return time.perf_counter() - 1000.0

    def sleep_until(self, when: float) -> None:
        time.sleep(max(0.0, when - self.now()))


CLOCK = SessionClock()


class Recording:
    """What the card would have made audible, from the beginning of the recording on.

    Samples are counted by the card's clock; when they arrived is noted by the session's, which tells the two apart.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._arrived: list[tuple[float, int]] = []
        with before_others():
            self.process = subprocess.Popen(
                ["parec", "-d", "nul.monitor", "--format=s16le", f"--rate={RATE}", "--channels=2",
                 "--latency-msec=20", "--raw"],
                stdout=subprocess.PIPE,
            )  # fmt: skip
            self._reader = threading.Thread(target=self._read, daemon=True)
            self._reader.start()
        give_up = time.perf_counter() + 10
        while not self._pieces:
            assert time.perf_counter() < give_up, "parec records nothing"
            time.sleep(0.02)

    def _read(self) -> None:
        assert self.process.stdout is not None
        total = 0
        while piece := os.read(self.process.stdout.fileno(), 1 << 16):
            total += len(piece)
            self._pieces.append(piece)
            self._arrived.append((CLOCK.now(), total // 4))

    def end(self) -> np.ndarray:
        """Stop, and the left channel, (n,), full scale 1."""
        time.sleep(0.3)
        self.close()
        whole = np.frombuffer(b"".join(self._pieces), dtype="<i2")
        return whole[: len(whole) // 2 * 2].reshape(-1, 2)[:, 0] / 32768

    def fell_behind(self, over: float = 20.0) -> float:
        """Seconds by which the card's clock fell behind the session's from the first `over` seconds to the last.

        Of each the piece counts that was passed on quickest.
        """
        when, samples = np.array(self._arrived).T
        late = when - samples / RATE
        return float(late[when > when[-1] - over].min() - late[when < when[0] + over].min())

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self._reader.join(10)


def clicks_in(sound: np.ndarray) -> np.ndarray:
    """When clicks of at least −12 dBFS begin, in seconds of the recording."""
    loud = np.flatnonzero(np.abs(sound) > 0.25)
    return loud[np.diff(loud, prepend=-RATE) > RATE // 20] / RATE


def click_train(seconds: float, every: float) -> np.ndarray:
    """Clicks of half a millisecond, the first at once: (n, 2) float32."""
    samples = np.zeros((round(seconds * RATE), 2), np.float32)
    for begins in np.arange(0, seconds - 1e-9, every):
        samples[round(begins * RATE) : round(begins * RATE) + RATE // 2000] = 0.5
    return samples


def write_wav(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(samples.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
    return path


def clip_of(path: Path | None, seconds: float, *, sound: bool = True) -> Clip:
    name = path.stem if path else "mute"
    return Clip(name, "p01", "live", "live", "s01", f"stimuli/{name}", seconds, 25.0, sound, path)
