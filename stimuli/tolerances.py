"""Whether a plan's tolerances can be meant: features that exist, in units they have."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.base.errors import Fault, did_you_mean, listed
from protocols.document import Document
from protocols.plan.materials import Stimuli
from protocols.plan.reading import Promise
from stimuli.features.catalog import definitions


def conversions(width_deg: float | None) -> dict[tuple[str, str], float]:
    """Factors from the units of features to those a plan may use for their differences."""
    factors = {
        (known.unit, unit): 1.0
        for known in definitions().values()
        for unit in known.tolerance_units
        if unit != known.unit
    }
    if width_deg is not None:
        factors["widths_s", "deg_s"] = width_deg
    return factors


def tolerance_faults(promise: Promise) -> Iterator[Fault]:
    """Features in a plan that do not exist, or tolerances in units they do not have, with their places."""
    promised = promise.plan.stimuli
    if promised is None:
        return
    factors = conversions(promised.width_deg)
    known = {name: one for name, one in definitions().items() if one.matched}
    seen = promised.leak_test.features if promised.leak_test else None
    for place, name in enumerate(seen or ()):
        if name not in known:
            yield promise.document.fault(
                ("stimuli", "leak_test", "features", place),
                "is not a feature on which arms can be told apart",
                got=name,
                accepted=listed(known, limit=60),
                way_out=did_you_mean(name, known),
            )
    for name, tolerance in (promised.matching or {}).items():
        if name not in known:
            yield promise.document.fault(
                ("stimuli", "matching", name),
                "is not a feature on which arms can be matched",
                at_key=True,
                accepted=listed(known, limit=60),
                way_out=did_you_mean(name, known),
            )
            continue
        unit = known[name].unit
        accepted = [unit, *(other for have, other in factors if have == unit)]
        if tolerance.unit not in accepted:
            yield _unit_fault(promise.document, promised, name, tolerance.unit, accepted)


def _unit_fault(document: Document, promised: Stimuli, name: str, got: str, accepted: list[str]) -> Fault:
    needs_width = got == "deg_s" and promised.width_deg is None
    return document.fault(
        ("stimuli", "matching", name, "unit"),
        "needs the width of the picture as the viewer sees it" if needs_width else f"is not a unit of {name}",
        got=got,
        accepted=listed(accepted),
        way_out="add stimuli.width_deg, in degrees of visual angle"
        if needs_width
        else did_you_mean(got, accepted),
    )
