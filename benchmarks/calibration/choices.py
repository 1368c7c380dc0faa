"""The deciding analysis of choices, computed with less: what `decide_crossed` gives, from warm starts.

Models on the way down the sealed order are only searched for zeros; a Hessian is computed for the one that stands. That
both give the same is tested.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field, replace
from io import StringIO

import numpy as np
import pandas as pd
from scipy.special import ndtr

from analysis.evidence.estimates import Estimate
from analysis.evidence.outcomes import run_tests
from analysis.models import (
    Contrast,
    Fit,
    Reduction,
    Term,
    bootstrap,
    fit_design,
    marginal,
    reductions,
    spread,
)
from analysis.models.building import build
from analysis.models.design import Array, Design, Model
from analysis.models.estimating import Estimated, Objective, estimate, first_guess, objective_of
from analysis.models.fitting import finished
from analysis.models.likelihood import sd_place, with_first
from analysis.models.optimizing import Optimum, downhill, hessian, minimize
from analysis.models.threads import one_thread
from benchmarks.calibration.cells import ALPHA, BOUND, GROUPS, SEED, Cell, draw, table
from protocols.base.seeds import generator

NEAR_ZERO, SAME = 0.05, 1e-6  # as in analysis.models.estimating
WEIGHTS = {"child": {"child": 1.0}, "adult": {"adult": 1.0}, "g:c": {"child": -1.0, "adult": 1.0}}
TRUTHS = {"none": (0.0, 0.0), "bound": (0.0, BOUND)}
"""Marginal d′ of both groups: a difference of 0 everywhere, or adults and the groups' difference at the bound."""
RESAMPLED = (Cell("choices", 12, (20, 20), "medium", 2),)
SAMPLES = 39
"""Studies drawn per data set in the cells of `RESAMPLED`, for the bootstrap: the fewest that can reject at .05."""
Row = dict[str, float | str]


def order(groups: Sequence[str]) -> tuple[Reduction, ...]:
    """The sealed order of `analysis.evidence.crossed_table`."""
    between = [Reduction("scene", "g")] if len(groups) > 1 else []
    both = [Reduction("scene", "g:c", only_at_zero=True)] if len(groups) > 1 else []
    zero = Reduction("scene", "c", only_at_zero=True)
    return (Reduction("scene"), Reduction("person"), *between, zero, *both)


def terms(groups: Sequence[str]) -> tuple[Term, ...]:
    """Its random terms."""
    of_scene = ["1", "c", "g", "g:c"] if len(groups) > 1 else ["1", "c"]
    return (*(Term("person", [group, f"{group}:c"]) for group in groups), Term("scene", of_scene))


@dataclass
class Fitter:
    """Fits one design many times: arrays are laid out once, and searches start where a first study's ended.

    Parameters
    ----------
    rows
        A study of the design, the first, as `cells.table` gives it.
    groups
        The groups in the model.
    random
        Its random terms, if not the declared ones.
    """

    rows: pd.DataFrame
    groups: tuple[str, ...]
    random: tuple[Term, ...] = ()
    designs: dict[Model, Design] = field(default_factory=dict)
    starts: dict[object, tuple[Array, Array]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = self.rows[self.rows["group"].isin(self.groups)]
        own = {group: (rows["group"] == group).astype(float) for group in self.groups}
        self.data = pd.DataFrame(
            {
                "value": rows["value"].to_numpy(float),
                "person": rows["participant_id"],
                "scene": rows["scene"],
                "c": np.where(rows["condition"] == "ai", 0.5, -0.5),
                "g": np.where(rows["group"] == self.groups[-1], 0.5, -0.5),
                **own,
            }
        )
        self.pilot = self.data["value"].to_numpy(float)
        fixed = tuple(name for group in self.groups for name in (group, f"{group}:c"))
        self.model = Model("value", fixed, self.random or terms(self.groups), "binomial", "probit")

    def design(self, model: Model, y: Array) -> Design:
        """The arrays of a model with these responses."""
        if model not in self.designs:
            design = build(self.data, model)
            _ = design.gram_transposed, design.kinds  # shared by all refits
            self.designs[model] = design
        return self.designs[model].with_response(y)

    def start(self, model: Model, objective: Objective) -> tuple[Array, Array]:
        """Where the first study's search ended, its zeros lifted, and the Hessian there."""
        if model not in self.starts:
            pilot = fit_design(self.design(model, self.pilot))
            if pilot.state.usable:
                self.starts[model] = _lifted(objective, pilot.estimated.x), pilot.estimated.curvature
            else:
                self.starts[model] = first_guess(objective)
        return self.starts[model]

    def fit(self, y: Array) -> Fit:
        """The model that stands after the sealed order."""
        current, search = self._search(self.model, y)
        for step in order(self.groups):
            reason = reductions._reason(current, step)
            smaller = reductions._without(current.model, step) if reason else None
            if smaller is None:
                continue
            current, search = self._search(current.model.with_random(smaller), y)
            if current.state.usable and not current.state.singular:
                break
        return search.complete()

    def _search(self, model: Model, y: Array) -> tuple[Fit, Search]:
        design = self.design(model, y)
        with one_thread():
            objective = objective_of(design)
            search = Search(objective, *self.start(model, objective))
            return search.fit(), search


@dataclass
class Search:
    """A search for the optimum and its zeros; the Hessian only if asked for."""

    objective: Objective
    x: Array
    curvature: Array

    def fit(self) -> Fit:
        """The optimum without a Hessian. Where scenes have correlations, the first zero among them ends it."""
        objective, design = self.objective, self.objective.design
        self.scale = objective.scale()
        found = self._minimize(np.arange(objective.size), self.x.copy(), self.curvature)
        self.zero = np.zeros(objective.size, bool)
        places = np.flatnonzero(design.diagonal)
        correlated = any(
            t.group == "scene" and t.correlated and len(t.effects) > 1 for t in design.model.random
        )
        first = [k for k in places if self._of_scene(k)] if correlated else []
        for place in [*first, *(k for k in places if k not in first)]:
            if abs(found.x[place]) > NEAR_ZERO * self.scale[place]:
                continue
            free = np.array([k for k in range(objective.size) if k != place and not self.zero[k]])
            full = found.x.copy()
            full[place] = 0.0
            tried = self._minimize(free, full, found.curvature[np.ix_(free, free)])
            if tried.value <= found.value + SAME:
                self.zero[place] = True
                full[free] = tried.x
                found = Optimum(full, tried.value, found.gradient, found.curvature, tried.converged, 0)
                if place in first:
                    break
        self.found = found
        return finished(objective, self._estimated(found.curvature, exact=False))

    def complete(self) -> Fit:
        """The same with its Hessian; all over again where that is not a minimum's."""
        objective = self.objective
        with one_thread():
            matrix = hessian(objective.value_and_gradient, self.found.x, self.scale, central=False)
            if not self.found.converged or downhill(matrix, self.scale) is not None:
                return fit_design(objective.design)
            return finished(objective, self._estimated(matrix, exact=True))

    def _of_scene(self, place: int) -> bool:
        design = self.objective.design
        in_a = place < len(design.a.rows)
        return (design.a if in_a else design.b).group == "scene"

    def _minimize(self, free: np.ndarray, full: Array, curvature: Array) -> Optimum:
        full = full.copy()

        def function(x: Array) -> tuple[float, Array]:
            full[free] = x
            value, gradient = self.objective.value_and_gradient(full)
            return value, gradient[free]

        return minimize(function, full[free], curvature, self.scale[free], tolerance=1e-8)

    def _estimated(self, curvature: Array, *, exact: bool) -> Estimated:
        found, design = self.found, self.objective.design
        signs, first = np.ones(len(found.x)), 0
        for side in (design.a, design.b):
            for column in range(side.k):
                own = first + np.flatnonzero(side.cols == column)
                diagonal = first + int(np.flatnonzero((side.cols == column) & side.diagonal)[0])
                if found.x[diagonal] < 0:
                    signs[own] = -1.0
            first += len(side.rows)
        gradient = np.resize(found.gradient, len(found.x)) * signs
        curvature = curvature * np.outer(signs, signs)
        return Estimated(
            found.x * signs,
            found.value,
            gradient,
            curvature,
            exact,
            self.scale,
            self.zero,
            found.converged,
            0,
        )


def _lifted(objective: Objective, x: Array) -> Array:
    """Diagonal elements at 0 moved off the ridge."""
    x = x.copy()
    n_theta = objective.design.n_theta
    low = 0.1 * objective.scale()[:n_theta]
    near = objective.design.diagonal & (x[:n_theta] < low)
    x[:n_theta][near] = low[near]
    return x


@dataclass(frozen=True)
class Root:
    """The test of a spread at its bound: estimate, signed root, p."""

    sd: float
    root: float
    p: float


class Decider:
    """Decides studies of one cell.

    Parameters
    ----------
    cell
        The design and the truth.
    random
        Random terms of the joint model, if not the declared ones.
    """

    def __init__(self, cell: Cell, random: tuple[Term, ...] = ()) -> None:
        self.cell = cell
        first = table(draw(cell, (0.0, 0.0), generator(SEED, cell.name, "pilot")))
        self.joint = Fitter(first, GROUPS, random)
        self.alone = {group: Fitter(first, (group,)) for group in GROUPS}

    def means(self, truth: str, index: int, samples: int = 0) -> Row:
        """p-values of one study: t with the fast df, and from a parametric bootstrap of so many samples."""
        cell = self.cell
        effects = tuple(cell.conditional(effect) for effect in TRUTHS[truth])
        values = draw(cell, (effects[0], effects[1]), generator(SEED, cell.name, truth, index))
        fit = self.joint.fit(np.concatenate([own.ravel() for own in values]))
        if not fit.state.usable:
            return {"index": index, "model": "no estimates"}
        row: Row = {"index": index, "model": " + ".join(map(str, fit.model.random))}
        with redirect_stderr(StringIO()):  # the progress of each
            drawn = bootstrap(fit, samples, seed=index, statistic=self.marginals) if samples else None
        for name, one in self.marginals(fit).items():
            fast = self.estimate(name, one)
            row |= {f"d {name}": one.estimate, f"se {name}": one.se}
            row |= dict(zip((f"p {name}", f"e {name}"), _tests(fast), strict=True))
            if drawn:  # as decide_crossed does
                pivots = np.sort(drawn.pivots(name)) * (drawn.errors[name] / one.se)
                row |= dict(
                    zip((f"pb {name}", f"eb {name}"), _tests(replace(fast, pivots=pivots)), strict=True)
                )
        return row

    def spreads(self, index: int, samples: int = 0) -> Row:
        """People's spread in one study: roots, and their p against the plain normal and with `samples` drawn."""
        values = draw(self.cell, (0.0, 0.0), generator(SEED, self.cell.name, "spread", index))
        row: Row = {"index": index}
        for group, own in zip(GROUPS, values, strict=True):
            found = self.spread(group, own.ravel(), index, samples)
            row |= {
                f"sd {group}": found.sd,
                f"root {group}": found.root,
                f"s {group}": float(ndtr(found.root)),
            }
            row |= {f"sb {group}": found.p} if samples else {}
        return row

    def estimate(self, name: str, one: Contrast) -> Estimate:
        """With the df of the declared fast rule."""
        people = [n for n, group in zip(self.cell.people, GROUPS, strict=True) if group in WEIGHTS[name]]
        df = min(*people, self.cell.scenes) - 1.0
        return Estimate(one.estimate, one.se, df, "", {}, self.cell.scenes)

    def marginals(self, fit: Fit) -> dict[str, Contrast]:
        """Marginal d′ of both groups, and their difference."""
        found = {}
        for name, weights in WEIGHTS.items():
            points = [
                (sign * weight, {**dict.fromkeys(GROUPS, 0.0), group: 1.0, "g": g, "c": sign / 2})
                for group, weight in weights.items()
                for g in [-0.5 if group == GROUPS[0] else 0.5]
                for sign in (1.0, -1.0)
            ]
            found[name] = marginal(fit, points)
        return found

    def spread(self, group: str, y: Array, seed: int, samples: int = 0) -> Root:
        """`spread_below` at the true spread, its p from the normal distribution or from so many samples."""
        fitter = self.alone[group]
        bound = self.cell.person[GROUPS.index(group)]
        fit = fitter.fit(y)
        design = with_first(fit.design, "person", f"{group}:c")
        place = sd_place(design, "person", f"{group}:c")
        objective = objective_of(design)
        key = (fit.model, "held")
        if key not in fitter.starts:
            pilot = objective_of(with_first(fitter.design(fit.model, fitter.pilot), "person", f"{group}:c"))
            at = estimate(pilot, held={place: bound})
            fitter.starts[key] = _lifted(objective, at.x), at.curvature
        x, curvature = fitter.starts[key]
        held = estimate(objective, start=x, curvature=curvature, held={place: bound}, exact=False)
        sd = fit.sd("person", f"{group}:c")
        root = spread._root(sd - bound, held.value - fit.estimated.value)
        if not samples:
            return Root(sd, root, float(ndtr(root)))
        task = spread._Refit(objective, place, held.x, curvature, bound, seed)
        drawn = [one for one in map(task, range(samples)) if one is not None]
        return Root(sd, root, (1 + sum(one <= root for one in drawn)) / (len(drawn) + 1))


def _tests(one: Estimate) -> tuple[float, float]:
    tests = run_tests(one, bound=BOUND, alpha=ALPHA, alpha_equivalence=ALPHA)
    assert tests.p_equivalence is not None
    return tests.p_raw, tests.p_equivalence


COLUMNS = [
    *(f"{what} {name}" for what in ("d", "se", "p", "e", "pb", "eb") for name in WEIGHTS),
    *(f"{what} {group}" for what in ("sd", "root", "s", "sb") for group in GROUPS),
    "model",
]


def rows(cell: Cell, truth: str, indices: Iterable[int]) -> list[Row]:
    """Decide studies of a cell; under the truth "spread" people's spread alone."""
    decider = Decider(cell)
    samples = SAMPLES if cell in RESAMPLED else 0
    if truth == "spread":
        return [decider.spreads(index, samples) for index in indices]
    return [decider.means(truth, index, samples) for index in indices]
