"""The devices of a session: real ones for a person, a real window for a script, none for a simulation."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import protocols
from experiments.devices.interfaces import Audio, Input
from experiments.people.catalog import Catalog
from experiments.session.request import Prepared
from experiments.site.keys import key_names
from experiments.stage import Devices
from experiments.virtual.devices import VirtualAudio, VirtualClock, VirtualDisplay, VirtualInput
from experiments.virtual.people import Person

if TYPE_CHECKING:
    from experiments.devices.triggers import RecordingPort


@dataclass(frozen=True)
class Opened:
    """Devices, and what the header says of them.

    Attributes
    ----------
    screen
        ``width_px, height_px, refresh_hz, width_cm, height_cm, distance_cm``.
    about
        What each device is.
    versions
        Of the programs that matter.
    """

    devices: Devices
    screen: dict[str, Any]
    about: dict[str, Any]
    versions: dict[str, str]


def versions(*modules: str) -> dict[str, str]:
    """Versions of bazin, Python, the system and some packages."""
    from importlib.metadata import PackageNotFoundError, version

    found = {
        "bazin": protocols.__version__,
        "python": platform.python_version(),
        "os": f"{platform.system()} {platform.release()}",
    }
    for name in modules:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def open_virtual(prepared: Prepared, person: Person) -> Opened:
    """A laboratory without hardware."""
    from experiments.devices.triggers import RecordingPort

    session = prepared.session
    clock = VirtualClock()
    pulses = (session.volumes or 0) + session.dummy_volumes
    keys = VirtualInput(clock, person, repetition_time_s=session.repetition_time_s, pulses=pulses)
    display = VirtualDisplay(clock, keys)
    port: RecordingPort = RecordingPort(clock)
    port.open()
    width, height = display.size
    return Opened(
        Devices(clock, display, keys, port, VirtualAudio()),
        {"width_px": width, "height_px": height, "refresh_hz": display.refresh_hz},
        {"display": "virtual", "input": "virtual", "triggers": port.name, "sound": "virtual"},
        versions(),
    )


def open_real(prepared: Prepared, catalog: Catalog, person: Person | None = None) -> Opened:
    """Window, keyboard, boxes, ports and sound card; with a `person`, a script answers instead of somebody.

    Raises
    ------
    NotAvailable
        If a device cannot be opened; those that could are given back.
    """
    from experiments.devices.clock import SessionClock
    from experiments.devices.keyboard import MergedInput, WindowKeyboard
    from experiments.devices.serial_box import SerialBox
    from experiments.devices.triggers import open_triggers
    from experiments.virtual.scripted import ScriptedInput
    from experiments.window.display import open_display

    site, session = prepared.request.site, prepared.session
    clock = SessionClock()
    opened: list[Any] = []
    try:
        triggers = open_triggers(site.triggers, clock)
        opened.append(triggers)
        audio = _sound(prepared, clock)
        opened.append(audio)
        stimuli = prepared.plan.stimuli
        width_deg = stimuli.width_deg if stimuli is not None else None
        display = open_display(site.screen, catalog.language, catalog.texts(), clock, width_deg=width_deg)
        opened.append(display)
        names = key_names(site, session.modality)
        inputs: list[Input] = [WindowKeyboard(clock, names)]
        inputs += [SerialBox(box.device, box.baud, box.names, clock) for box in site.boxes]
        keys: Input = MergedInput(inputs, clock) if len(inputs) > 1 else inputs[0]
        opened.append(keys)
        if person is not None:
            pulses = (
                (session.volumes or 0) + session.dummy_volumes if site.scanner.source == "keyboard" else 0
            )
            keys = ScriptedInput(keys, clock, person, names, session.repetition_time_s, pulses)
    except BaseException:
        for device in reversed(opened):
            device.close()
        raise
    width, height = display.size
    screen = {
        "width_px": width,
        "height_px": height,
        "refresh_hz": round(display.refresh_hz, 3),
        "width_cm": site.screen.width_cm,
        "height_cm": site.screen.height_cm,
        "distance_cm": site.screen.distance_cm,
    }
    about = {
        "display": "PsychoPy window",
        "input": ["keyboard", *(box.device for box in site.boxes)],
        "triggers": triggers.name,
        "sound": audio.name,
    }
    return Opened(
        Devices(clock, display, keys, triggers, audio),
        screen,
        about,
        versions("psychopy", "av", "psychtoolbox", "sounddevice", "pylsl", "pyserial"),
    )


def _sound(prepared: Prepared, clock: Any) -> Audio:
    from experiments.sound.cards import NullSound, open_sound

    request = prepared.request
    speaks = request.spoken is not None
    if request.no_sound or not (prepared.has_sound or speaks):
        return NullSound()
    sound = request.site.sound
    return open_sound(clock, sound.device, sound.audio_delay_s, sound.backend)
