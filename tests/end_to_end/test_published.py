"""Two published studies, from their tables of trials to the report, by the commands their shipped plans name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.importing.shipped import shipped_maps
from protocols.base.tables import read_frame
from protocols.plan.reading import parse_plan, shipped_plans

NUMBERS = ("estimate", "se", "df", "p")


class Published:
    """A study's results."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.verdict = json.loads((out / "verdict.json").read_text(encoding="utf-8"))
        self.records = {record["id"]: record for record in self.verdict["hypotheses"]}

    def rows(self, name: str) -> list[dict]:
        """A result table."""
        return read_frame(self.out / "results" / f"{name}.tsv").to_dict("records")

    def beside(self, hypothesis: str, analysis: str) -> dict[str, float]:
        """A sensitivity analysis."""
        rows = self.rows("sensitivity")
        [row] = [one for one in rows if (one["hypothesis"], one["analysis"]) == (hypothesis, analysis)]
        return {name: float(row[name]) for name in NUMBERS}


def reproduce(run_bazin, folder: Path, table: Path, name: str) -> Published:
    """The three commands of the plan's head, its bootstrap replaced by the fast rule, which has the same estimates."""
    plan = folder / f"{name}.plan.yaml"
    text = shipped_plans()[name]
    assert "choices: bootstrap" in text
    plan.write_text(text.replace("choices: bootstrap", "choices: fast"), encoding="utf-8")
    commands = [
        line.split("#", 1)[1].split() for line in text.splitlines() if line.startswith("#     bazin ")
    ]
    assert [command[1] for command in commands] == ["import", "analyse", "analyse"]
    for command in commands:
        words = [str(table) if word.endswith(".csv") else word for word in command[1:]]
        words[words.index("--plan") + 1] = str(plan)
        code, out, err = run_bazin(words, cwd=folder)
        assert code == 0, out + err
    return Published(folder / name / "derivatives" / "bazin")


@pytest.fixture(scope="module")
def gengap(run_bazin, tmp_path_factory, real_data):
    table = real_data / "behaviour" / "gengap" / "trials_long.csv"
    return reproduce(run_bazin, tmp_path_factory.mktemp("gengap"), table, "gengap")


@pytest.fixture(scope="module")
def fakeart(run_bazin, tmp_path_factory, real_data):
    table = real_data / "behaviour" / "fakeart" / "rawdata_task.csv"
    return reproduce(run_bazin, tmp_path_factory.mktemp("fakeart"), table, "fakeart")


def test_gengap_gives_lme4s_conditional_dprime_and_group_difference(gengap):
    """lme4 1.1-31: fake ~ g*c + (1 + c | person) + (1 | image), probit, Laplace."""
    usual = "crossed, conditional, one intercept per item"
    everybody, difference = gengap.beside("X1", usual), gengap.beside("H2", usual)
    assert everybody["estimate"] == pytest.approx(2.996117, abs=0.002)
    assert everybody["se"] == pytest.approx(0.171938, rel=0.01)
    assert difference["estimate"] == pytest.approx(-1.074336, abs=0.002)
    assert difference["se"] == pytest.approx(0.174739, rel=0.01)


def test_gengap_decides_with_the_marginal_dprime(gengap):
    """Both generations can tell, the younger better; averaged over images it is less than at the typical image."""
    young, old, difference = (gengap.records[name] for name in ("H1.young", "H1.old", "H2"))
    assert [record["outcome"] for record in (young, old, difference)] == ["different"] * 3
    assert [record["magnitude"] for record in (young, old, difference)] == ["exceeds_bound"] * 3
    assert difference["estimate"] == pytest.approx(old["estimate"] - young["estimate"], abs=1e-6)
    for name in ("H1.young", "H1.old"):
        conditional = gengap.beside(name, "crossed, conditional on scene and person")
        assert 0.7 * conditional["estimate"] < gengap.records[name]["estimate"] < conditional["estimate"]
    assert young["n_people"] == {"young": 60}
    assert young["n_scenes"] == 60


def test_gengap_has_every_age_bands_dprime(gengap):
    bands = {
        row["level"][:2]: float(row["dprime"]) for row in gengap.rows("detection") if row["by"] == "age_band"
    }
    assert bands == pytest.approx({"20": 2.90, "30": 2.74, "50": 2.17, "60": 1.85}, abs=0.006)


@pytest.mark.parametrize(
    ("name", "estimate", "se", "df"),
    [("H1", -0.5414447, 0.1305339, 28.39), ("H2", -0.7075303, 0.1183835, 28.98)],
)
def test_fakeart_ratings_equal_lmertest(fakeart, name, estimate, se, df):
    """lme4 1.1-31, lmerTest: rating ~ c + (1 + c | person) + (1 + c | painting), REML, Satterthwaite.

    The one of meaning is singular there, and made smaller in the sealed order here.
    """
    record = fakeart.records[name]
    assert record["estimate"] == pytest.approx(estimate, abs=0.002)
    assert record["se"] == pytest.approx(se, rel=0.01)
    assert record["df"] == pytest.approx(df, rel=0.02)
    assert record["outcome"] == "different"


def test_fakeart_belief_equals_glmer(fakeart):
    """glmer, probit: "human" ~ c + (1 + c | person) + (1 + c | painting) has c = -.4388429; our answer is "AI"."""
    row = fakeart.beside("B1", "crossed, conditional on scene and person")
    assert row["estimate"] == pytest.approx(0.4388429, abs=0.002)
    assert row["se"] == pytest.approx(0.1439266, rel=0.01)
    assert fakeart.records["B1"]["outcome"] == "different"


def test_a_label_study_does_not_speak_of_generation(fakeart):
    sentences = " ".join(fakeart.records["H1"]["does_not_show"])
    assert "what differed was the label" in sentences
    assert "codec" not in sentences


def test_shipped_maps_belong_to_shipped_plans():
    assert set(shipped_maps()) <= set(shipped_plans())
    for name in shipped_maps():
        assert parse_plan(shipped_plans()[name]).plan.plan == name


def test_a_misspelt_shipped_map_is_named(run_bazin, tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    code, _, err = run_bazin(["import", "trials", "t.csv", "--map", "gengab", "--out", "x"], cwd=tmp_path)
    assert code == 2
    assert "map 'gengab'" in err
    assert "did you mean 'gengap'?" in err
