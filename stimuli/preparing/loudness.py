"""How loud a sound is (EBU R 128), by FFmpeg's own meter."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from av.audio.frame import AudioFrame
from av.error import BlockingIOError as NotYet
from av.error import EOFError as AtEnd
from av.filter import Graph

GATE_LUFS = -70.0  # what is softer counts as silence (ITU-R BS.1770-4, absolute gate)
_BLOCK_S = Fraction(1, 10)  # the meter tells its result every 100 ms


@dataclass(frozen=True)
class Loudness:
    """What the meter says.

    Attributes
    ----------
    integrated_lufs
        Integrated loudness; None for what is silent or shorter than one gating block (400 ms).
    true_peak_dbtp
        Largest true peak, four times oversampled; −inf for digital silence.
    """

    integrated_lufs: float | None
    true_peak_dbtp: float


def loudness(samples: np.ndarray, rate: int) -> Loudness:
    """Integrated loudness and true peak of a sound, as EBU Tech 3341 and ITU-R BS.1770-4 define them.

    One channel counts as played by both loudspeakers.

    Parameters
    ----------
    samples
        (n, 1 or 2) float32 in −1 … 1.
    rate
        Samples per second.
    """
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    graph = Graph()
    graph.threads = 1
    source = graph.add(
        "abuffer", f"sample_rate={rate}:sample_fmt=fltp:channel_layout={layout}:time_base=1/{rate}"
    )
    graph.link_nodes(
        source, graph.add("ebur128", "metadata=1:peak=true:dualmono=true"), graph.add("abuffersink")
    ).configure()
    block = int(rate * _BLOCK_S)
    integrated, peak = GATE_LUFS, 0.0
    # A second of silence after the end lets the last peak through the meter; it is no part of the loudness.
    padded = np.concatenate([samples, np.zeros((rate, samples.shape[1]), np.float32)])
    for begin in range(0, len(padded) - block + 1, block):
        graph.push(_frame(padded[begin : begin + block], layout, rate, begin))
        for said in _said(graph):
            peak = max(peak, float(said.get("lavfi.r128.true_peak", 0.0)))
            if begin + block <= len(samples):
                integrated = float(said["lavfi.r128.I"])
    return Loudness(
        None if integrated <= GATE_LUFS else integrated, 20 * math.log10(peak) if peak > 0 else -math.inf
    )


def _frame(samples: np.ndarray, layout: str, rate: int, begin: int) -> AudioFrame:
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
    return frame


def _said(graph: Graph) -> Iterator[dict[str, str]]:
    while True:
        try:
            found = graph.pull().metadata
        except (NotYet, AtEnd):
            return
        if found:
            yield found
