"""What is different about the versions of a scene, in sentences: their files, then what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stimuli.features.catalog import definitions
from stimuli.report.matched import Compared, Matching
from stimuli.report.saved import Saved, Shown
from stimuli.report.words import (
    CODEC_WORDS,
    OTHER,
    THEMES,
    Theme,
    amount,
    arm_words,
    joined,
    quantity,
    rate,
    unit_words,
    word,
)

LARGE_SD = 1.0
LARGE_RATIO = 1.5
"""Sentences speak of features that differ by one SD over the set's clips, or by this factor."""
LEAST_CLIPS = 6
"""With fewer clips an SD over them says nothing."""
PER_THEME = 3


@dataclass(frozen=True)
class Remark:
    """One sentence about a pair.

    Attributes
    ----------
    topic
        What it is about: ``File``, ``Sound``, or a theme.
    text
        The sentence, without the topic.
    outside
        Whether it tells of a feature beyond its tolerance.
    """

    topic: str
    text: str
    outside: bool = False


@dataclass(frozen=True)
class Difference:
    """One feature of one pair.

    Attributes
    ----------
    feature, unit
        Which one, and the unit of its numbers.
    first, second
        Values of the reference and of the other version.
    strength
        How large the difference is: in tolerances where it is outside; else in SDs over the clips, or in steps
        of `LARGE_RATIO`, whichever is more.
    tolerance
        Largest difference of a pair the plan allows; NaN where it has none.
    outside
        Whether it is beyond that.
    """

    feature: str
    unit: str
    first: float
    second: float
    strength: float
    tolerance: float = math.nan
    outside: bool = False


def spreads(saved: Saved) -> dict[str, float]:
    """SD of every feature over the clips that are compared; NaN where fewer than `LEAST_CLIPS` have a value."""
    arms = {saved.reference, *saved.contrasts}
    clips = [one for one in saved.clips.values() if one.clip.arm in arms and one.values]
    found = {}
    for name in definitions():
        values = np.array([one.values[name] for one in clips])
        values = values[~np.isnan(values)]
        found[name] = float(values.std(ddof=1)) if len(values) >= LEAST_CLIPS else math.nan
    return found


def remarks(
    saved: Saved, versions: Mapping[str, Shown], contrast: str, spread: Mapping[str, float]
) -> list[Remark]:
    """Everything worth saying about one version beside its reference, what is outside a tolerance first.

    Parameters
    ----------
    saved
        The set.
    versions
        Clips of the pair by arm, the reference and the contrast among them.
    contrast
        The arm that is compared with the reference.
    spread
        SD over the clips by feature, see `spreads`.
    """
    assert saved.reference is not None
    first, second = versions[saved.reference], versions[contrast]
    said = [*_files(first, second), *_sound(first, second)]
    matching = saved.matched.found
    compared = matching.of(contrast) if matching else None
    found = _differences(first, second, spread, matching, compared)
    topics = [(theme.name, _told(theme, found)) for theme in THEMES]
    known = {name for theme in THEMES for name in theme.features}
    topics.append((OTHER, [one for one in found if one.feature not in known and one.outside]))
    told = [(topic, several) for topic, several in topics if several]
    told.sort(key=lambda item: (not item[1][0].outside, -item[1][0].strength))
    said += [_sentence(topic, several, arm_words(contrast)) for topic, several in told]
    return sorted(said, key=lambda remark: not remark.outside)


def _files(first: Shown, second: Shown) -> Iterator[Remark]:
    """How the two files differ."""
    one, other = first.clip, second.clip
    parts = []
    if one["fps"] != other["fps"] or one["frame_rate"] != other["frame_rate"]:
        parts.append(f"{_rate(first)} against {_rate(second)} frames a second")
    if one["size"] != other["size"]:
        parts.append(f"{size(one['size'])} against {size(other['size'])} pixels")
    if one["duration"] != other["duration"]:
        parts.append(f"{seconds(one['duration'])} against {seconds(other['duration'])}")
    if one["codec"] != other["codec"]:
        parts.append(f"{codec(one['codec'])} against {codec(other['codec'])}")
    if parts:
        names = f"{arm_words(first.clip.arm)} and {arm_words(second.clip.arm)}"
        yield Remark("Files", f"{names} differ: {joined(parts)}.")
    if (one["recipe"] is None) != (other["recipe"] is None):
        which = arm_words((second if one["recipe"] else first).clip.arm)
        yield Remark("Files", f"only the {which} version is shown as imported, the other one is prepared.")


def _rate(one: Shown) -> str:
    return rate(one.clip["fps"]) + (" (variable)" if one.clip["frame_rate"] == "variable" else "")


def size(cell: str | None) -> str:
    """A picture's size as people write it."""
    return (cell or "n/a").replace("x", " × ")


def seconds(cell: str | None) -> str:
    """A duration to a hundredth of a second."""
    return f"{float(cell):.2f} s" if cell else "n/a"


def codec(cell: str | None) -> str:
    """A codec as people call it."""
    return CODEC_WORDS.get(cell or "", cell or "n/a")


def _sound(first: Shown, second: Shown) -> Iterator[Remark]:
    names = [arm_words(one.clip.arm) for one in (first, second)]
    if first.silent != second.silent:
        heard = names[1] if first.silent else names[0]
        yield Remark("Sound", f"only the {heard} version can be heard.")
    elif first.silent and (first.has_track or second.has_track):
        if first.has_track and second.has_track:
            yield Remark("Sound", "neither version can be heard: both sound tracks are silent.")
        else:
            has, lacks = names if first.has_track else reversed(names)
            yield Remark(
                "Sound", f"neither version can be heard: {has} has a silent sound track, {lacks} has none."
            )


def _differences(
    first: Shown,
    second: Shown,
    spread: Mapping[str, float],
    matching: Matching | None,
    compared: Compared | None,
) -> list[Difference]:
    """Differences worth a sentence, the strongest first."""
    found = {}
    if first.values and second.values:
        for name, known in definitions().items():
            one, other = first.values[name], second.values[name]
            strength = _strength(name, one, other, spread.get(name, math.nan))
            if known.matched and strength >= 1:
                found[name] = Difference(name, known.unit, one, other, strength)
    if matching is not None and compared is not None:
        found |= _judged(matching, compared, first.clip.pair_id or "", found)
    return sorted(found.values(), key=lambda one: (not one.outside, -one.strength))


def _judged(
    matching: Matching, compared: Compared, pair: str, large: Mapping[str, Difference]
) -> dict[str, Difference]:
    """Features with a tolerance, in its unit: those outside, and those that are large all the same."""
    limits = {row.feature: row.tolerance_worst for row in compared.judged}
    table, found = matching.differences, {}
    own = table[(table["contrast"] == compared.contrast) & (table["pair_id"] == pair)]
    for row in own.to_dict("records"):
        name, outside = row["feature"], row["outside"] == 1
        if name in limits and (outside or name in large):
            limit = limits[name]
            strength = large[name].strength if name in large else 1.0
            if outside:
                strength = abs(row["difference"]) / limit if limit > 0 else math.inf
            found[name] = Difference(
                name,
                row["unit"] or "",
                row["reference_value"],
                row["contrast_value"],
                strength,
                limit,
                outside,
            )
    return found


def _strength(name: str, first: float, second: float, sd: float) -> float:
    """The difference in SDs or in steps of the large ratio, whichever is more; 0 where it is not known."""
    if math.isnan(first) or math.isnan(second) or first == second:
        return 0.0
    if name == "cuts":
        return abs(second - first)
    found = abs(second - first) / sd / LARGE_SD if sd > 0 else 0.0
    if word(name).ratio and first > 0 and second > 0:
        found = max(found, abs(math.log(second / first)) / math.log(LARGE_RATIO))
    return found


def _told(theme: Theme, found: Sequence[Difference]) -> list[Difference]:
    """What a theme's sentence tells: everything outside its tolerance, then what is plainest to say."""
    own = [one for one in found if one.feature in theme.features]
    outside = [one for one in own if one.outside]
    order = {name: i for i, name in enumerate(theme.told)}
    plain = sorted(
        (one for one in own if not one.outside and one.feature in order), key=lambda one: order[one.feature]
    )
    room = max(0, PER_THEME - len(outside))
    return [*outside, *plain[:room]]


def _sentence(topic: str, told: Sequence[Difference], arm: str) -> Remark:
    return Remark(
        topic,
        f"the {arm} version {joined(_phrase(one) for one in told)}.",
        outside=any(one.outside for one in told),
    )


def _phrase(one: Difference) -> str:
    """``is brighter (mean luminance 7.65 against 3.78 % of white)``."""
    words = word(one.feature)
    verb = words.more if one.second > one.first else words.less
    numbers = values(one.second, one.first, one.unit)
    limit = ""
    if one.outside:
        limit = (
            "; must be the same" if one.tolerance == 0 else f"; tolerance {quantity(one.tolerance, one.unit)}"
        )
        if one.tolerance > 0 and one.strength >= 1.95:
            limit += f", {amount(one.strength, 2)} times that"
    elif not math.isnan(one.tolerance):
        limit = f"; within its tolerance of {quantity(one.tolerance, one.unit)}"
    return f"{verb} ({words.name} {numbers}{limit})"


def values(second: float, first: float, unit: str) -> str:
    """Two values of a feature: ``7.65 against 3.78 % of white``; shares in percent."""
    if unit == "share":
        return f"{amount(100 * second)} against {amount(100 * first)} %"
    return f"{amount(second)} against {amount(first)} {unit_words(unit)}".strip()
