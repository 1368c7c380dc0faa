"""What a plan asks of scans, as the settings of one session's first level: nothing else can change a number there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from protocols.plan.expanding import ALL_CLIPS, FIXATION, control_contrast, model_of, session_of, shown_in
from protocols.plan.measuring import Bold, Measure, RoiRule
from protocols.plan.promises import Plan
from protocols.plan.sessions import Session

Engine = Literal["bazin", "nilearn"]
SHOWS_ALL = (FIXATION, ALL_CLIPS)
"""The contrast every person gets, whatever the plan asks: all clips against fixation."""


@dataclass(frozen=True)
class Asked:
    """What is asked of one session's scans.

    Attributes
    ----------
    session, paradigm
        Of the plan.
    bold
        Settings of the analysis.
    regions
        Region of each measure, as the plan gives it.
    rule
        When a region counts as measured.
    words
        For each condition the session shows the words in ``trial_type`` that mean it, its own name first.
    contrasts
        [reference, compared], each once.
    mean_fd_mm, volume_fd_mm, volumes_kept
        The plan's limits; None where it has none.
    engine
        What fits the whole brain.
    scenes_random
        Whether scenes are random in a measure, so that single clips must be told apart. Changes no number.
    """

    session: str
    paradigm: str
    bold: Bold
    regions: dict[str, dict[str, Any]]
    rule: RoiRule | None
    words: dict[str, tuple[str, ...]]
    contrasts: tuple[tuple[str, str], ...]
    mean_fd_mm: float | None
    volume_fd_mm: float | None
    volumes_kept: float | None
    scenes_random: bool = False
    engine: Engine = "bazin"

    def settings(self) -> dict[str, Any]:
        """As a JSON document, for stamps."""
        said = asdict(self)
        # Maps' tests belong to the group.
        said["bold"] = self.bold.model_dump(mode="json", exclude={"maps"})
        said["rule"] = self.rule.model_dump(mode="json") if self.rule else None
        del said["scenes_random"]
        return said


def bold_measures(plan: Plan, session: str | None = None) -> dict[str, Measure]:
    """The measures made of scans here: a region's percent signal change, not measured elsewhere."""
    found = {}
    for name, measure in plan.measures.items():
        of = session_of(plan, measure)
        if (
            measure.roi is not None
            and measure.measured_elsewhere is None
            and of is not None
            and session in (None, of.name)
        ):
            found[name] = measure
    return found


def random_scenes(plan: Plan, session: str) -> list[str]:
    """Hypotheses in which scenes are random, about single clips of the session's scans."""
    measures = bold_measures(plan, session)
    return [
        name
        for name, one in plan.hypotheses.items()
        if one.measure in measures and model_of(plan, one) == "crossed_mixed"
    ]


def asked_of(plan: Plan, engine: Engine = "bazin") -> list[Asked]:
    """One for each session that has measures made of scans, in the plan's order."""
    return [
        replace(_of_session(plan, session, measures), engine=engine)
        for session in plan.sessions
        if (measures := bold_measures(plan, session.name))
    ]


def contrast_name(reference: str, compared: str) -> str:
    """BIDS label of a contrast: ``aiMinusLive``."""
    one, other = (_camel(name) for name in (compared, reference))
    return f"{one}Minus{other[0].upper()}{other[1:]}"


def in_words(contrast: tuple[str, str], conditions: Sequence[str]) -> str:
    """A contrast as the first level reads it: ``ai - live``, or the mean of all conditions."""
    mean = f"({' + '.join(conditions)}) / {len(conditions)}"
    reference, compared = contrast
    terms = {ALL_CLIPS: mean, FIXATION: ""}
    plus, minus = (terms.get(name, name) for name in (compared, reference))
    if not minus:
        return plus
    return f"{plus} - {minus}" if plus else f"-1 * {minus}"


def _of_session(plan: Plan, session: Session, measures: dict[str, Measure]) -> Asked:
    pairs = [SHOWS_ALL]
    for hypothesis in plan.hypotheses.values():
        if hypothesis.measure in measures and hypothesis.contrast is not None:
            pairs.append(hypothesis.contrast)
    for measure in measures.values():
        pairs += [found for one in measure.controls if (found := control_contrast(plan, measure, one))]
    exclusions = plan.exclusions
    # Of all clips there is a mean only if every one of their conditions can have been shown.
    shown = [name for name in plan.conditions if not session.conditions or name in shown_in(plan, session)]
    return Asked(
        session.name, session.paradigm, plan.analysis.bold or Bold(),
        {name: one.roi.model_dump(mode="json") for name, one in measures.items() if one.roi},
        exclusions.roi,
        {name: (name, *(plan.conditions[name].trial_types or ())) for name in shown},
        tuple(dict.fromkeys(pairs)),
        exclusions.mean_fd_mm, exclusions.volume_fd_mm, exclusions.volumes_kept_per_condition,
        bool(random_scenes(plan, session.name)),
    )  # fmt: skip


def _camel(name: str) -> str:
    first, *others = [part for part in name.split("_") if part]
    return first + "".join(part[0].upper() + part[1:] for part in others)
