"""Rules of a site file that concern several of its fields."""

from __future__ import annotations

import string
from collections.abc import Iterator

from experiments.site.fields import BoxSettings, Site, TriggerSettings
from experiments.site.keys import BUTTONS, DIGITS, Modality, keys_in_use
from protocols.base.errors import Fault, did_you_mean, listed
from protocols.document import Document, Path_

KEYS = (
    *string.ascii_lowercase, *string.digits, *(f"num_{digit}" for digit in string.digits),
    *(f"f{n}" for n in range(1, 13)),
    "space", "return", "left", "right", "up", "down", "escape", "tab", "backspace", "insert", "delete", "home",
    "end", "pageup", "pagedown", "comma", "period", "slash", "backslash", "semicolon", "apostrophe", "minus", "equal",
    "bracketleft", "bracketright", "quoteleft", "grave", "num_enter", "num_add", "num_subtract", "num_multiply",
    "num_divide", "num_decimal",
)  # fmt: skip
"""Physical keys as PsychoPy names them; it never reports another, so a misspelt one would be silently dead."""

MODALITIES: tuple[Modality, ...] = ("beh", "eeg", "bold")
OF_A_BOX = (*BUTTONS, *DIGITS, "scanner")


def check(site: Site, document: Document) -> list[Fault]:
    """All faults of a site, in the order of the file."""
    faults = dict.fromkeys(
        (*_unknown_keys(site, document), *_doubled_keys(site, document), *_triggers(site, document),
         *_boxes(site, document), *_devices(site, document), *_scanner(site, document))
    )  # fmt: skip
    return sorted(faults, key=lambda fault: (fault.line or 0, fault.column or 0))


def number_of(byte: str) -> int | None:
    """The byte that a character (``a``, ``1``) or a number (``0x01``, ``129``) means; None if it is neither."""
    if len(byte) == 1:
        return ord(byte) if ord(byte) < 128 else None
    try:
        number = int(byte, 16 if byte.lower().startswith("0x") else 10)
    except ValueError:
        return None
    return number if 0 <= number <= 255 else None


def _unknown_keys(site: Site, document: Document) -> Iterator[Fault]:
    for modality in MODALITIES:
        for key, _, path in keys_in_use(site, modality):
            if key not in KEYS:
                yield document.fault(
                    path, "is not a key", got=key, accepted=listed(KEYS, limit=len(KEYS)),
                    way_out=did_you_mean(key, KEYS),
                )  # fmt: skip


def _doubled_keys(site: Site, document: Document) -> Iterator[Fault]:
    told = set()
    for modality in MODALITIES:
        first: dict[str, tuple[str, Path_]] = {}
        for key, name, path in keys_in_use(site, modality):
            other, before = first.setdefault(key, (name, path))
            place = path if path in document.values else before  # one of the two may be a default
            if other != name and (key, place) not in told:
                told.add((key, place))
                yield document.fault(
                    place, f"gives the key '{key}' two meanings", got=f"{other} and {name}",
                    accepted="one meaning for each key in a session", way_out=_way_out(key, other, modality),
                )  # fmt: skip


def _way_out(key: str, other: str, modality: Modality) -> str:
    if other == key.removeprefix("num_"):
        return "take another key, or write keys.digits_answer_scales: false"
    if modality == "bold":
        return "take another key; in the scanner, scanner.keys and scanner.buttons count too"
    return "take another key for one of the two"


def _triggers(site: Site, document: Document) -> Iterator[Fault]:
    for i, port in enumerate(site.triggers):
        path = ("triggers", i)
        if port.kind == "lsl":
            yield from _lsl(port, path, document)
        elif port.device is None:
            yield document.fault((*path, "kind"), f"is {port.kind} and lacks 'device'",
                                 accepted=str(TriggerSettings.model_fields["device"].description))  # fmt: skip
        if port.kind == "parallel" and port.reset_s is None:
            yield document.fault(
                (*path, "reset_s"), "is null, and a parallel port must be reset", accepted="such as 0.01",
                way_out="only serial devices can make pulses themselves",
            )  # fmt: skip
    streams = [i for i, port in enumerate(site.triggers) if port.kind == "lsl"]
    for i in streams[1:]:
        yield document.fault(("triggers", i, "kind"), "is a second LSL stream of the same name",
                             way_out="one stream can be recorded by several programs: keep one")  # fmt: skip


def _lsl(port: TriggerSettings, path: Path_, document: Document) -> Iterator[Fault]:
    for name in sorted(port.model_fields_set & {"device", "baud", "reset_s"}):
        yield document.fault((*path, name), "is not for LSL, which has neither port nor lines", at_key=True,
                             way_out="take the line away")  # fmt: skip


def _boxes(site: Site, document: Document) -> Iterator[Fault]:
    for i, box in enumerate(site.boxes):
        yield from _names(box, ("boxes", i, "names"), document)


def _names(box: BoxSettings, path: Path_, document: Document) -> Iterator[Fault]:
    first: dict[int, str] = {}
    for byte, name in box.names.items():
        number = number_of(byte)
        if number is None:
            yield document.fault((*path, byte), "is not a byte", at_key=True, got=byte,
                                 accepted="a character, or a number up to 255 such as 0x05 or 129")  # fmt: skip
        elif first.setdefault(number, byte) != byte:
            yield document.fault((*path, byte), "is the same byte twice", at_key=True,
                                 got=f"{first[number]} and {byte}, both {number:#04x}",
                                 way_out="a single character is a character: the number 5 is written 0x05")  # fmt: skip
        if name not in OF_A_BOX:
            yield document.fault((*path, byte), "is not a name of a button", got=name,
                                 accepted=listed(OF_A_BOX, limit=len(OF_A_BOX)),
                                 way_out=did_you_mean(name, OF_A_BOX))  # fmt: skip


def _devices(site: Site, document: Document) -> Iterator[Fault]:
    used: dict[str, str] = {}
    ports = [(port.device, ("triggers", i)) for i, port in enumerate(site.triggers)]
    for device, path in (*ports, *((box.device, ("boxes", i)) for i, box in enumerate(site.boxes))):
        if device is not None and used.setdefault(device, f"{path[0]}[{path[1]}]") != f"{path[0]}[{path[1]}]":
            yield document.fault((*path, "device"), "is used twice", got=f"{device}, also in {used[device]}",
                                 accepted="each device in one place")  # fmt: skip


def _scanner(site: Site, document: Document) -> Iterator[Fault]:
    named = [("boxes", i, "names", byte) for i, box in enumerate(site.boxes)
             for byte, name in box.names.items() if name == "scanner"]  # fmt: skip
    if site.scanner.source == "serial" and not named:
        yield document.fault(
            ("scanner", "from"), "is serial, and no box has a byte that means 'scanner'",
            way_out="add it to the names of a box, such as '\"t\": scanner'; or write scanner.from: keyboard",
        )  # fmt: skip
    if site.scanner.source == "keyboard":
        for path in named:
            yield document.fault(path, "is the scanner's pulse, but scanner.from is keyboard",
                                 way_out="write scanner.from: serial, or take this name away")  # fmt: skip
        if not site.scanner.keys:
            yield document.fault(("scanner", "keys"), "is empty, and pulses come from the keyboard",
                                 way_out="name a key, or write scanner.from: serial")  # fmt: skip
