"""A tiny data set with scans: a ball of brain in which a region answers to clips as planted, under fMRIPrep's names."""

import functools
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis.fmri.first_level.design import frame_times
from analysis.fmri.first_level.hrf import regressors
from analysis.fmri.first_level.nuisance import SETS
from analysis.fmri.participants import Ways
from analysis.measures.table import read_measure
from analysis.running import run_participant
from protocols.base.tables import frame_text, read_frame
from protocols.plan.reading import parse_plan

nib = pytest.importorskip("nibabel", reason="the extra 'fmri' is not installed")

SPACE = "MNI152NLin2009cAsym"
AFFINE = np.diag([10.0, 10, 10, 1]) + np.outer([1, 1, 1, 0], [0, 0, 0, -40])
SHAPE, VOLUMES, TR_S = (9, 9, 9), 60, 2.0
BRAIN = (((np.indices(SHAPE) - 4) ** 2).sum(axis=0) <= 12).astype(np.int16)
REGION = ((np.indices(SHAPE) - 4) ** 2).sum(axis=0) <= 1
"""A sphere of 12 mm around the origin holds these seven voxels."""
LEVELS = {"live": 0.5, "ai": 0.9, "cartoon": 1.4}
STAR = 3.0
"""What answers to the attention trials, in percent: noticed wherever they are not modeled."""
SCENES = ("beach", "forest", "kitchen", "street")
TRUE = {"sd_people": 0.1, "sd_residual": 0.2, "expected": 0.3, "loss": 0.1, "source": "planted"}
PEOPLE = {"sub-c1": "child", "sub-a1": "adult", "sub-a2": "adult"}


def plan_of(**changes) -> dict:
    """A plan for these scans; ``measures__roi__bound=…`` changes one field, None takes it away."""
    plan = {
        "plan": "tiny", "schema": 1, "title": "A tiny study with scans", "question": "Does the region differ?",
        "groups": {"child": {"n_planned": 2, "label": "children"}, "adult": {"n_planned": 2, "label": "adults"}},
        "conditions": {
            "live": {"role": "reference"}, "ai": {"role": "contrast"},
            "cartoon": {"role": "positive_control", "exploratory": True},
        },
        "stimuli": {"set": "stimuli/tiny", "pairs": 8, "seconds": 2},
        "sessions": [{
            "name": "scan", "modality": "bold", "paradigm": "passive_viewing",
            "conditions": ["live", "ai", "cartoon"], "runs": 2, "volumes": VOLUMES, "repetition_time_s": TR_S,
            "design": {"kind": "event", "fixation_s": [4, 8]},
        }],
        "analysis": {"bold": {
            "space": SPACE, "resolution_mm": 10, "smoothing_fwhm_mm": 0, "confounds": ["motion6"], "maps": None,
            "noise_model": "ols",
        }},
        "exclusions": {
            "mean_fd_mm": 0.5, "volume_fd_mm": 0.9, "volumes_kept_per_condition": 0.4,
            "roi": {"min_coverage": 0.8, "min_tsnr": 20},
        },
        "measures": {"roi": {
            "level": "neural", "session": "scan", "statistic": "percent_signal_change",
            "roi": {"sphere_mm": 12, "centre": [0, 0, 0], "source": "a test"},
            "bound": {"value": 0.1, "unit": "percent_signal", "because": "precedent"},
            "control": {"contrast": ["fixation", "all_clips"], "minimum": 0.05},
            "assumptions": {"child": TRUE, "adult": TRUE},
        }},
        "hypotheses": {"H": {
            "measure": "roi", "effect": "condition", "contrast": ["live", "ai"], "group": ["child", "adult"],
            "asks": "both", "family": "primary",
        }},
        "families": {"primary": {"claim": "each"}},
        "decision": {"deciding_model": "by_person", "power_waiver": "a test", "seed": 7},
    }  # fmt: skip
    for path, value in changes.items():
        *above, last = path.split("__")
        part = plan
        for name in above:
            part = part[name] if isinstance(part, dict) else part[int(name)]
        if value is None and last != "maps":
            part.pop(last)
        else:
            part[last] = value
    return plan


def promise_of(**changes):
    """The same, checked."""
    return _checked(json.dumps(plan_of(**changes)))


@functools.cache
def _checked(text):
    return parse_plan(text, "tiny.plan.yaml")


def events_of_run(run: int, conditions=tuple(LEVELS), *, scenes=SCENES) -> pd.DataFrame:
    """Every scene in every condition, in an order of the run's own, and one attention trial."""
    order = np.random.default_rng(run).permutation(len(scenes) * len(conditions))
    shown = [(scenes[k // len(conditions)], conditions[k % len(conditions)]) for k in order]
    rows = [
        {
            "onset": 4.0 + 8.3 * i, "duration": 2.0, "trial_type": "clip", "clip": f"{scene}{run}_{arm}.mp4",
            "pair_id": f"{scene}{run}", "scene": f"{scene}{run}", "arm": arm, "phase": "main", "unusable_reason": None,
        }
        for i, (scene, arm) in enumerate(shown)
    ]  # fmt: skip
    star = {"onset": 4.0 + 8.3 * len(rows), "duration": 1.0, "trial_type": "star", "phase": "main"}
    return pd.DataFrame([*rows, star]).astype({"unusable_reason": object})


def planted_in(events: pd.DataFrame, levels: Mapping[str, float] = LEVELS) -> np.ndarray:
    """What the region answers to every event, percent."""
    kinds = events["arm"].fillna(events["trial_type"])
    return np.array([{**levels, "star": STAR}.get(kind, 0.0) for kind in kinds])


class World:
    """A raw data set with events, and a derivative with images."""

    def __init__(self, root: Path):
        self.root, self.bids, self.derivatives = root, root / "bids", root / "fmriprep"

    def start(self, people: Mapping[str, str] = PEOPLE, *, runs=(1, 2), **how):
        """Everybody's runs; `how` as in `add`."""
        self.describe(people)
        for person in people:
            for run in runs:
                self.add(person, run, **how)
        return self

    def describe(self, people: Mapping[str, str]):
        for folder, kind in ((self.bids, "raw"), (self.derivatives, "derivative")):
            folder.mkdir(parents=True, exist_ok=True)
            said = {"Name": "tiny", "BIDSVersion": "1.11.1", "DatasetType": kind, "Simulated": True}
            if kind == "derivative":
                said["GeneratedBy"] = [{"Name": "fMRIPrep", "Version": "24.1.0"}]
            (folder / "dataset_description.json").write_text(json.dumps(said), "utf-8")
        lines = [f"{person}\t{group}" for person, group in people.items()]
        (self.bids / "participants.tsv").write_text("\n".join(["participant_id\tgroup", *lines, ""]), "utf-8")

    def name(self, person, run, *, ses="scan", task="passiveviewing"):
        parts = [person, *([f"ses-{ses}"] if ses else []), f"task-{task}", *([f"run-{run}"] if run else [])]
        return "_".join(parts)

    def func(self, folder, person, *, ses="scan"):
        path = folder / person / f"ses-{ses}" / "func" if ses else folder / person / "func"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def events(self, person, run, **named):
        """Path of a run's events."""
        func = self.func(self.bids, person, ses=named.get("ses", "scan"))
        return func / f"{self.name(person, run, **named)}_events.tsv"

    def image(self, person, run, what="desc-preproc_bold.nii.gz", *, space=SPACE, res="10", **named):
        """Path of one of a run's images."""
        func = self.func(self.derivatives, person, ses=named.get("ses", "scan"))
        voxels = f"_res-{res}" if res else ""
        return func / f"{self.name(person, run, **named)}_space-{space}{voxels}_{what}"

    def confounds(self, person, run, suffix="timeseries", **named):
        func = self.func(self.derivatives, person, ses=named.get("ses", "scan"))
        return func / f"{self.name(person, run, **named)}_desc-confounds_{suffix}.tsv"

    def add(
        self, person, run, *, events=None, levels=LEVELS, fd=0.1, noise=0.05, seed=0, suffix="timeseries",
        write_events=True, space=SPACE, res="10", affine=AFFINE, brain=BRAIN, slice_time=0.5, early=0,
        lost=None, **named,
    ):  # fmt: skip
        """Write one run; `fd` is a number or one per volume, `early` the volumes before the steady state.

        `lost` is a volume that does not show the head.
        """
        random = np.random.default_rng([seed, run or 0, *map(ord, person)])
        events = events_of_run(run or 0) if events is None else events
        times = frame_times(VOLUMES, TR_S, slice_time_ref=slice_time)
        course = regressors(events.onset, events.duration, times, amplitudes=planted_in(events, levels))[:, 0]
        values = noise * random.standard_normal((*SHAPE, VOLUMES))
        values[REGION] += course
        values = np.where(BRAIN[..., None] > 0, 1000 * (1 + values / 100), 0).astype(np.float32)
        values[..., :early] *= 1.3
        if lost is not None:
            values[..., lost] = np.where(BRAIN > 0, random.uniform(200, 3000, SHAPE), 0)
        at = {"space": space, "res": res, **named}
        self.save(self.image(person, run, **at), values, affine)
        self.save(self.image(person, run, "desc-brain_mask.nii.gz", **at), brain.astype(np.int16), affine)
        self.say(self.image(person, run, **at), {"RepetitionTime": TR_S})
        table = self.motion(random, fd)
        for volume in range(early):
            table[f"non_steady_state_outlier{volume:02d}"] = np.eye(VOLUMES)[volume]
        self.confounds(person, run, suffix, **named).write_text(frame_text(table), "utf-8")
        if write_events:
            self.events(person, run, **named).write_text(frame_text(events), "utf-8")

    def motion(self, random, fd) -> pd.DataFrame:
        """A confounds table: the first of every difference is missing, as in fMRIPrep's."""
        table = pd.DataFrame({name: random.normal(0, 0.05, VOLUMES) for name in SETS["motion24"]})
        table["std_dvars"] = random.uniform(0.9, 1.2, VOLUMES)
        table["framewise_displacement"] = np.broadcast_to(fd, VOLUMES).astype(float)
        first = [
            name for name in table if "derivative1" in name or name in ("framewise_displacement", "std_dvars")
        ]
        table.loc[0, first] = np.nan
        return table

    def save(self, path, values, affine=AFFINE, *, change=None, tr=TR_S):
        image = nib.Nifti1Image(values, affine)
        image.header.set_xyzt_units("mm", "sec")
        if values.ndim == 4:
            image.header.set_zooms((*image.header.get_zooms()[:3], tr))
        image.set_qform(affine, 4)
        image.set_sform(affine, 4)
        if change:
            change(image)
        path.write_bytes(gzip.compress(image.to_bytes(), 1, mtime=0))

    def say(self, image, content):
        """The sidecar of an image."""
        image.with_name(image.name.replace(".nii.gz", ".json")).write_text(json.dumps(content), "utf-8")


class Analyzed(SimpleNamespace):
    """What the participant level left of a world."""

    @functools.cached_property
    def table(self):
        return read_measure(self.out / "measures" / "measure-roi.tsv").rows

    def rows(self, person=None, **chosen):
        table = self.table
        wanted = {**({"participant_id": person} if person else {}), **chosen}
        for column, value in wanted.items():
            table = table[table[column] == value]
        return table

    def quality(self, **chosen):
        numbers = ("volumes", "volumes_kept", "mean_fd_mm", "max_fd_mm", "tsnr", "included")
        table = read_frame(self.out / "measures" / "quality-bold.tsv", numeric=numbers)
        for column, value in chosen.items():
            table = table[table[column] == value]
        return table

    @property
    def computed(self):
        """Stamps' names of what was computed, as far as the lines for the user tell."""
        return [line for line in self.said if "computed" in line]


def analyze(world, promise=None, labels=(), out=None, **ways):
    """Run the participant level; a person's page draws for seconds, and comes only where it is asked for."""
    out = out or world.root / "out"
    said = []
    ways = Ways(**{"derivatives": world.derivatives, "pages": False, **ways})
    outcome = run_participant(world.bids, out, promise or promise_of(), labels, said.append, ways)
    return Analyzed(
        out=out, said=said, errors=outcome.errors, warnings=outcome.warnings, done=outcome.done, world=world
    )
