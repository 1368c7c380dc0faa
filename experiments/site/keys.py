"""What the keys of the keyboard mean in a session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from experiments.site.fields import Buttons, Keys, Site
from protocols.document import Path_

Modality = Literal["bold", "eeg", "beh"]
BUTTONS = ("left", "right", "up", "down", "confirm")
DIGITS = tuple("123456789")


def key_names(site: Site, modality: Modality) -> dict[str, str]:
    """What every key of the keyboard means in a session.

    Digits mean two things in a laboratory: steps of a scale, and what a scanner's button box sends, which looks like
    a keyboard (1 to 4 for buttons, 5 or t for a pulse). In a session with modality ``bold`` they belong to the box,
    as `scanner.buttons` and `scanner.keys` say; in all others they are steps of a scale, and `scanner` does not count.

    Parameters
    ----------
    modality
        Of the session.

    Returns
    -------
    dict
        Physical key, as PsychoPy names it, to name: ``left``, ``right``, ``up``, ``down``, ``confirm``, ``1`` … ``9``,
        ``scanner``, ``operator.pause`` …; a key that is not in it means nothing.
    """
    return {key: name for key, name, _ in keys_in_use(site, modality)}


def keys_in_use(site: Site, modality: Modality) -> Iterator[tuple[str, str, Path_]]:
    """Every physical key with its name and the place in the file that says so."""
    if modality == "bold":
        if site.scanner.source == "keyboard":
            yield from ((key, "scanner", ("scanner", "keys", i)) for i, key in enumerate(site.scanner.keys))
        yield from _buttons(site.scanner.buttons, ("scanner", "buttons"))
    elif site.keys.digits_answer_scales:
        for digit in DIGITS:
            yield digit, digit, ("keys", "digits_answer_scales")
            yield f"num_{digit}", digit, ("keys", "digits_answer_scales")
    yield from _buttons(site.keys, ("keys",))
    for action, key in site.operator.model_dump(by_alias=True).items():
        yield key, f"operator.{action}", ("operator", action)


def _buttons(part: Keys | Buttons, path: Path_) -> Iterator[tuple[str, str, Path_]]:
    for name in BUTTONS:
        yield from ((key, name, (*path, name, i)) for i, key in enumerate(getattr(part, name)))
