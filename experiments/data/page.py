"""The page of a session: for the experimenter who wants to know, before the family leaves, whether it went well."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import protocols
from experiments.data import drawing, grids
from experiments.data.audit import Audit, audit
from experiments.data.course import course_figures
from experiments.data.told import SessionTold, folder_of, read_session
from experiments.data.tombstones import refuse_withdrawn
from experiments.data.words import STATUS_WORDS, done, last_time, n_of, stamp, when
from protocols.base.bids import participant_id
from protocols.base.files import write_atomically
from protocols.pages import figures, template
from protocols.pages.figures import Picture
from protocols.plan.measuring import Presentation

PAGE = "session.html"
MODES = {
    "pilot": ("PILOT", "These data are for trying things out; confirmatory analysis refuses them."),
    "qa": (
        "SCRIPTED",
        "A script answered in a real window, nobody took part; reports say so.",
    ),
    "sim": ("SIMULATED", "Nobody took part and no window was open; reports say so."),
}
SECTIONS = (
    ("verdict", "Verdict"), ("course", "Course"), ("timing", "Timing"), ("runs", "Runs"), ("clips", "Clips"),
    ("answers", "Answers"), ("events", "Events"), ("about", "About"),
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One cell of the strip at the top: where it leads, how it looks, what it says."""

    href: str
    tone: str
    what: str
    word: str
    small: str


def session_page(bids: Path, participant: str, session: str, rules: Presentation | None = None) -> Path:
    """Write the page of a session beside its journals, with its figures below ``figures/``.

    The same journals give the same bytes.

    Parameters
    ----------
    bids, participant, session
        Which.
    rules
        The plan's ``exclusions.presentation``; without them those in the journals.

    Returns
    -------
    Path
        ``sourcedata/bazin/sub-<label>/ses-<label>/session.html``.

    Raises
    ------
    InputError
        If there is no such session, a journal is damaged, or the person withdrew.
    OutputError
        If the page cannot be written.
    """
    code = participant_id(participant)
    refuse_withdrawn(bids, code)
    told = read_session(bids, code, session)
    found = audit(told, rules)
    folder = folder_of(bids, told)
    course = course_figures(told, found, folder)
    drawn = [
        drawing.flips_figure(told, folder), drawing.onset_figure(found, folder),
        drawing.dropped_figure(found, folder), drawing.pulses_figure(told, folder),
    ]  # fmt: skip
    timing = [picture for picture in drawn if picture is not None]
    figures.keep_list(folder, [*(course or ()), *timing])
    return write_atomically(folder / PAGE, render(told, found, course, timing))


def render(
    told: SessionTold, found: Audit, course: tuple[Picture, Picture] | None, timing: list[Picture]
) -> str:
    """The page's HTML."""
    environment = template.environment("experiments.data", ("session.html",))
    header = told.header
    return environment.get_template("session.html").render(
        header=header,
        name=f"{header.participant}, session {header.session}",
        lead=_lead(told),
        sections=SECTIONS,
        css=template.style(("experiments.data", "session.css")),
        banner=MODES.get(header.mode),
        cells=cells(told, found),
        says=says(told, found),
        notes=told.notes,
        course=course,
        timing=timing,
        runs=grids.runs(found),
        sound=grids.sound(found),
        clips=grids.conspicuous(found),
        n_clips=len(found.clips),
        answers=grids.answers(told),
        events=grids.events(told),
        facts=grids.facts(told, found),
        version=protocols.__version__,
    )


def _lead(told: SessionTold) -> str:
    began = when(told.journals[0], told.journals[0].began)
    journals = "" if len(told.journals) == 1 else f" over {len(told.journals)} starts of the program"
    return f"{done(told)}{journals}; begun {stamp(began)}, last written {stamp(last_time(told))}."


def cells(told: SessionTold, found: Audit) -> list[Cell]:
    """The strip, from left to right."""
    counts = Counter(one.verdict for one in found.clips)
    n = n_of(len(found.clips), "clip")
    ended = {"complete": "good", "limit": "open"}.get(told.status, "bad")
    strip = [
        Cell("course", ended, "Session", STATUS_WORDS[told.status], done(told)),
        Cell("clips", "good" if counts["usable"] else "none", "Usable", str(counts["usable"]), f"of {n}"),
        Cell("clips", "open" if counts["usable with note"] else "none", "With a note",
             str(counts["usable with note"]), "shown within the plan’s rules, not perfectly"),
        Cell("clips", "bad" if counts["unusable"] else "none", "Unusable", str(counts["unusable"]),
             "not shown as the plan promises"),
    ]  # fmt: skip
    planned = sum(run.planned or 0 for run in found.runs)
    if planned:
        counted = sum(run.counted or 0 for run in found.runs if run.planned)
        tone = "good" if counted == planned else "open"
        strip.append(
            Cell("runs", tone, "Volumes", f"{counted} of {planned}", "scanner pulses counted, with dummies")
        )
    sent, lost = (sum(getattr(run, name) for run in found.runs) for name in ("sent", "lost"))
    if sent or lost:
        bad = any(run.reasons for run in found.runs)
        tone = "bad" if bad else "open" if lost else "good"
        strip.append(
            Cell("runs", tone, "Markers", f"{lost} lost" if lost else "all sent", f"of {sent + lost}")
        )
    return strip


def says(told: SessionTold, found: Audit) -> str:
    """The verdict in a sentence or two."""
    bad = sum(1 for one in found.clips if one.reasons)
    runs = [run.name for run in found.runs if run.reasons]
    if not found.clips:
        text = "No clip was shown to its end."
    elif bad:
        text = f"{n_of(bad, 'clip')} of {len(found.clips)} cannot be used; the tables say why, row by row."
    else:
        text = f"All {n_of(len(found.clips), 'clip')} were shown as the plan promises."
    if runs:
        text += f" Too many markers were lost in {', '.join(runs)}: nothing in it can be used."
    if told.status == "crashed":
        text += " The program did not end by itself: started again with the same participant and session, it goes on."
    return text
