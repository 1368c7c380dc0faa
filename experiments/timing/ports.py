"""The trigger ports: how long sending takes, and whether what was sent comes back where that is wired."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

from experiments.devices.interfaces import Clock, TriggerPort
from experiments.devices.ports_lsl import STREAM
from experiments.devices.ports_serial import close_serial, open_serial, write_now
from experiments.devices.triggers import open_triggers
from experiments.site.settings import Site, TriggerSettings
from experiments.timing.findings import Finding, Judgement, median_and_most, refused
from protocols.base.errors import NotAvailable, fail
from protocols.plan.measuring import Presentation

CODES = range(1, 101)
PAUSE_S = 0.01
"""Between the end of one code and the next."""
ANSWER_S = 0.25
SILENT = 3
"""After so many codes at the beginning without an answer nobody is there who answers."""
LSL_FOUND_S = 5.0
SLOW_SEND_MS = 1.0
SLOW_ANSWER_MS = 5.0
LOST = Presentation().triggers_lost
Codes = list[float]
"""Milliseconds, one for each code."""
NOT_WIRED = {
    "serial": "bridge TX and RX of the port for this check, or send to the amplifier and count 100 codes, 1 to 100, in "
    "its recording",
    "parallel": "a parallel port cannot be read back: record this check, and count 100 codes, 1 to 100",
    "lsl": "a firewall or a missing network interface keeps streams from being found: allow UDP and TCP ports 16571 to "
    "16604",
}


def check_triggers(site: Site, clock: Clock, say: Callable[[str], None]) -> list[Finding]:
    """Check every port of the site file, one after the other; one that cannot be opened does not stop the others."""
    if not site.triggers:
        judged = Judgement()
        judged.say("The site file names no ports, so there was nothing to check.")
        return [judged.finding("triggers", "Triggers", {}, checked=False)]
    findings = []
    for one in site.triggers:
        name = "Trigger stream (LSL)" if one.kind == "lsl" else f"Trigger port {one.device}"
        say(f"{name[:1].lower()}{name[1:]}: {len(CODES)} codes")
        try:
            findings.append(_check(one, name, site.screen.refresh_hz, clock))
        except NotAvailable as error:
            findings.append(refused("triggers", name, error))
    return findings


def _check(settings: TriggerSettings, name: str, refresh_hz: float, clock: Clock) -> Finding:
    port = open_triggers([settings], clock)
    try:
        took = _send(port, settings, clock)
        problem = port.problem
        answers = _lsl_answers(port, clock) if settings.kind == "lsl" else []
    finally:
        port.close()
    if settings.kind == "serial" and took:
        answers = _serial_answers(settings, clock)
    return judge_port(settings.kind, name, took, answers, refresh_hz, problem)


def judge_port(
    kind: str, name: str, took: Codes, answers: Codes, refresh_hz: float, problem: str | None = None
) -> Finding:
    """What the times of a port say.

    Parameters
    ----------
    kind
        ``serial``, ``parallel`` or ``lsl``.
    took
        Of every code that could be sent, how long sending took, in milliseconds.
    answers
        Of every code that came back, how long that took, in milliseconds.
    refresh_hz
        Of the screen: codes are sent between two of its refreshes.
    problem
        What the port said when it could not send.
    """
    n = len(CODES)
    numbers: dict[str, Any] = {"kind": kind, "codes": n, "sent": len(took), "answered": len(answers)}
    judged = Judgement()
    if len(took) < n:
        judged.object(
            f"{n - len(took)} of {n} codes could not be sent{f': {problem}' if problem else ''}.",
            "see to the cable and to the device’s power, then measure again",
            fails=n - len(took) > LOST * n,
        )
    if took:
        _judge_sending(judged, numbers, took, refresh_hz)
    if took and not answers:
        judged.say("They were sent, nobody answered: whether they arrive was not checked.")
        judged.ways_out.append(NOT_WIRED[kind])
    if answers:
        _judge_answers(judged, numbers, answers)
    return judged.finding("triggers", name, numbers, checked=bool(answers))


def _judge_sending(judged: Judgement, numbers: dict[str, Any], took: Codes, refresh_hz: float) -> None:
    numbers["send"] = sending = median_and_most(took)
    told = (
        f"Sending {len(took)} codes took {sending['median_ms']:.3f} ms each (median), at most "
        f"{sending['max_ms']:.3f} ms."
    )
    if sending["median_ms"] > SLOW_SEND_MS or sending["max_ms"] > 500 / refresh_hz:
        judged.object(
            told, "another driver or adapter, and no other programs: sending holds up the film for so long"
        )
    else:
        judged.say(told)


def _judge_answers(judged: Judgement, numbers: dict[str, Any], answers: Codes) -> None:
    numbers["round_trip"] = back = median_and_most(answers)
    numbers["round_trips_ms"] = [round(one, 4) for one in answers]
    told = (
        f"{len(answers)} of {len(CODES)} came back, after {back['median_ms']:.3f} ms (median), at most "
        f"{back['max_ms']:.3f} ms."
    )
    if len(answers) < len(CODES):
        judged.object(told, "a loose bridge or a wrong baud: every code should come back")
    elif back["median_ms"] > SLOW_ANSWER_MS:
        judged.object(
            told,
            "USB adapters collect bytes for 16 ms unless told not to: set the latency timer of the driver to 1 ms",
        )
    else:
        judged.say(told)


def _send(port: TriggerPort, settings: TriggerSettings, clock: Clock) -> Codes:
    """Send all codes, each after the one before has stood its time; milliseconds of those that could be sent."""
    took = []
    stands = (settings.reset_s or 0.0) if settings.kind != "lsl" else 0.0
    for code in CODES:
        before = clock.now()
        at = port.send(code)
        after = clock.now()
        if at is not None:
            took.append(1000 * (after - before))
        clock.sleep_until(after + stands + PAUSE_S)
    return took


def _round_trips(send: Callable[[int], bool], came_back: Callable[[int, float], bool], clock: Clock) -> Codes:
    """Send codes one by one and wait for each to come back; give up early if nobody answers at all."""
    answers: Codes = []
    for tried, code in enumerate(CODES):
        if not answers and tried == SILENT:
            break
        before = clock.now()
        if send(code) and came_back(code, before + ANSWER_S):
            answers.append(1000 * (clock.now() - before))
    return answers


def _serial_answers(settings: TriggerSettings, clock: Clock) -> Codes:
    """Codes that come back on the port they were sent on; it is opened anew, since a session's port never reads."""
    assert settings.device is not None
    port = open_serial(settings.device, settings.baud, ANSWER_S / 10)

    def send(code: int) -> bool:
        write_now(port, bytes([code]))
        return True

    def came_back(code: int, until: float) -> bool:
        try:
            while clock.now() < until:
                if port.read(1) == bytes([code]):
                    return True
            return False
        finally:
            if settings.reset_s is not None:
                write_now(port, b"\0")

    try:
        port.reset_input_buffer()
        return _round_trips(send, came_back, clock)
    except OSError as error:
        raise fail(
            NotAvailable, f"serial port {settings.device}", f"was lost while it was checked ({error})",
            way_out="see to its cable, then measure again",
        ) from error  # fmt: skip
    finally:
        close_serial(port)


def _lsl_answers(port: TriggerPort, clock: Clock) -> Codes:
    """Codes that arrive at an inlet of our own."""
    from pylsl import StreamInlet, resolve_bypred
    from pylsl.util import TimeoutError as NotInTime

    found = resolve_bypred(f"name='{STREAM}' and hostname='{platform.node()}'", 1, LSL_FOUND_S)
    if not found:
        return []
    inlet = StreamInlet(max(found, key=lambda one: one.created_at()))

    def came_back(code: int, until: float) -> bool:
        while (left := until - clock.now()) > 0:
            sample, _ = inlet.pull_sample(left)
            if sample == [code]:
                return True
        return False

    try:
        inlet.open_stream(LSL_FOUND_S)
        return _round_trips(lambda code: port.send(code) is not None, came_back, clock)
    except NotInTime:  # it is seen and cannot be reached
        return []
    finally:
        inlet.close_stream()
