"""The page of a check: a verdict for each device, sentences, ways out, and the two figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import protocols
from experiments.timing.findings import Finding
from protocols.pages import template
from protocols.pages.figures import Picture

TONES = {"failed": "bad", "look at this": "open", "not checked": "none", "fine": "good"}
CAPTIONS = {
    "flips": "An even screen gives one bar, at one refresh. Red: later than one and a half.",
    "clip": "Shaded: as near as the screen’s refreshes allow. Red diamonds: outside it, by more than a tenth of a "
    "refresh. The test film’s leftmost bar changes with every frame, and a square in the lower left corner is white "
    "while the first frame stands: a photodiode on them shows how much later light comes than the flip "
    "(screen.display_delay_s in the site file).",
}


def render(
    findings: Sequence[Finding],
    pictures: Mapping[str, Picture],
    date: datetime,
    facts: Sequence[tuple[str, Sequence[str]]],
    stem: str,
) -> str:
    """The page's HTML, complete in itself.

    Parameters
    ----------
    findings
        One for each device, in the order of the page.
    pictures
        By kind of finding.
    date
        When it was measured.
    facts
        Topics and lines of the last section.
    stem
        Name of the page and of the file with the numbers, without extension.
    """
    return (
        template.environment("experiments.timing", ("timing-check.html",))
        .get_template("timing-check.html")
        .render(
            findings=findings,
            pictures=pictures,
            captions=CAPTIONS,
            tones=TONES,
            lead=lead(findings),
            date=date.strftime("%Y-%m-%d %H:%M UTC"),
            facts=facts,
            stem=stem,
            css=template.style(
                ("experiments.data", "session.css"), ("experiments.timing", "timing-check.css")
            ),
            version=protocols.__version__,
        )
    )


def lead(findings: Sequence[Finding]) -> str:
    """All verdicts in a sentence."""
    said = []
    for verdict in TONES:
        names = [one.device for one in findings if one.verdict == verdict]
        if names:
            said.append(f"{verdict[:1].upper()}{verdict[1:]}: {', '.join(names)}.")
    return " ".join(said)


def facts_of(document: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Screen and programs, as the last section tells them."""
    screen = document["screen"]
    told = []
    if "width_px" in screen:
        told.append(f"{screen['width_px']} × {screen['height_px']} pixels")
    told.append(f"{screen['refresh_hz']:g} Hz by the site file")
    size = " × ".join(f"{screen[name]:g}" for name in ("width_cm", "height_cm") if screen[name])
    told += [f"{size} cm"] if size else []
    told += [f"{screen['distance_cm']:g} cm away"] if screen["distance_cm"] else []
    told.append("full screen" if screen["fullscreen"] else "in a window")
    told.append(f"display delay {1000 * screen['display_delay_s']:g} ms by the site file")
    return [
        ("Screen", told),
        ("Versions", [f"{name} {value}" for name, value in document["versions"].items()]),
    ]
