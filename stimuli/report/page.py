"""The page itself: everything saved about a set, put into one file that needs nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import protocols
from protocols.base.files import write_atomically
from protocols.pages import figures, template
from protocols.pages.figures import Picture
from protocols.pages.grids import Grid
from protocols.plan.wording import capital
from stimuli.matching.wording import leak_lines
from stimuli.measuring.gallery import PLACES, STRIP
from stimuli.report import fitness, lanes, preparation, provenance, tables, verdict
from stimuli.report.differences import LARGE_RATIO, LEAST_CLIPS, spreads
from stimuli.report.leak_plot import leak_plot
from stimuli.report.matched import Compared
from stimuli.report.matching_plot import spread_plot, tolerance_plot
from stimuli.report.methods import methods_text
from stimuli.report.pairs import cards
from stimuli.report.saved import Saved, read_saved
from stimuli.report.words import arm_words, n_of, together
from stimuli.sets import StimulusSet

SECTIONS = (
    ("verdict", "Verdict"), ("pairs", "Pairs"), ("matching", "Matching"), ("leak", "Leak test"),
    ("measures", "Measures"), ("provenance", "Provenance"), ("prepared", "Preparation"), ("methods", "Methods"),
    ("about", "About"),
)  # fmt: skip
LIST = "figures.json"
Two = tuple[Picture, Picture]
"""A figure for wide screens and for narrow ones."""


@dataclass(frozen=True)
class Contrast:
    """One arm against the reference, as the sections on matching and leaks show it.

    Attributes
    ----------
    arm
        In words.
    compared
        What was found; None where the set was not matched.
    tolerances, spread
        The figures; None where there is nothing to draw.
    gate, rest, tests, drivers, numbers
        The tables.
    same
        Features without a lane, because they are the same in all clips or were not measured.
    said
        What the leak test says.
    what_if
        Which pairs to drop; empty where that is not asked.
    """

    arm: str
    compared: Compared | None
    tolerances: Two | None
    spread: Two | None
    gate: Grid | None
    rest: Grid | None
    tests: Grid | None
    drivers: Grid | None
    numbers: Grid | None
    said: tuple[str, ...]
    what_if: str


def build_report(stimuli: StimulusSet) -> Path:
    """Write ``SET/report.html``, and its figures below ``SET/match/figures/``, from the set's saved files.

    The same saved files give the same bytes. Clips are not decoded: pictures and numbers are those of
    ``bazin stimuli measure``.

    Parameters
    ----------
    stimuli
        The set.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        If the manifest cannot be read.
    OutputError
        If the page cannot be written.
    """
    saved = read_saved(stimuli)
    contrasts = _contrasts(saved)
    leak = _leak_figure(saved)
    drawn = [two for one in contrasts for two in (one.tolerances, one.spread) if two is not None]
    figures.keep_list(
        stimuli.match, [picture for two in [*drawn, *([leak] if leak else [])] for picture in two]
    )
    return write_atomically(stimuli.report, render(saved, contrasts, leak))


def render(saved: Saved, contrasts: list[Contrast], leak: Two | None) -> str:
    """The page's HTML."""
    environment = template.environment("stimuli.report", ("clips.html", "clip_parts.html"))
    environment.filters["capital"] = capital
    environment.filters["together"] = together
    seconds = sum(float(one.clip["duration"] or 0) for one in saved.clips.values())
    return environment.get_template("clips.html").render(
        saved=saved,
        matching=saved.matched.found,
        name=saved.stimuli.name,
        sections=SECTIONS,
        css=template.style(("stimuli.report", "clips.css")),
        strip=STRIP,
        places=PLACES,
        minutes=f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min",
        reference=arm_words(saved.reference or ""),
        arms=[arm_words(arm) for arm in saved.manifest.arms],
        cells=verdict.cells(saved),
        fitness=fitness.fitness(saved),
        cards=cards(saved),
        rule={"ratio": LARGE_RATIO, "least": LEAST_CLIPS},
        contrasts=contrasts,
        leak=leak,
        measured=tables.measured(saved),
        nowhere=tables.nowhere_measured(saved),
        meanings=tables.meanings(),
        overview=provenance.overview(saved),
        sheets=provenance.sheets(saved),
        told=provenance.told(saved),
        unasked=provenance.unasked(saved),
        recipes=preparation.recipes(saved),
        raw=preparation.as_imported(saved),
        off_record=preparation.off_record(saved),
        controls=preparation.controls(saved),
        hashes=preparation.hashes(saved),
        methods=methods_text(saved),
        version=protocols.__version__,
        n_of=n_of,
    )


def _contrasts(saved: Saved) -> list[Contrast]:
    if not saved.comparable or saved.reference is None:
        return []
    spread, reference, folder = spreads(saved), arm_words(saved.reference), saved.stimuli.match
    found = []
    for arm in saved.contrasts:
        matching, words = saved.matched.found, arm_words(arm)
        compared = matching.of(arm) if matching is not None else None
        judged = lanes.toleranced(matching, compared) if matching is not None and compared is not None else []
        others = lanes.others(saved, arm, spread, [lane.feature for lane in judged])
        leak = compared.leak if compared else None
        tested = leak is not None and not math.isnan(leak.auc)
        found.append(
            Contrast(
                words,
                compared,
                tolerance_plot(judged, words, reference, folder, f"tolerances-{arm}") if judged else None,
                spread_plot(others, words, reference, folder, f"spread-{arm}") if others else None,
                tables.gate(compared, reference) if compared and compared.judged else None,
                tables.not_judged(compared, reference) if compared else None,
                tables.equivalence(compared, reference) if compared else None,
                tables.drivers(leak, reference) if leak and tested else None,
                tables.leak_numbers(leak) if leak and tested else None,
                tuple(f"{capital(line)}." for line in leak_lines(leak, words, reference)) if leak else (),
                _what_if(compared) if compared else "",
            )
        )
    return found


def _what_if(compared: Compared) -> str:
    """Which pairs to drop so that the gate passes."""
    found = compared.what_if
    if found is None:
        return ""
    if found.drop:
        more = f"; {n_of(found.n_others, 'other choice')} would do as well" if found.n_others else ""
        return f"Without {', '.join(found.drop)} the set passes, with {n_of(found.left, 'pair')} left{more}."
    if len(found.at_least) > found.tried:
        return (
            f"Dropping pairs does not mend it: {len(found.at_least)} of "
            f"{n_of(len(compared.pairs), 'pair')} are themselves "
            f"outside or not measured "
            f"({', '.join(found.at_least[:8])}{', …' if len(found.at_least) > 8 else ''})."
        )
    return f"No choice of up to {n_of(found.tried, 'pair')} to drop makes the set pass."


def _leak_figure(saved: Saved) -> Two | None:
    matching = saved.matched.found
    if matching is None:
        return None
    leaks = [one.leak for one in matching.compared if not math.isnan(one.leak.auc)]
    return leak_plot(leaks, arm_words(matching.reference), saved.stimuli.match) if leaks else None
