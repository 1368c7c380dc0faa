"""Error rates of the crossed model (INFERENCE 14): that the fast versions are the analysis itself, and the worst cells.

The whole grid, with the numbers of data sets the rule asks for: ``python -m benchmarks.calibration``.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from analysis.evidence.crossed import decide_crossed, fitted
from analysis.evidence.crossed_table import of_group
from analysis.evidence.question import ask
from analysis.models import Term, spread_below
from benchmarks.calibration import choices, linear, runs, sealed
from benchmarks.calibration.balanced import Layout, draw_sums, sums
from benchmarks.calibration.cells import ALPHA, GROUPS, SEED, Cell, draw, grid, table
from benchmarks.calibration.spreads import redrawn, spread
from benchmarks.calibration.tables import lower_limit, passes, write
from protocols.base.seeds import generator
from protocols.plan.expanding import expand

NAMES = {"S.child": "child", "S.adult": "adult", "G": "g:c"}
PLAN = {
    "decision.deciding_model": "crossed_mixed",
    "decision.choices": "fast",
    "hypotheses.G": {
        "measure": "says", "effect": "group_by_condition", "contrast": ["live", "ai"], "asks": "both",
        "groups": ["child", "adult"], "family": "conscious",
    },
}  # fmt: skip
DPRIME = {
    "measures.says.statistic": "dprime",
    "measures.says.bound": {"value": 0.5, "unit": "dprime", "because": "half"},
    "measures.says.control": {"contrast": ["live", "cartoon"], "minimum": 0.5},
    "measures.says.spread": {"value": 0.3, "unit": "dprime", "because": "small"},
}


def questions(lab, values, *, choices=False):
    """The questions of a plan to a study, by the names of this benchmark."""
    plan = lab.plan({**PLAN, **(DPRIME if choices else {})})
    measured, fits = lab.table(plan, "says", table(values)), {}
    return {NAMES[i.id]: ask(plan, i, measured, None, fits=fits) for i in expand(plan) if i.id in NAMES}


@pytest.mark.parametrize(
    ("cell", "index"),
    [
        (Cell("linear", 12, (20, 20), "medium", 2), 0),
        (Cell("linear", 12, (20, 20), "0", 1), 1),
        (Cell("linear", 12, (20, 20), "large", 2), 2),
        pytest.param(Cell("linear", 24, (20, 34), "large", 2), 3, marks=pytest.mark.slow),
        pytest.param(Cell("linear", 12, (34, 34), "0", 2), 4, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_twenty_numbers_are_the_linear_analysis(lab, cell, index):
    values = draw(cell, (0.3, -0.2), generator(SEED, cell.name, "same", index))
    layout, data = Layout(cell.people, cell.scenes), sums(values)
    stands = sealed.reduced(layout, data, sealed.declared(layout))
    asked = questions(lab, values)
    for name, question in asked.items():
        found = decide_crossed(question)
        one = sealed.tested(layout, data, stands, linear.WEIGHTS[name])
        assert one.value[0] == pytest.approx(found.estimate.value, abs=1e-7)
        assert one.se[0] == pytest.approx(found.estimate.se, rel=1e-5)
        assert one.df[0] == pytest.approx(found.estimate.df, rel=1e-3)
    for k, group in enumerate(GROUPS[: 1 + (index > 2)]):
        alone = fitted(of_group(asked["child"], group))
        known = spread_below(alone.fit, "person", f"{group}:c", cell.person[k], n=0, seed=1)
        own = spread(Layout(cell.people[k : k + 1], cell.scenes), data.group(k), cell.person[k])
        assert own.root[0] == pytest.approx(known.root, abs=1e-4)
        assert own.sd[0] == pytest.approx(known.sd, abs=1e-4)


@pytest.mark.parametrize(
    ("cell", "index"),
    [
        (Cell("choices", 12, (20, 20), "medium", 1), 0),
        pytest.param(Cell("choices", 12, (20, 20), "large", 1), 1, marks=pytest.mark.slow),
        pytest.param(Cell("choices", 12, (20, 20), "0", 1), 2, marks=pytest.mark.slow),
        pytest.param(Cell("choices", 24, (20, 20), "large", 1), 3, marks=pytest.mark.slow),
        pytest.param(Cell("choices", 12, (34, 34), "medium", 1), 4, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_warm_starts_are_the_analysis_of_choices(lab, cell, index):
    decider = choices.Decider(cell)
    fast = decider.means("none", index)
    values = draw(cell, (0.0, 0.0), generator(SEED, cell.name, "none", index))
    asked = questions(lab, values, choices=True)
    for name, question in asked.items():
        found = decide_crossed(question)
        assert fast[f"d {name}"] == pytest.approx(found.estimate.value, abs=1e-4)
        assert fast[f"se {name}"] == pytest.approx(found.estimate.se, rel=1e-3)
        assert found.estimate.df == cell.scenes - 1 if cell.scenes < cell.people[0] else cell.people[0] - 1
        assert str(found.crossed.fit.model).endswith(str(fast["model"]))
        for group, known in found.spreads.items():  # the bound of the plan is that of the cell
            own = decider.spread(group, values[GROUPS.index(group)].ravel(), 1)
            assert (own.root, own.sd) == pytest.approx((known.root, known.sd), abs=1e-3)


def test_the_rule_as_written():
    assert lower_limit(552, 10_000) > 0.05 > lower_limit(551, 10_000)
    assert not passes(552, 10_000, 10_000)
    assert passes(551, 10_000, 10_000)
    assert not passes(121, 2000, 2000)  # .0605 > .06, although its lower limit is .0485
    assert passes(121, 2000, 10_000)  # with fewer data sets than asked for only the limit speaks
    assert passes(0, 100, 100)


def test_the_grid_holds_every_combination_once():
    cells = [*grid("linear"), *grid("choices")]
    assert len({cell.name for cell in cells}) == len(cells) == 54 + 36
    equal = {(c.kind, c.scenes, c.people, c.slope, c.ratio) for c in cells if c.people[0] == c.people[1]}
    assert len(equal) == 2 * 3 * 2 * 3 * 2


def test_a_run_goes_on_where_it_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(linear, "BLOCK", 20)
    monkeypatch.setitem(runs.PASSES, "linear", (20, 40))
    cell, most = Cell("linear", 12, (20, 20), "large", 2), {"linear": 40, "choices": 0}
    for folder, steps in (("once", [40]), ("twice", [20, 40])):
        store = runs.Store(tmp_path / folder)
        for step in steps:
            runs.run(runs.chunks([cell], store, {**most, "linear": step}), store)
        assert list(store.read(cell, "none")["index"]) == list(range(40))
        assert not list(runs.chunks([cell], store, most))
    tables = [
        write([cell], runs.Store(tmp_path / folder), tmp_path / "out.tsv") for folder in ("once", "twice")
    ]
    assert tables[0].drop(columns="seconds").equals(tables[1].drop(columns="seconds"))
    assert set(tables[0]["n"]) == {40}
    assert len(tables[0]) == 8  # three differences, three equivalences, two spreads


# The reduced version. By the lower limit alone a cell fails from 152 rejections in 2,500 data sets (.061), 68 in 1,000
# (.068), 13 in 120 (.108), 8 in 60 (.133): with a true level of .05 under 1 seed of 100, and seeds are fixed.

WORST = {
    "few scenes, many people": Cell("linear", 12, (34, 34), "large", 1),
    "few of both, one group varies more": Cell("linear", 12, (20, 20), "medium", 2),
    "the smaller group varies more": Cell("linear", 48, (34, 20), "medium", 2),
    "scenes differ most": Cell("linear", 24, (34, 34), "large", 1),
}


def rates(ps):
    """Rejections among p values, their number, and both in words."""
    rejections, n = int(np.sum(np.asarray(ps) <= ALPHA)), len(ps)
    return rejections, n, f"{rejections} of {n}: {rejections / n:.4f}"


@pytest.mark.slow
@pytest.mark.parametrize("name", WORST)
def test_the_worst_linear_cells_keep_their_level(name):
    cell = WORST[name]
    tests, _ = linear.means(cell, linear.studies(cell, 0))
    for which, one in tests.items():
        for hypothesis, p in (("difference", one.p()), ("equivalence", one.below(0.0))):
            rejections, n, words = rates(p)
            print(f"{cell.name}, {which}, {hypothesis}: {words}")
            assert passes(rejections, n, runs.FULL["linear"]), f"{cell.name}, {which}, {hypothesis}: {words}"


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["scenes' slopes left out", "one covariance for all people", "Wald z"])
def test_a_broken_model_is_caught(broken):
    """What the level test is worth: each of these exceeds the limit in one of its cells."""
    where = {
        "scenes' slopes left out": ("scenes differ most", "child"),
        "one covariance for all people": ("the smaller group varies more", "adult"),
        "Wald z": ("few scenes, many people", "child"),
    }
    cell, which = WORST[where[broken][0]], where[broken][1]
    layout = Layout(cell.people, cell.scenes)
    slopes = [layout.of_scene(row, col) for row, col in ((1, 0), (1, 1), (2, 1), (3, 1))]
    tests, _ = linear.means(
        cell,
        linear.studies(cell, 0),
        shared=broken == "one covariance for all people",
        without=slopes if broken == "scenes' slopes left out" else (),
    )
    one = tests[which]
    p = 2 * ndtr(-np.abs(one.value) / one.se) if broken == "Wald z" else one.p()
    rejections, n, words = rates(p)
    print(f"{broken}, {cell.name}, {which}: {words}")
    assert not passes(rejections, n, runs.FULL["linear"])


@pytest.mark.slow
def test_choices_keep_their_level_and_a_model_without_scenes_slopes_does_not():
    cell = Cell("choices", 12, (34, 34), "large", 1)
    found = choices.rows(cell, "none", range(120))
    for which in choices.WEIGHTS:
        rejections, n, words = rates([row[f"p {which}"] for row in found])
        print(f"{cell.name}, {which}: {words}")
        assert passes(rejections, n, runs.FULL["choices"]), f"{cell.name}, {which}: {words}"
    many = replace(cell, people=(60, 60))  # the more people, the more of the error is the scenes'
    broken = choices.Decider(many, (*choices.terms(GROUPS)[:2], Term("scene", ["1", "g"])))
    rejections, n, words = rates([broken.means("none", index)["p child"] for index in range(60)])
    print(f"{many.name}, no slopes over scenes: {words}")
    assert not passes(rejections, n, runs.FULL["choices"])


@pytest.mark.slow
def test_the_bootstrap_of_a_spread_keeps_its_level_and_the_normal_reference_is_a_little_liberal():
    cell, n, samples = Cell("linear", 24, (34, 34), "medium", 1), 1000, 39
    data = linear.studies(cell, 0)
    alone = Layout(cell.people[:1], cell.scenes)
    roots = spread(alone, data.group(0), cell.person[0])
    some = roots.take(np.arange(n))
    drawn = redrawn(alone, some, cell.person[0], generator(SEED, "test", "redrawn"), samples)
    p = (1 + np.sum(drawn <= some.root[:, None], axis=1)) / (samples + 1)
    rejections, count, words = rates(p)
    print(f"{cell.name}, bootstrap: {words}")
    assert passes(rejections, count, runs.FULL["linear"])
    normal, _, words = rates(roots.p())
    print(f"{cell.name}, normal reference: {words}")
    assert 0.05 < normal / len(roots.p()) < 0.08
    # its mean lies at -sqrt(2) / (3 sqrt(n - 1)), which is what makes it liberal (docs/calibration.md)
    shift = np.sqrt(2.0) / (3.0 * np.sqrt(cell.people[0] - 1))
    assert roots.root.mean() == pytest.approx(-shift, abs=4 / np.sqrt(len(roots.root)))
    moved = replace(roots, root=roots.root + shift)
    assert passes(rates(moved.p())[0], len(roots.root), runs.FULL["linear"])


@pytest.mark.slow
def test_sums_drawn_are_those_of_drawn_values():
    """Wishart draws and tables made of values have the same means."""
    cell = Cell("linear", 12, (20, 34), "large", 2)
    layout, random = Layout(cell.people, cell.scenes), generator(SEED, "moments")
    short = draw_sums(layout, linear.truth(cell), (0.2, 0.5), random, 20_000)
    long = [sums(draw(cell, (0.2, 0.5), random)) for _ in range(2000)]
    for name in ("effects", "scene", "residual"):
        many = np.concatenate([getattr(one, name) for one in long])
        spread_of = many.std(axis=0) / np.sqrt(len(many)) + 1e-12
        assert np.max(np.abs(many.mean(axis=0) - getattr(short, name).mean(axis=0)) / spread_of) < 5
