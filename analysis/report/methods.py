"""A methods section a lab can paste, generated from the plan and the verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence

from analysis.evidence.verdict import HypothesisRecord
from analysis.evidence.wording import amount, capital, percent, unit_words
from analysis.report import methods_models as models
from analysis.report import methods_scans as scans
from analysis.report.saved import Study, records
from analysis.report.words import ROLE_WORDS, count
from protocols.base.errors import listed
from protocols.plan.expanding import label_of
from protocols.plan.promises import Plan
from protocols.plan.wording import STATISTIC_WORDS, age_range, control_words

CLAIM_SENTENCE = {
    "each": "each hypothesis may be claimed by itself",
    "any": "one member is enough for the family's claim",
    "all": "only the joint claim of all members is confirmatory, each tested at the full level",
}


def methods_text(study: Study, about_maps: Sequence[str] = ()) -> str:
    """Paragraphs of plain text, each with its heading; dedicated to the public domain (CC0).

    Parameters
    ----------
    study
        What was saved.
    about_maps
        Sentences on maps of the whole brain.
    """
    parts = [
        ("Participants", _participants(study)),
        ("Conditions and clips", _clips(study.plan)),
        ("Measures", _measures(study)),
        ("Scans", scans.scans(study)),
        ("Hypotheses", _hypotheses(study)),
        ("Deciding analyses", models.deciding(study)),
        ("Decision rule", _rule(study)),
        ("Spread over people", models.spread(study)),
        ("Positive controls", _controls(study)),
        ("Bayes factors and other analyses", _description(study)),
        ("Maps of the whole brain", " ".join(about_maps)),
        ("Registration", _registration(study)),
        ("Software", _software(study)),
    ]
    parts.append(("References", models.sources(" ".join(text for _, text in parts))))
    return "\n\n".join(f"{title}. {' '.join(text.split())}" for title, text in parts if text) + "\n"


def _participants(study: Study) -> str:
    sentences = []
    flow = study.tables.get("flow")
    for name, group in study.plan.groups.items():
        age = f", {age_range(group.age_months)}" if group.age_months else ""
        sentence = (
            f"We planned for {group.n_planned} {label_of(study.plan, 'group', name)} with usable data{age}"
        )
        rows = records(flow[flow["group"] == name]) if flow is not None else []
        if rows:
            analysed = "; ".join(
                f"{count(row['analysed'])} for {label_of(study.plan, 'measure', row['measure'])}"
                for row in rows
                if not math.isnan(row["analysed"])
            )
            sentence += f"; {count(rows[0]['started'])} started, and analysed were {analysed}"
        sentences.append(f"{sentence}.")
    if study.plan.decision.stopping.kind == "fixed_n":
        sentences.append("Data collection was to end at these numbers.")
    return " ".join(sentences)


def _clips(plan: Plan) -> str:
    kinds = [
        f"{label_of(plan, 'condition', name)} ({words})"
        for role, words in ROLE_WORDS.items()
        for name, condition in plan.conditions.items()
        if condition.role == role
    ]
    shown = listed(kinds, limit=99)
    text = f"Clips were of these kinds: {shown}."
    if plan.stimuli:
        made = (
            f" AI clips were made with {listed(plan.stimuli.generators, limit=99)}."
            if plan.stimuli.generators
            else ""
        )
        per_person = plan.stimuli.scenes_per_person or plan.stimuli.pairs
        text += (
            f" The set ({plan.stimuli.set}) held {plan.stimuli.pairs} scenes of {plan.stimuli.seconds:g} s; "
            f"each person saw {per_person} of them.{made}"
        )
    return text


def _measures(study: Study) -> str:
    plan = study.plan
    sentences = []
    for name, measure in plan.measures.items():
        sentence = f"{capital(label_of(plan, 'measure', name))} ({measure.level}): "
        sentence += STATISTIC_WORDS[measure.statistic]
        if measure.bound:
            sentence += (
                f"; effects within ±{amount(measure.bound.value)} {unit_words(measure.in_unit)} were declared too "
                f"small to matter ({measure.bound.because})"
            )
        sentence += models.log_linear(measure.statistic)
        if measure.covariates:
            sentence += f"; adjusted for {listed(covariate.name for covariate in measure.covariates)}"
        sentences.append(f"{sentence}.")
        if measure.measured_elsewhere:
            sentences.append(measure.measured_elsewhere)
    fewest = plan.exclusions.scenes_per_condition
    units = "scene or trial" if fewest == 1 else "scenes or trials"
    sentences.append(
        f"A person entered a comparison with at least {fewest} usable {units} in each of its conditions. Where both "
        "versions of a scene were shown, only scenes with usable values of both entered tests over people (choices "
        "excepted)" + ("; crossed models used every usable value." if models.crossed_of(study) else ".")
    )
    return " ".join(sentences)


def _hypotheses(study: Study) -> str:
    sentences = []
    for family in study.verdict.families:
        members = [record for record in study.verdict.confirmatory() if record.family == family.name]
        listed_ = "; ".join(
            f"{r.id}, {capital(r.statement.removeprefix(f'{r.id} '))} ({_analysis(r)})" for r in members
        )
        sentences.append(f"Family '{family.name}' ({CLAIM_SENTENCE[family.claim]}): {listed_}.")
    exploratory = study.verdict.exploratory()
    if exploratory:
        sentences.append(f"Exploratory, deciding nothing: {listed(record.id for record in exploratory)}.")
    return " ".join(sentences)


def _analysis(record: HypothesisRecord) -> str:
    if record.estimate is None:
        return f"not estimable: {record.reason}"
    kind = "crossed model" if record.deciding_model == "crossed_mixed" else record.method.replace("d'", "d′")
    return f"deciding analysis: {kind}"


def _rule(study: Study) -> str:
    decision = study.plan.decision
    inner, outer = percent(1 - 2 * decision.alpha_equivalence), percent(1 - decision.alpha)
    families = study.verdict.families
    text = (
        "Difference and equivalence were tested with the same estimate, standard error and reference distribution "
        f"({models.reference_words(study)}): a two-sided test against 0 (alpha = {decision.alpha:g}, {outer} interval) "
        "and two one-sided tests against the lower and the upper bound (alpha = "
        f"{decision.alpha_equivalence:g} each, {inner} interval). "
    )
    if any(family.adjustment == "holm" for family in families):
        text += (
            "Within families whose members may be claimed one by one, p-values were adjusted by Holm’s method (Holm, "
            "1979), separately for the differences and for the equivalences (the larger one-sided p of each "
            "hypothesis); a hypothesis that could not be estimated still counted. Intervals are unadjusted. "
        )
    return text + (
        "A hypothesis is called different if only the difference was shown, equivalent if only equivalence was "
        "shown, trivial if both were, undecided if neither was, and not estimable if there was no estimate; an "
        "answer that was not asked for could only take a claim back."
    )


def _controls(study: Study) -> str:
    plan = study.plan
    found = [
        f"for {label_of(plan, 'measure', name)}, {control_words(plan, measure, control)}"
        for name, measure in plan.measures.items()
        for control in measure.controls
    ]
    if not found:
        return "None was declared."
    return (
        f"Equivalence was interpreted only where the measure showed a known effect: {'; '.join(found)} (one-sided t "
        f"test over people at alpha = {plan.decision.alpha:g}, before everything else). Otherwise it counts as "
        "undecided."
    )


def _description(study: Study) -> str:
    bayes = study.plan.decision.bayes
    widths, units = (
        ", ".join(f"{value:g}" for value in values) for values in (bayes.prior_widths, bayes.unit_of_bound)
    )
    crossed = models.crossed_of(study)
    ways = ["tests over people"] if crossed else []
    ways += ["tests over scenes or clips" if crossed else "tests over scenes", "first exposures only"]
    ways += ["d′ conditional on scene and person"] if any(r.unit == "dprime" for r in crossed) else []
    return (
        "Bayes factors are descriptive and moved no outcome: JZS factors on people's values (Cauchy prior, r = "
        f"{widths}; Rouder et al., 2009), and, where a bound was declared, Normal(0, k × bound) priors with k = "
        f"{units} against a point and an interval null. Other reasonable analyses "
        f"({', '.join(ways)}, without covariates, tipping points for missing people) are reported beside the "
        "deciding one and decide nothing, except that a group difference in percent signal change that is lost "
        "relative to the response to all clips is called undecided."
    )


def _registration(study: Study) -> str:
    plan = study.verdict.plan
    text = (
        f"The plan '{plan.name}' (SHA-256 of its resolved form {plan.sha256}) was "
        f"{'sealed' if plan.sealed else 'not sealed'}; amendments: {plan.amendments}; deviations: {plan.deviations}."
    )
    waiver = study.plan.decision.power_waiver
    if waiver:
        text += f" The required chance of reaching a verdict was waived: {waiver.rstrip('.')}."
    return text


def _software(study: Study) -> str:
    run = study.run
    if run is None:
        return "The versions of the programs were not recorded."
    own = run.versions.get("bazin", "n/a")
    others = ", ".join(
        f"{name} {version}" for name, version in sorted(run.versions.items()) if name != "bazin"
    )
    return f"bazin {own} on Python {run.python or 'n/a'}{f' with {others}' if others else ''}."
