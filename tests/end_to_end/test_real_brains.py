"""Real brains, by the commands a user types: places and people in the visual cortex, and a difference between ages."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from protocols.base.files import write_atomically
from protocols.base.tables import read_frame

BANDS = {"3-5": "young", "5-8": "middle", "8-13": "older", "13-99": "adult"}
PUBLISHED = {"young": 0.131, "middle": 0.210, "older": 0.246, "adult": 0.286}
PLAN = """\
plan: development
schema: 1
title: A film in the mentalizing network of children and adults
question: Does the network of 3 to 5 year olds follow an animated film as adults' does?
groups:
  young: {age_months: [36, 60], n_planned: 31, label: 3 to 5 years}
  adult: {age_months: [216, 492], n_planned: 33, label: adults}
conditions:
  film: {role: reference, label: animated film}
measures:
  isc:
    level: neural
    statistic: isc
    measured_elsewhere: correlation with the adults' mean course, for adults with that of the others
    label: similarity to adults
    bound: {value: 0.10, unit: fisher_z, because: a third of the adults' own}
    control: {contrast: [fixation, film], minimum: 0.05}
hypotheses:
  H1: {measure: isc, effect: group, condition: film, groups: [young, adult], asks: both, family: age}
families:
  age: {claim: each, statement: development}
decision:
  deciding_model: by_person
"""
MAP = """\
columns: {participant_id: code, value: isc}
constant: {measure: isc, condition: film}
group: {column: band, recode: {young: young, adult: adult}}
"""


@pytest.fixture(scope="module")
def similarity(real_data):
    """Everybody's correlation with the adults' mean course: a row per person."""
    folder = real_data / "fmri" / "partlycloudy_mentalizing" / "data"
    courses = {
        band: np.load(folder / f"ts_array_mentalizingfine_regional_average_ages{ages}.npy")[:, :, 0]
        for ages, band in BANDS.items()
    }
    adults = courses["adult"]
    rows = []
    for band, people in courses.items():
        for k, course in enumerate(people):
            others = np.delete(adults, k, axis=0) if band == "adult" else adults
            rows.append((f"{band}{k + 1}", band, np.corrcoef(course, others.mean(axis=0))[0, 1]))
    return pd.DataFrame(rows, columns=["code", "band", "r"])


def test_young_children_follow_a_film_less_as_adults_do(run_bazin, similarity, tmp_path):
    means = similarity.groupby("band").r.mean()
    assert means.to_dict() == pytest.approx(PUBLISHED, abs=0.001)
    similarity.assign(isc=np.arctanh(similarity.r)).to_csv(tmp_path / "isc.csv", index=False)
    write_atomically(tmp_path / "development.plan.yaml", PLAN)
    write_atomically(tmp_path / "isc.map.yaml", MAP)
    plan = ["--plan", "development.plan.yaml"]
    for command in (
        ["import", "measures", "isc.csv", "--map", "isc.map.yaml", "--out", "out", *plan],
        ["analyse", "out", "out", "group", *plan],
    ):
        code, out, err = run_bazin(command, cwd=tmp_path)
        assert code == 0, out + err
    [record] = json.loads((tmp_path / "out" / "verdict.json").read_text("utf-8"))["hypotheses"]
    assert (record["outcome"], record["n_people"]) == ("different", {"young": 31, "adult": 33})
    assert record["estimate"] == pytest.approx(0.17, abs=0.005)
    assert record["p_raw"] < 0.001
    assert record["control"]["outcome"] == "passed"


BOXES_MM = {
    "right parahippocampal": ((18, -60, -16), (38, -34, 2)),
    "left parahippocampal": ((-38, -60, -16), (-18, -34, 2)),
    "right fusiform": ((34, -64, -26), (50, -40, -10)),
}


def z_map(out, contrast):
    """The person's map of a contrast, (voxels,), and where the voxels lie, (3, voxels)."""
    import nibabel as nib

    [path] = out.rglob(f"*_contrast-{contrast}_stat-z_statmap.nii.gz")
    image = nib.load(path)
    z = np.nan_to_num(np.asarray(image.dataobj, float))
    at = np.indices(z.shape).reshape(3, -1)
    return z.ravel(), image.affine[:3, :3] @ at + image.affine[:3, 3:]


@pytest.mark.slow
def test_places_and_people_lie_where_the_literature_puts_them(run_bazin, real_data, tmp_path):
    """A real run with its T1, from the scanner's files to maps and regions."""
    out = tmp_path / "out"
    bids = real_data / "fmri" / "studyforrest_localizer_bids"
    code, said, err = run_bazin(["analyse", bids, out, "participant", "--plan", "localizer"])
    assert code == 0, said + err
    values = {
        name: read_frame(out / "measures" / f"measure-{name}.tsv", numeric=("value", "se"))
        .set_index("condition").value
        for name in ("r_parahippocampal", "l_parahippocampal", "r_fusiform")
    }  # fmt: skip
    for name in ("r_parahippocampal", "l_parahippocampal"):
        assert values[name]["places"] > values[name]["people"] + 0.5
    assert values["r_fusiform"]["people"] > values["r_fusiform"]["places"] + 0.2
    places, mm = z_map(out, "placesMinusPeople")
    largest = {
        side: places[(mm >= np.array(low)[:, None]).all(axis=0) & (mm <= np.array(high)[:, None]).all(axis=0)]
        for side, (low, high) in BOXES_MM.items()
    }
    assert largest["right parahippocampal"].max() > 5
    assert largest["left parahippocampal"].max() > 5
    assert largest["right fusiform"].min() < -3.5
    shown, _ = z_map(out, "allClipsMinusFixation")
    assert shown.max() > 10
    assert mm[1, shown.argmax()] < -60  # occipital
    quality = read_frame(out / "measures" / "quality-bold.tsv", numeric=("tsnr", "mean_fd_mm"))
    assert quality.mean_fd_mm.max() == pytest.approx(0.12, abs=0.03)
    assert quality.tsnr.min() > 85  # 81 before
