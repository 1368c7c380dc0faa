"""Who takes part and what they see: groups, conditions, the stimulus set and its tolerances."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from protocols.plan.fields import Identifier, NotNegative, Part, Positive, Sentence, declare

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Role = Literal[
    "reference",
    "contrast",
    "positive_control",
    "codec_control",
    "familiarity_reference",
    "familiarity_contrast",
    "label",
]


class Group(Part):
    """People who are analysed together."""

    age_months: tuple[int, int] | None = declare(
        "age range in whole months, half-open: [48, 84] is from the 4th to the day before the 7th birthday",
        None,
        unit="months",
    )
    n_planned: int = declare("people with usable data the study needs", unit="people", ge=2)
    n_recruited: int | None = declare(
        "people to be invited, so that enough remain", None, unit="people", ge=2
    )
    profile: Literal["child", "adult"] = declare(
        "which instructions, scales and breaks the session uses", "adult"
    )
    label: Sentence | None = declare(
        "what sentences call these people, in the plural; the group's name if absent", None
    )


class Condition(Part):
    """One kind of clip."""

    role: Role = declare("why the condition exists")
    label: Sentence | None = declare("what sentences call it; the condition's name if absent", None)
    exploratory: bool = declare("shown although no hypothesis uses it", False)
    trial_types: tuple[Sentence, ...] | None = declare(
        "words in trial_type of a scan's events that mean it, its own name always among them", None
    )


class Tolerance(Part):
    """How far the two arms may differ in one physical feature; 0 means identity in every pair."""

    mean: float = declare("largest mean paired difference over the set", ge=0)
    worst: float = declare("largest difference in any single pair", ge=0)
    unit: Sentence = declare("the feature's physical unit")


class LeakTest(Part):
    """Whether a machine can tell the arms apart from low-level features alone."""

    max_auc: float = declare("shown clean if the upper limit of the AUC lies below", unit="AUC", gt=0.5, le=1)
    features: tuple[Identifier, ...] | None = declare(
        "features the machine sees, all if absent; few, chosen before they are measured, can show more", None
    )


class Stimuli(Part):
    """The set of paired clips."""

    set: Sentence = declare("folder of the stimulus set, seen from the plan's own folder")
    manifest_sha256: Sha256 | None = declare(
        "SHA-256 of the set's manifest (pairs.tsv), which binds the plan to these very clips", None
    )
    pairs: int = declare("scenes in the set, each with all its versions", unit="scenes", ge=1)
    scenes_per_person: int | None = declare(
        "scenes one person sees; all of them if absent", None, unit="scenes", ge=1
    )
    seconds: NotNegative = declare("length of a clip", unit="s", gt=0)
    width_deg: Positive | None = declare(
        "width of the picture as the viewer sees it; tolerances in deg_s need it", None, unit="deg", le=180
    )
    generators: tuple[Sentence, ...] = declare(
        "the programs that made the AI clips, with versions; sentences name them", ()
    )
    matching: dict[Identifier, Tolerance] | None = declare("tolerance per low-level feature", None)
    leak_test: LeakTest | None = declare("largest leak the set may have", None)
    visible_label: Literal["reject", "crop", "keep"] = declare(
        "what is done with clips that carry a visible AI label", "reject"
    )
