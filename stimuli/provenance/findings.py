"""One thing that a file's metadata say about what was done to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["generated", "altered", "unclear", "edited", "written", "camera"]
"""By a generator; by a trained network that changes every frame; by a program that can do either; cut or edited; merely
written; recorded by a camera."""


@dataclass(frozen=True)
class Finding:
    """One thing that metadata say was done.

    Attributes
    ----------
    kind
        What it means for a clip.
    where
        Where it stands: ``comment``, ``encoder``, ``XMP CreatorTool``.
    what
        A sentence's predicate, without the file: ``holds a ComfyUI workflow: …``.
    """

    kind: Kind
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where} {self.what}"
