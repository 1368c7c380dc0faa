"""Measuring all devices of a laboratory one after the other, and keeping what was found."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import Any

from experiments.clips import Clip
from experiments.devices.clock import SessionClock
from experiments.session.opening import versions
from experiments.site.settings import Site
from experiments.timing import drawing, page
from experiments.timing.findings import Finding, refused
from experiments.timing.flips import check_flips
from experiments.timing.keys import ASKED, ASKED_BOXES, check_keys
from experiments.timing.playback import check_clip
from experiments.timing.ports import check_triggers
from experiments.timing.sounds import check_sound
from experiments.timing.testfilm import SECONDS, clip_of_file, write_test_film
from experiments.window.display import open_display
from experiments.window.opening import WindowDisplay
from protocols.base.errors import BazinError
from protocols.base.files import cannot_write, write_atomically, write_json
from protocols.pages.figures import Picture

NAME = "timing-check"
MADE = ("{}.json", "{}.html", "figures/{}-flips.png", "figures/{}-clip.png")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Measured:
    """What a check found.

    Attributes
    ----------
    findings
        One for each device.
    numbers, page
        The files that were written.
    """

    findings: tuple[Finding, ...]
    numbers: Path
    page: Path

    @property
    def passed(self) -> bool:
        """Whether no device failed or could not be opened; those that were not checked do not count."""
        return all(one.verdict != "failed" for one in self.findings)

    def lines(self) -> list[str]:
        """What the operator reads."""
        said = []
        for one in self.findings:
            said.append(f"{one.device}: {one.verdict}")
            said += [f"  {sentence}" for sentence in one.sentences]
            said += [f"  way out: {way_out}" for way_out in one.ways_out]
        return [*said, f"numbers: {self.numbers}", f"page: {self.page}"]


def check_timing(out: Path, site: Site, *, clip: Path | None, seconds: float, say: Say) -> Measured:
    """Measure flips, clip playback, keys, sound and triggers on the devices of a site, and write what was found.

    A device that cannot be opened is told with its way out, and the others go on.

    Parameters
    ----------
    out
        Folder for ``timing-check.json`` (all numbers), ``timing-check.html`` and their figures. Where they are there
        already, new ones have date and time in their names.
    site
        The laboratory.
    clip
        A film to play; a test film if None, six seconds long, or `seconds` if that is less.
    seconds
        How long to flip, to wait for presses, and to play clicks.
    say
        Told what is being done.

    Raises
    ------
    InputError
        If the film cannot be read: before anything is measured.
    NotAvailable
        If PsychoPy is not installed.
    OutputError
        If nothing can be written to `out`: before anything is measured.
    """
    film = None if clip is None else clip_of_file(clip)
    _require_writable(out)
    date = datetime.now(UTC)
    clock = SessionClock()
    findings, size = _check_window(site, film, seconds, clock, say)
    findings.append(check_sound(site.sound, clock, seconds, say))
    findings += check_triggers(site, clock, say)
    return _keep(out, tuple(findings), _about(site, size, seconds, date), date)


def _require_writable(out: Path) -> None:
    """Refuse a folder that would refuse the result, before minutes are spent on it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise cannot_write(out, error) from error


def _check_window(
    site: Site, film: Clip | None, seconds: float, clock: SessionClock, say: Say
) -> tuple[list[Finding], tuple[int, int] | None]:
    """What needs the window: flips, clip and keys; and its size in pixels, None if it could not be opened."""
    try:
        display = open_display(site.screen, "en", ASKED + ASKED_BOXES, clock)
    except BazinError as error:
        closed = ("The window could not be opened, so this was not checked.",)
        others = [("clip", "Clip playback"), ("keys", "Keyboard")]
        others += [("keys", f"Button box {box.device}") for box in site.boxes]
        return [
            refused("flips", "Flips", error),
            *(Finding(kind, name, "not checked", closed) for kind, name in others),
        ], None
    try:
        say(f"flips: {seconds:g} s")
        found = [check_flips(display, site, clock, seconds), _check_clip(display, film, seconds, clock, say)]
        return found + check_keys(display, site, clock, seconds, say), display.size
    finally:
        display.close()


def _check_clip(
    display: WindowDisplay, film: Clip | None, seconds: float, clock: SessionClock, say: Say
) -> Finding:
    with tempfile.TemporaryDirectory() as folder:
        shown = film or write_test_film(Path(folder) / "test-film.mp4", min(SECONDS, seconds))
        say(f"clip: {shown.name}, {shown.seconds:g} s")
        try:
            return check_clip(display, shown, clock)
        except BazinError as error:
            return refused("clip", "Clip playback", error)


def _about(site: Site, size: tuple[int, int] | None, seconds: float, date: datetime) -> dict[str, Any]:
    """What the numbers belong to; nothing in it names the computer or the person."""
    pixels = {} if size is None else {"width_px": size[0], "height_px": size[1]}
    return {
        "made_by": "bazin timing-check",
        "date": date.isoformat(timespec="seconds"),
        "versions": versions("psychopy", "av", "psychtoolbox", "sounddevice", "pylsl", "pyserial"),
        "screen": {**pixels, **site.screen.model_dump(mode="json")},
        "seconds": seconds,
    }


def _keep(out: Path, findings: tuple[Finding, ...], about: dict[str, Any], date: datetime) -> Measured:
    stem = _free_stem(out, date)
    measured = Measured(findings, out / f"{stem}.json", out / f"{stem}.html")
    write_json(
        measured.numbers,
        {**about, "passed": measured.passed, "findings": [asdict(one) for one in findings]},
    )
    html = page.render(findings, _pictures(out, findings, stem), date, page.facts_of(about), stem)
    write_atomically(measured.page, html)
    return measured


def _pictures(out: Path, findings: tuple[Finding, ...], stem: str) -> dict[str, Picture]:
    draw = {"flips": drawing.flips_figure, "clip": drawing.clip_figure}
    return {
        one.kind: draw[one.kind](one.numbers, out, f"{stem}-{one.kind}")
        for one in findings
        if one.kind in draw and one.numbers
    }


def _free_stem(out: Path, date: datetime) -> str:
    """A name under which nothing of an earlier check lies."""
    dated = f"{NAME}-{date:%Y%m%d-%H%M%S}"
    stems = chain([NAME, dated], (f"{dated}-{n}" for n in count(2)))
    return next(stem for stem in stems if not any((out / name.format(stem)).exists() for name in MADE))
