"""A question to the whole brain, from people's maps to the files that answer it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.fmri.group.clusters import cluster_table
from analysis.fmri.group.loading import PersonMap, Survey, survey, values_in
from analysis.fmri.group.records import (
    OUTSIDE,
    Count,
    Coverage,
    Left,
    MapRecord,
    Outcomes,
    Passed,
    PersonCoverage,
    Testing,
)
from analysis.fmri.group.template import brain_of
from analysis.fmri.images import image_bytes
from analysis.fmri.maps.equivalence import EquivalenceMap, Levels, Outcome, equivalence_map
from analysis.fmri.maps.permutation import Corrected, Permuted, permute
from analysis.fmri.maps.statistics import Comparison, measure, one_group, two_groups
from analysis.fmri.preprocessing.resampling import Grid, Mask
from protocols.base.errors import InputError, fail, listed
from protocols.base.tables import frame_text, rounded

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
FEWEST = 2
"""People in a group: with one there is no variance between people."""


@dataclass(frozen=True)
class MapQuestion:
    """What is asked of the whole brain.

    Attributes
    ----------
    name
        Of its files.
    label
        In words, for example "AI − live action".
    unit
        Of people's maps, for example ``percent_signal``.
    groups
        One group, whose mean is compared with 0, or two: the effect is the second minus the first. For an interaction
        people's maps are of the contrast of conditions, and there are two groups.
    bound
        Largest effect too small to matter, in the unit; None if nothing is to be called equivalent.
    """

    name: str
    label: str
    unit: str
    groups: tuple[str] | tuple[str, str]
    bound: float | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise fail(InputError, f"map '{self.name}'", "cannot be a file's name",
                       accepted="ASCII letters, digits, - and _")  # fmt: skip
        if len(set(self.groups)) != len(self.groups) or len(self.groups) not in (1, 2):
            raise fail(
                InputError,
                f"map '{self.name}'",
                "does not compare one or two groups",
                got=listed(self.groups),
            )


def map_outputs(
    people: Sequence[PersonMap],
    question: MapQuestion,
    *,
    min_tsnr: float,
    alpha: float,
    alpha_equivalence: float,
    power: float,
    permutations: int,
    cluster_p: float,
    seed: int,
    threads: int,
    brains: Path,
    covariates: pd.DataFrame | None = None,
) -> dict[str, str | bytes]:
    """Answer a question in every voxel.

    Parameters
    ----------
    people
        In any order; people of other groups than the question's are left alone.
    question
        What is asked.
    min_tsnr
        Temporal signal-to-noise ratio that a voxel needs in everybody to be assessable.
    alpha
        Family-wise level of differences over the brain (two-sided), and false discovery rate in the map of outcomes.
    alpha_equivalence, power
        As in :class:`~analysis.fmri.maps.equivalence.Levels`.
    permutations, seed, threads
        Of :func:`~analysis.fmri.maps.permutation.permute`.
    cluster_p
        Two-sided p of one voxel from which it belongs to a cluster.
    brains
        Folder of the template's brain, where it does not come along (`template.brain_of`).
    covariates
        Numbers, one column each, with participants as index; None for none.

    Returns
    -------
    dict
        Contents by file name: ``<name>.json`` (`records.MapRecord`), and if the map can be estimated
        ``<name>_clusters.tsv`` and an image for each of `records.IMAGES`, with a bound also of `IMAGES_OF_A_BOUND`.
        The same people give the same bytes, in whatever order, with any number of threads.

    Raises
    ------
    InputError
        If the maps are of different spaces, contrasts or grids, of a space whose brain is not there, or a covariate is
        missing for somebody.
    """
    asked = [person for person in people if person.group in question.groups]
    looked = survey(asked, min_tsnr)
    names = () if covariates is None else tuple(map(str, covariates.columns))
    groups = {name: sum(one.group == name for one in looked.people) for name in question.groups}
    record = MapRecord(
        name=question.name,
        label=question.label,
        unit=question.unit,
        groups=groups,
        exploratory=True,
        estimable=False,
        space=looked.space,
        covariates=names,
        set_aside=tuple(
            Left(participant=one.participant, group=one.group, reason=one.reason) for one in looked.set_aside
        ),
    )

    def not_estimable(reason: str) -> dict[str, str | bytes]:
        return {f"{question.name}.json": record.model_copy(update={"reason": reason}).text()}

    few = [f"{count} in '{name}'" for name, count in groups.items() if count < FEWEST]
    if few or looked.grid is None:
        return not_estimable(f"fewer than {FEWEST} usable maps: {listed(few)}")
    people_measured = looked.people_measured
    mask = people_measured == len(looked.people)
    template = brain_of(looked.space, brains).inside(looked.grid)
    record = record.model_copy(update={"coverage": _coverage(looked, people_measured, mask, template)})
    if not (mask & template).any():
        return not_estimable("no voxel of the template's brain was measured in everybody")
    try:
        comparison = _comparison(looked.people, question, _numbers(looked.people, covariates))
    except _Unestimable as error:
        return not_estimable(str(error))
    maps = values_in(looked.people, mask)
    observed = measure(maps, comparison)
    if observed.constant.all():
        return not_estimable("nothing varies between people in any voxel")
    df = float(np.median(observed.df[~observed.constant]))
    threshold = float(stats.t.isf(cluster_p / 2.0, df))
    found = permute(
        maps, comparison, mask, seed=seed, n_permutations=permutations, cluster_threshold=threshold,
        n_threads=threads, label=f"map {question.name}",
    )  # fmt: skip
    assert found.tfce is not None
    assert found.cluster_mass is not None
    table = cluster_table(found, mask, looked.grid, threshold)
    testing = Testing(
        permutations=permutations,
        seed=seed,
        alpha=alpha,
        possible_p=_number(_possible_p(comparison, permutations, bool(names))),
        cluster_p=cluster_p,
        cluster_t=_number(threshold),
        df=_number(df),
        constant_voxels=found.constant,
        clusters=int(table["cluster"].nunique()),
        voxel=_passed(found.voxel, alpha),
        tfce=_passed(found.tfce, alpha),
        cluster_mass=_passed(found.cluster_mass, alpha),
    )
    images = _Images(question.name, looked.grid, mask)
    outputs = images.of_tests(found, df)
    outcomes = None
    if question.bound is not None:
        levels = Levels(question.bound, alpha, alpha_equivalence, power)
        reached = looked.tsnr_reached[mask]
        answered = equivalence_map(maps, comparison, levels, tsnr_reached=reached)
        outcomes = _outcomes(answered, levels, min_tsnr, reached, int((mask | template).sum()))
        outputs |= images.of_outcomes(answered, mask | template)
    record = record.model_copy(update={"estimable": True, "testing": testing, "outcomes": outcomes})
    outputs[f"{question.name}_clusters.tsv"] = frame_text(table)
    outputs[f"{question.name}.json"] = record.text()
    return outputs


class _Unestimable(Exception):
    """There are too few people for the model."""


def _numbers(people: Sequence[PersonMap], covariates: pd.DataFrame | None) -> NDArray[np.float64] | None:
    """Covariates of these people, (people, covariates), or None."""
    if covariates is None or not len(covariates.columns):
        return None
    names = [person.participant for person in people]
    rows = covariates.reindex(names)
    missing = [
        name for name, row in zip(names, rows.to_numpy(float), strict=True) if not np.isfinite(row).all()
    ]
    if missing:
        raise fail(
            InputError, "covariates of the maps", "are missing for some people", got=listed(missing),
            way_out="leave out these people's maps or the covariate",
        )  # fmt: skip
    return rows.to_numpy(float)


def _comparison(
    people: Sequence[PersonMap], question: MapQuestion, covariates: NDArray[np.float64] | None
) -> Comparison:
    groups = [person.group for person in people]
    try:
        if len(question.groups) == 1:
            return one_group(len(groups), covariates=covariates)
        return two_groups(groups, question.groups[1], covariates=covariates)
    except InputError as error:
        fault = error.faults[0]
        raise _Unestimable(f"{fault.item} {fault.problem} ({fault.got})") from error


def _possible_p(comparison: Comparison, permutations: int, covariates: bool) -> float:
    """The smallest corrected p: of that many random arrangements, and of those that there are at all.

    Where turning all signs, or exchanging groups of one size, turns the sign of the statistic, the observed value has
    a twin among them, for the test is two-sided.
    """
    n = comparison.n_people
    if comparison.flips:
        arrangements, twins = 2**n, 2
    elif covariates:
        arrangements, twins = math.factorial(n), 1
    else:
        first = int(comparison.blocks[0].sum())
        arrangements, twins = math.comb(n, first), 2 if 2 * first == n else 1
    return max(1.0 / (permutations + 1), twins / arrangements)


def _coverage(looked: Survey, people_measured: NDArray[np.int32], mask: Mask, template: Mask) -> Coverage:
    """How much was measured in everybody, and what each person's missing part takes from the others."""
    assert looked.grid is not None
    brain = mask | template
    all_but_one = brain & (people_measured == len(looked.people) - 1)
    people = []
    for place, person in enumerate(looked.people):
        measured = looked.measured_in(place)
        lost = int(np.sum(all_but_one & ~measured))
        people.append(
            PersonCoverage(
                participant=person.participant,
                group=person.group,
                template_percent=_percent(int(np.sum(measured & template)), int(template.sum())),
                lost_voxels=lost,
                lost_percent=_percent(lost, int(brain.sum())),
            )
        )
    x, y, z = np.linalg.norm(np.asarray(looked.grid.affine, float)[:3, :3], axis=0).round(4)
    return Coverage(
        voxels=int(mask.sum()),
        brain_voxels=int(brain.sum()),
        template_percent=_percent(int(np.sum(mask & template)), int(template.sum())),
        union_percent=_percent(int(mask.sum()), int(np.sum(people_measured > 0))),
        voxel_mm=(float(x), float(y), float(z)),
        people=tuple(
            sorted(people, key=lambda one: (-one.lost_voxels, one.template_percent, one.participant))
        ),
    )


def _passed(tested: Corrected, alpha: float) -> Passed:
    passed = tested.p <= alpha
    return Passed(
        smallest_p=_number(float(tested.p.min())),
        positive=int(np.sum(passed & (tested.observed > 0))),
        negative=int(np.sum(passed & (tested.observed < 0))),
    )


def _outcomes(
    answered: EquivalenceMap, levels: Levels, min_tsnr: float, reached: NDArray[np.bool_], brain: int
) -> Outcomes:
    def count(voxels: int) -> Count:
        return Count(voxels=voxels, percent=_percent(voxels, brain))

    outside = brain - len(reached)
    silent = answered.outcome == Outcome.NOT_ASSESSABLE
    trivial = (answered.outcome == Outcome.EQUIVALENT) & (answered.p_difference <= levels.difference)
    widths = answered.half_width[np.isfinite(answered.half_width)]
    return Outcomes(
        bound=levels.bound,
        alpha=levels.difference,
        alpha_equivalence=levels.equivalence,
        power=levels.power,
        min_tsnr=min_tsnr,
        different=count(answered.count(Outcome.DIFFERENT)),
        equivalent=count(answered.count(Outcome.EQUIVALENT)),
        undecided=count(answered.count(Outcome.UNDECIDED)),
        not_assessable=count(outside + int(silent.sum())),
        trivial=count(int(trivial.sum())),
        not_in_everybody=count(outside),
        low_tsnr=count(int(np.sum(silent & ~reached))),
        too_uncertain=count(int(np.sum(silent & reached))),
        median_half_width=rounded(float(np.median(widths))) if len(widths) else None,
    )


@dataclass(frozen=True)
class _Images:
    """Makes the files of a map."""

    name: str
    grid: Grid
    mask: Mask

    def of_tests(self, found: Permuted, df: float) -> dict[str, str | bytes]:
        assert found.tfce is not None
        assert found.cluster_mass is not None
        statistic = found.statistic
        return dict(
            [
                self._file("effect", statistic.estimate, "estimate"),
                self._file("se", statistic.se),
                self._file("t", statistic.t, "t test", (df,)),
                self._file("pvoxel", found.voxel.p, "p value"),
                self._file("ptfce", found.tfce.p, "p value"),
                self._file("pclustermass", found.cluster_mass.p, "p value"),
            ]
        )

    def of_outcomes(self, answered: EquivalenceMap, brain: Mask) -> dict[str, str | bytes]:
        volume = np.full(self.mask.shape, OUTSIDE, np.int8)
        volume[brain] = Outcome.NOT_ASSESSABLE
        volume[self.mask] = answered.outcome
        name = f"{self.name}_outcome.nii.gz"
        return dict(
            [
                (name, image_bytes(volume, self.grid, f"{self.name} outcome", "label")),
                self._file("halfwidth", answered.half_width),
                self._file("detectable", answered.detectable),
            ]
        )

    def _file(
        self, what: str, values: ArrayLike, intent: str = "none", parameters: tuple[float, ...] = ()
    ) -> tuple[str, bytes]:
        volume = np.full(self.mask.shape, np.nan, np.float32)
        volume[self.mask] = values
        content = image_bytes(volume, self.grid, f"{self.name} {what}", intent, parameters)
        return f"{self.name}_{what}.nii.gz", content


def _percent(part: int, whole: int) -> float:
    return _number(100.0 * part / whole) if whole else 0.0


def _number(value: float) -> float:
    """At nine significant digits, as the tables."""
    result = rounded(value)
    assert result is not None
    return result
