"""One film of several minutes, for inter-subject correlation."""

from __future__ import annotations

from experiments.paradigms.passive_viewing import PassiveViewing


class Film(PassiveViewing):
    """Watched like a clip, from beginning to end."""

    name = "film"
    pages = ("rest", "hand_up")
