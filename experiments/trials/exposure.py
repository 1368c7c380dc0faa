"""How often a clip was shown, and when its twin was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from experiments.trials.drafts import Draft


class Seen(NamedTuple):
    """Values of `experiments.trials.kinds.Trial` for one trial."""

    exposure_count: int | None
    twin_seen_before: bool | None
    lag: int | None


NOTHING = Seen(None, None, None)


class Exposure:
    """What a person has been shown up to now in the study, in the planned order.

    A second attempt of training is not known beforehand: it counts for its own trials, and for none that follow.
    """

    def __init__(self) -> None:
        self._clips: Counter[str] = Counter()
        self._arms: dict[
            str, dict[str, int | None]
        ] = {}  # of each pair: the trial that showed each version last
        self._trial = 0

    def copy(self) -> Exposure:
        """A copy that goes its own way."""
        other = Exposure()
        other._clips = self._clips.copy()
        other._arms = {pair: dict(arms) for pair, arms in self._arms.items()}
        other._trial = self._trial
        return other

    def earlier(self, drafts: Iterable[Draft]) -> None:
        """Count trials of an earlier session, in any order."""
        for draft in drafts:
            for clip in draft.clips:
                self._clips[clip.name] += 1
                self._arms.setdefault(clip.pair_id, {})[clip.arm] = None

    def show(self, draft: Draft) -> Seen:
        """Count the next trial of this session."""
        self._trial += 1
        if draft.phase == "attention":
            return NOTHING  # a question shows a single frame: no second exposure to the film
        about = draft.about
        assert about is not None
        twins = [last for arm, last in self._arms.get(about.pair_id, {}).items() if arm != about.arm]
        here = [last for last in twins if last is not None]
        for clip in draft.clips:
            self._clips[clip.name] += 1
            self._arms.setdefault(clip.pair_id, {})[clip.arm] = self._trial
        lag = self._trial - max(here) if here else None
        return Seen(self._clips[about.name], bool(twins), lag)
