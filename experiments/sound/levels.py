"""Whether a sound would be too loud for the people of a study."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from experiments.clips import Clip
from experiments.sound.decoding import Pcm, clip_sound, decoded
from protocols.base.errors import Fault, InputError

NOT_MEASURED = (
    "The loudest sound could not be predicted: site.yaml has no sound.db_at_full_scale. Play a full-scale sine at the "
    "volume of the sessions, measure it with a sound level meter at the ear, and enter its dB."
)


def check_level(
    clips: Iterable[Clip],
    max_db: float,
    db_at_full_scale: float | None,
    *,
    spoken: Iterable[Path] = (),
) -> tuple[list[Fault], str | None]:
    """Sounds that would be louder than allowed, and a warning where that cannot be known.

    The level predicted is the site's level of a full-scale sine plus the sound's loudest 125 ms relative to it
    (`Pcm.level_dbfs`).

    Parameters
    ----------
    clips
        Those without sound are passed over.
    max_db
        The plan's ``limits.sound_level_max_db``, dB SPL.
    db_at_full_scale
        The site's ``sound_db_at_full_scale``: dB SPL of a full-scale sine at the volume of the sessions; None if it
        was never measured.
    spoken
        Spoken instructions.

    Returns
    -------
    tuple
        One fault for each sound that is too loud or cannot be decoded; and `NOT_MEASURED` or None.
    """
    faults: list[Fault] = []
    if db_at_full_scale is None:
        return faults, NOT_MEASURED
    sounds: list[tuple[str, Clip | Path]] = [(f"clip '{clip.name}'", clip) for clip in clips if clip.sound]
    sounds += [(f"spoken instruction '{path.name}'", path) for path in spoken]
    for item, sound in sounds:
        try:
            pcm = decoded(sound) if isinstance(sound, Path) else clip_sound(sound)
        except InputError as error:
            faults.extend(error.faults)
            continue
        if (level := db_at_full_scale + pcm.level_dbfs) > max_db:
            faults.append(_too_loud(item, pcm, level, max_db))
    return faults, None


def _too_loud(item: str, pcm: Pcm, level: float, max_db: float) -> Fault:
    return Fault(
        item,
        "would be too loud",
        got=f"{level:.1f} dB SPL in its loudest 125 ms ({pcm.level_dbfs:.1f} dB re a full-scale sine)",
        accepted=f"at most {max_db:g} dB SPL (limits.sound_level_max_db of the plan)",
        way_out=f"turn the volume down by {level - max_db:.1f} dB and measure sound_db_at_full_scale of site.yaml "
        "again, or prepare the clips at a lower loudness",
    )
