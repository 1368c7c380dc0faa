"""The words of a session in one language, for children and for adults, and recordings of somebody saying them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from protocols.base.errors import InputError, UsageError, did_you_mean, fail, listed
from protocols.document import read_document
from protocols.plan.sessions import Paradigm as Task
from protocols.plan.sessions import Scale

LANGUAGES = ("en", "zh")
ProfileName = Literal["adult", "child"]
PROFILES: tuple[ProfileName, ...] = get_args(ProfileName)
SOUNDS = (".wav", ".ogg", ".mp3", ".m4a", ".flac")
QUESTIONS: dict[Task, tuple[str, ...]] = {
    "same_different": ("same_or_different", "find.same", "find.different", "how_sure"),
    "pair_comparison": ("which_like_sample", "how_sure"),
    "detection": ("made_how", "find.camera", "find.computer", "how_sure"),
}
"""What a child is asked in a task; of ratings it depends on the scales."""
ALWAYS_SPOKEN = """
    screen.welcome screen.warm_up screen.break screen.get_ready screen.run_over screen.thanks screen.goodbye_early
    screen.training_passed screen.training_again screen.training_enough
    instruction.training instruction.still instruction.attention.star instruction.attention.question
    question.go_on question.was_in_film feedback.right feedback.wrong feedback.late
    """.split()
"""What can be said in a session of any task."""
_FOLDER = Path(__file__).with_name("catalogs")


@dataclass(frozen=True)
class Catalog:
    """Every text of a session in one language.

    Attributes
    ----------
    language
        ``en`` or ``zh``.
    """

    language: str
    _texts: Mapping[str, Mapping[ProfileName, str]] = field(repr=False)
    _recordings: Mapping[tuple[ProfileName, str], Path] = field(repr=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all texts, in the order of the file."""
        return tuple(self._texts)

    def text(self, key: str, profile: ProfileName = "adult") -> str:
        """A text in a profile's words.

        Raises
        ------
        KeyError
            If there is no such text: the code asks for one that nobody wrote.
        """
        return self._variants(key)[profile]

    def spoken(self, key: str, profile: ProfileName) -> Path | None:
        """The sound file in which somebody says a text; None if there is none."""
        self._variants(key)
        return self._recordings.get((profile, key))

    def missing_spoken(self, keys: Iterable[str], profile: ProfileName) -> list[str]:
        """Those of `keys` that nobody says: all of them if no recordings were given."""
        return [key for key in keys if self.spoken(key, profile) is None]

    def recordings(self) -> tuple[Path, ...]:
        """The sound files, to be checked for their level."""
        return tuple(self._recordings.values())

    def texts(self) -> str:
        """Every character that can appear, once; a font must have them all."""
        characters = {one for texts in self._texts.values() for text in texts.values() for one in text}
        return "".join(sorted(characters))

    def _variants(self, key: str) -> Mapping[ProfileName, str]:
        if key not in self._texts:
            raise KeyError(f"the catalog '{self.language}' has no text '{key}'")
        return self._texts[key]


def load_catalog(language: str, spoken: Path | None = None) -> Catalog:
    """Read the texts of a language.

    Parameters
    ----------
    language
        One of `LANGUAGES`.
    spoken
        Folder of recordings, ``<language>/<child or adult>/<key>.wav`` (or ogg, mp3, m4a, flac).

    Raises
    ------
    UsageError
        If there is no such language.
    InputError
        If the folder is not there, or a text was recorded twice.
    """
    if language not in LANGUAGES:
        raise fail(
            UsageError,
            f"language '{language}'",
            "is not one the session speaks",
            accepted=listed(LANGUAGES),
            way_out=did_you_mean(language, LANGUAGES),
        )
    recordings = _recordings(spoken, language) if spoken is not None else {}
    return Catalog(language, _texts(language), recordings)


@cache  # reading YAML strictly takes a fifth of a second, and the demo holds a hundred sessions
def _texts(language: str) -> dict[str, dict[ProfileName, str]]:
    return dict(_flat(read_document(_FOLDER / f"{language}.yaml").data))


def spoken_keys(tasks: Iterable[Task], scales: Iterable[Scale] = ()) -> list[str]:
    """The texts that are said aloud to children in sessions of these tasks, training and attention tasks included.

    Parameters
    ----------
    tasks
        Paradigms.
    scales
        What is rated.
    """
    tasks = list(tasks)
    pages = [
        key
        for key in load_catalog(LANGUAGES[0]).keys
        for task in tasks
        if key.startswith(f"instruction.{task}.")
    ]
    asked = [*(name for task in tasks for name in QUESTIONS.get(task, ())), *scales]
    return list(dict.fromkeys([*ALWAYS_SPOKEN, *pages, *(f"question.{name}" for name in asked)]))


def _flat(node: Any, key: str = "") -> Iterator[tuple[str, dict[ProfileName, str]]]:
    """The texts below a node by their dotted keys; pages count from 1."""
    if isinstance(node, str):
        yield key, dict.fromkeys(PROFILES, node)
    elif isinstance(node, dict) and set(node) == set(PROFILES):
        yield key, {profile: node[profile] for profile in PROFILES}
    else:
        parts = enumerate(node, start=1) if isinstance(node, list) else node.items()
        for name, part in parts:
            yield from _flat(part, f"{key}.{name}" if key else str(name))


def _recordings(folder: Path, language: str) -> dict[tuple[ProfileName, str], Path]:
    if not folder.is_dir():
        raise fail(
            InputError, str(folder), "is not a folder",
            accepted=f"a folder of recordings: {language}/child/question.made_how.wav",
        )  # fmt: skip
    found: dict[tuple[ProfileName, str], Path] = {}
    for profile in PROFILES:
        for path in sorted((folder / language / profile).glob("*")):
            if path.suffix.lower() not in SOUNDS:
                continue
            other = found.setdefault((profile, path.stem), path)
            if other != path:
                raise fail(InputError, str(path), "says what another file says already", got=other.name,
                           accepted="one recording of each text", way_out="take one of the two away")  # fmt: skip
    return found
