"""A person's page: how they moved, whether their brain lies where it should, what was modeled, and what counts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import protocols
from analysis.evidence.wording import amount
from analysis.fmri.derivatives import space_of
from analysis.fmri.first_level.nuisance import not_steady
from analysis.fmri.group.template import brain_of, kept_paths
from analysis.fmri.images import Image, read_image
from analysis.fmri.person import drawing
from analysis.fmri.person.asked import Asked, contrast_name
from analysis.fmri.person.images import grid_of
from analysis.fmri.person.modeling import RunFiles
from analysis.fmri.person.names import WORK, map_stem, saved_name
from analysis.fmri.preprocessing import figures as drawn
from analysis.fmri.preprocessing.carpet import Carpet, read_carpet, sampled
from analysis.fmri.preprocessing.resampling import Grid
from protocols.base.bids import Name, label
from protocols.base.files import read_json
from protocols.base.steps import Done, Outputs, Step, perform
from protocols.base.tables import read_frame
from protocols.pages import template
from protocols.pages.figures import Picture
from protocols.pages.grids import Grid as Table
from protocols.plan.expanding import ALL_CLIPS, FIXATION

VERSION = 2
LOW_DICE = {"t1w": 0.90, "epi": 0.85}
"""Overlap of brains below which the page asks to look, by route. A good anatomy has .98 or more, and a mask that is
12 mm too wide, 4 mm too narrow or 16 mm astray falls below; functional images lack signal in places."""
LOW_WHITE_DICE = 0.55
"""Overlap of white matter below which it does: some .75 in an adult, .2 less when tilted by 15 degrees."""
_WORDS = {FIXATION: "fixation", ALL_CLIPS: "all clips"}


@dataclass
class RunOnPage:
    """One run as the page shows it."""

    name: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    overlays: list[Picture] = field(default_factory=list)
    design: Picture | None = None
    remarks: list[str] = field(default_factory=list)
    used: bool = True
    reason: str = ""


def page_name(participant: str, session: str) -> str:
    """Where a person's page lies below OUT."""
    return f"{participant}_ses-{label(session)}_bold.html"


def person_page(out: Path, participant: str, asked: Asked, ready: Sequence[RunFiles]) -> Done:
    """Write ``OUT/sub-<label>_ses-<label>_bold.html`` and its figures below ``OUT/sub-<label>/figures/``."""
    inputs = _inputs(out, participant, asked, ready)

    def work(*, settings: Any, inputs: Mapping[str, Path]) -> Outputs:
        del settings, inputs
        return {page_name(participant, asked.session): render(out, participant, asked, ready)}

    return perform(
        Step("page", VERSION, work), settings=asked.settings(), inputs=inputs, folder=out,
        stamp=f"page-{participant}-{label(asked.session)}",
    )  # fmt: skip


def saved_tables(out: Path, participant: str, asked: Asked) -> dict[str, Path]:
    """Everything the first level left in tables."""
    return {
        name: out / saved_name(participant, asked.session, name) for name in ("rows", "regions", "quality")
    }


def _inputs(out: Path, participant: str, asked: Asked, ready: Sequence[RunFiles]) -> dict[str, Path]:
    inputs = dict(saved_tables(out, participant, asked))
    for run in ready:
        inputs |= {f"{run.name}:bold": run.scan.path, f"{run.name}:confounds": run.confounds}
        design = _design_path(out, run)
        if design.exists():
            inputs[f"{run.name}:design"] = design
    for contrast in asked.contrasts:
        path = _map_path(out, participant, contrast, ready)
        if path.exists():
            inputs[contrast_name(*contrast)] = path
    kept = kept_paths(asked.bold.space, out / WORK)
    return inputs | {f"template {path.name}": path for path in kept or ()}


def render(out: Path, participant: str, asked: Asked, ready: Sequence[RunFiles]) -> str:
    """The page's HTML."""
    tables = {name: read_frame(path) for name, path in saved_tables(out, participant, asked).items()}
    numbers = ("volumes", "volumes_kept", "mean_fd_mm", "max_fd_mm", "tsnr", "vif", "included")
    quality = tables["quality"]
    for name in numbers:
        quality[name] = pd.to_numeric(quality[name], errors="coerce")
    rows = tables["rows"]
    rows["included"] = pd.to_numeric(rows["included"])
    folder = out / participant
    maps = _maps(out, participant, asked, ready)
    runs = [_run(out, folder, asked, run, quality) for run in ready]
    kept = drawing.kept_figure(quality, asked.volumes_kept, folder, f"{label(asked.session)}_kept")
    plain = rows[rows["variant"].isna()]
    environment = template.environment("analysis.fmri.person", ("person.html",))
    return environment.get_template("person.html").render(
        name=f"{participant}, session {asked.session}",
        asked=asked,
        lead=_lead(runs, plain),
        css=template.style(),
        sections=(("gate", "What counts"), *((f"run{i}", one.name) for i, one in enumerate(runs, 1)),
                  ("maps", "Maps"), ("about", "About")),
        runs=runs,
        kept=kept,
        limits=_limits(asked),
        regions=_regions(tables["regions"], plain, asked),
        conditions=_conditions(quality),
        peaks=_peaks(maps),
        maps=_map_figures(out, folder, asked, maps),
        facts=_facts(asked, ready),
        version=protocols.__version__,
    )  # fmt: skip


def _run(out: Path, folder: Path, asked: Asked, run: RunFiles, quality: pd.DataFrame) -> RunOnPage:
    shown = RunOnPage(run.name.partition("_")[2].replace("_", " "))
    confounds = read_frame(run.confounds)
    for name in (*drawn.MOVED, *drawn.TURNED, "framewise_displacement", "std_dvars"):
        # Another program's table may lack what the model did not ask for: an empty panel says so.
        confounds[name] = pd.to_numeric(confounds[name], errors="coerce") if name in confounds else np.nan
    stem, tr = run.name, run.scan.tr_s
    shown.pictures.append(
        drawn.motion_figure(confounds, tr, folder, limit_mm=asked.volume_fd_mm, name=f"{stem}_motion")
    )
    carpet = _carpet(run)
    shown.pictures.append(
        drawn.carpet_figure(carpet.series, confounds, tr, folder, voxels=carpet.voxels, name=f"{stem}_carpet")
    )
    shown.overlays = _overlays(out, folder, run)
    design = _design_path(out, run)
    if design.exists():
        kinds = {name: told["Kind"] for name, told in read_json(design.with_suffix(".json")).items()}
        shown.design = drawing.design_figure(
            read_frame(design, numeric=list(kinds)), kinds, tr, folder, f"{stem}_design"
        )
    own = quality[_of_run(quality, run)]
    fd = confounds["framewise_displacement"].to_numpy(float)[1:]
    shown.facts = [
        ("Volumes", f"{run.scan.n_volumes} of {tr:g} s"),
        ("Mean FD", f"{np.nanmean(fd):.2f} mm, largest {np.nanmax(fd):.2f} mm"),
    ]
    if len(own):
        shown.used, shown.reason = bool(own["included"].iloc[0]), str(own["reason"].iloc[0] or "")
        shown.facts.append(("tSNR", f"{own['tsnr'].iloc[0]:.0f}, median in the brain"))
    early = int(not_steady(confounds).sum())
    if early:
        first = "The first volume is" if early == 1 else f"{early} volumes at the beginning are"
        shown.remarks.append(f"{first} brighter than the rest, not yet in steady state, and set aside.")
    _registration(run, shown)
    return shown


def _registration(run: RunFiles, shown: RunOnPage) -> None:
    """What our own preprocessing says of the run; other programs have reports of their own."""
    said = run.scan.sidecar
    registered, quality = said.get("Registration"), said.get("Quality")
    if not isinstance(registered, dict) or not isinstance(quality, dict):
        shown.remarks.append("Preprocessed by another program: its own report shows registration and mask.")
        return
    through = (
        "through the T1-weighted image"
        if registered["Route"] == "t1w"
        else "directly: there is no T1-weighted image"
    )
    shown.facts += [
        ("tSNR as measured", f"{quality['TSNRAsMeasured']:.0f} before any interpolation"),
        ("To the template", through),
        ("Brain overlap", f"Dice {registered['BrainDice']:.2f}"),
        ("Covered", f"{quality['Coverage']:.0%} of the template's brain"),
    ]
    white = registered.get("WhiteMatterDice")
    if isinstance(white, float):
        shown.facts.append(("White matter overlap", f"Dice {white:.2f}, told by brightness alone"))
        if white < LOW_WHITE_DICE:
            shown.remarks.append(
                "The white matter hardly overlaps with the template's: is the brain askew? Look at the overlays."
            )
    if registered["BrainDice"] < LOW_DICE[registered["Route"]]:
        shown.remarks.append(
            "The brain and the template's outline do not fit: is part of it cut off, or the mask wrong? Look at the "
            "overlays."
        )
    if registered["Route"] != "t1w":
        shown.remarks.append(
            "Without a T1-weighted image places are less certain; white matter cannot be checked by itself."
        )
    if quality.get("MotionNote"):
        shown.remarks.append(str(quality["MotionNote"]))


def _overlays(out: Path, folder: Path, run: RunFiles) -> list[Picture]:
    """The run's reference image under the outlines it should fill, before and after the nonlinear warp."""
    spaced = {k: v for k, v in Name.parse(run.scan.path.name).entities.items() if k != "desc"}
    beside = run.scan.path.parent
    grid = grid_of(run.scan)
    after = beside / str(Name("boldref", ".nii.gz", spaced))
    before = beside / str(Name("boldref", ".nii.gz", {**spaced, "desc": "affine"}))
    segments = beside / str(Name("dseg", ".nii.gz", spaced))
    found = []
    mask = read_image(run.mask).values > 0.5
    kept = kept_paths(space_of(spaced), out / WORK)
    template_mask = kept[1] if kept else out / WORK / "template" / "mask.nii.gz"
    if after.exists() and before.exists() and segments.exists():
        outline = _on_grid(template_mask, grid) if template_mask.exists() else mask
        for path, name, title in (
            (before, "before", "Before: turned and stretched only, under the template's brain"),
            (after, "after", "After: warped as well, under the template's brain"),
        ):
            found.append(
                drawn.overlay_figure(
                    read_image(path).values, outline, grid, f"{run.name}_{name}", title, folder
                )
            )
        white = read_image(segments).values == 2
        if white.any():
            found.append(drawn.overlay_figure(
                read_image(after).values, white, grid, f"{run.name}_white-matter",
                "The run's image under the outline of the person's white matter", folder,
            ))  # fmt: skip
    else:
        mean = np.mean([run.scan.volume(t) for t in range(0, run.scan.n_volumes, 8)], axis=0)
        found.append(drawn.overlay_figure(
            mean, mask, grid, f"{run.name}_mask", "Mean of the run under its brain mask", folder
        ))  # fmt: skip
    return found


def _on_grid(path: Path, grid: Grid) -> np.ndarray:
    from analysis.fmri.regions import region_of_file

    return region_of_file(path, grid)


def _carpet(run: RunFiles) -> Carpet:
    entities = {**Name.parse(run.scan.path.name).entities, "desc": "carpet"}
    path = run.scan.path.parent / str(Name("timeseries", ".tsv.gz", entities))
    if path.exists():
        return read_carpet(path)
    mask = read_image(run.mask).values > 0.5
    data = np.stack([run.scan.volume(t)[mask] for t in range(run.scan.n_volumes)], axis=1)
    return sampled(data, {"brain": np.ones(len(data), bool)})


def _of_run(quality: pd.DataFrame, run: RunFiles) -> pd.Series:
    return quality["run"].fillna("") == (run.run or "")


def _lead(runs: Sequence[RunOnPage], rows: pd.DataFrame) -> str:
    used = sum(run.used for run in runs)
    usable, values = int((rows["included"] == 1).sum()), len(rows)
    return f"{used} of {len(runs)} runs are used; {usable} of {values} values count."


def _limits(asked: Asked) -> list[tuple[str, str]]:
    def limit(value: float | None, words: str) -> str:
        return "the plan has none" if value is None else words

    rule = asked.rule
    return [
        ("Mean FD of a run", limit(asked.mean_fd_mm, f"at most {asked.mean_fd_mm} mm")),
        ("FD of a volume", limit(asked.volume_fd_mm, f"above {asked.volume_fd_mm} mm it is set aside")),
        ("Volumes kept of each condition", limit(asked.volumes_kept, f"at least {asked.volumes_kept or 0:.0%}")),
        ("Region", "the plan has none" if rule is None else
         f"at least {rule.min_coverage:.0%} of its voxels measured, tSNR at least {rule.min_tsnr:g}"),
    ]  # fmt: skip


def _regions(regions: pd.DataFrame, rows: pd.DataFrame, asked: Asked) -> Table:
    cells = []
    for row in regions.to_dict("records"):
        own = rows[rows["measure"] == row["measure"]]
        usable = own[own["included"] == 1]
        values = pd.to_numeric(usable["value"], errors="coerce")
        reasons = own.loc[own["included"] == 0, "reason"].value_counts()
        lost = "; ".join(f"{reason} ({count})" for reason, count in reasons.items())
        cells.append((
            str(row["measure"]), str(row["voxels"]), f"{float(row['coverage'] or 'nan'):.0%}",
            amount(float(row["tsnr"] or "nan"), 0), f"{len(usable)} of {len(own)}",
            *(amount(float(values[usable['condition'] == name].mean()), 2) for name in asked.words),
            lost or "–",
        ))  # fmt: skip
    columns = ("Region", "Voxels", "Covered", "tSNR", "Values", *asked.words, "Left out, and why")
    return Table("Regions: mean percent signal change by condition", columns, cells,
                 frozenset(range(1, 5 + len(asked.words))))  # fmt: skip


def _conditions(quality: pd.DataFrame) -> Table:
    rows = [
        (str(row["run"] or "–"), str(row["condition"]), f"{row['volumes_kept']:.0f} of {row['volumes']:.0f}",
         amount(row["vif"], 1), "yes" if row["included"] else f"no: {row['reason']}")
        for row in quality.to_dict("records")
    ]  # fmt: skip
    columns = ("Run", "Condition", "Volumes kept", "VIF", "Run used")
    return Table("Conditions, run by run", columns, rows, frozenset({2, 3}))


def _maps(out: Path, participant: str, asked: Asked, ready: Sequence[RunFiles]) -> list[tuple[str, Image]]:
    """z of every contrast, with what it is called."""
    maps = []
    for contrast in asked.contrasts:
        path = _map_path(out, participant, contrast, ready)
        if path.exists():
            reference, compared = (_WORDS.get(name, name.replace("_", " ")) for name in contrast)
            maps.append((f"{compared} − {reference}", read_image(path)))
    return maps


def _map_figures(out: Path, folder: Path, asked: Asked, maps: Sequence[tuple[str, Image]]) -> list[Picture]:
    if not maps:
        return []
    brain = brain_of(asked.bold.space, out / WORK)
    return [
        drawing.z_figure(image, what, brain, folder, f"{label(asked.session)}_map-{i}")
        for i, (what, image) in enumerate(maps, start=1)
    ]


def _peaks(maps: Sequence[tuple[str, Image]]) -> Table | None:
    if not maps:
        return None
    return Table(
        "Where each contrast is largest: z, and the place in the template (mm)",
        ("Contrast", "Side", "z", "x y z"), drawing.peak_rows(maps), frozenset({2, 3}),
    )  # fmt: skip


def _map_path(out: Path, participant: str, contrast: tuple[str, str], ready: Sequence[RunFiles]) -> Path:
    del participant
    named = f"{map_stem(ready[0].scan.path.name)}_contrast-{contrast_name(*contrast)}_stat-z_statmap.nii.gz"
    return _func_folder(out, ready[0]) / named


def _func_folder(out: Path, run: RunFiles) -> Path:
    parts = [f"sub-{run.entities['sub']}"]
    if "ses" in run.entities:
        parts.append(f"ses-{run.entities['ses']}")
    return out.joinpath(*parts, "func")


def _design_path(out: Path, run: RunFiles) -> Path:
    return _func_folder(out, run) / str(Name("timeseries", ".tsv", {**run.entities, "desc": "design"}))


def _facts(asked: Asked, ready: Sequence[RunFiles]) -> list[tuple[str, str]]:
    bold = asked.bold
    steps = " × ".join(f"{one:.3g}" for one in ready[0].scan.voxel_mm)
    return [
        ("Space", f"{bold.space}, voxels of {steps} mm"),
        ("Response", f"{bold.hrf.model}, unit area"),
        ("High-pass", f"{bold.highpass_hz:g} Hz"),
        ("Noise", bold.noise_model.replace("_", " ")),
        ("Nuisance", ", ".join(bold.confounds) or "none"),
        ("Smoothing", f"{bold.smoothing_fwhm_mm:g} mm for maps, none for regions"),
        ("Settings", json.dumps(asked.settings()["bold"], sort_keys=True)),
    ]
