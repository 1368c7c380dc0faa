"""``bazin stimuli pair``: the most similar partners for clips that came without pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from protocols.base.errors import InputError, fail, listed
from protocols.base.tables import number, write_frame
from stimuli.features.catalog import definitions
from stimuli.matching.optimal_pairs import Pairing, optimal_pairs
from stimuli.registry.bids import write_bids_stimuli
from stimuli.registry.manifest import Manifest, read_manifest, write_manifest
from stimuli.sets import StimulusSet
from stimuli.verbs.match import compared_arms
from stimuli.verbs.measure import read_measured

Say = Callable[[str], None]
USUAL = (
    "luminance",
    "rms_contrast",
    "colorfulness",
    "spectral_slope",
    "sharpness",
    "flow_speed",
    "motion_energy",
)
"""Paired on where nothing else is asked for: light, color, detail and movement."""


def pair_set(
    stimuli: StimulusSet,
    *,
    features: Sequence[str] = (),
    caliper: float | None = None,
    adopt: bool = False,
    say: Say = print,
) -> Pairing:
    """Propose partners for the clips without a pair, and adopt them if asked.

    Parameters
    ----------
    stimuli
        A measured set.
    features
        What to pair on; `USUAL` if empty.
    caliper
        Largest difference within a pair in any of them, in SD over clips within arms.
    adopt
        Write the pairs into the manifest.
    say
        Where lines for the user go.

    Raises
    ------
    InputError
        If every clip has a pair already, or the set was not measured.
    """
    manifest = read_manifest(stimuli)
    alone = [clip.name for clip in manifest.clips if clip.pair_id is None]
    if not alone:
        raise fail(
            InputError,
            str(stimuli.root),
            "has no clip without a pair",
            way_out="leave pair_id empty in a pairs file for clips whose partners are to be found",
        )
    reference, contrasts = compared_arms(manifest)
    table = read_measured(stimuli, manifest)
    table = table[table["clip"].isin(alone)]
    chosen = list(features or USUAL)
    pairing = optimal_pairs(table, chosen, reference=reference, contrast=contrasts[0], caliper=caliper)
    stimuli.match.mkdir(parents=True, exist_ok=True)
    path = write_frame(stimuli.match / "proposed_pairs.tsv", pairing.pairs)
    units = {name: definitions()[name].unit for name in chosen}
    say(f"{len(pairing.pairs)} pairs of {reference} and {contrasts[0]}, on {listed(chosen)} -> {path}")
    for row in pairing.pairs.to_dict("records"):
        apart = ", ".join(
            f"{name} {number(float(row[name]))} {units[name]}" for name in chosen if name in row
        )
        say(f"  {row['reference']} – {row['contrast']}: distance {row['distance']:.2f} ({apart})")
    for arm, left in ((reference, pairing.left_reference), (contrasts[0], pairing.left_contrast)):
        if left:
            say(f"  without a partner, {arm}: {listed(left)}")
    if pairing.constant:
        say(f"  not used, the same in all clips: {listed(pairing.constant)}")
    if adopt:
        _adopt(stimuli, manifest, pairing)
        say(f"The pairs are in the manifest. Next: bazin stimuli match {stimuli.root} --plan PLAN")
    else:
        say("Nothing was changed; --adopt writes the pairs into the manifest.")
    return pairing


def _adopt(stimuli: StimulusSet, manifest: Manifest, pairing: Pairing) -> None:
    """A pair is named after its reference clip, without the arm."""
    named: dict[str, str] = {}
    taken = set(manifest.pairs())
    for reference, contrast in zip(pairing.pairs["reference"], pairing.pairs["contrast"], strict=True):
        arm = manifest[reference].arm
        wished = str(reference).removesuffix(f"_{arm}")
        name, more = wished, 2
        while name in taken:
            name, more = f"{wished}-{more}", more + 1
        taken.add(name)
        named |= {str(reference): name, str(contrast): name}
    clips = tuple(clip.having(pair_id=named.get(clip.name, clip.pair_id)) for clip in manifest.clips)
    write_manifest(stimuli, Manifest(clips, manifest.extra))
    write_bids_stimuli(stimuli, read_manifest(stimuli))
