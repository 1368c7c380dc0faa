"""What is damaged is named and set aside; other runs and other people go on."""

import gzip

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from protocols.base.errors import InputError, UsageError
from protocols.base.tables import frame_text
from tests.fmri.person.conftest import analyze
from tests.fmri.person.world import (
    AFFINE,
    BRAIN,
    LEVELS,
    SHAPE,
    World,
    events_of_run,
    promise_of,
)


def values_of(path):
    return np.asarray(nib.Nifti1Image.from_bytes(gzip.decompress(path.read_bytes())).dataobj, np.float32)


def images(change):
    """Damage to the values of the second run's images."""

    def damage(world, person):
        path = world.image(person, 2)
        world.save(path, change(values_of(path)))

    return damage


def header(change):
    def damage(world, person):
        path = world.image(person, 2)
        world.save(path, values_of(path), change=change)

    return damage


def sidecar(content):
    return lambda world, person: world.say(world.image(person, 2), content)


def no_sidecar(world, person):
    world.image(person, 2).with_name(world.image(person, 2).name.replace(".nii.gz", ".json")).unlink()


def bytes_of(change):
    def damage(world, person):
        path = world.image(person, 2)
        path.write_bytes(change(path.read_bytes()))

    return damage


def one_nan(values):
    values[4, 4, 4, 7] = np.nan
    return values


def two_frames(image):
    moved = AFFINE.copy()
    moved[0, 3] += 20
    image.set_qform(moved, 1)


def nowhere(world, person):
    """Both codes of the orientation 0: no program says where the head lies."""
    path = world.image(person, 2)
    data = bytearray(gzip.decompress(path.read_bytes()))
    data[252:256] = bytes(4)
    path.write_bytes(gzip.compress(bytes(data), 1, mtime=0))


def flipped_bits(data):
    middle = len(data) // 2
    return data[:middle] + bytes(255 - one for one in data[middle : middle + 40]) + data[middle + 40 :]


def events(change):
    def damage(world, person):
        path = world.events(person, 2)
        path.write_text(frame_text(change(events_of_run(2))), "utf-8")

    return damage


def confounds(change):
    def damage(world, person):
        path = world.confounds(person, 2)
        path.write_text(frame_text(change(pd.read_csv(path, sep="\t", na_values="n/a"))), "utf-8")

    return damage


def other_grid(world, person):
    world.add(person, 2, affine=AFFINE * [[1], [1], [1.1], [1]])


def empty_mask(world, person):
    world.save(world.image(person, 2, "desc-brain_mask.nii.gz"), np.zeros(SHAPE, np.int16))


DAMAGED = {
    "sidecar": (no_sidecar, "has no RepetitionTime in its sidecar"),
    "tr": (sidecar({"RepetitionTime": 2.5}), "contradicts itself about the repetition time"),
    "volume": (images(lambda values: values[..., 0]), "has 3 dimensions"),
    "nan": (images(one_nan), "volume 8 has values that are not numbers"),
    "cut": (bytes_of(lambda data: data[: len(data) // 2]), "the file is cut off or damaged"),
    "bits": (bytes_of(flipped_bits), "the file is cut off or damaged"),
    "nothing": (bytes_of(lambda _: b""), "is not a NIfTI file"),
    "late": (events(lambda found: found.assign(onset=found["onset"] + 50)), "has events after the end of the run"),
    "gone": (lambda world, person: world.events(person, 2).unlink(), "_events.tsv: is missing"),
    "frames": (header(two_frames), "gives two orientations that disagree"),
    "nowhere": (nowhere, "does not say how the head lies"),
    "rows": (confounds(lambda found: found.iloc[2:]), "has another number of volumes than rows of confounds"),
    "fd": (confounds(lambda found: found.drop(columns="framewise_displacement")), "framewise_displacement"),
    "grid": (other_grid, "is not on the grid of the others"),
    "mask": (empty_mask, "is an empty mask"),
    "words": (events(lambda found: found.assign(arm=None, trial_type="film")),
              "has no event of a condition of the plan"),
    "column": (events(lambda found: found.drop(columns="trial_type")), "has no column 'trial_type'"),
}  # fmt: skip


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """For each damage a person whose second run has it, and one who is well."""
    world = World(tmp_path_factory.mktemp("damaged"))
    people = {f"sub-{name}": "adult" for name in (*DAMAGED, "well")}
    world.start(people)
    for name, (damage, _) in DAMAGED.items():
        damage(world, f"sub-{name}")
    with pytest.MonkeyPatch.context() as patch:
        # Nothing but what is asked: a model takes most of the time.
        patch.setattr("analysis.fmri.person.values.VARIANTS", ("",))
        yield analyze(world, promise_of(exclusions__volumes_kept_per_condition=None))


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_run_is_named_and_the_persons_other_run_goes_on(damaged, name):
    person = f"sub-{name}"
    (error,) = [error for error in damaged.errors if person in error]
    assert DAMAGED[name][1] in error
    assert "run-2" in error
    assert str(damaged.world.root) not in error  # where the data lie is nobody's business
    rows = damaged.rows(person=person)
    assert set(rows["run"]) == {"1"}
    assert rows["included"].eq(1).all()
    assert (rows["value"] - rows["condition"].map(LEVELS)).abs().max() < 0.3


def test_who_is_well_is_whole(damaged):
    assert damaged.rows(person="sub-well")["included"].sum() == 24
    assert len(damaged.errors) == len(DAMAGED)


def test_what_was_set_aside_is_told_again_when_nothing_is_computed(damaged, monkeypatch):
    monkeypatch.setattr("analysis.fmri.person.values.VARIANTS", ("",))
    promise = promise_of(exclusions__volumes_kept_per_condition=None)
    again = analyze(damaged.world, promise, labels=["nan", "mask"])
    assert again.computed == []
    assert [error for error in damaged.errors if "sub-nan" in error or "sub-mask" in error] == again.errors


@pytest.fixture
def small(tmp_path):
    """Two people with one run."""
    return World(tmp_path).start({"sub-one": "adult", "sub-two": "adult"}, runs=(1,))


def told(errors, *words):
    """The one error with all these words."""
    (found,) = [error for error in errors if all(word in error for word in words)]
    return found


def test_whose_only_run_is_damaged_has_no_values_and_others_go_on(small):
    path = small.image("sub-one", 1)
    small.save(path, one_nan(values_of(path)))
    out = analyze(small)
    told(out.errors, "sub-one", "volume 8 has values that are not numbers")
    assert set(out.rows()["participant_id"]) == {"sub-two"}


def test_whole_numbers_with_a_slope_give_the_values_of_the_numbers_meant(small):
    path = small.image("sub-two", 1)
    before = values_of(small.image("sub-one", 1))
    slope, intercept = 0.05, 200.0

    def scaled(image):
        image.header.set_slope_inter(slope, intercept)

    whole = np.rint((before - intercept) / slope).astype(np.int16)
    small.save(path, whole, change=scaled)
    small.confounds("sub-two", 1).write_text(small.confounds("sub-one", 1).read_text("utf-8"), "utf-8")
    rows = analyze(small).rows()
    one, two = (
        rows[rows["participant_id"] == person]["value"].to_numpy() for person in ("sub-one", "sub-two")
    )
    assert two == pytest.approx(one, abs=0.01)


def test_a_condition_that_one_run_lacks_comes_from_the_others(tmp_path):
    world = World(tmp_path).start({"sub-one": "adult"}, runs=(1,))
    world.add("sub-one", 2, events=events_of_run(2, ("live", "ai")))
    out = analyze(world, promise_of(analysis__bold__scene_values="none"))
    assert out.errors == []
    rows = out.rows().set_index("condition")
    assert rows["value"].to_dict() == pytest.approx(LEVELS, abs=0.08)
    assert rows["n"].to_dict() == {"live": 8, "ai": 8, "cartoon": 4}
    assert out.quality(run="2")["condition"].tolist() == ["live", "ai"]


def test_constant_voxels_are_no_values_and_spoil_none(small):
    path = small.image("sub-one", 1)
    values = values_of(path)
    values[2, 4, 4] = 500  # in the brain, not in the region
    small.save(path, values)
    path = small.image("sub-two", 1)
    values = values_of(path)
    values[3:6, 3:6, 3:6] = 700
    small.save(path, values)
    out = analyze(small, promise_of(analysis__bold__maps={"permutations": 99}))
    assert out.errors == []
    assert out.rows(person="sub-one")["included"].eq(1).all()
    (reason,) = out.rows(person="sub-two")["reason"].unique()
    assert reason.startswith("too little signal in the region: tSNR 0")
    effect = nib.load(next(out.out.glob("sub-one/**/*contrast-aiMinusLive_stat-effect_statmap.nii.gz")))
    effect = np.asarray(effect.dataobj)
    assert np.isnan(effect[2, 4, 4])
    assert np.isnan(effect[BRAIN == 0]).all()
    assert np.isfinite(effect[BRAIN > 0]).sum() == BRAIN.sum() - 1
    assert effect[4, 4, 4] == pytest.approx(0.4, abs=0.2)


def region_file(world, values, name="region.nii.gz"):
    path = world.bids / name
    world.save(path, values)
    return path


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ({"sphere_mm": 12, "centre": [60, 0, 0], "source": "a test"}, "holds no voxel"),
        ({"sphere_mm": 12, "centre": [40, 0, 0], "source": "a test"}, "reaches beyond the images' grid"),
        ({"mask": "region.nii.gz", "sha256": "0" * 64, "source": "a test"}, "is not the file the plan names"),
        ({"mask": "elsewhere.nii.gz", "sha256": "0" * 64, "source": "a test"}, "does not exist"),
        ({"mask": "region.nii.gz", "value": 9, "source": "a test"}, "has no region 9"),
    ],
)  # fmt: skip
def test_a_region_that_cannot_be_is_told_with_its_measure(small, region, words):
    from protocols.base.canonical import sha256_file

    atlas = region_file(small, (BRAIN * 3).astype(np.int16))
    region = {"sha256": sha256_file(atlas), **region} if "mask" in region else region
    with pytest.raises(InputError) as caught:
        analyze(small, promise_of(measures__roi__roi=region))
    for person in ("sub-one", "sub-two"):
        (line,) = [line for line in str(caught.value).splitlines() if person in line]
        assert words in line
        assert "measure 'roi': " in line
    assert str(small.root) not in line


def test_a_region_of_an_atlas_is_that_of_the_sphere(small):
    from protocols.base.canonical import sha256_file

    inside = ((np.indices(SHAPE) - 4) ** 2).sum(axis=0) <= 1
    atlas = region_file(small, np.where(inside, 7, BRAIN * 3).astype(np.int16))
    sphere = analyze(small).rows()
    region = {"mask": atlas.name, "value": 7, "sha256": sha256_file(atlas), "source": "a test"}
    own = analyze(small, promise_of(measures__roi__roi=region), out=small.root / "atlas").rows()
    assert own["value"].tolist() == sphere["value"].tolist()


def test_people_without_events_or_without_images_are_told(small):
    small.describe({"sub-one": "adult", "sub-two": "adult", "sub-mute": "adult", "sub-blind": "adult"})
    small.add("sub-mute", 1, write_events=False)
    path = small.events("sub-blind", 1)
    path.write_text(frame_text(events_of_run(1)), "utf-8")
    small.add("sub-stranger", 1, write_events=False)  # preprocessed once, and not in the data set at all
    out = analyze(small)
    told(out.errors, "sub-mute", "_events.tsv", "is missing")
    told(out.errors, "sub-blind", "is not in")
    assert not any("stranger" in error for error in out.errors)
    assert out.rows()["participant_id"].unique().tolist() == ["sub-one", "sub-two"]


def test_the_table_of_people_may_be_missing_with_one_group_only(small):
    (small.bids / "participants.tsv").unlink()
    with pytest.raises(InputError, match=r"participants\.tsv"):
        analyze(small)
    one = promise_of(
        groups={"adult": {"n_planned": 2}}, hypotheses__H__group="adult", measures__roi__assumptions=None
    )
    out = analyze(small, one)
    assert out.errors == []
    assert set(out.rows()["group"]) == {"adult"}
    assert any("everybody is taken for 'adult'" in warning for warning in out.warnings)


def test_an_imported_table_and_scans_for_one_measure_are_both_named(small):
    folder = small.bids / "measures"
    folder.mkdir()
    (folder / "measure-roi.tsv").write_text("participant_id\tgroup\tvalue\tincluded\n", "utf-8")
    (folder / "measure-roi.json").write_text("{}", "utf-8")
    with pytest.raises(InputError) as caught:
        analyze(small)
    message = str(caught.value)
    assert "measure 'roi': stands in bids/measures/measure-roi.tsv and in the data set's scans" in message
    assert "measured_elsewhere" in message


def test_a_measure_from_elsewhere_is_not_made_of_scans(small):
    with pytest.raises(InputError) as caught:
        analyze(small, promise_of(measures__roi__measured_elsewhere="SPM12"))
    assert "no table measure-roi.tsv" in str(caught.value)


def test_a_plan_in_another_space_needs_its_template(small):
    (
        small.bids
        / "sub-one"
        / "ses-scan"
        / "func"
        / "sub-one_ses-scan_task-passiveviewing_run-1_bold.nii.gz"
    ).touch()
    with pytest.raises(UsageError, match="--template"):
        analyze(small, derivatives=None)


def test_everything_damaged_says_so_without_a_table(small):
    for person in ("sub-one", "sub-two"):
        small.confounds(person, 1).unlink()
    with pytest.raises(InputError) as caught:
        analyze(small)
    message = str(caught.value)
    assert "sub-one" in message
    assert "desc-confounds_timeseries.tsv" in message
    assert "nobody's scans of session 'scan' are usable" in message
