"""Maps of the whole brain on the page: what can be said, the pictures, the clusters, and who and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.evidence.wording import amount, capital, p_value, percent, share, unit_words
from analysis.fmri.group.map_figures import (
    glass_figure,
    names_of,
    outcome_figure,
    precision_figure,
    statistic_figure,
)
from analysis.fmri.group.records import MapRecord, Outcomes, Testing
from analysis.fmri.group.saved import SavedMap, read_maps
from analysis.report.saved import records
from analysis.report.words import bare
from protocols.base.errors import listed
from protocols.pages.figures import Picture
from protocols.pages.grids import Grid

SHOWN_CLUSTERS = 15
COSTLY_PERCENT = 1.0
"""Of the brain's voxels: who alone costs more is named."""
CAPTIONS = {
    "effect": "Effects in slices; left of a slice is the person’s left. They fade with their t instead of ending at a "
    "threshold; what passed the correction for the whole brain is outlined.",
    "glass": "The same, seen through the brain: the largest t along each line of sight, where it is above the height "
    "that makes clusters.",
    "outcome": "What can be said about each voxel, at false discovery rates over the assessable voxels: a voxel that "
    "could not have detected the bound, or has no data in somebody, is not assessable. This is another correction than "
    "that of the outlines above, and the two can part.",
    "precision": "How far the data narrow the effect down; outside of the outlines they could not have answered.",
}


@dataclass(frozen=True)
class BrainMap:
    """One map as the page shows it.

    Attributes
    ----------
    name
        Of its files below ``maps/``.
    title
        What was asked, and of whom.
    statement
        What can be said, in one sentence or two.
    notes
        What else must be known to read it.
    pictures
        Each with its caption.
    grids
        Corrections, clusters, people set aside, people whose field of view costs voxels.
    """

    name: str
    title: str
    statement: str
    notes: Sequence[str]
    pictures: Sequence[tuple[Picture, str]]
    grids: Sequence[Grid]


def brain(out: Path, names: Mapping[str, str] | None = None) -> list[BrainMap]:
    """All maps below ``OUT/maps``, with their figures written below ``OUT/figures``; none without maps.

    Parameters
    ----------
    out
        Folder of the analysis.
    names
        What to call groups.

    Raises
    ------
    InputError
        If a file of a map is missing or broken.
    """
    return [_brain_map(saved, out, names) for saved in read_maps(out / "maps")]


def methods(out: Path) -> list[str]:
    """Sentences for the methods text; none without estimable maps."""
    made = [(one.record, one.record.testing) for one in read_maps(out / "maps")]
    tested = [(record, testing) for record, testing in made if testing is not None]
    if not tested:
        return []
    record, testing = tested[0]
    number = "One map" if len(tested) == 1 else f"{len(tested)} maps"
    sentences = [
        (
            f"{number} of the whole brain {'was' if len(tested) == 1 else 'were'} tested, exploratorily, in "
            "the voxels measured in everybody, with Welch’s t for two groups and Student’s t for one."
        ),
        (
            f"Differences were corrected for the brain by {testing.permutations:,} permutations (two-sided, α = "
            f"{_level(testing.alpha)}; Freedman & Lane’s scheme, Winkler et al. 2014): the largest t, cluster mass "
            f"above a voxelwise p of {_level(testing.cluster_p)}, and threshold-free cluster enhancement (TFCE, Smith "
            "& Nichols 2009; E = 0.5, H = 2, integrated exactly, voxels joined by faces)."
        ),
    ]
    if len(tested) > 1:
        sentences.append(f"They were not corrected for the {len(tested)} maps.")
    covariates = sorted({name for one, _ in tested for name in one.covariates})
    if covariates:
        sentences.append(f"Covariates: {listed(covariates)}.")
    bounded = [one.outcomes for one, _ in tested if one.outcomes is not None]
    if bounded:
        first = bounded[0]
        bounds = listed(
            sorted(
                {f"±{amount(one.outcomes.bound)} {unit_words(one.unit)}" for one, _ in tested if one.outcomes}
            )
        )
        sentences.append(
            f"Equivalence within {bounds} was tested by two one-sided tests per voxel, differences two-sided, each at "
            f"a false discovery rate ({percent(first.alpha_equivalence)} and {percent(first.alpha)}; Benjamini & "
            f"Yekutieli 2001) over the assessable voxels: those with data and a temporal signal-to-noise ratio of "
            f"{amount(first.min_tsnr, 0)} in everybody that could detect the bound with {percent(first.power)} power."
        )
    sentences.append(f"Coordinates are those of {record.space}, in mm.")
    return sentences


def _brain_map(saved: SavedMap, out: Path, names: Mapping[str, str] | None) -> BrainMap:
    record = saved.record
    people = ", ".join(f"{n} {(names or {}).get(group, group)}" for group, n in record.groups.items())
    notes = [f"Exploratory: it decides nothing, and is material for the next plan. People: {people}."]
    pictures: list[tuple[Picture, str]] = []
    grids: list[Grid] = []
    if record.testing is None:
        statement = f"Not estimable: {record.reason}."
    else:
        statement = f"{_differences(saved, record.testing, names)} {_equivalence(record)}"
        pictures = [
            (statistic_figure(saved, out, names), CAPTIONS["effect"]),
            (glass_figure(saved, out, names), CAPTIONS["glass"]),
        ]
        grids = [_corrections(record.testing, record, names), *_clusters(saved, record.testing)]
        if record.outcomes is not None:
            notes.append(_why_not(record.outcomes))
            pictures += [
                (outcome_figure(saved, out, names), CAPTIONS["outcome"]),
                (precision_figure(saved, out, names), CAPTIONS["precision"]),
            ]
    notes += _coverage(record)
    grids += [grid for grid in (_set_aside(record, names), _losses(record, names)) if grid]
    title = f"{capital(record.label)}, {names_of(record, names)}"
    return BrainMap(record.name, title, statement, notes, pictures, grids)


def _sides(record: MapRecord, names: Mapping[str, str] | None) -> tuple[str, str]:
    """What a positive and a negative effect mean; "more positive", for a weaker deactivation is one too."""
    words = [(names or {}).get(group, group) for group in record.groups]
    if len(words) == 1:
        return "above 0", "below 0"
    return f"more positive in {words[1]}", f"more positive in {words[0]}"


def _differences(saved: SavedMap, testing: Testing, names: Mapping[str, str] | None) -> str:
    """What TFCE says of differences."""
    record, tfce = saved.record, testing.tfce
    if testing.possible_p > testing.alpha:
        return (
            f"Whether any voxel differs cannot be tested: with so few people no corrected p can be below "
            f"{_level(testing.possible_p)}."
        )
    if not tfce.positive + tfce.negative:
        return f"No voxel is shown to differ (smallest corrected {p_value(tfce.smallest_p)}, TFCE)."
    sides = _sides(record, names)
    found = [
        f"in {count:,} the effect is {side}"
        for count, side in zip((tfce.positive, tfce.negative), sides, strict=True)
        if count
    ]
    number = tfce.positive + tfce.negative
    head = (
        f"{number:,} voxel{'s differ' if number > 1 else ' differs'} (TFCE, corrected p ≤ "
        f"{_level(testing.alpha)}): {' and '.join(found)}"
    )
    if not len(saved.clusters) or not saved.clusters["p_tfce_smallest"].min() <= testing.alpha:
        return f"{head}."
    passed = saved.clusters[saved.clusters["p_tfce_smallest"] <= testing.alpha]
    top = records(passed.loc[[passed["t"].abs().idxmax()]])[0]
    return (
        f"{head}; the largest t ({amount(top['t'], 1)}; effect {amount(top['effect'])} {unit_words(record.unit)}) is "
        f"at MNI {_place(top)}."
    )


def _equivalence(record: MapRecord) -> str:
    """What the map of outcomes says, of the assessable voxels and of the others."""
    outcomes = record.outcomes
    if outcomes is None:
        return "No bound was declared: no voxel can be called equivalent."
    bound = f"±{amount(outcomes.bound)} {unit_words(record.unit)}"
    counts = (outcomes.different, outcomes.equivalent, outcomes.undecided)
    assessable = sum(one.voxels for one in counts)
    if not assessable:
        return f"No voxel could have answered whether the effect is within {bound}."
    different, equivalent, undecided = (share(one.voxels / assessable) for one in counts)
    text = (
        f"Of the assessable voxels {equivalent} are equivalent within {bound}, {different} different and {undecided} "
        f"undecided (false discovery rates); {share(outcomes.not_assessable.percent / 100)} of the brain’s voxels "
        "could not have answered."
    )
    if outcomes.trivial.voxels:
        text += f" In {outcomes.trivial.voxels:,} equivalent voxels a difference is shown that lies within the bound."
    return text


def _why_not(outcomes: Outcomes) -> str:
    parts = (
        (outcomes.not_in_everybody, "have no data in somebody"),
        (
            outcomes.low_tsnr,
            f"have a temporal signal-to-noise ratio below {amount(outcomes.min_tsnr, 0)} in somebody",
        ),
        (
            outcomes.too_uncertain,
            f"could not have detected ±{amount(outcomes.bound)} with {percent(outcomes.power)} power",
        ),
    )
    told = [f"{count.voxels:,} {why}" for count, why in parts if count.voxels]
    if not told:
        return "Every voxel of the brain is assessable."
    return f"Not assessable are {outcomes.not_assessable.voxels:,} voxels: {'; '.join(told)}."


def _coverage(record: MapRecord) -> list[str]:
    coverage = record.coverage
    if coverage is None:
        return []
    size = " × ".join(f"{edge:g}" for edge in coverage.voxel_mm)
    notes = [
        (
            f"Measured in everybody, and analyzed: {coverage.voxels:,} voxels of {size} mm in {record.space}, "
            f"{share(coverage.template_percent / 100)} of the template’s brain and "
            f"{share(coverage.union_percent / 100)} of what was measured in anybody."
        )
    ]
    costly = [
        f"{one.participant} {share(one.lost_percent / 100)}"
        for one in coverage.people
        if one.lost_percent > COSTLY_PERCENT
    ]
    if costly:
        notes.append(f"Voxels of the brain that are missing only because of one person: {listed(costly)}.")
    return notes


def _corrections(testing: Testing, record: MapRecord, names: Mapping[str, str] | None) -> Grid:
    above, below = _sides(record, names)
    rows = [
        (title, bare(p_value(one.smallest_p)), f"{one.positive:,}", f"{one.negative:,}")
        for title, one in (
            ("TFCE", testing.tfce),
            ("Cluster mass", testing.cluster_mass),
            ("Largest t", testing.voxel),
        )
    ]
    return Grid(
        f"Three corrections for the whole brain ({testing.permutations:,} permutations)",
        ("Correction", "Smallest p", f"Voxels {above}", f"Voxels {below}"),
        rows,
        frozenset({1, 2, 3}),
    )


def _clusters(saved: SavedMap, testing: Testing) -> list[Grid]:
    """Clusters in the order of the saved table, as many as can be read."""
    table = saved.clusters
    if table.empty:
        return []
    height = f"clusters above |t| = {testing.cluster_t:.2f}"
    shown = table[table["cluster"] <= SHOWN_CLUSTERS]
    rows = []
    for row in records(shown):
        first = row["peak"] == 1
        rows.append(
            (
                f"{row['cluster']:.0f}" if first else f"{row['cluster']:.0f}, peak {row['peak']:.0f}",
                _place(row),
                amount(row["t"], 2),
                amount(row["effect"], 3),
                bare(p_value(row["p_voxel"])),
                *(
                    (
                        f"{row['voxels']:,.0f}",
                        f"{row['volume_mm3']:,.0f}",
                        bare(p_value(row["p_cluster_mass"])),
                        bare(p_value(row["p_tfce_smallest"])),
                    )
                    if first
                    else ("", "", "", "")
                ),
            )
        )
    caption = (
        capital(height)
        if testing.clusters <= SHOWN_CLUSTERS
        else f"The first {SHOWN_CLUSTERS} of {testing.clusters:,} {height}"
    )
    columns = (
        "Cluster", "Peak, MNI mm", "t", f"Effect, {unit_words(saved.record.unit)}", "p of the peak", "Voxels", "mm³",
        "p of the mass", "Smallest p, TFCE",
    )  # fmt: skip
    strong = frozenset(
        place
        for place, row in enumerate(records(shown))
        if row["peak"] == 1
        and min(row["p_cluster_mass"], row["p_tfce_smallest"], row["p_voxel"]) <= testing.alpha
    )
    return [
        Grid(
            f"{caption}; p corrected for the whole brain",
            columns,
            rows,
            frozenset(range(2, 9)),
            strong,
        )
    ]


def _set_aside(record: MapRecord, names: Mapping[str, str] | None) -> Grid | None:
    rows = [
        (one.participant, (names or {}).get(one.group, one.group), one.reason) for one in record.set_aside
    ]
    return (
        Grid("People whose maps could not be used", ("Participant", "Group", "Reason"), rows)
        if rows
        else None
    )


def _losses(record: MapRecord, names: Mapping[str, str] | None) -> Grid | None:
    people = record.coverage.people if record.coverage else ()
    rows = [
        (
            one.participant,
            (names or {}).get(one.group, one.group),
            share(one.template_percent / 100),
            f"{one.lost_voxels:,}",
            share(one.lost_percent / 100),
        )
        for one in people
        if one.lost_voxels
    ]
    columns = (
        "Participant",
        "Group",
        "Template’s brain measured",
        "Voxels missing only here",
        "Of the brain",
    )
    return Grid("What single fields of view cost", columns, rows, frozenset({2, 3, 4})) if rows else None


def _place(row: Mapping[str, float]) -> str:
    return f"({', '.join(amount(row[name], 0) for name in ('x_mm', 'y_mm', 'z_mm'))})"


def _level(p: float) -> str:
    """A level as p-values are written: ``.05``."""
    return f"{p:.2g}".removeprefix("0")
