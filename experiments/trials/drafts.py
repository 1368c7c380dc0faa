"""Trials before they have a place: what is shown, and what the right answer is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.clips import Clip
from experiments.trials.kinds import Phase
from protocols.plan.sessions import Paradigm

FILMED = ("reference", "codec_control", "familiarity_reference")
"""Roles of clips that a camera made."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a trial shows; see `experiments.trials.kinds.Trial`."""

    kind: str
    clips: tuple[Clip, ...]
    about: Clip | None
    expected: str | None = None
    phase: Phase = "main"

    @property
    def pairs(self) -> frozenset[str]:
        """The pairs its clips are of."""
        return frozenset([clip.pair_id for clip in self.clips])


@dataclass(frozen=True, slots=True)
class Unit:
    """What keeps its inner order: one trial, or a block of one condition.

    Attributes
    ----------
    label
        What is balanced: the condition, or whether a pair is the same or where the compared version is.
    pairs
        The pairs its clips are of.
    """

    label: str
    drafts: tuple[Draft, ...]
    pairs: frozenset[str]

    @classmethod
    def of(cls, drafts: Sequence[Draft]) -> Unit:
        """Trials of one kind, as a unit."""
        first, *others = drafts
        return cls(first.kind, tuple(drafts), first.pairs.union(*(draft.pairs for draft in others)))


def single(task: Paradigm, clip: Clip, phase: Phase = "main") -> Draft:
    """A trial with one clip."""
    made_by = "camera" if clip.role in FILMED else "computer"
    return Draft(clip.arm, (clip,), clip, made_by if task == "detection" else None, phase)


def comparison(
    task: Paradigm,
    reference: Clip,
    compared: Clip,
    *,
    later: bool,
    sample: Clip | None = None,
    phase: Phase = "main",
) -> Draft:
    """A trial with two versions of a scene.

    Parameters
    ----------
    later
        Whether the compared version comes second, or right.
    sample
        What children see above the two, who then point at the one that was made the same way.
    """
    two = (reference, compared) if later else (compared, reference)
    if task == "same_different":
        return Draft("different", two, compared, "different", phase)
    if sample is None:
        kind = "second" if later else "first"
        return Draft(kind, two, compared, kind, phase)
    side = "right" if later else "left"
    return Draft(side, (sample, *two), compared, side, phase)


def same(clip: Clip, phase: Phase = "main") -> Draft:
    """A trial with one clip twice."""
    return Draft("same", (clip, clip), clip, "same", phase)
