"""What a hypothesis' card shows, as plain text and rows of cells for the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from analysis.evidence.verdict import Ci, ControlRecord, HypothesisRecord, SpreadRecord
from analysis.evidence.wording import amount, capital, p_value, percent, share, unit_words
from analysis.report import beside, items
from analysis.report.fitted import FittedModel, fitted_model
from analysis.report.panels import panel_of, pictures
from analysis.report.roc import roc_plane
from analysis.report.saved import Study
from analysis.report.words import (
    MAGNITUDE_WORDS,
    OUTCOME_MEANINGS,
    OUTCOME_WORDS,
    count,
    drawn_p,
    item_words,
    measure_words,
    who_words,
)
from protocols.pages.figures import Picture
from protocols.pages.grids import Grid
from protocols.plan.expanding import label_of
from protocols.plan.measuring import DPRIMES


@dataclass(frozen=True)
class Card:
    """One hypothesis as the page shows it."""

    record: HypothesisRecord
    who: str
    measure: str
    statement: str
    outcome: str
    meaning: str
    magnitude: str
    jointly: bool
    pictures: Sequence[Picture]
    caption: str
    numbers: Sequence[tuple[str, str]]
    control: str
    spread: str
    spread_briefly: str
    notes: Sequence[str]
    more: Sequence[Picture] = ()
    more_caption: str = ""
    side: Grid | None = None
    decides: str = ""
    model: FittedModel | None = None
    beside: Sequence[Grid] = field(default_factory=tuple)
    opinion: str = ""
    opinion_of: str = "Second opinion"

    @property
    def all_pictures(self) -> list[Picture]:
        """Every figure of the card."""
        return [*self.pictures, *self.more]


def card(study: Study, record: HypothesisRecord, out: Path) -> Card:
    """Draw a hypothesis' figures and put its words and numbers together."""
    family = study.plan.families.get(record.family or "")
    panel = panel_of(study, record)
    scenes, plane = items.item_by_item(panel, out), roc_plane(panel, out)
    return Card(
        record=record,
        who=who_words(study.plan, record),
        measure=measure_words(study.plan, record),
        statement=capital(record.statement.removeprefix(f"{record.id} ")),
        outcome=OUTCOME_WORDS[record.outcome],
        meaning=OUTCOME_MEANINGS[record.outcome],
        magnitude=MAGNITUDE_WORDS.get(record.magnitude or "", ""),
        jointly=bool(family and family.claim == "all"),
        pictures=pictures(panel, out),
        caption=_caption(study, record),
        numbers=_numbers(study, record),
        control=_control(study, record, record.control) if record.control else "",
        spread=_spread(study, record),
        spread_briefly=_spread_briefly(record),
        notes=_notes(study, record),
        more=[picture for picture in (scenes, plane) if picture],
        more_caption=" ".join(
            words for picture, words in ((scenes, items.caption(panel)), (plane, PLANE)) if picture
        ),
        side=beside.side_by_side(study, record),
        decides=beside.which_decides(study, record),
        model=fitted_model(study, record),
        beside=[grid for grid in (beside.other_analyses(study, record), beside.bayes(study, record)) if grid],
        opinion=beside.opinion(study, record),
        opinion_of="Second opinion"
        if record.deciding_model == "by_person"
        else "Second opinion on the test over people",
    )


PLANE = (
    "The plane of rates: one small point per person, the large ones are group means; on each curve d′ is the same, on "
    "the diagonal it is 0."
)


def _caption(study: Study, record: HypothesisRecord) -> str:
    if record.estimate is None:
        return "One dot or line per person; there is no estimate to draw."
    band = (
        "The shaded band holds effects too small to matter. "
        if record.bound is not None
        else "No bound was declared, so there is no band. "
    )
    text = (
        f"One dot or line per person; horizontal strokes are group means. {band}The white point is the estimate; "
        "the thin line is its interval for the difference, the thick line the one for equivalence."
    )
    if record.deciding_model != "crossed_mixed":
        return text
    if study.plan.measures[record.measure].statistic in DPRIMES:
        return (
            f"{text} A dot is a person’s own d′ from log-linear rates, the estimate is the crossed model’s d′ marginal "
            f"over {item_words(record)}: two quantities, and the estimate need not lie at the dots’ mean."
        )
    return f"{text} The estimate is the crossed model’s and need not lie exactly at the dots’ mean."


def _interval(ci: Ci | None, unit: str) -> str:
    return "n/a" if ci is None else f"{amount(ci.low, 3)} to {amount(ci.high, 3)} {unit}".strip()


def _numbers(study: Study, record: HypothesisRecord) -> list[tuple[str, str]]:
    """Every number of the deciding analysis, in the order a reader asks for them."""
    unit = unit_words(record.unit)
    people = ", ".join(
        f"{count(n)} {label_of(study.plan, 'group', group)}" for group, n in record.n_people.items()
    )
    rows = [
        (
            "Estimate",
            f"{amount(record.estimate, 3)} {unit}".strip() if record.estimate is not None else "none",
        )
    ]
    samples = study.plan.decision.bootstrap_samples if study.bootstrapped(record) else None
    if samples is not None:
        least = f"{2 / (samples + 1):.2g}".removeprefix("0")
        rows.append(("Standard error", amount(record.se, 3)))
        rows.append(
            ("p and intervals", f"bootstrap, {samples:,} studies; a two-sided p can be {least} at the least")
        )
    elif record.estimate is not None:
        rows.append(("Standard error; df", f"{amount(record.se, 3)}; {amount(record.df, 1)}"))
    if record.estimate is not None:
        for name, ci in (("difference", record.ci_difference), ("equivalence", record.ci_equivalence)):
            if ci is not None:
                rows.append((f"{percent(ci.level)} interval ({name})", _interval(ci, unit)))
    rows.append(
        ("Bound", f"±{amount(record.bound)} {unit}".strip() if record.bound is not None else "none declared")
    )
    if record.estimate is not None:
        rows.append(("Difference from 0", _pair(record, samples)))
        if record.bound is not None:
            rows.append(
                (
                    "Above lower, below upper bound",
                    f"{drawn_p(record.p_above_lower_bound, samples)}, {drawn_p(record.p_below_upper_bound, samples)}",
                )
            )
            if record.p_equivalence_adjusted is not None and record.asks != "difference":
                both = (record.p_above_lower_bound, record.p_below_upper_bound)
                raw = max((p for p in both if p is not None), default=None)
                text = drawn_p(record.p_equivalence_adjusted, samples, at=raw)
                rows.append(("Equivalence, adjusted", text))
    rows.append(("People", people or "nobody"))
    if record.estimate is not None:
        method = capital(record.method).replace("d'", "d′").replace("'s", "’s")
        name = "Deciding analysis" if not record.exploratory else "Analysis"
        rows += [(capital(item_words(record)), _scenes(record)), (name, method)]
    return rows


def _scenes(record: HypothesisRecord) -> str:
    number = "not named in the table" if record.n_scenes is None else str(record.n_scenes)
    scope = record.scope.removeprefix("for ").replace("scenes", item_words(record))
    return f"{number}; the result holds for {scope}"


def _pair(record: HypothesisRecord, samples: int | None) -> str:
    raw = drawn_p(record.p_raw, samples, tails=2)
    if record.asks == "equivalence":
        return f"{raw} (not asked for)"
    return f"{raw} (adjusted: {drawn_p(record.p_adjusted, samples, tails=2, at=record.p_raw)})"


def _control(study: Study, record: HypothesisRecord, control: ControlRecord) -> str:
    """The control that decides, in a sentence."""
    first, second = (label_of(study.plan, "condition", name) for name in control.contrast)
    unit = unit_words(record.unit)
    difference = f"{second} − {first}" if control.direction == "above" else f"{first} − {second}"
    head = f"{capital(difference)} in {label_of(study.plan, 'group', control.group)}"
    if control.estimate is None or control.lower_limit is None:
        return (
            f"{head}: not estimable, because {control.reason}. Without it equivalence cannot be interpreted."
        )
    level, required = percent(1 - study.plan.decision.alpha), amount(control.minimum)
    numbers = (
        f"{amount(control.estimate)} {unit}, one-sided {level} lower limit {amount(control.lower_limit)}"
    )
    if control.outcome == "passed":
        return f"{head}: {numbers}, above the required {required}. The measure could have shown a difference."
    return (
        f"{head}: {numbers}, not above the required {required}. Without it equivalence cannot be interpreted."
    )


def _spread(study: Study, record: HypothesisRecord) -> str:
    """People's spread against its bound: what was found, the numbers, and what they imply."""
    spread = record.spread
    if spread is None:
        return ""
    unit = unit_words(record.unit)
    bound = f"{amount(spread.bound)} {unit}".strip() if spread.bound is not None else "none"
    if spread.outcome == "not_tested":
        return f"not tested (bound {bound}{f'; {spread.reason}' if spread.reason else ''})."
    whose = ""
    if spread.group is not None and len(record.groups) > 1:
        whose = f" in {label_of(study.plan, 'group', spread.group)}, where it is widest"
    found = "below its bound" if spread.outcome == "inside" else "not shown to be below its bound"
    text = (
        f"{found}{whose}. SD over people {amount(spread.sd)} {unit}; with {percent(spread.level or 0)} confidence at "
        f"most {amount(spread.upper_limit)} {unit}; bound {bound} ({p_value(spread.p)})."
    )
    if spread.share_beyond is not None and spread.limit is not None:
        text += (
            f" If people are normally distributed with this mean and SD, {share(spread.share_beyond)} of them lie "
            f"beyond ±{amount(spread.limit)} {unit}."
        )
    return f"{text} {_spread_test(spread)}"


def _spread_test(spread: SpreadRecord) -> str:
    return f"Test: {spread.method}." if spread.method else ""


def _spread_briefly(record: HypothesisRecord) -> str:
    """A word for the verdict's strip, only where a null mean could be taken for nobody differing."""
    if record.spread is None or record.outcome not in ("equivalent", "trivial"):
        return ""
    return {
        "inside": "spread over people below its bound",
        "not_shown": "on average; spread over people may be large",
        "not_tested": "",
    }[record.spread.outcome]


def _notes(study: Study, record: HypothesisRecord) -> list[str]:
    """Where eye and verdict could part: intervals are as estimated, decisions may be adjusted or qualified."""
    ci, decision = record.ci_equivalence, study.plan.decision
    others = f"with the other hypotheses of family '{record.family}' counted"
    found = []
    if ci is not None and record.bound is not None and record.p_equivalence_adjusted is not None:
        inside = -record.bound < ci.low and ci.high < record.bound
        if inside and record.p_equivalence_adjusted > decision.alpha_equivalence:
            found.append(
                f"The {percent(ci.level)} interval lies inside the bound, but {others} "
                f"({p_value(record.p_equivalence_adjusted)}) equivalence is not shown."
            )
    if (
        record.p_raw is not None
        and record.p_adjusted is not None
        and record.p_raw <= decision.alpha < record.p_adjusted
    ):
        found.append(
            f"Taken alone the difference would pass ({p_value(record.p_raw)}); {others} "
            f"({p_value(record.p_adjusted)}) it does not."
        )
    return found
