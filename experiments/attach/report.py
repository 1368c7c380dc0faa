"""What attaching a recording came to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Attached:
    """What was done.

    Attributes
    ----------
    run
        The run, in words.
    placed
        Names of the files that were written.
    found
        How well recording and journal agree, in a sentence.
    notes
        What the user should know, in a sentence each.
    nothing_done
        Whether this very recording was attached before.
    """

    run: str
    placed: tuple[str, ...] = ()
    found: str = ""
    notes: tuple[str, ...] = ()
    nothing_done: bool = False

    def lines(self) -> list[str]:
        """What the user is told."""
        if self.nothing_done:
            return [f"{self.run}: this recording is attached already, nothing done"]
        return [
            f"{self.run}: {self.found}",
            *(f"  note: {note}" for note in self.notes),
            *(f"  wrote {name}" for name in self.placed),
        ]
