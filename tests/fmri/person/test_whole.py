"""The whole participant level, with pages and maps: what it leaves is a BIDS derivative, and the same every time."""

import pytest

from tests.bids_validator import errors_of
from tests.fmri.person.world import World, analyze, promise_of

pytestmark = pytest.mark.slow
MAPS = {"permutations": 99}


@pytest.fixture(scope="module")
def promise():
    return promise_of(analysis__bold__maps=MAPS, analysis__bold__smoothing_fwhm_mm=12)


@pytest.fixture
def world(tmp_path):
    """Of every group one, one of them with a run that moved too much."""
    world = World(tmp_path).start({"sub-one": "adult", "sub-two": "child"})
    world.add("sub-two", 2, fd=0.8)
    return world


def test_what_is_left_is_a_bids_derivative_with_everybodys_page(world, promise):
    out = analyze(world, promise, pages=True)
    assert out.errors == []
    assert errors_of(out.out) == []
    for person in ("sub-one", "sub-two"):
        page = (out.out / f"{person}_ses-scan_bold.html").read_text("utf-8")
        assert person in page
        assert str(world.root) not in page
    assert "moved too much" in page
    assert len(list(out.out.rglob("*_contrast-aiMinusLive_stat-effect_statmap.nii.gz"))) == 2
    for path in out.out.rglob("*"):
        if path.suffix in (".tsv", ".json", ".html"):
            assert str(world.root) not in path.read_text("utf-8"), path


def test_one_worker_and_two_leave_the_same_bytes(world, promise):
    found = []
    for workers in (1, 2):
        out = analyze(world, promise, out=world.root / f"out{workers}", workers=workers).out
        files = [
            *(out / "measures").rglob("*"),
            *out.rglob("*_statmap.nii.gz"),
            *out.rglob("*_timeseries.tsv"),
        ]
        found.append({path.relative_to(out): path.read_bytes() for path in files if path.is_file()})
    assert len(found[0]) > 20
    assert found[0] == found[1]
