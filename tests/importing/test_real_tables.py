"""Real tables as they came: answers of 120 people to 60 images, ratings of 30 people of 48 paintings."""

import pandas as pd
import pytest

GENGAP = """
columns: {participant_id: id, condition: truth, scene: item, value: resp}
recode:
  condition: {"0": live, "1": ai}
  value: {echt: 0, künstlich generiert: 1}
group:
  column: age
  recode: {20-29 Jahre alt: young, 30-39 Jahre alt: young, 50-59 Jahre alt: old, 60-69 Jahre alt: old}
measures: {sees: {level: conscious, statistic: proportion}}
"""
FAKEART = """
columns: {participant_id: Participant, condition: Condition, scene: Item, trial_order: Trial1}
wide: {Beauty: {measure: beauty}, Meaning: {measure: meaning}}
recode: {condition: {AI: ai, Human: live}}
exclude: {column: Condition, when: [Forgery], reason: forgeries are not part of the question}
group: {constant: adult}
measures: {beauty: {level: conscious, statistic: rating}, meaning: {level: conscious, statistic: rating}}
"""


def test_choices(desk, real_data):
    file = real_data / "behaviour" / "gengap" / "trials_long.csv"
    summary = desk.bring(file, GENGAP)
    assert (summary.read, summary.usable, dict(summary.groups)) == (7200, 7200, {"young": 60, "old": 60})
    theirs = pd.read_csv(file)
    ours = desk.measure("sees").rows
    assert (
        ours.groupby("condition")["value"].mean().tolist()
        == theirs.groupby("truth")["fake"].mean().tolist()[::-1]
    )
    assert "nobody has a scene in every version (unpaired)" in "\n".join(summary.lines())


def test_ratings(desk, real_data):
    file = real_data / "behaviour" / "fakeart" / "rawdata_task.csv"
    summary = desk.bring(file, FAKEART)
    assert dict(summary.measures) == {"beauty": 960, "meaning": 960}
    assert dict(summary.unusable) == {"forgeries are not part of the question": 960}
    theirs = pd.read_csv(file)
    ours = desk.measure("beauty").used
    mean = theirs.loc[theirs["Condition"] == "AI", "Beauty"].mean()
    assert ours.loc[ours["condition"] == "ai", "value"].mean() == pytest.approx(mean)
