"""The guides are true: what they tell people to type works, and gives what they say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    """Fenced code blocks of one language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def sleep(tmp_path_factory, run_bazin):
    """The folder a reader of the first guide has at its end."""
    folder = tmp_path_factory.mktemp("first-study")
    (folder / "sleep.csv").write_text(blocks("first-study.md", "csv")[0], encoding="utf-8")
    plan, mapping = blocks("first-study.md", "yaml")
    (folder / "sleep.plan.yaml").write_text(plan, encoding="utf-8")
    (folder / "sleep.map.yaml").write_text(mapping, encoding="utf-8")
    for block in blocks("first-study.md", "sh"):
        for line in block.strip().splitlines():
            command = line.split()
            assert command[0] == "bazin"
            code, out, err = run_bazin(command[1:], cwd=folder)
            assert code == 0, out + err
    return folder


def test_the_first_study_gives_the_published_numbers(sleep):
    verdict = json.loads((sleep / "sleep" / "verdict.json").read_text(encoding="utf-8"))
    first, second = verdict["hypotheses"]
    # Student 1908; R's t.test(extra ~ group, sleep, paired = TRUE): t = -4.0621, df = 9, p = 0.002833
    assert first["estimate"] == pytest.approx(1.58)
    assert first["estimate"] / first["se"] == pytest.approx(4.0621, abs=5e-5)
    assert first["df"] == pytest.approx(9)
    assert first["p_raw"] == pytest.approx(0.002833, abs=5e-7)
    assert first["p_adjusted"] == pytest.approx(2 * first["p_raw"])
    assert [first["ci_difference"][end] for end in ("low", "high")] == pytest.approx(
        [0.7001142, 2.4598858], abs=5e-7
    )
    assert (first["outcome"], first["magnitude"]) == ("different", "exceeds_bound")
    assert second["p_raw"] == pytest.approx(0.2176, abs=5e-5)  # t.test(extra, subset = group 1): t = 1.3257
    assert second["outcome"] == "undecided"


def test_the_first_study_says_them_in_words(sleep):
    verdict = json.loads((sleep / "sleep" / "verdict.json").read_text(encoding="utf-8"))
    page = (sleep / "sleep" / "report.html").read_text(encoding="utf-8")
    for record in verdict["hypotheses"]:
        assert record["outcome"] in page
    assert "1.58" in page
    assert any("too little was seen" in sentence for sentence in verdict["hypotheses"][1]["does_not_show"])


def test_the_notebook_examples_print_what_they_show(sleep, monkeypatch, capsys):
    monkeypatch.chdir(sleep)
    codes, outputs = blocks("notebook.md", "python"), blocks("notebook.md", "output")
    assert len(codes) == len(outputs) == 3
    for code, expected in zip(codes, outputs, strict=True):
        exec(compile(code, "notebook.md", "exec"), {})  # noqa: S102 - the guide's own text
        assert capsys.readouterr().out.rstrip() == expected.rstrip()
