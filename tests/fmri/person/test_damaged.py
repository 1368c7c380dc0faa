"""What is damaged is named and set aside; other runs and other people go on."""

import gzip

import numpy as np
import pandas as pd
import pytest

from protocols.base.errors import InputError, UsageError
from protocols.base.tables import frame_text
from tests.fmri.person.world import (
    AFFINE,
    BRAIN,
    LEVELS,
    SHAPE,
    World,
    analyze,
    events_of_run,
    nib,
    promise_of,
)


def values_of(path):
    return np.asarray(nib.Nifti1Image.from_bytes(gzip.decompress(path.read_bytes())).dataobj, np.float32)


def images(change):
    """Damage to the values of the second run's images."""

    def damage(world, person, run):
        path = world.image(person, run)
        world.save(path, change(values_of(path)))

    return damage


def header(change):
    def damage(world, person, run):
        path = world.image(person, run)
        world.save(path, values_of(path), change=change)

    return damage


def sidecar(content):
    return lambda world, person, run: world.say(world.image(person, run), content)


def no_sidecar(world, person, run):
    world.image(person, run).with_name(world.image(person, run).name.replace(".nii.gz", ".json")).unlink()


def bytes_of(change):
    def damage(world, person, run):
        path = world.image(person, run)
        path.write_bytes(change(path.read_bytes()))

    return damage


def one_nan(values):
    values[4, 4, 4, 7] = np.nan
    return values


def two_frames(image):
    moved = AFFINE.copy()
    moved[0, 3] += 20
    image.set_qform(moved, 1)


def nowhere(world, person, run):
    """Both codes of the orientation 0: no program says where the head lies."""
    path = world.image(person, run)
    data = bytearray(gzip.decompress(path.read_bytes()))
    data[252:256] = bytes(4)
    path.write_bytes(gzip.compress(bytes(data), 1, mtime=0))


def flipped_bits(data):
    middle = len(data) // 2
    return data[:middle] + bytes(255 - one for one in data[middle : middle + 40]) + data[middle + 40 :]


def events(change):
    def damage(world, person, run):
        path = world.events(person, run)
        path.write_text(frame_text(change(events_of_run(run))), "utf-8")

    return damage


def confounds(change):
    def damage(world, person, run):
        path = world.confounds(person, run)
        path.write_text(frame_text(change(pd.read_csv(path, sep="\t", na_values="n/a"))), "utf-8")

    return damage


def other_grid(world, person, run):
    world.add(person, run, affine=AFFINE * [[1], [1], [1.1], [1]])


def empty_mask(world, person, run):
    world.save(world.image(person, run, "desc-brain_mask.nii.gz"), np.zeros(SHAPE, np.int16))


DAMAGED = {
    "sidecar": (no_sidecar, "has no RepetitionTime in its sidecar"),
    "tr": (sidecar({"RepetitionTime": 2.5}), "contradicts itself about the repetition time"),
    "volume": (images(lambda values: values[..., 0]), "has 3 dimensions"),
    "nan": (images(one_nan), "volume 8 has values that are not numbers"),
    "cut": (bytes_of(lambda data: data[: len(data) // 2]), "the file is cut off or damaged"),
    "bits": (bytes_of(flipped_bits), "the file is cut off or damaged"),
    "nothing": (bytes_of(lambda _: b""), "is not a NIfTI file"),
    "late": (events(lambda found: found.assign(onset=found["onset"] + 50)), "has events after the end of the run"),
    "gone": (lambda world, person, run: world.events(person, run).unlink(), "_events.tsv: is missing"),
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


PLACES = {name: (f"sub-{'abc'[i % 3]}", 2 + i // 3) for i, name in enumerate(DAMAGED)}
"""Three people, each with a first run that is well and others that are damaged."""


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """Their scans, and those of somebody who is well, analyzed."""
    world = World(tmp_path_factory.mktemp("damaged"))
    people = dict.fromkeys((*dict(PLACES.values()), "sub-well"), "adult")
    world.start(people, runs=(1,))
    for name, (damage, _) in DAMAGED.items():
        world.add(*PLACES[name])
        damage(world, *PLACES[name])
    return analyze(world, promise_of(exclusions__volumes_kept_per_condition=None))


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_run_is_named(damaged, name):
    person, run = PLACES[name]
    (error,) = [
        error for error in damaged.errors if person in error and f"_run-{run}_" in error.replace(":", "_")
    ]
    assert DAMAGED[name][1] in error
    assert str(damaged.world.root) not in error  # where the data lie is nobody's business


def test_the_persons_other_run_and_other_people_go_on(damaged):
    rows = damaged.rows()
    assert rows.groupby("participant_id").size().to_dict() == {
        "sub-a": 12,
        "sub-b": 12,
        "sub-c": 12,
        "sub-well": 12,
    }
    assert set(rows["run"]) == {"1"}
    assert rows["included"].eq(1).all()
    assert (rows["value"] - rows["condition"].map(LEVELS)).abs().max() < 0.3
    assert len(damaged.errors) == len(DAMAGED)


def test_what_was_set_aside_is_told_again_when_nothing_is_computed(damaged):
    again = analyze(damaged.world, promise_of(exclusions__volumes_kept_per_condition=None))
    assert again.computed == []
    assert again.errors == damaged.errors


@pytest.fixture
def small(tmp_path):
    """Two people with one run."""
    return World(tmp_path).start({"sub-one": "adult", "sub-two": "adult"}, runs=(1,))


def told(errors, *words):
    """The one error with all these words."""
    (found,) = [error for error in errors if all(word in error for word in words)]
    return found


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """People with one run of odd images each, analyzed with maps."""
    world = World(tmp_path_factory.mktemp("odd"))
    world.start({f"sub-{name}": "adult" for name in ("plain", "whole", "still", "flat", "lost")}, runs=(1,))
    paths = {name: world.image(f"sub-{name}", 1) for name in ("plain", "whole", "still", "flat", "lost")}
    values = {name: values_of(path) for name, path in paths.items()}

    def scaled(image):
        image.header.set_slope_inter(0.05, 200.0)

    whole = np.rint((values["plain"] - 200.0) / 0.05).astype(np.int16)
    world.save(paths["whole"], whole, change=scaled)
    table = world.confounds("sub-plain", 1).read_text("utf-8")
    world.confounds("sub-whole", 1).write_text(table, "utf-8")
    values["still"][2, 4, 4] = 500  # in the brain, not in the region
    values["flat"][3:6, 3:6, 3:6] = 700
    one_nan(values["lost"])
    for name in ("still", "flat", "lost"):
        world.save(paths[name], values[name])
    return analyze(world, promise_of(analysis__bold__maps={"permutations": 99}))


def test_whose_only_run_is_damaged_has_no_values_and_others_go_on(odd):
    (error,) = odd.errors
    assert "sub-lost" in error
    assert "volume 8 has values that are not numbers" in error
    assert set(odd.rows()["participant_id"]) == {"sub-plain", "sub-whole", "sub-still", "sub-flat"}


def test_whole_numbers_with_a_slope_give_the_values_of_the_numbers_meant(odd):
    plain, whole = (odd.rows(person=person)["value"].to_numpy() for person in ("sub-plain", "sub-whole"))
    assert whole == pytest.approx(plain, abs=0.01)


def test_constant_voxels_are_no_values_and_spoil_none(odd):
    assert odd.rows(person="sub-still")["included"].eq(1).all()
    (reason,) = odd.rows(person="sub-flat")["reason"].unique()
    assert reason.startswith("too little signal in the region: tSNR 0")
    path = next(odd.out.glob("sub-still/**/*contrast-aiMinusLive_stat-effect_statmap.nii.gz"))
    effect = np.asarray(nib.load(path).dataobj)
    assert np.isnan(effect[2, 4, 4])
    assert np.isnan(effect[BRAIN == 0]).all()
    assert np.isfinite(effect[BRAIN > 0]).sum() == BRAIN.sum() - 1
    assert effect[4, 4, 4] == pytest.approx(0.4, abs=0.2)


def test_a_condition_that_one_run_lacks_comes_from_the_others(tmp_path):
    world = World(tmp_path).start({"sub-one": "adult"}, runs=(1,))
    world.add("sub-one", 2, events=events_of_run(2, ("live", "ai")))
    out = analyze(world, promise_of(analysis__bold__scene_values="none"))
    assert out.errors == []
    rows = out.rows().set_index("condition")
    assert rows["value"].to_dict() == pytest.approx(LEVELS, abs=0.08)
    assert rows["n"].to_dict() == {"live": 8, "ai": 8, "cartoon": 4}
    assert out.quality(run="2")["condition"].tolist() == ["live", "ai"]


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
    sphere = analyze(small, labels=["one"]).rows()
    region = {"mask": atlas.name, "value": 7, "sha256": sha256_file(atlas), "source": "a test"}
    own = analyze(small, promise_of(measures__roi__roi=region), ["one"], small.root / "atlas").rows()
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
