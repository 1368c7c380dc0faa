"""What the sidecars of a session say besides its columns: screen, programs, plan, markers, how each run ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments.data.audit import rules_of
from experiments.data.told import RunTold
from experiments.session.journal import Header
from protocols.plan.measuring import Presentation

TRIGGER_1 = "trigger 1"
"""``OnsetReference`` of an EEG table until its recording is attached."""


def presentation(header: Header) -> dict[str, Any]:
    """BIDS' ``StimulusPresentation``; lengths in meters."""
    versions, screen = header.versions, header.screen
    width, distance = screen.get("width_cm"), screen.get("distance_cm")
    pixels = [screen[name] for name in ("width_px", "height_px") if screen.get(name)]
    found: dict[str, Any] = {
        "OperatingSystem": versions.get("os"),
        "ScreenDistance": _meters(distance),
        "ScreenOrigin": ["top", "left"],
        "ScreenRefreshRate": screen.get("refresh_hz"),
        "ScreenResolution": pixels if len(pixels) == 2 else None,
        "ScreenSize": _size(width, screen.get("height_cm"), pixels),
        "SoftwareName": "bazin",
        "SoftwareVersion": versions.get("bazin"),
        "PsychoPyVersion": versions.get("psychopy"),
        "PythonVersion": versions.get("python"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _meters(centimeters: float | None) -> float | None:
    return None if centimeters is None else round(float(centimeters) / 100, 6)


def _size(width: float | None, height: float | None, pixels: Sequence[int]) -> list[float] | None:
    if width is None:
        return None
    if height is None and len(pixels) == 2:
        height = float(width) * pixels[1] / pixels[0]  # pixels are square
    return None if height is None else [round(float(one) / 100, 4) for one in (width, height)]


def of_session(header: Header, task: str, rules: Presentation | None) -> dict[str, Any]:
    """What is true of a whole session."""
    own = rules or rules_of(header)
    found: dict[str, Any] = {
        "TaskName": task,
        "StimulusPresentation": presentation(header),
        "Plan": header.plan,
        "PlanSHA256": header.plan_sha256,
        "ManifestSHA256": header.manifest_sha256,
        "Seed": header.seed,
        "Mode": header.mode,
        "Group": header.group,
        "Profile": header.profile,
        "Language": header.language,
        "AnswersSwapped": header.swapped,
        "SoundSwitchedOff": header.no_sound,
        "AudioDelay": header.audio_delay_s,
        "DisplayDelay": header.display_delay_s,
        "TriggerCodes": header.triggers or None,
        "PresentationRules": own.model_dump(),
    }
    return {name: value for name, value in found.items() if value is not None}


def of_run(run: RunTold, modality: str) -> dict[str, Any]:
    """What is true of one recorded run; volumes without those that are not stored."""
    stored = None
    if run.planned_volumes is not None:
        stored = max(0, (run.counted or len(run.volumes)) - run.header.dummy_volumes)
    found: dict[str, Any] = {
        "RunStatus": run.status,
        "PlannedRun": run.planned,
        "OnsetReference": "first stored volume" if modality == "bold" else TRIGGER_1,
        "VolumesPlanned": run.planned_volumes,
        "VolumesCounted": stored,
        "VolumesNotStored": run.header.dummy_volumes if run.planned_volumes is not None else None,
        "PlannedRepetitionTime": run.header.repetition_time_s if run.planned_volumes is not None else None,
        "PlannedSeconds": run.planned_seconds,
    }
    return {name: value for name, value in found.items() if value is not None}
