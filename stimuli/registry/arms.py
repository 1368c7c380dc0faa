"""Which arm and scene a clip belongs to, as its folder and name say."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stimuli.sets import safe_name

ROLE_OF = {
    "live": "reference",
    "ai": "contrast",
    "cartoon": "positive_control",
    "rotoscoped": "positive_control",
    "codec_control": "codec_control",
    "classic": "familiarity_reference",
    "classic_replica": "familiarity_contrast",
}
"""Roles of the arms a folder or file name can say; any other arm needs its role in a pairs file."""

_WORDS = {
    **{arm: arm for arm in ROLE_OF},
    "live action": "live", "liveaction": "live", "live_action": "live", "real": "live", "filmed": "live",
    "generated": "ai", "aigc": "ai", "ai generated": "ai", "ai_generated": "ai", "synthetic": "ai",
    "cartoons": "cartoon", "animated": "cartoon", "rotoscope": "rotoscoped", "classics": "classic",
    "classic replica": "classic_replica", "replica": "classic_replica", "codec control": "codec_control",
    "真人": "live", "实拍": "live", "人工智能": "ai", "动画": "cartoon",
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """What a path says of a clip.

    Attributes
    ----------
    arm
        The arm, or None where neither folder nor name says one.
    scene
        The rest of the name, in the lab's own letters.
    """

    arm: str | None
    scene: str


def place_of(path: Path, root: Path) -> Place:
    """Arm and scene of a file below `root`: by the nearest folder named like an arm, else by a word of its name.

    Examples
    --------
    >>> place_of(Path("clips/live/kitchen.mp4"), Path("clips"))
    Place(arm='live', scene='kitchen')
    >>> place_of(Path("clips/AI-kitchen 2.mov"), Path("clips"))
    Place(arm='ai', scene='kitchen 2')
    """
    stem = tidy(path.stem)
    folders = [part for part in (root.resolve().name, *path.relative_to(root).parts[:-1]) if part]
    by_name = _in_name(stem)
    for folder in reversed(folders):
        arm = _WORDS.get(tidy(folder).casefold())
        if arm is not None:
            return Place(arm, by_name.scene if by_name.arm == arm else stem)
    return by_name


def _in_name(stem: str) -> Place:
    """An arm's word at the beginning or end of a name, cut off by a sign; elsewhere it may mean something else."""
    for word in sorted(_WORDS, key=len, reverse=True):
        pattern = re.escape(word).replace(r"\ ", "[ _-]")
        for at in (rf"^{pattern}[ ._-]+(?P<scene>.+)$", rf"^(?P<scene>.+?)[ ._-]+{pattern}$"):
            found = re.match(at, stem, re.IGNORECASE)
            if found:
                return Place(_WORDS[word], tidy(found["scene"]))
    return Place(None, stem)


def tidy(text: str) -> str:
    """A name in one Unicode form, without control characters and doubled space."""
    normal = unicodedata.normalize("NFC", text)
    return " ".join("".join(c if c.isprintable() else " " for c in normal).split())


def pair_ids(scenes: Iterable[str]) -> dict[str, str]:
    """A short ASCII name for every scene: its own where it has one, else ``p01``, ``p02``, … in order.

    Parameters
    ----------
    scenes
        Scenes in any letters, without repetitions.
    """
    in_order = list(scenes)
    named: dict[str, str] = {}
    taken: set[str] = set()
    for scene in in_order:
        name = safe_name(scene)[:40]
        if name and scene.isascii() and name.casefold() not in taken:
            named[scene] = name
            taken.add(name.casefold())
    numbers = (name for i in itertools.count(1) if (name := f"p{i:02d}") not in taken)
    return {scene: named[scene] if scene in named else next(numbers) for scene in in_order}
