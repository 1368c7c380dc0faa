"""A carpet's sample is even, keeps small tissues visible, and comes back from its file."""

import numpy as np
import pytest

from analysis.fmri.preprocessing.carpet import FEWEST_ROWS, ROWS, Carpet, read_carpet, sampled, write_carpet
from protocols.base.errors import InputError

N = 30


@pytest.fixture(scope="module")
def carpet():
    rng = np.random.default_rng(5)
    data = (500 + 5 * rng.standard_normal((20_000, N))).astype(np.float32)
    tissue = np.zeros(20_000, int)
    tissue[15_000:19_970] = 1
    tissue[19_990:] = 2
    data[tissue == 1, 10] = 600
    names = ("gray_matter", "white_matter", "csf")
    return sampled(data, {name: tissue == i for i, name in enumerate(names)})


def test_large_tissues_get_rows_by_their_size_and_small_ones_enough_to_be_seen(carpet):
    rows = {name: len(one) for name, one in carpet.series.items()}
    assert rows["gray_matter"] == pytest.approx(3 * rows["white_matter"], rel=0.02)
    assert rows["gray_matter"] + rows["white_matter"] == pytest.approx(ROWS, abs=2)
    assert rows["csf"] == 10 < FEWEST_ROWS  # it has no more
    assert carpet.voxels == {"gray_matter": 15_020, "white_matter": 4_970, "csf": 10}


def test_values_are_percent_of_each_voxels_own_mean(carpet):
    jump = carpet.series["white_matter"][:, 10]
    assert jump.mean() == pytest.approx(100 * (600 / (500 + 100 / N) - 1), abs=0.5)
    assert np.abs(carpet.series["gray_matter"][:, 10]).max() < 6


def test_a_carpet_comes_back_from_its_file_and_the_same_one_gives_the_same_bytes(carpet, tmp_path):
    path = write_carpet(carpet, tmp_path / "sub-01_desc-carpet_timeseries.tsv.gz")
    back = read_carpet(path)
    assert back.voxels == carpet.voxels
    assert tuple(back.series) == tuple(carpet.series)
    for name, values in carpet.series.items():
        assert back.series[name] == pytest.approx(values, abs=1e-9)
    first = path.read_bytes()
    assert write_carpet(carpet, path).read_bytes() == first
    assert len(first) < 60_000


def test_a_tissue_without_voxels_leaves_no_row(tmp_path):
    empty = Carpet({"csf": np.zeros((0, N)), "gray_matter": np.ones((2, N))}, {"csf": 0, "gray_matter": 2})
    back = read_carpet(write_carpet(empty, tmp_path / "a_timeseries.tsv.gz"))
    assert len(back.series["csf"]) == 0
    assert len(back.series["gray_matter"]) == 2


def test_a_carpet_that_is_missing_or_damaged_is_named(carpet, tmp_path):
    path = tmp_path / "sub-01_desc-carpet_timeseries.tsv.gz"
    with pytest.raises(InputError, match="does not exist"):
        read_carpet(path)
    write_carpet(carpet, path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match=r"timeseries\.tsv\.gz"):
        read_carpet(path)
