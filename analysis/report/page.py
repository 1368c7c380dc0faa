"""The page itself: everything saved, put into one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.evidence.wording import capital
from analysis.report import behaviour, brain, people, promised
from analysis.report.cards import Card, card
from analysis.report.methods import methods_text
from analysis.report.overview import overview
from analysis.report.quality import Quality, quality
from analysis.report.saved import Study, read_study
from analysis.report.words import (
    CLAIM_WORDS,
    OUTCOME_MEANINGS,
    OUTCOME_WORDS,
    group_words,
    measure_words,
)
from protocols.base.files import write_atomically
from protocols.pages import figures, template
from protocols.pages.figures import Picture
from protocols.plan.expanding import label_of

SECTIONS = (
    ("verdict", "Verdict"), ("plan", "Plan"), ("people", "People"), ("results", "Results"), ("joint", "Joint"),
    ("scans", "Scans"), ("brain", "Brain"), ("exploratory", "Exploratory"), ("methods", "Methods"),
    ("about", "About"),
)  # fmt: skip
OPTIONAL = ("scans", "brain")
"""Sections of studies with scans."""
LIST = "figures.json"


def build_report(out: Path) -> Path:
    """Write ``OUT/report.html`` and its figures from the saved files of an analysis.

    The same saved files give the same bytes.

    Parameters
    ----------
    out
        Folder with ``verdict.json``, ``plan.json`` and ``results/``; ``measures/`` and ``logs/run.json`` where there
        are any.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    InputError
        If a required file is missing or broken, or the files do not belong together.
    OutputError
        If the report cannot be written.
    """
    study = read_study(out)
    cards = {record.id: card(study, record, out) for record in study.verdict.hypotheses}
    forest = overview(study, out)
    scans = quality(study, out)
    names = {name: label_of(study.plan, "group", name) for name in study.plan.groups}
    # Maps of an earlier, open run carry the arms' true names.
    maps = [] if study.blinded else brain.brain(out, names)
    drawn = [picture for one in cards.values() for picture in one.all_pictures] + list(forest or ())
    drawn += scans.pictures if scans else []
    drawn += [picture for one in maps for picture, _ in one.pictures]
    figures.keep_list(out, drawn)
    page = render(study, cards, forest, scans, maps, brain.methods(out) if maps else ())
    return write_atomically(out / "report.html", page)


def render(
    study: Study,
    cards: dict[str, Card],
    forest: tuple[Picture, Picture] | None,
    scans: Quality | None = None,
    maps: Sequence[brain.BrainMap] = (),
    about_maps: Sequence[str] = (),
) -> str:
    """The page's HTML."""
    environment = template.environment("analysis.report", ("page.html", "parts.html", "brain.html"))
    environment.filters["capital"] = capital
    confirmatory = [one for one in cards.values() if not one.record.exploratory]
    return environment.get_template("page.html").render(
        study=study,
        verdict=study.verdict,
        plan=study.plan,
        run=study.run,
        sections=[
            one for one in SECTIONS if one[0] not in OPTIONAL or (scans if one[0] == "scans" else maps)
        ],
        scans=scans,
        maps=maps,
        css=template.style(),
        banners=_banners(study),
        confirmatory=confirmatory,
        exploratory=[one for one in cards.values() if one.record.exploratory],
        forest=forest,
        without_bound=[one.record.id for one in confirmatory if one.record.bound is None],
        joint=_joint(study),
        joint_families=[family for family in study.verdict.families if family.claim != "each"],
        groups=promised.groups(study.plan),
        conditions=promised.conditions(study.plan),
        measures=promised.measures(study.plan),
        families=promised.families(study),
        rule=promised.decision_rule(study.plan),
        flow=people.flow(study),
        exclusions=people.exclusions(study),
        controls=people.controls(study),
        lapses=behaviour.lapses(study),
        detection=behaviour.detection(study),
        methods=methods_text(study, about_maps),
        outcomes=OUTCOME_MEANINGS,
        words=OUTCOME_WORDS,
    )


def _banners(study: Study) -> list[tuple[str, str, str]]:
    """What must be seen before anything else: kind, headline, text."""
    found = []
    if study.blinded:
        found.append(("blinded", "Blinded", "Arm labels were shuffled; nothing here is a result."))
    if study.simulated:
        which = ", ".join(study.simulated)
        found.append(
            ("simulated", "Simulated data", f"The values were made by a computer, not by people ({which}).")
        )
    if study.verdict.plan.deviations:
        n = study.verdict.plan.deviations
        found.append(
            (
                "deviations",
                f"{n} deviation{'s' if n > 1 else ''} from the plan",
                "The plan was changed after results had been seen.",
            )
        )
    return found


def _joint(study: Study) -> list[dict[str, Any]]:
    """The joint records with their words."""
    by_id = {record.id: record for record in study.verdict.hypotheses}
    return [
        {
            "record": record,
            "who": group_words(study.plan, record.group),
            "conscious": OUTCOME_WORDS[record.conscious],
            "neural": OUTCOME_WORDS[record.neural],
            "conscious_measure": measure_words(study.plan, by_id[record.conscious_hypothesis]),
            "neural_measure": measure_words(study.plan, by_id[record.neural_hypothesis]),
            "claim": CLAIM_WORDS["joint"][record.claim],
        }
        for record in study.verdict.joint
    ]
