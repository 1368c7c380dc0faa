"""Trials to count."""

from collections.abc import Callable

import pandas as pd
import pytest

Person = tuple[str, int, int, int, int]


@pytest.fixture
def trials_of() -> Callable[..., pd.DataFrame]:
    """Trials of people given as (code, hits, signals, false alarms, noises), in a shuffled order."""

    def build(*people: Person, group: str = "adult") -> pd.DataFrame:
        rows = []
        for code, hits, signals, false_alarms, noises in people:
            rows += [(code, 1, int(i < hits)) for i in range(signals)]
            rows += [(code, 0, int(i < false_alarms)) for i in range(noises)]
        frame = pd.DataFrame(rows, columns=["participant_id", "condition", "value"]).assign(group=group)
        return frame.sample(frac=1.0, random_state=3).reset_index(drop=True)

    return build
