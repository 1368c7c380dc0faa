"""What is to be seen first: how the set stands, in a row of cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from stimuli.matching.leak import LEAST_PAIRS
from stimuli.registry.editing import open_cells
from stimuli.report.fitness import flashing, unknown_cells
from stimuli.report.matched import Compared
from stimuli.report.saved import Saved
from stimuli.report.words import amount, arm_words, joined, n_of

Tone = Literal["good", "bad", "open", "none"]


@dataclass(frozen=True)
class Cell:
    """One cell of the strip.

    Attributes
    ----------
    href
        The section it belongs to.
    tone
        How it looks: `good`, `bad`, `open` (cannot be said) or `none` (not done).
    what
        What it is about.
    word
        The verdict.
    small
        Numbers behind it.
    """

    href: str
    tone: Tone
    what: str
    word: str
    small: str


def cells(saved: Saved) -> list[Cell]:
    """The strip, from left to right."""
    return [
        *_gates(saved), *_leaks(saved), _flags(saved), _provenance(saved), _preparation(saved), _complete(saved)
    ]  # fmt: skip


def _several(saved: Saved, one: Compared) -> str:
    """Whose verdict it is, where there are several."""
    return f", {arm_words(one.contrast)}" if len(saved.contrasts) > 1 else ""


def _gates(saved: Saved) -> Iterator[Cell]:
    matching = saved.matched.found
    if matching is None:
        yield Cell("matching", "none", "Matching", "not matched", saved.matched.why)
        return
    for one in matching.compared:
        what, n = f"Matching{_several(saved, one)}", len(one.judged)
        if one.passes is None:
            yield Cell("matching", "open", what, "not judged", "the plan has no tolerances")
        elif one.passes:
            yield Cell("matching", "good", what, "passes", f"{n_of(n, 'feature')} within tolerance")
        else:
            small = f"{len(one.outside)} of {n_of(n, 'feature')} not within tolerance"
            yield Cell("matching", "bad", what, "does not pass", small)


def _leaks(saved: Saved) -> Iterator[Cell]:
    matching = saved.matched.found
    if matching is None:
        yield Cell("leak", "none", "Leak test", "not tested", saved.matched.why)
        return
    for one in matching.compared:
        leak, what = one.leak, f"Leak test{_several(saved, one)}"
        n = n_of(leak.pairs, "pair")
        if leak.verdict == "too_few":
            yield Cell("leak", "none", what, "no verdict", f"{n}, {LEAST_PAIRS} needed")
        elif leak.verdict == "leaks":
            yield Cell("leak", "bad", what, "leaks", f"AUC {leak.auc:.2f}, {n}")
        elif leak.verdict == "shown_clean":
            yield Cell("leak", "good", what, "shown clean", f"AUC at most {leak.upper_limit:.2f}, {n}")
        else:
            yield Cell("leak", "open", what, f"cannot tell with {n}", f"AUC {amount(leak.auc, 2)}")


def _flags(saved: Saved) -> Cell:
    measured = [one for one in saved.clips.values() if one.state == ""]
    flagged = [one for one in saved.clips.values() if one.flags or one.conflicts]
    dangerous = flashing(saved.clips.values())
    if not measured and not flagged:
        return Cell("pairs", "none", "Flags", "not looked for", "no clip was measured")
    if dangerous:
        small = f"{n_of(len(dangerous), 'clip')} with flashes"
        return Cell("pairs", "bad", "Flags", n_of(len(flagged), "clip"), small)
    if flagged:
        kinds = {flag.kind for one in flagged for flag in one.flags}
        kinds |= {"conflict" for one in flagged if one.conflicts}
        small = f"{n_of(len(kinds), 'kind')} of things to look at"
        return Cell("pairs", "open", "Flags", n_of(len(flagged), "clip"), small)
    return Cell("pairs", "good", "Flags", "none", f"{n_of(len(measured), 'clip')} looked at")


def _provenance(saved: Saved) -> Cell:
    left, unknown = len(open_cells(saved.manifest)), unknown_cells(saved)
    if saved.faults:
        small = f"{n_of(len(saved.faults), 'cell')} to be corrected"
        return Cell("provenance", "bad", "Provenance", "faulty", small)
    if left:
        small = f"{unknown} more said to be unknown" if unknown else "to be filled in"
        return Cell("provenance", "bad", "Provenance", f"{n_of(left, 'cell')} open", small)
    small = f"{n_of(unknown, 'cell')} said to be unknown" if unknown else "every required cell is filled in"
    return Cell("provenance", "open" if unknown else "good", "Provenance", "complete", small)


def _preparation(saved: Saved) -> Cell:
    recipes = {one.clip["recipe"] for one in saved.clips.values()}
    if recipes == {None}:
        return Cell("prepared", "none", "Preparation", "as imported", "no recipe was applied")
    if len(recipes) > 1:
        names = joined(sorted(name or "none" for name in recipes))
        return Cell("prepared", "bad", "Preparation", "not all alike", f"recipes: {names}")
    (name,) = recipes
    if name not in saved.recipes or any(one.prepared is None for one in saved.clips.values()):
        small = "what was done to each file is not on record"
        return Cell("prepared", "open", "Preparation", str(name), small)
    small = f"{n_of(len(saved.clips), 'clip')}, every one verified"
    return Cell("prepared", "good", "Preparation", str(name), small)


def _complete(saved: Saved) -> Cell:
    n = len(saved.pairs)
    whole = sum(len(versions) == len(saved.manifest.arms) for versions in saved.pairs.values())
    alone = len(saved.alone)
    if whole == n and not alone:
        arms = n_of(len(saved.manifest.arms), "version")
        if n:
            return Cell("pairs", "good", "Pairs", f"all {n} complete", f"{arms} each")
        return Cell("pairs", "bad", "Pairs", "none", "the set is empty")
    small = f"{n_of(alone, 'clip')} without a pair" if alone else "a version is missing"
    return Cell("pairs", "bad", "Pairs", f"{whole} of {n} complete", small)
