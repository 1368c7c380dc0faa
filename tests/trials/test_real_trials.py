"""Real tables through the guide's maps."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from analysis.importing.beh import measure_from_beh
from protocols.plan.reading import parse_plan
from tests.trials.conftest import PIECES
from tests.trials.test_measure_from_beh import PLAN


def test_gengap(desk, real_data):
    summary = desk.bring(real_data / "behaviour" / "gengap" / "trials_long.csv", PIECES["gengap.map.yaml"])
    assert (summary.read, summary.usable, dict(summary.groups)) == (7200, 7200, {"young": 60, "old": 60})
    assert summary.flags == ()
    people = desk.rows("participants.tsv")
    assert [sum(p["age_band"].startswith(str(d)) for p in people) for d in (20, 30, 50, 60)] == [
        34,
        26,
        44,
        16,
    ]
    plan = parse_plan(
        PLAN.replace("adult: {n_planned: 2}", "young: {n_planned: 2}, old: {n_planned: 2}").replace(
            "group: adult", "group: young"
        )
    )
    table = measure_from_beh(desk.out, plan, "sees")
    assert len(table.used) == 7200
    assert int(table.used["value"].sum()) == 3418  # as the table's own column 'fake' has it
    assert table.used["scene"].nunique() == 60
    right = table.used["value"] == (table.used["condition"] == "ai")
    assert 0.5 < np.mean(right) < 1
    bands = {person["participant_id"]: person["age_band"][:2] for person in people}
    counts = table.used.groupby(["participant_id", "condition"])["value"].agg(["sum", "count"]).unstack()
    rates = (counts["sum"] + 0.5) / (counts["count"] + 1)
    dprime = pd.Series(norm.ppf(rates["ai"]) - norm.ppf(rates["live"]), index=rates.index)
    by_band = dprime.groupby(bands).mean()
    assert by_band.to_dict() == pytest.approx({"20": 2.90, "30": 2.74, "50": 2.17, "60": 1.85}, abs=0.006)


def test_fakeart(desk, real_data):
    summary = desk.bring(real_data / "behaviour" / "fakeart" / "rawdata_task.csv", PIECES["fakeart.map.yaml"])
    assert (summary.read, summary.usable, dict(summary.groups)) == (1440, 1440, {"adult": 30})
    trials = desk.beh("S009", "ratings")
    assert len(trials) == 48
    assert "correct" not in trials[0]
    assert [int(t["trial"]) for t in trials] == sorted(int(t["trial"]) for t in trials)
    assert all((float(t["reality"]) > 0) == (t["response"] == "human") for t in trials)
    plan = parse_plan(PLAN)
    table = measure_from_beh(desk.out, plan, "beauty")
    assert table.rows.groupby("condition")["value"].count().to_dict() == {
        "ai": 478,
        "forgery": 480,
        "human": 482,
    }
