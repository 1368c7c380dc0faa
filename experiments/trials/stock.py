"""The clips of a set by pair and condition, and which pairs belong together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from experiments.clips import Clip
from experiments.trials.chance import Chance
from protocols.base.errors import Fault, InputError, fail, listed
from protocols.plan.promises import Plan


@dataclass(frozen=True)
class Family:
    """Pairs that exist in the same conditions, counterbalanced by themselves.

    Attributes
    ----------
    arms
        In the order of the session's conditions.
    pairs
        In the plan's random order.
    """

    arms: tuple[str, ...]
    pairs: tuple[str, ...]


class Stock:
    """The clips of a set, by pair and condition.

    Parameters
    ----------
    clips
        In any order.

    Raises
    ------
    InputError
        If a pair has two clips of one condition.
    """

    def __init__(self, plan: Plan, clips: Iterable[Clip]) -> None:
        self.versions: dict[str, dict[str, Clip]] = {}
        for clip in clips:
            arms = self.versions.setdefault(clip.pair_id, {})
            if clip.arm in arms:
                raise fail(
                    InputError, f"pair '{clip.pair_id}'", f"has two clips of condition '{clip.arm}'",
                    got=listed(sorted((arms[clip.arm].name, clip.name))), accepted="one",
                )  # fmt: skip
            arms[clip.arm] = clip
        self.pairs = Chance(plan.decision.seed, "scenes").shuffled(sorted(self.versions))

    def having(self, arms: Iterable[str], pairs: Iterable[str] | None = None) -> list[str]:
        """The pairs, of the set or of some, that have a clip of each of the conditions."""
        wanted = set(arms)
        return [
            pair for pair in (self.pairs if pairs is None else pairs) if wanted <= self.versions[pair].keys()
        ]

    def families(self, session: str, arms: Sequence[str]) -> list[Family]:
        """Pairs that share conditions, directly or through others, are a family and must have all of them.

        Raises
        ------
        InputError
            If a condition has no clips, or a pair lacks a version that its family needs; up to ten are named.
        """
        present: dict[tuple[str, ...], list[str]] = {}
        for pair in self.pairs:
            versions = self.versions[pair]
            there = tuple([arm for arm in arms if arm in versions])
            if there:
                present.setdefault(there, []).append(pair)
        groups: list[set[str]] = []
        for there in present:
            joined = set(there).union(*(group for group in groups if group & set(there)))
            groups = [group for group in groups if not group & joined] + [joined]
        faults = [
            Fault(f"condition '{arm}'", f"has no clips, and session '{session}' shows it",
                  way_out="add them to the set: bazin stimuli import")
            for arm in arms if not any(arm in group for group in groups)
        ]  # fmt: skip
        found = []
        for group in sorted(groups, key=lambda one: min(map(arms.index, one))):
            whole = tuple(arm for arm in arms if arm in group)
            for there, pairs in present.items():
                if set(there) < group:
                    lacking = listed(arm for arm in whole if arm not in there)
                    faults += [
                        Fault(f"pair '{pair}'", f"has no {lacking} version, and session '{session}' shows one",
                              got=listed(there), accepted=listed(whole),
                              way_out="add the clip, or take the pair out of the set")
                        for pair in pairs
                    ]  # fmt: skip
            found.append(Family(whole, tuple(present.get(whole, ()))))
        if faults:
            raise InputError(faults[:10])
        return found
