"""Blinding: the arms' labels are shuffled until exclusions, masks and model checks are frozen (INFERENCE 12)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analysis.measures.table import MeasureTable
from protocols.base.seeds import generator
from protocols.plan.expanding import arms_of
from protocols.plan.measuring import PAIRS
from protocols.plan.promises import Plan


def shuffle_arms(plan: Plan, table: MeasureTable, key: str) -> MeasureTable:
    """The table with the arms' labels shuffled within each person and scene; controls keep theirs.

    Values, exclusions and missing cells stay where they are, so that everything that does not depend on the labels
    can be checked. The same `key` gives the same shuffle. A d' of pairs has no other arm to change places with: its
    sign is drawn instead.

    Parameters
    ----------
    key
        What the shuffle depends on besides the plan's seed and the person: the plan's hash.
    """
    rows = table.rows.copy()
    shown = set(rows["condition"].dropna())  # a measure may not have every arm; it must not get a new one
    arms = sorted(shown.intersection(arms_of(plan)))
    concerned = rows["condition"].isin(arms)
    if table.sidecar.statistic in PAIRS:
        signs = {
            person: generator(plan.decision.seed, "blind", key, table.id, str(person)).choice([-1.0, 1.0])
            for person in sorted(rows.loc[concerned, "participant_id"].unique())
        }
        rows.loc[concerned, "value"] *= rows.loc[concerned, "participant_id"].map(signs).astype(float)
        return replace(table, rows=rows)
    scene = rows["scene"].fillna("").astype(str)
    for (person, name), part in rows[concerned].groupby([rows["participant_id"], scene], sort=True):
        random = generator(plan.decision.seed, "blind", key, table.id, str(person), str(name))
        labels = part["condition"].to_numpy()
        # One permutation of labels for the scene, so that repeated showings of a version stay together.
        present = sorted(set(labels)) if len(set(labels)) > 1 else arms
        renamed = dict(zip(present, random.permutation(np.array(present, dtype=object)), strict=True))
        rows.loc[part.index, "condition"] = [renamed[label] for label in labels]
    return replace(table, rows=rows)
