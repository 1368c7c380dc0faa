"""Tables of numbers: the gate, what was measured, and what each feature means."""

from __future__ import annotations

import math

from protocols.pages.grids import Grid
from protocols.plan.wording import capital
from stimuli.features.catalog import definitions
from stimuli.matching.gate import GateRow
from stimuli.matching.leak import Leak
from stimuli.report.matched import Compared
from stimuli.report.saved import Saved
from stimuli.report.words import (
    OTHER,
    THEMES,
    amount,
    arm_words,
    joined,
    p_value,
    signed,
    some,
    unit_words,
    word,
)

WIDEST = 7
"""Features side by side in one table at most."""
OUTCOME_WORDS = {
    "within": "within",
    "mean_outside": "mean outside",
    "worst_outside": "pairs outside",
    "both_outside": "mean and pairs outside",
    "not_measured": "not measured in every pair",
}


def gate(compared: Compared, reference: str) -> Grid:
    """Features with a tolerance, number by number."""
    rows = [
        [
            f"{word(row.feature).name}{_unit(row.unit)}",
            _measured_in(row),
            signed(row.mean),
            f"±{amount(row.tolerance_mean)}",
            signed(row.worst),
            (row.worst_pair if row.worst else None) or "–",
            f"±{amount(row.tolerance_worst)}",
            some(row.outside, 6) or "none",
            OUTCOME_WORDS[row.outcome] if row.outcome == "within" else f"✕ {OUTCOME_WORDS[row.outcome]}",
        ]
        for row in compared.judged
    ]
    return Grid(
        f"The gate: {arm_words(compared.contrast)} − {reference}, features with a tolerance",
        ["Feature", "Pairs", "Mean", "Allowed", "Largest", "In pair", "Allowed", "Pairs outside", "Outcome"],
        rows,
        frozenset({2, 3, 4, 6}),
        long=True,
    )  # fmt: skip


def _measured_in(row: GateRow) -> str:
    """In how many pairs it was measured, and where not."""
    if not row.not_measured:
        return str(row.pairs)
    if not row.pairs and all(len(arms) > 1 for _, arms in row.not_measured):
        return "0, in no clip"
    gaps = [f"{pair} ({' and '.join(arm_words(arm) for arm in arms)})" for pair, arms in row.not_measured]
    return f"{row.pairs}, not in {some(gaps, 4)}"


def not_judged(compared: Compared, reference: str) -> Grid | None:
    """Features without a tolerance; None where all have one."""
    rows = [
        [word(row.feature).name, unit_words(row.unit) or "–", str(row.pairs), signed(row.mean), signed(row.worst),
         (row.worst_pair if row.worst else None) or "–"]
        for row in compared.gate
        if row.outcome == "no_tolerance"
    ]  # fmt: skip
    if not rows:
        return None
    return Grid(
        f"{arm_words(compared.contrast)} − {reference}, features without a tolerance: shown, not judged",
        ["Feature", "Unit", "Pairs", "Mean", "Largest", "In pair"],
        rows,
        frozenset({2, 3, 4}),
    )


def equivalence(compared: Compared, reference: str) -> Grid | None:
    """Two one-sided tests over pairs; None without tolerances."""
    if not compared.tests:
        return None
    rows = []
    for one in compared.tests:
        tested = not math.isnan(one.p)
        needed = "–" if not tested else str(one.pairs_needed) if one.pairs_needed else "over 10,000"
        rows.append(
            [
                word(one.feature).name,
                unit_words(one.unit) or "–",
                f"±{amount(one.bound)}",
                signed(one.estimate),
                f"{signed(one.low)} to {signed(one.high)}" if not math.isnan(one.low) else "–",
                p_value(one.p).removeprefix("p ").removeprefix("= ") if tested else "–",
                f"{one.power:.2f}" if tested else "–",
                needed,
                one.note or "–",
            ]
        )
    return Grid(
        f"Information only: what {arm_words(compared.contrast)} − {reference} says of new clips made the same way "
        "(two one-sided tests over pairs)",
        ["Feature", "Unit", "Bound", "Mean", "90 % CI", "p", "Power", "Pairs for power .80", "Note"],
        rows,
        frozenset({2, 3, 4, 5, 6, 7}),
        long=True,
    )


def drivers(leak: Leak, reference: str) -> Grid | None:
    """By what the classifier tells the arms apart; None without a verdict."""
    if not leak.drivers:
        return None
    rows = [
        [
            _driver(one.feature),
            f"{100 * one.share:.0f} %".replace("-", "−"),
            "–" if math.isnan(one.effect) else signed(one.effect, 2),
            f"{one.higher} of {leak.pairs}",
            f"{one.lower} of {leak.pairs}",
        ]
        for one in leak.drivers
    ]
    return Grid(
        f"What the classifier goes by, {arm_words(leak.contrast)} − {reference}: a description, not a test",
        ["Feature", "Share of the score", "Mean difference in SDs", "Pairs higher", "Pairs lower"],
        rows,
        frozenset({1, 2, 3, 4}),
    )


def _driver(feature: str) -> str:
    head, sign, rest = feature.partition(": ")
    return f"whether it could be measured: {rest}" if sign and head == "measured" else word(feature).name


def leak_numbers(leak: Leak) -> Grid:
    """Every number of one leak test."""
    some_numbers = {
        "AUC found": amount(leak.auc, 2),
        "permutation p (one-sided)": p_value(leak.p).removeprefix("p ").removeprefix("= "),
        "95 % of AUCs by chance": f"{amount(leak.null_low, 2)} to {amount(leak.null_high, 2)}",
        "mean and SD by chance": f"{amount(leak.null_mean, 2)}, {amount(leak.null_sd, 2)}",
        "upper limit (95 %, one-sided)": "1, none excluded" if leak.upper_limit >= 1 else amount(leak.upper_limit, 2),
        "the plan’s maximum": amount(leak.max_auc, 2) if not math.isnan(leak.max_auc) else "none declared",
        "found with 80 % power, in one feature": _power(leak.detectable),
        "found with 80 % power, spread over all": _power(leak.detectable_spread),
        "usual upper limit of such a set without a leak": amount(leak.limit_if_clean, 2),
        "pairs": str(leak.pairs),
        "features that differ in any pair": str(leak.features),
        "exchanges of labels": f"{leak.exchanges}{', all there are' if leak.exhaustive else ''}",
    }  # fmt: skip
    return Grid(
        f"Numbers of the leak test, {arm_words(leak.contrast)}",
        ["Quantity", "Value"],
        [[name, text] for name, text in some_numbers.items()],
        frozenset({1}),
    )


def _power(value: float) -> str:
    return "not even 0.99" if math.isnan(value) else f"an AUC of {amount(value, 2)}"


def measured(saved: Saved) -> list[Grid]:
    """Every value, clip by clip, in tables of related features; features that no clip has are left out."""
    known, clips = definitions(), [one for one in saved.clips.values() if one.values]
    grouped = {name for theme in THEMES for name in theme.features}
    themes = [(theme.name, theme.features) for theme in THEMES]
    themes.append((OTHER, tuple(name for name in known if name not in grouped)))
    tables: list[tuple[list[str], list[str]]] = []
    for theme, names in themes:
        had = [n for n in names if n in known and any(not math.isnan(one.values[n]) for one in clips)]
        if not had:
            continue
        if not tables or len(tables[-1][1]) + len(had) > WIDEST:
            tables.append(([], []))
        tables[-1][0].append(theme)
        tables[-1][1].extend(had)
    return [
        Grid(
            capital(joined(themes).lower()),
            ["Clip", *(f"{word(name).name}{_unit(known[name].unit)}" for name in shown)],
            [[one.clip.name, *(amount(one.values[name], 4) for name in shown)] for one in clips],
            frozenset(range(1, len(shown) + 1)),
        )
        for themes, shown in tables
    ]


def _unit(unit: str) -> str:
    words = unit_words(unit)
    return f" ({words})" if words else ""


def meanings() -> Grid:
    """What every feature is, and where its definition comes from."""
    rows = [
        [
            name,
            word(name).name,
            unit_words(one.unit) or one.unit,
            one.help,
            one.source,
            one.library,
        ]
        for name, one in definitions().items()
    ]
    return Grid(
        "What the features mean",
        ["Name in tables and plans", "In words", "Unit", "Definition", "Source", "Computed by"],
        rows,
        long=True,
    )


def nowhere_measured(saved: Saved) -> list[str]:
    """Features that no clip has, in words."""
    clips = [one for one in saved.clips.values() if one.values]
    lacking = [name for name in definitions() if clips and all(math.isnan(one.values[name]) for one in clips)]
    return [word(name).name for name in lacking]
