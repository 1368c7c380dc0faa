"""What can be seen besides clips, as data: a display draws it, a virtual one remembers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["left", "right"]


@dataclass(frozen=True)
class Fixation:
    """A small cross in the middle; children see a dot with a face."""

    friendly: bool = False


@dataclass(frozen=True)
class Words:
    """A text, already in the session's language.

    Attributes
    ----------
    role
        ``title`` large on top, ``body`` in the middle, ``question`` above the answers, ``hint`` small at the bottom.
    """

    text: str
    role: Literal["title", "body", "question", "hint"] = "body"


@dataclass(frozen=True)
class Drawing:
    """A drawn picture by name: see `experiments.window.drawings`."""

    name: str
    where: Literal["center", "top", "left", "right"] = "center"


@dataclass(frozen=True)
class Still:
    """One frame of a clip, the middle one, as a picture."""

    clip: object  # experiments.clips.Clip; typed there to keep this file free of imports


@dataclass(frozen=True)
class Choice:
    """One answer of a choice: a word, for children with a large picture.

    Attributes
    ----------
    answer
        What is written down.
    label
        What is read on the screen; may be empty where the picture says it.
    key
        What the site file calls its button.
    """

    answer: str
    label: str
    key: str
    drawing: str = ""


@dataclass(frozen=True)
class Choices:
    """Two to four answers side by side, left to right. `chosen` is marked after the answer."""

    options: tuple[Choice, ...]
    big: bool = False
    chosen: str | None = None


@dataclass(frozen=True)
class Scale:
    """An answer by degrees.

    Attributes
    ----------
    style
        ``likert``: numbered steps; ``slider``: a line, moved with left and right; ``tokens``: so many coins, for
        children; ``faces``: three faces.
    levels
        Number of steps; of a slider its resolution.
    low, high
        Words at the ends.
    at
        Where the marker stands (1 … levels), None before it was moved.
    """

    style: Literal["likert", "slider", "tokens", "faces"]
    levels: int
    low: str = ""
    high: str = ""
    at: int | None = None


@dataclass(frozen=True)
class Star:
    """The attention star."""

    found: bool = False


@dataclass(frozen=True)
class Reward:
    """The picture reward of a break: so many of all stars are filled."""

    earned: int
    of: int


Element = Fixation | Words | Drawing | Still | Choices | Scale | Star | Reward


@dataclass(frozen=True)
class Screen:
    """One picture: its elements, drawn in this order.

    Attributes
    ----------
    patch
        Whether the photodiode's patch is white (True), black (False) or not there (None).
    """

    elements: tuple[Element, ...] = ()
    name: str = ""
    patch: bool | None = None

    @classmethod
    def of(cls, *elements: Element, name: str = "") -> Screen:
        """A screen of these elements."""
        return cls(tuple(elements), name)


BLANK = Screen(name="blank")
