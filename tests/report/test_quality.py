"""Motion as the report shows it: tables of groups beside each other, and the figures."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from analysis.evidence.decide import decide
from analysis.evidence.variants import Beside
from analysis.report.quality import quality
from analysis.report.saved import Study, read_study
from protocols.base.files import write_atomically, write_json
from protocols.base.tables import write_frame
from protocols.pages import figures
from protocols.plan.reading import resolved
from tests.evidence.bold_study import by_motion, changes, motion_by_person, quality_of, roi_table
from tests.evidence.conftest import Lab


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A study in which children move more, two tasks recorded, one child not used at all and one in part."""
    promise = Lab.promise(
        changes(
            {
                "conditions.ai.label": "AI-generated film",
                "hypotheses.C": None,
                "exclusions.sensitivity.mean_fd_mm": [0.3],
                "exclusions.volumes_kept_per_condition": 0.4,
            }
        )
    )
    people = motion_by_person()
    people.loc[people["participant_id"] == "sub-c04", "fd"] = 0.9
    people.loc[people["participant_id"] == "sub-c05", "fd"] = 0.5
    film = quality_of(people, lost=0.02)
    faces = film.assign(task="faces", condition=film["condition"].map({"live": "codec_control"}))
    recorded = pd.concat([film, faces[faces["condition"].notna()]], ignore_index=True)
    table = roi_table(promise.plan, people, film, by_motion(people, 3.0))
    decision = decide(promise.plan, promise.sha256, {"roi": table}, bold=Beside(recorded))
    out = tmp_path_factory.mktemp("quality")
    write_json(out / "plan.json", resolved(promise.plan))
    for name, frame in decision.tables.items():
        write_frame(out / "results" / f"{name}.tsv", frame)
    write_atomically(out / "verdict.json", decision.verdict.model_dump_json(by_alias=True, indent=2) + "\n")
    return out, read_study(out), recorded


@pytest.fixture(scope="module")
def shown(saved):
    """What the page gets, without the time figures take."""
    out, study, _ = saved
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "save", lambda _, __, name, alt, ___: figures.Picture(name, alt, "", 1, 1))
        found = quality(study, out)
    assert found is not None
    return found


def grid(grids, begins: str):
    found = [one for one in grids if one.caption.startswith(begins)]
    assert found, [one.caption for one in grids]
    for one in found:
        assert all(len(row) == len(one.columns) for row in one.rows)
    return found


def test_groups_stand_beside_each_other_for_every_recording(saved, shown):
    recorded = saved[-1]
    grids = grid(shown.groups, "Head motion and signal by group")
    assert [one.caption.split(";")[0].rsplit("task ", 1)[1] for one in grids] == ["faces", "film"]
    film = grids[1]
    fd = recorded.query("task == 'film'").drop_duplicates(["participant_id", "run"])
    children = fd[fd["group"] == "child"].groupby("participant_id")["mean_fd_mm"].mean()
    first = film.rows[0]
    assert first[:2] == ("Mean framewise displacement, mm", "every run")
    assert first[2] == f"{children.mean():.3f} ({children.std():.3f}), {len(children)}"
    assert first[4].startswith("−")  # adults less children
    assert "AI-generated film" in {row[1] for row in film.rows}


def test_people_left_out_are_told_for_both_groups(saved, shown):
    recorded = saved[-1].query("task == 'film'")
    left = grid(shown.groups, "Left out for motion")[1]
    above = next(row for row in left.rows if row[0].startswith("People with a run above 0.5 mm"))
    for place, group in ((1, "child"), (4, "adult")):
        own = recorded[recorded["group"] == group]
        n = own.loc[own["mean_fd_mm"] > 0.5, "participant_id"].nunique()
        assert above[place] == f"{n} of {own['participant_id'].nunique()}"


def test_each_hypothesis_shows_its_analyses_with_the_words_of_their_outcomes(shown):
    analyses = grid(shown.analyses, "N: ")[0]
    words = {row[0]: row[5] for row in analyses.rows}
    assert words["Primary"] == "different (decided: different)"
    assert words["FD as covariate"] == "equivalent"
    assert words["Censored"] == "not estimable"
    assert words["Group × condition × FD"] == "–"
    assert next(row[0] for row in analyses.rows if row[0].startswith("Cut-off")) == "Cut-off mean FD ≤ 0.3 mm"
    assert analyses.strong == frozenset({0})
    assert "% signal per mm" in next(row[1] for row in analyses.rows if row[0].startswith("Group ×"))


def test_figures_say_in_words_what_they_show(saved, shown):
    recorded = saved[-1]
    assert [picture.name for picture in shown.pictures] == ["motion-1", "motion-2", "multiverse-roi"]
    used = recorded.query("task == 'film' and group == 'child'").groupby("participant_id")["included"].max()
    assert f"{int((used == 0).sum())} of {len(used)} not used" in shown.motion[1].alt
    assert "FD as covariate: equivalent" in shown.multiverse[0].alt


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_figures_are_drawn_with_their_data(saved):
    out, study, _ = saved
    found = quality(study, out)
    assert found is not None
    for picture in found.pictures:
        with Image.open(out / "figures" / f"{picture.name}.png") as image:
            assert np.asarray(image.convert("L")).std() > 10
        assert (out / "figures" / f"{picture.name}.tsv").exists()


def test_without_motion_there_is_nothing_to_show(saved, tmp_path):
    study: Study = saved[1]
    assert quality(study, tmp_path) is None
