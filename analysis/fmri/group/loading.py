"""People's maps on one grid: who can be used, where everybody has data, and whose field of view costs what.

A voxel counts as measured in a person where the map is finite and not exactly 0, as in `maps.equivalence`. Only voxels
measured in everybody are analyzed: one person whose field of view was short takes them from all others. Nobody is left
out for that – it would be a choice made after the data – but what each person costs is counted and told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.fmri.images import Image, read_image, same_grid
from analysis.fmri.preprocessing.resampling import Grid, Mask
from protocols.base.bids import participant_id
from protocols.base.errors import Fault, InputError, listed

_ENTITY = re.compile(r"(?:^|_)(space|contrast|stat)-([A-Za-z0-9+]+)(?=_)")


@dataclass(frozen=True)
class PersonMap:
    """A person's maps on the disk.

    Attributes
    ----------
    participant, group
        Who, and of which group.
    effect
        ``sub-01_…_space-…_contrast-…_stat-effect_statmap.nii.gz``, NaN where there are no data.
    tsnr
        Temporal signal-to-noise ratio, ``…_stat-tsnr_statmap.nii.gz``.
    """

    participant: str
    group: str
    effect: Path
    tsnr: Path


@dataclass(frozen=True)
class SetAside:
    """A person whose maps cannot be used, and why."""

    participant: str
    group: str
    reason: str


@dataclass(frozen=True)
class Survey:
    """Who can be used, and where there are data.

    Attributes
    ----------
    people
        Whose maps can be used, by participant.
    set_aside
        Whose cannot.
    space
        Template, by its BIDS name; empty where nobody was given.
    grid
        Of all maps; None if nobody's can be used.
    measured
        Where each person has data, (people, bytes): packed bits in C order.
    tsnr_reached
        Where everybody's temporal signal-to-noise ratio is high enough, (x, y, z).
    """

    people: tuple[PersonMap, ...]
    set_aside: tuple[SetAside, ...]
    space: str
    grid: Grid | None
    measured: NDArray[np.uint8]
    tsnr_reached: Mask

    def measured_in(self, place: int) -> Mask:
        """Where the person at that place among `people` has data, (x, y, z)."""
        shape = self.tsnr_reached.shape
        return _unpacked(self.measured[place], shape)

    @property
    def people_measured(self) -> NDArray[np.int32]:
        """In how many people each voxel was measured, (x, y, z)."""
        count = np.zeros(self.tsnr_reached.shape, np.int32)
        for place in range(len(self.people)):
            count += self.measured_in(place)
        return count


def survey(people: Sequence[PersonMap], min_tsnr: float) -> Survey:
    """Look at everybody's maps once, without keeping them in memory.

    A person whose map is broken or empty, or who alone is on another grid, is set aside. Several people on another
    grid are an error: the group was prepared in two ways, and leaving the smaller part out would be a choice.

    Parameters
    ----------
    people
        In any order; they are sorted by participant.
    min_tsnr
        Temporal signal-to-noise ratio a voxel must have in everybody.

    Raises
    ------
    InputError
        If a person comes twice, a file is another person's, or spaces, contrasts or grids differ: naming who.
    """
    ordered = sorted(people, key=lambda person: person.participant)
    space = _one_space(ordered)
    aside: dict[str, SetAside] = {}
    kept: list[tuple[PersonMap, Grid, NDArray[np.uint8], NDArray[np.uint8]]] = []
    for person in ordered:
        try:
            effect, tsnr = read_image(person.effect), read_image(person.tsnr)
        except InputError as error:
            fault = error.faults[0]
            reason = f"{Path(fault.item).name} {fault.problem}"
            aside[person.participant] = SetAside(person.participant, person.group, reason)
            continue
        reason = _unusable(effect, tsnr)
        if reason:
            aside[person.participant] = SetAside(person.participant, person.group, reason)
            continue
        reached = np.nan_to_num(tsnr.values, nan=-np.inf) >= min_tsnr
        kept.append((person, effect.grid, np.packbits(_measured(effect)), np.packbits(reached)))
    grid, strays = _one_grid([(person, its_grid) for person, its_grid, _, _ in kept])
    for person, its_grid in strays:
        reason = f"its map is on another grid ({_grid_words(its_grid)})"
        aside[person.participant] = SetAside(person.participant, person.group, reason)
    kept = [one for one in kept if one[0].participant not in aside]
    shape = grid.shape if grid else (0, 0, 0)
    everywhere = np.ones(shape, bool)
    for *_, reached_bits in kept:
        everywhere &= _unpacked(reached_bits, shape)
    return Survey(
        tuple(person for person, *_ in kept),
        tuple(aside[name] for name in sorted(aside)),
        space,
        grid,
        np.array([measured for _, _, measured, _ in kept], np.uint8),
        everywhere,
    )


def values_in(people: Sequence[PersonMap], mask: Mask) -> NDArray[np.float32]:
    """Everybody's effects in the voxels of a mask, (people, voxels), in the order of ``volume[mask]``."""
    values = np.empty((len(people), int(mask.sum())), np.float32)
    for row, person in enumerate(people):
        values[row] = read_image(person.effect).values[mask]
    return values


def _unpacked(bits: NDArray[np.uint8], shape: tuple[int, ...]) -> Mask:
    return np.unpackbits(bits, count=int(np.prod(shape))).astype(bool).reshape(shape)


def _measured(image: Image) -> Mask:
    return np.isfinite(image.values) & (image.values != 0)


def _unusable(effect: Image, tsnr: Image) -> str:
    if not _measured(effect).any():
        return "its map is empty: no voxel has a value"
    if not same_grid(effect.grid, tsnr.grid):
        return f"its map and its tSNR are on two grids ({_grid_words(effect.grid)}; {_grid_words(tsnr.grid)})"
    return ""


def _entities(path: Path) -> dict[str, str]:
    return dict(_ENTITY.findall(path.name))


def _one_space(people: Sequence[PersonMap]) -> str:
    """The space in everybody's file names; every fault of the names at once."""
    faults: list[Fault] = []
    spaces: dict[str, list[str]] = {}
    contrasts: dict[str, list[str]] = {}
    names = [person.participant for person in people]
    for name in sorted({name for name in names if names.count(name) > 1}):
        faults.append(Fault(name, "comes twice", way_out="give one map per person; average sessions before"))
    for person in people:
        for path, stat in ((person.effect, "effect"), (person.tsnr, "tsnr")):
            entities = _entities(path)
            if not path.name.startswith(f"{participant_id(person.participant)}_"):
                faults.append(Fault(str(path), f"is not a map of {person.participant}"))
            if entities.get("stat") != stat:
                faults.append(
                    Fault(str(path), "is not the map it is given as", got=f"stat-{entities.get('stat', 'none')}",
                          accepted=f"stat-{stat}")
                )  # fmt: skip
            spaces.setdefault(entities.get("space", "none"), []).append(person.participant)
        contrasts.setdefault(_entities(person.effect).get("contrast", "none"), []).append(person.participant)
    for what, found in (("space", spaces), ("contrast", contrasts)):
        if len(found) > 1:
            faults.append(
                Fault("the group's maps", f"are not of one {what}", got=_who(found),
                      way_out=f"take the same {what} for everybody; compute the smaller part again")
            )  # fmt: skip
    if "none" in spaces and len(spaces) == 1:
        faults.append(
            Fault("the group's maps", "do not say which space they are in",
                  accepted="space-MNI152NLin2009aSym in the files' names")
        )  # fmt: skip
    if faults:
        raise InputError(faults)
    return next(iter(spaces), "")


def _one_grid(
    found: Sequence[tuple[PersonMap, Grid]],
) -> tuple[Grid | None, list[tuple[PersonMap, Grid]]]:
    """The grid of the group, and the one person, if any, who is on another."""
    grids: list[tuple[Grid, list[str]]] = []
    for person, grid in found:
        for known, who in grids:
            if same_grid(known, grid):
                who.append(person.participant)
                break
        else:
            grids.append((grid, [person.participant]))
    if not grids:
        return None, []
    grids.sort(key=lambda one: -len(one[1]))
    group, members = grids[0]
    strays = [(person, grid) for person, grid in found if person.participant not in members]
    if strays and (len(strays) > 1 or len(members) < 2):
        told = {_grid_words(grid): who for grid, who in grids}
        raise InputError(
            Fault("the group's maps", "are not on one grid", got=_who(told),
                  way_out="preprocess the smaller part again with the resolution of the others")
        )  # fmt: skip
    return group, strays


def _who(found: dict[str, list[str]]) -> str:
    return "; ".join(f"{name}: {listed(dict.fromkeys(who))}" for name, who in found.items())


def _grid_words(grid: Grid) -> str:
    """A grid in words; the corner tells grids apart that differ in nothing else."""
    edges = np.linalg.norm(np.asarray(grid.affine)[:3, :3], axis=0)
    corner = ", ".join(f"{one:g}" for one in np.round(grid.affine[:3, 3], 3))
    voxels, size = " × ".join(map(str, grid.shape)), " × ".join(f"{one:g}" for one in np.round(edges, 3))
    return f"{voxels} voxels of {size} mm from ({corner})"
