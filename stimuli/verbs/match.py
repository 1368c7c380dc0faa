"""``bazin stimuli match``: how far the arms of a set lie apart, held against what the plan allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from protocols.base.canonical import sha256_file
from protocols.base.errors import InputError, PlanError, fail, listed
from protocols.base.files import read_json, write_json
from protocols.plan.promises import Plan
from protocols.plan.reading import Promise
from stimuli.features.catalog import definitions
from stimuli.matching.judge import Matching, match
from stimuli.matching.writing import write_matching
from stimuli.registry.checking import against_plan, beside_plan, incomplete_pairs
from stimuli.registry.manifest import Manifest, manifest_sha256, read_manifest
from stimuli.sets import StimulusSet
from stimuli.tolerances import conversions, tolerance_faults
from stimuli.verbs.measure import FLAGS, TABLE, read_flags, read_measured

Say = Callable[[str], None]
LABELS = ("watermark", "start_label", "end_label")


@dataclass(frozen=True)
class MatchedSet:
    """What came out.

    Attributes
    ----------
    matching
        Gate, leak test, covariates.
    labelled
        Clips with a visible label, where the plan rejects these.
    """

    matching: Matching
    labelled: tuple[str, ...]


def match_set(stimuli: StimulusSet, promise: Promise, *, say: Say = print) -> MatchedSet:
    """Compare the arms of a measured set.

    Parameters
    ----------
    stimuli
        The set.
    promise
        The plan, with tolerances (``stimuli.matching``) and the largest leak (``stimuli.leak_test``).
    say
        Where lines for the user go.

    Raises
    ------
    PlanError
        If the plan has no ``stimuli``, is bound to another manifest, or a tolerance cannot be meant.
    InputError
        If the clips were not measured as they are now, or arms are missing.
    """
    manifest = read_manifest(stimuli)
    faults = [*against_plan(manifest_sha256(stimuli), promise), *tolerance_faults(promise)]
    if faults:
        raise PlanError(faults)
    promised = promise.plan.stimuli
    assert promised is not None
    reference, contrasts = compared_arms(manifest)
    table = read_measured(stimuli, manifest)
    described = [name for name, known in definitions().items() if not known.matched]
    matching = match(
        table.drop(columns=described, errors="ignore"),
        {name: known.unit for name, known in definitions().items()},
        tolerances=dict(promised.matching or {}),
        leak=promised.leak_test,
        reference=reference,
        contrasts=contrasts,
        seed=promise.plan.decision.seed,
        conversions=conversions(promised.width_deg),
        leak_features=promised.leak_test.features if promised.leak_test else None,
    )
    write_matching(stimuli.match, matching)
    labelled = _labelled(stimuli, promised.visible_label)
    _bind(stimuli, promise, labelled)
    for line in match_lines(stimuli, manifest, promise.plan, matching, labelled):
        say(line)
    return MatchedSet(matching, labelled)


def match_lines(
    stimuli: StimulusSet, manifest: Manifest, plan: Plan, matching: Matching, labelled: tuple[str, ...]
) -> Iterator[str]:
    """What the terminal shows."""
    yield from matching.sentences()
    if labelled:
        yield f"The plan rejects visible labels, and they were found on {listed(labelled)}."
    beside = [*incomplete_pairs(manifest), *beside_plan(manifest, plan)]
    if beside:
        yield ""
        yield "To be known:"
        yield from (f"  {text}" for text in beside)
    yield ""
    yield f"tables: {stimuli.match}"
    digest = manifest_sha256(stimuli)
    bound = plan.stimuli is not None and plan.stimuli.manifest_sha256 == digest
    yield (
        "The plan is bound to this set."
        if bound
        else f'To bind the plan to this set: stimuli.manifest_sha256: "{digest}"'
    )
    yield f"Next: bazin stimuli report {stimuli.root}"


def compared_arms(manifest: Manifest) -> tuple[str, list[str]]:
    """The reference arm, and the arms held against it.

    Raises
    ------
    InputError
        If there is not exactly one reference, or nothing to compare with it.
    """
    references, contrasts = manifest.arms_of_role("reference"), manifest.arms_of_role("contrast")
    if not references:  # a set of classics and their replicas has arms of its own
        references = manifest.arms_of_role("familiarity_reference")
        contrasts = manifest.arms_of_role("familiarity_contrast")
    if len(references) != 1 or not contrasts:
        raise fail(
            InputError,
            "the set",
            "has no two arms to compare",
            got=listed(manifest.arms),
            accepted="one arm with the role reference (live) and one or more with the role contrast (ai)",
        )
    return references[0], list(contrasts)


def _labelled(stimuli: StimulusSet, rule: str) -> tuple[str, ...]:
    """Clips with a visible label that the plan does not want; under ``crop``, those that still show theirs."""
    if rule == "keep":
        return ()
    flags = read_flags(stimuli)
    return tuple(dict.fromkeys(str(clip) for clip in flags.loc[flags["kind"].isin(LABELS), "clip"]))


def _bind(stimuli: StimulusSet, promise: Promise, labelled: tuple[str, ...]) -> None:
    """Say in ``match.json`` which plan, manifest and measures it belongs to."""
    path = stimuli.match / "match.json"
    document: Mapping[str, object] = read_json(path)
    made_from = {
        "plan": promise.plan.plan,
        "plan_sha256": promise.sha256,
        "manifest_sha256": manifest_sha256(stimuli),
        "measures_sha256": sha256_file(stimuli.measures / TABLE),
        "flags_sha256": sha256_file(stimuli.measures / FLAGS),
        "labelled": list(labelled),
    }
    write_json(path, {**document, "made_from": made_from})
