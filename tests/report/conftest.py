"""A small simulated study, decided and saved the way an analysis saves it."""

import io
import json
import shutil
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from analysis.evidence.decide import decide
from analysis.measures.table import MeasureTable, sidecar_for, tidy, write_measure
from analysis.report import build_report
from protocols.base.files import write_atomically, write_json
from protocols.base.tables import write_frame
from protocols.plan.reading import Promise, parse_plan, resolved
from tests.report import crossed_study

PLAN = """\
plan: report-study
schema: 1
title: TITLE
question: >-
  Can children and adults tell filmed scenes from generated ones, and does their dorsomedial prefrontal cortex
  respond differently to the two? And if not: can we show that it does not?
groups:
  child: {label: children, age_months: [48, 84], n_planned: 30, n_recruited: 60, profile: child}
  adult: {label: adults, age_months: [216, 480], n_planned: 32, n_recruited: 40, profile: adult}
conditions:
  live: {role: reference, label: live action}
  ai: {role: contrast, label: AI-generated film}
  cartoon: {role: positive_control, label: cartoons}
stimuli: {set: stimuli/report-study, pairs: 16, seconds: 8, generators: [Imaginary 1.0]}
measures:
  sees:
    level: conscious
    statistic: dprime_per_person
    label: d′ for telling generated from filmed
    measured_elsewhere: Every clip was judged once as filmed or computer-made.
    bound: {value: 0.30, unit: dprime, because: "56 % correct; published samples lie just above"}
    spread: {value: 0.50, unit: dprime, because: a mean of zero with a large spread is discrimination too}
    control: {contrast: [live, cartoon], minimum: 1.0}
  dmpfc:
    level: neural
    statistic: percent_signal_change
    label: percent signal change in dmPFC
    measured_elsewhere: Region values by a simulated program.
    bound: {value: 0.10, unit: percent_signal, because: precedent in equivalence work on BOLD}
    control: {contrast: [fixation, all_clips], minimum: 0.05}
  vmpfc:
    level: neural
    statistic: percent_signal_change
    label: percent signal change in vmPFC
    measured_elsewhere: Region values by a simulated program.
    bound: {value: 0.10, unit: percent_signal, because: precedent in equivalence work on BOLD}
    control: {contrast: [fixation, all_clips], minimum: 0.05}
  n170:
    level: neural
    statistic: amplitude
    label: N170 amplitude
    measured_elsewhere: Never measured.
    bound: {value: 0.5, unit: microvolt, because: half of what faces and houses differ by}
    control: {contrast: [live, cartoon], minimum: 0.2}
  eerie:
    level: conscious
    statistic: rating
    label: eeriness
    measured_elsewhere: Rated from 1 to 7.
hypotheses:
  H1: {measure: sees, effect: condition, contrast: [live, ai], group: [child, adult], asks: both, family: conscious}
  H2: {measure: dmpfc, effect: condition, contrast: [live, ai], group: [child, adult], asks: both, family: neural}
  H3: {measure: dmpfc, effect: group_by_condition, contrast: [live, ai], asks: both, family: neural}
  H4: {measure: vmpfc, effect: condition, contrast: [live, ai], group: adult, asks: equivalence, family: other}
  H5: {measure: n170, effect: condition, contrast: [live, ai], group: adult, asks: both, family: other}
  X1: {measure: eerie, effect: group, condition: ai, asks: difference, exploratory: true}
  X2: {measure: eerie, effect: level, condition: ai, against: 3.5, group: pooled, asks: difference, exploratory: true}
families:
  conscious: {claim: each}
  neural: {claim: each}
  other: {claim: all}
decision: {deciding_model: by_person, seed: 7, power_waiver: a study made up for the tests of the report}
"""
TITLE = "Live action and its AI twin, in the eyes and brains of children and adults"
PEOPLE = {"child": 31, "adult": 33}
SCENES = 16


def simulate(promise: Promise) -> dict[str, MeasureTable]:
    """Children do not tell and do not respond differently; adults do both; vmPFC does not respond to film at all."""
    random = np.random.default_rng(5)
    rows: dict[str, list[dict[str, object]]] = {"sees": [], "dmpfc": [], "vmpfc": [], "eerie": []}
    for group, n in PEOPLE.items():
        adult = group == "adult"
        for i in range(n):
            code = f"sub-{group[0]}{i + 1:02d}"
            own = {
                "sees": random.normal(0.9 if adult else 0.0, 0.1),
                "dmpfc": random.normal(0.2 if adult else 0.0, 0.13),
            }
            level = random.normal(0.25, 0.1)
            for scene in range(SCENES):
                places = dict(zip(("live", "ai", "cartoon"), random.permutation(3), strict=True))
                for condition in places:
                    ai = condition == "ai"
                    base = {
                        "participant_id": code, "group": group, "condition": condition, "scene": f"s{scene:02d}",
                        "trial_order": 3 * scene + 1 + places[condition],
                    }  # fmt: skip
                    lost = not adult and i < 2 and scene < 9
                    moved = (
                        {"included": 0, "reason": "moved more than 0.5 mm"}
                        if lost
                        else {"included": 1, "reason": None}
                    )
                    for trial in range(3):
                        z = {"live": -own["sees"] / 2, "ai": own["sees"] / 2, "cartoon": 1.8}[condition]
                        rows["sees"].append(
                            {
                                **base,
                                "trial": str(trial),
                                "value": float(random.normal(z, 1) > 0),
                                "included": 1,
                            }
                        )
                    value = level + own["dmpfc"] * (ai - 0.5) + random.normal(0, 0.12)
                    rows["dmpfc"].append({**base, "value": value, **moved})
                    rows["vmpfc"].append({**base, "value": random.normal(0, 0.15), "included": 1})
                    rows["eerie"].append(
                        {
                            **base,
                            "value": float(np.clip(round(random.normal(3 + ai * adult, 1.4)), 1, 7)),
                            "included": 1,
                        }
                    )
    everyone = pd.DataFrame(rows["dmpfc"])
    gone = everyone["participant_id"] == "sub-c31"
    everyone.loc[gone, ["included", "reason"]] = [0, "left the scanner"]
    rows["dmpfc"] = everyone.to_dict("records")
    return {
        name: MeasureTable(
            name,
            tidy(pd.DataFrame(part)),
            sidecar_for(promise.plan.measures[name], plan_sha256=promise.sha256),
        )
        for name, part in rows.items()
    }


def save_study(
    out: Path, text: str, tables: Mapping[str, MeasureTable] | None = None, *, blinded: bool = False
) -> Path:
    """Decide a plan on tables and leave everything in `out` as an analysis does."""
    promise = parse_plan(text)
    tables = simulate(promise) if tables is None else tables
    decision = decide(promise.plan, promise.sha256, tables, blinded=blinded)
    for table in tables.values():
        write_measure(out, table)
    write_json(out / "plan.json", resolved(promise.plan))
    for name, frame in decision.tables.items():
        write_frame(out / "results" / f"{name}.tsv", frame)
    write_atomically(out / "verdict.json", decision.verdict.model_dump_json(by_alias=True, indent=2) + "\n")
    run = {
        "command": "bazin analyse out out group --plan report-study.plan.yaml",
        "versions": {"bazin": "0.1.0", "numpy": "2.0.0", "scipy": "1.14.0"},
        "python": "3.11.9",
        "system": "Linux",
        "blinded": blinded,
        "warnings": [],
        "errors": [
            "measure 'n170': no table measure-n170.tsv in measures/; its hypotheses are not estimable"
        ],
        "generated": "2026-11-23",
        "sources": [{"file": "measures/measure-sees.tsv", "sha256": "0123456789abcdef" * 4}],
    }
    write_atomically(out / "logs" / "run.json", json.dumps(run))
    return out


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OUT of the study with its report; not to be changed."""
    out = save_study(tmp_path_factory.mktemp("study") / "out", PLAN.replace("TITLE", TITLE))
    build_report(out)
    return out


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are saved as one pixel: drawing takes seconds, which a test of the words need not wait for."""
    pixel = io.BytesIO()
    Image.new("RGB", (1, 1)).save(pixel, format="PNG")
    monkeypatch.setattr(Figure, "savefig", lambda _, file, **__: file.write(pixel.getvalue()))


@pytest.fixture
def study(built: Path, tmp_path: Path) -> Path:
    """A copy of OUT that a test may change."""
    return Path(shutil.copytree(built, tmp_path / "out"))


@pytest.fixture(scope="session")
def change_json() -> Callable[[Path, Callable[[dict], object]], None]:
    """Change a JSON file in place."""

    def change(path: Path, how: Callable[[dict], object]) -> None:
        document = json.loads(path.read_text("utf-8"))
        how(document)
        path.write_text(json.dumps(document), "utf-8")

    return change


class Page(HTMLParser):
    """An HTML page as a list of elements, each with its attributes, its text and its ancestors' ids."""

    VOID = frozenset({"meta", "img", "br", "source", "link", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[dict] = []
        self._open: list[dict] = []
        self.feed(text)
        assert not self._open, f"never closed: {self._open[0]['tag']}"

    def handle_starttag(self, tag, attrs):
        inside = [element["attrs"]["id"] for element in self._open if element["attrs"].get("id")]
        element = {"tag": tag, "attrs": dict(attrs), "text": "", "inside": inside}
        self.elements.append(element)
        if tag not in self.VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append({"tag": tag, "attrs": dict(attrs), "text": "", "inside": []})

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop()["tag"] == tag, f"</{tag}> out of order"
        if tag in {"dt", "dd", "td", "th", "p", "li"}:
            self.handle_data(" ")  # blocks are apart without white space between them

    def handle_data(self, data):
        for element in self._open:
            element["text"] += data

    def find(self, tag: str | None = None, **attrs: str) -> list[dict]:
        """Elements of a tag whose attributes hold these words (``class_`` for class)."""
        wanted = {name.rstrip("_"): value for name, value in attrs.items()}
        return [
            element
            for element in self.elements
            if tag in (None, element["tag"])
            and all(value in (element["attrs"].get(name) or "").split() for name, value in wanted.items())
        ]

    def text_of(self, tag: str | None = None, **attrs: str) -> str:
        """Text of the one element that fits, white space folded."""
        (element,) = self.find(tag, **attrs)
        return " ".join(element["text"].split())

    def inside(self, identifier: str, tag: str | None = None, **attrs: str) -> list[dict]:
        """Those found within the element of that id."""
        return [element for element in self.find(tag, **attrs) if identifier in element["inside"]]


@pytest.fixture(scope="session")
def read_page() -> Callable[[Path], Page]:
    """Read OUT/report.html."""
    return lambda out: Page((out / "report.html").read_text("utf-8"))


@pytest.fixture(scope="session")
def plan_text() -> str:
    """The study's plan as YAML, with its title."""
    return PLAN.replace("TITLE", TITLE)


@pytest.fixture(scope="session")
def save() -> Callable[..., Path]:
    """Decide and save a study; see `save_study`."""
    return save_study


@pytest.fixture(scope="session")
def simulated() -> Callable[[Promise], dict[str, MeasureTable]]:
    """Simulate the study's tables; see `simulate`."""
    return simulate


@pytest.fixture(scope="session")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OUT of a study that a crossed model decides, with its report; not to be changed."""
    out = tmp_path_factory.mktemp("crossed") / "out"
    save_study(out, crossed_study.PLAN, crossed_study.tables(crossed_study.PLAN, crossed_study.frames()))
    build_report(out)
    return out


@pytest.fixture
def crossed_copy(crossed: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(crossed, tmp_path / "out"))
