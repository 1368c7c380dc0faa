"""The fields of a site file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from protocols.plan.fields import NotNegative, Part, Positive, declare

Keys_ = tuple[str, ...]


class ScreenSettings(Part):
    """The screen people see."""

    number: int = declare("which screen, counted from 0 as the system does", 0, ge=0)
    width_cm: Positive | None = declare("width of the picture; null: not measured", None, unit="cm")
    height_cm: Positive | None = declare("height of the picture; null: not measured", None, unit="cm")
    distance_cm: Positive | None = declare("from the eye to the picture; null: not measured", None, unit="cm")
    refresh_hz: Positive = declare(
        "refresh rate the screen should have; checked before a session", 60.0, unit="Hz"
    )
    fullscreen: bool = declare("whether the window fills the screen", True)
    size_px: tuple[Annotated[int, Field(ge=100)], Annotated[int, Field(ge=100)]] | None = declare(
        "width and height of the window; null: the whole screen", None, unit="px"
    )
    display_delay_s: NotNegative = declare("from a flip to its light, measured by photodiode", 0.0, unit="s")
    photodiode_patch: bool = declare("a square in a corner, white while a clip's first frame stands", False)


class SoundSettings(Part):
    """The sound card."""

    device: str | None = declare("its name, or a part of it; null: the system's own choice", None)
    backend: Literal["auto", "psychtoolbox", "sounddevice"] = declare(
        "what drives it; auto: psychtoolbox where it works, else sounddevice", "auto"
    )
    audio_delay_s: float = declare(
        "from the scheduled start to the sound at the ear, measured", 0.0, unit="s", ge=-0.5, le=0.5
    )
    db_at_full_scale: Positive | None = declare(
        "level of the loudest possible sound at the ear, measured; null: not measured", None, unit="dB"
    )


class TriggerSettings(Part):
    """One port to which markers are sent."""

    kind: Literal["serial", "parallel", "lsl"] = declare("what it is")
    device: str | None = declare("its name: /dev/ttyUSB0, COM3, /dev/parport0, 0x378; none for lsl", None)
    baud: int = declare("speed of a serial port", 115200, unit="baud", gt=0)
    reset_s: Annotated[float, Field(gt=0, le=1)] | None = declare(
        "a code stands so long, then 0 is sent; null: never, for serial devices that make pulses themselves",
        0.01,
        unit="s",
    )


class BoxSettings(Part):
    """A button box on a serial port."""

    device: str = declare("its name: /dev/ttyUSB0, COM3")
    baud: int = declare("speed of the port", 115200, unit="baud", gt=0)
    names: dict[str, str] = declare(
        "what each byte means; a byte is a character, or a number such as 0x05 or 129", min_length=1
    )


class Keys(Part):
    """What the keys of the keyboard mean in every session."""

    left: Keys_ = declare("the left answer", ("left", "f"))
    right: Keys_ = declare("the right answer", ("right", "j"))
    up: Keys_ = declare("the upper answer", ("up",))
    down: Keys_ = declare("the lower answer", ("down",))
    confirm: Keys_ = declare("yes, go on", ("space", "return", "num_enter"))
    digits_answer_scales: bool = declare(
        "whether 1 to 9 are steps of a scale outside the scanner; inside they belong to the box", True
    )


class Buttons(Part):
    """What the keys of a button box that looks like a keyboard mean in the scanner."""

    left: Keys_ = declare("the left button", ("1",))
    right: Keys_ = declare("the right button", ("2",))
    up: Keys_ = declare("the upper button", ())
    down: Keys_ = declare("the lower button", ())
    confirm: Keys_ = declare("yes, go on", ("3",))


class ScannerSettings(Part):
    """The scanner's pulses and buttons; they count in sessions with modality bold only."""

    source: Literal["keyboard", "serial"] = declare(
        "where its pulses come from; serial: a box below names them", "keyboard", alias="from"
    )
    keys: Keys_ = declare("keys that are pulses, where they come as keys", ("t", "5"))
    buttons: Buttons = declare("the button box, where it looks like a keyboard", Buttons())


class OperatorKeys(Part):
    """The operator's keys."""

    pause: str = declare("pause, and go on; the trial comes again", "f2")
    repeat: str = declare("repeat the instruction", "f3")
    skip: str = declare("skip this trial", "f4")
    inattentive: str = declare("note that the person does not attend", "f6")
    break_: str = declare("a break after this trial", "f7", alias="break")
    dissent: str = declare("the person does not want to go on: the run ends", "f9")
    stop: str = declare("end the session kindly", "f10")


class Site(Part):
    """A laboratory."""

    screen: ScreenSettings = declare("the screen people see", ScreenSettings())
    sound: SoundSettings = declare("the sound card", SoundSettings())
    triggers: tuple[TriggerSettings, ...] = declare(
        "ports to which markers are sent, all of them at once", ()
    )
    boxes: tuple[BoxSettings, ...] = declare("button boxes on serial ports", ())
    scanner: ScannerSettings = declare("the scanner's pulses and buttons", ScannerSettings())
    keys: Keys = declare("what the keys of the keyboard mean", Keys())
    operator: OperatorKeys = declare("the operator's keys", OperatorKeys())
    operator_panel: bool = declare("whether the terminal shows the operator what runs", True)
    output_folder: str | None = declare(
        "BIDS folder of new sessions, unless the command names another; null: the command must", None
    )
    free_disk_mb: NotNegative = declare("a session starts only with so much free disk", 500.0, unit="MB")
    require_power: bool = declare("a session starts only on mains power", True)
