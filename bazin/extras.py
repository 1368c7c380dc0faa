"""Packages that not every machine has: what is missing is said in one line."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from protocols.base.errors import NotAvailable, fail

CLIPS = ("av", "cv2", "skimage", "c2pa")
"""What the extra ``clips`` brings."""

FMRI = ("nibabel", "nilearn", "ants", "numba")
"""What the extra ``fmri`` brings."""
LAB = ("psychopy", "av", "serial", "sounddevice", "pylsl")
"""What the extra ``lab`` brings."""


def missing(modules: Sequence[str]) -> list[str]:
    """Modules that are not installed."""
    return [name for name in modules if importlib.util.find_spec(name) is None]


def require(extra: str, modules: Sequence[str], what: str) -> None:
    """Raise NotAvailable where an extra is not installed.

    Parameters
    ----------
    extra
        Its name.
    modules
        Modules it brings.
    what
        What they are needed for.
    """
    absent = missing(modules)
    if absent:
        raise fail(
            NotAvailable,
            what,
            f"need packages that are not installed ({', '.join(absent)})",
            way_out=f"make env EXTRAS={extra}   (Windows: py tools\\environment.py {extra})",
        )
