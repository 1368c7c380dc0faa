"""The group's maps of the whole brain, as the plan's hypotheses about scans ask for them: one step for each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.fmri.group.loading import PersonMap
from analysis.fmri.group.mapping import MapQuestion, map_outputs
from analysis.fmri.group.records import IMAGES, IMAGES_OF_A_BOUND
from analysis.fmri.group.template import kept_files, kept_paths
from analysis.fmri.person.asked import Asked, asked_of, bold_measures, contrast_name
from analysis.fmri.person.gathering import QUALITY
from analysis.fmri.person.names import WORK
from protocols.base.bids import label
from protocols.base.errors import BazinError
from protocols.base.steps import Done, Outputs, Step, perform
from protocols.base.tables import read_frame
from protocols.plan.expanding import ALL_CLIPS, FIXATION, Expanded, bound_of, expand, label_of
from protocols.plan.measuring import Bold
from protocols.plan.promises import Plan
from protocols.plan.reading import Promise

VERSION = 1
FOLDER = "maps"
FILES = (*IMAGES, *IMAGES_OF_A_BOUND, "clusters")


@dataclass(frozen=True)
class Wanted:
    """One map: what is asked, and of which contrast and session people's maps are."""

    question: MapQuestion
    contrast: tuple[str, str]
    session: str


def asks_for_maps(plan: Plan) -> bool:
    """Whether a plan asks for maps of the whole brain at all."""
    return (plan.analysis.bold or Bold()).maps is not None and bool(asked_of(plan))


def wanted_maps(plan: Plan) -> list[Wanted]:
    """The maps a plan asks for: every contrast of its hypotheses on regions, for the same people, once.

    All clips against fixation comes for each group as well: a brain that does not answer to films at all could not
    have answered to their kinds. The bound is the strictest of the measures that ask.
    """
    found: dict[tuple[str, tuple[str, str], tuple[str, ...]], Wanted] = {}
    for asked in asked_of(plan):
        for group in plan.groups:
            _add(found, plan, asked, (FIXATION, ALL_CLIPS), (group,), None)
        measures = bold_measures(plan, asked.session)
        for item in expand(plan):
            contrast = item.hypothesis.contrast
            if item.hypothesis.measure in measures and contrast is not None and _of_groups(item):
                bound = bound_of(plan, item.hypothesis)
                _add(found, plan, asked, contrast, item.groups, bound.value if bound else None)
    return list(found.values())


def make_maps(
    folder: Path, out: Path, promise: Promise, *, threads: int, say: Callable[[str], None]
) -> tuple[list[Done], list[str]]:
    """Make every map the plan asks for from people's maps in `folder`.

    Returns
    -------
    done, errors
        What was done, and what could not be: a map that fails stops no other.
    """
    plan = promise.plan
    bold = plan.analysis.bold or Bold()
    quality = folder / QUALITY
    if bold.maps is None or not quality.exists():
        _forget_others(out, set())
        return [], []
    people = read_frame(quality, required=("participant_id", "group", "session", "task"))
    decision, rule = plan.decision, plan.exclusions.roi
    numbers = {
        "min_tsnr": rule.min_tsnr if rule else 0.0,
        "alpha": decision.alpha,
        "alpha_equivalence": decision.alpha_equivalence,
        "power": bold.maps.power,
        "permutations": bold.maps.permutations,
        "cluster_p": bold.maps.cluster_p,
        "seed": decision.seed,
    }
    done, errors, made = [], [], set()
    for wanted in wanted_maps(plan):
        try:
            maps = people_maps(folder, people, wanted)
            step = _step(folder, out, wanted, maps, numbers, threads, bold.space)
        except BazinError as error:
            errors.append(f"map '{wanted.question.name}': {error.faults[0].item} {error.faults[0].problem}")
            continue
        if step is not None:
            done.append(step)
            made.add(wanted.question.name)
            who = " − ".join(label_of(plan, "group", group) for group in reversed(wanted.question.groups))
            say(f"{step}: {wanted.question.label}, {who}")
    _forget_others(out, made)
    return done, errors


def _forget_others(out: Path, made: Collection[str]) -> None:
    """Remove maps of an earlier run that this one did not make: the report would show them as its own."""
    for record in (out / FOLDER).glob("*.json"):
        if record.stem not in made:
            (out / ".done" / f"map-{record.stem}.json").unlink(missing_ok=True)
            for path in (out / FOLDER).glob(f"{record.stem}_*"):
                if path.stem.removeprefix(f"{record.stem}_").split(".")[0] in FILES:
                    path.unlink()
            record.unlink()


def people_maps(folder: Path, people: pd.DataFrame, wanted: Wanted) -> list[PersonMap]:
    """The maps of everybody in the question's groups whose values count."""
    found = []
    own = people[people["group"].isin(wanted.question.groups)]
    named = contrast_name(*wanted.contrast)
    for person, group in own[["participant_id", "group"]].drop_duplicates().itertuples(index=False):
        for effect in sorted((folder / person).rglob(f"*_contrast-{named}_stat-effect_statmap.nii.gz")):
            of_session = f"_ses-{label(wanted.session)}_" in effect.name or "_ses-" not in effect.name
            tsnr = effect.with_name(effect.name.replace(f"_contrast-{named}_stat-effect_", "_stat-tsnr_"))
            if of_session and tsnr.exists():
                found.append(PersonMap(person, group, effect, tsnr))
    return found


def _add(
    found: dict[tuple[str, tuple[str, str], tuple[str, ...]], Wanted], plan: Plan, asked: Asked,
    contrast: tuple[str, str], groups: Sequence[str], bound: float | None,
) -> None:  # fmt: skip
    key = (asked.session, contrast, tuple(groups))
    known = found[key].question.bound if key in found else None
    bounds = [one for one in (known, bound) if one is not None]
    name = f"{contrast_name(*contrast)}_{'Minus'.join(label(group) for group in reversed(groups))}"
    if len(asked_of(plan)) > 1:
        name = f"{label(asked.session)}_{name}"
    reference, compared = (label_of(plan, "condition", one) for one in contrast)
    of = tuple(groups)
    assert len(of) in (1, 2)
    question = MapQuestion(
        name, f"{compared} − {reference}", "percent_signal",
        of,  # type: ignore[arg-type]  # one or two
        min(bounds) if bounds else None,
    )  # fmt: skip
    found[key] = Wanted(question, contrast, asked.session)


def _of_groups(item: Expanded) -> bool:
    """Whether a map can be made for these people: one group, or the difference of two."""
    return len(item.groups) == 1 or item.weights == (-1.0, 1.0)


def _step(
    folder: Path, out: Path, wanted: Wanted, maps: list[PersonMap], numbers: Mapping[str, Any], threads: int,
    space: str,
) -> Done | None:  # fmt: skip
    if not maps:
        return None
    brain = kept_paths(space, folder / WORK)
    inputs = {f"template {path.name}": path for path in brain or ()}
    for one in maps:
        inputs[f"{one.participant} effect"], inputs[f"{one.participant} tsnr"] = one.effect, one.tsnr
    question = wanted.question

    def work(*, settings: Any, inputs: Mapping[str, Path]) -> Outputs:
        del settings, inputs
        made = map_outputs(maps, question, threads=threads, brains=folder / WORK, **numbers)
        if brain:  # beside the maps, which the report draws in it
            made |= kept_files(space, *brain)
        return {f"{FOLDER}/{name}": content for name, content in made.items()}

    settings = {
        **numbers, "name": question.name, "label": question.label, "groups": list(question.groups),
        "bound": question.bound, "people": {one.participant: one.group for one in maps},
    }  # fmt: skip
    return perform(
        Step("map", VERSION, work), settings=settings, inputs=inputs, folder=out, stamp=f"map-{question.name}"
    )
