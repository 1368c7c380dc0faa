"""One small study for all first-level tests: clips of three conditions, motion, noise with memory."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter


@pytest.fixture
def shown() -> pd.DataFrame:
    """Thirty clips of about 4 s in three conditions, in mixed order, over 5 minutes."""
    random = np.random.default_rng(7)
    onset = 6 + np.cumsum(random.uniform(8.5, 10.5, 30)) - 8.5
    return pd.DataFrame(
        {
            "onset": onset,
            "duration": random.uniform(3.6, 4.4, 30),
            "trial_type": random.permutation(["live", "ai", "cartoon"] * 10),
            "motion_energy": random.gamma(2.0, size=30),
        }
    )


@pytest.fixture
def confounds() -> pd.DataFrame:
    """A table of 160 volumes in fMRIPrep's names, the first row of differences missing."""
    random = np.random.default_rng(8)
    table: dict[str, np.ndarray] = {}
    for k, kind in enumerate(("trans", "rot")):
        for axis in "xyz":
            moved = np.cumsum(random.normal(0, 0.02 * (1 - 0.9 * k), 160))
            step = np.concatenate([[np.nan], np.diff(moved)])
            name = f"{kind}_{axis}"
            table |= {name: moved, f"{name}_derivative1": step, f"{name}_power2": moved**2}
            table[f"{name}_derivative1_power2"] = step**2
    table |= {f"a_comp_cor_{k:02d}": random.normal(size=160) for k in range(6)}
    table |= {"csf": random.normal(500, 5, 160), "white_matter": random.normal(400, 3, 160)}
    table["framewise_displacement"] = np.concatenate([[np.nan], random.gamma(1.5, 0.1, 159)])
    return pd.DataFrame(table)


@pytest.fixture(scope="session")
def autoregressive() -> Callable[..., np.ndarray]:
    """Noise of unit variance with memory, (series, volumes)."""

    def make(random: np.random.Generator, shape: tuple[int, int], rho: np.ndarray | float) -> np.ndarray:
        rhos = np.broadcast_to(rho, shape[0])
        white = random.normal(size=(shape[0], shape[1] + 50))
        series = [lfilter([np.sqrt(1 - r**2)], [1, -r], row) for r, row in zip(rhos, white, strict=True)]
        return np.array(series)[:, 50:]

    return make
