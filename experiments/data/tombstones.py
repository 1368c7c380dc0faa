"""Who withdrew: their codes and the day, nothing else."""

from __future__ import annotations

import datetime
from pathlib import Path

from experiments.session.journal import FOLDER
from protocols.base.errors import InputError, fail
from protocols.base.files import write_atomically
from protocols.base.tables import read_frame, table_text

TABLE = f"{FOLDER}/withdrawn.tsv"


def withdrawn(bids: Path) -> dict[str, str]:
    """When everybody who withdrew did so, by code."""
    if not (bids / TABLE).exists():
        return {}
    frame = read_frame(bids / TABLE, required=("participant_id", "date"))
    return dict(zip(frame["participant_id"], frame["date"], strict=True))


def refuse_withdrawn(bids: Path, code: str) -> None:
    """Refuse to go on with somebody who withdrew.

    Raises
    ------
    InputError
        If the code is among those.
    """
    when = withdrawn(bids).get(code)
    if when is not None:
        raise fail(
            InputError, f"participant '{code}'", f"withdrew on {when}: nothing is kept or recorded under this code",
            way_out="give a new person a code nobody has had",
        )  # fmt: skip


def bury(bids: Path, code: str) -> None:
    """Note that somebody withdrew today; who did so before keeps their day."""
    known = withdrawn(bids)
    if code not in known:
        known[code] = datetime.datetime.now(datetime.UTC).date().isoformat()
        write_atomically(bids / TABLE, table_text(["participant_id", "date"], sorted(known.items())))
