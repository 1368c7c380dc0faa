"""``bazin run``, ``pilot``, ``timing-check`` and ``bazin session``. Heavy packages are imported inside the commands."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from experiments.session.request import Mode, Prepared
    from experiments.site.settings import Site

session_app = typer.Typer(
    help="Look at sessions, export them, and bring recordings home.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Language(StrEnum):
    """Languages a session can be held in."""

    en = "en"
    zh = "zh"


PLAN = typer.Argument(metavar="PLAN", help="Plan file, or the name of a shipped plan.")
PARTICIPANT = typer.Option("--participant", "-p", help="Participant code: 01, sub-01, kid12.")
SESSION = typer.Option("--session", "-s", help="The session's name in the plan.")
OUT = typer.Option("--out", help="BIDS folder for the data; the site file can name one (output_folder).")
SITE = typer.Option("--site", help="Settings of the laboratory; see 'bazin session site'.")
GROUP = typer.Option("--group", help="Group of a new participant, as the plan calls it.")
AGE = typer.Option("--age-months", min=0, help="Age in whole months; never a birth date.")
LANGUAGE = typer.Option("--language", help="Language of instructions.")
STIMULI = typer.Option("--stimuli", help="Folder of the stimulus set, if it is not where the plan says.")
SPOKEN = typer.Option("--spoken", help="Folder with spoken instructions: LANGUAGE/child/KEY.wav.")
NO_SOUND = typer.Option("--no-sound", help="Play without sound although the clips have some; it is recorded.")
BIDS = typer.Argument(metavar="BIDS", help="BIDS folder of the sessions.")


def _existing(bids: Path) -> None:
    """Refuse a data set that is not there: a misspelt name must not look like an empty one."""
    if bids.is_dir():
        return
    from protocols.base.errors import UsageError, fail

    raise fail(
        UsageError,
        str(bids),
        "is not a folder" if bids.exists() else "does not exist",
        way_out="name the folder that 'bazin run … --out BIDS' wrote into",
    )


@session_app.command("list")
def session_list(bids: Annotated[Path, BIDS]) -> None:
    """List all sessions: who, how far, and what to look at."""
    from experiments.data.listing import list_sessions

    _existing(bids)
    for line in list_sessions(bids):
        typer.echo(line)


@session_app.command("show")
def session_show(
    bids: Annotated[Path, BIDS],
    participant: Annotated[str, PARTICIPANT],
    session: Annotated[str, SESSION],
) -> None:
    """Show one session – runs, clips, timing, faults – and write its page."""
    from experiments.data.listing import show_session
    from experiments.data.page import session_page

    _existing(bids)
    for line in show_session(bids, participant, session):
        typer.echo(line)
    typer.echo(f"\npage: {session_page(bids, participant, session)}")


@session_app.command("export")
def session_export(
    bids: Annotated[Path, BIDS],
    participant: Annotated[str | None, typer.Option("--participant", "-p", help="Only this person.")] = None,
    session: Annotated[str | None, typer.Option("--session", "-s", help="Only this session.")] = None,
    other: Annotated[
        Path | None, typer.Option("--from", help="First bring in the sessions of another computer's folder.")
    ] = None,
) -> None:
    """Write BIDS files from the journals, as often as you like; one session's fault does not stop the others."""
    from experiments.data.export import export_all
    from experiments.data.merging import merge

    _existing(bids)
    refused = False
    if other is not None:
        merged = merge(bids, other)
        refused = bool(merged.refused)
        for line in merged.lines():
            typer.echo(line)
    lines, faults = export_all(bids, participant, session)
    for line in lines:
        typer.echo(line)
    for fault in faults:
        typer.echo(str(fault), err=True)
    if faults or refused:
        raise typer.Exit(1)


@session_app.command("attach")
def session_attach(
    bids: Annotated[Path, BIDS],
    participant: Annotated[str, PARTICIPANT],
    session: Annotated[str, SESSION],
    run: Annotated[int, typer.Option("--run", min=1, help="BIDS run number, as in the events file's name.")],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="The recording's files, or a folder of DICOM files.")
    ],
) -> None:
    """Bring a recording home: match its markers or volumes with the journal, put onsets on its clock."""
    from experiments.attach.attaching import attach

    _existing(bids)
    for line in attach(bids, participant, session, run, files).lines():
        typer.echo(line)


@session_app.command("withdraw")
def session_withdraw(
    participant: Annotated[str, typer.Argument(help="Participant code: sub-07.")],
    bids: Annotated[Path, typer.Option("--out", help="BIDS folder of the sessions.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a person who withdraws: journals, BIDS files, derivatives and table rows. Leaves a tombstone."""
    from experiments.data.withdrawing import withdraw

    _existing(bids)
    if not yes:
        typer.confirm(f"Remove everything of {participant} below {bids}, for good?", abort=True)
    for line in withdraw(bids, participant).lines():
        typer.echo(line)


@session_app.command("site")
def session_site() -> None:
    """Print a site file with every setting explained: bazin session site > site.yaml."""
    from experiments.site.settings import site_template

    typer.echo(site_template(), nl=False)


def run_command(
    plan: Annotated[Path, PLAN],
    participant: Annotated[str, PARTICIPANT],
    session: Annotated[str, SESSION],
    out: Annotated[Path | None, OUT] = None,
    site: Annotated[Path | None, SITE] = None,
    group: Annotated[str | None, GROUP] = None,
    age_months: Annotated[int | None, AGE] = None,
    language: Annotated[Language, LANGUAGE] = Language.en,
    stimuli: Annotated[Path | None, STIMULI] = None,
    spoken: Annotated[Path | None, SPOKEN] = None,
    no_sound: Annotated[bool, NO_SOUND] = False,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Play a complete session once more: new runs, or trials that are marked."
        ),
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Although an earlier session of the plan was not played.")
    ] = False,
    qa: Annotated[
        bool, typer.Option("--qa", help="A real window, and a script instead of a person.")
    ] = False,
    sim: Annotated[bool, typer.Option("--sim", help="No window, a simulated person, in seconds.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only tell what will be shown and whether it can start.")
    ] = False,
) -> None:
    """Hold a session. After a crash or a stop, the same command goes on where it ended."""
    mode: Mode = "sim" if sim else "qa" if qa else "run"
    if qa and sim:
        from protocols.base.errors import Fault, UsageError

        raise UsageError(Fault("--qa and --sim", "exclude each other", way_out="take one of them away"))
    _session(
        mode, plan, participant, session, out, site, check=check, group=group, age_months=age_months,
        language=language.value, stimuli=stimuli, spoken=spoken, no_sound=no_sound, again=again, anyway=anyway,
    )  # fmt: skip


def pilot_command(
    plan: Annotated[Path, PLAN],
    session: Annotated[str, SESSION],
    participant: Annotated[str, PARTICIPANT] = "pilot1",
    out: Annotated[Path | None, OUT] = None,
    site: Annotated[Path | None, SITE] = None,
    group: Annotated[str | None, GROUP] = None,
    age_months: Annotated[int | None, AGE] = None,
    language: Annotated[Language, LANGUAGE] = Language.en,
    stimuli: Annotated[Path | None, STIMULI] = None,
    spoken: Annotated[Path | None, SPOKEN] = None,
    no_sound: Annotated[bool, NO_SOUND] = False,
) -> None:
    """Play a whole session on the real devices; no confirmatory analysis takes what comes of it."""
    from experiments.site.settings import read_site

    settings = read_site(site)
    folder = out or (Path(settings.output_folder) if settings.output_folder else Path("bids"))
    apart = folder.resolve().with_name(f"{folder.resolve().name}-pilot")
    _session(
        "pilot", plan, participant, session, apart, site, check=False,
        group=group, age_months=age_months, language=language.value, stimuli=stimuli, spoken=spoken,
        no_sound=no_sound, again=True, anyway=True,
    )  # fmt: skip


def timing_command(
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder for the report, kept with the data.")],
    site: Annotated[Path | None, SITE] = None,
    clip: Annotated[
        Path | None, typer.Option("--clip", help="A film of yours; a test film if absent.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=2, max=600, help="Seconds of each measurement.")] = 10.0,
) -> None:
    """Measure flips, clip playback, keyboard, sound and triggers of this laboratory, before a study."""
    from bazin.extras import LAB, require
    from experiments.site.settings import read_site
    from experiments.timing.checking import check_timing

    require("lab", LAB, "timing checks")
    measured = check_timing(out, read_site(site), clip=clip, seconds=seconds, say=typer.echo)
    for line in measured.lines():
        typer.echo(line)
    if not measured.passed:
        raise typer.Exit(1)


def _session(
    mode: Mode,
    plan: Path,
    participant: str,
    session: str,
    out: Path | None,
    site: Path | None,
    *,
    check: bool,
    language: str,
    **wanted: Any,
) -> None:
    from experiments.session.playing import play, readiness
    from experiments.session.request import Request, prepare
    from experiments.site.settings import read_site
    from protocols.base.errors import Fault, UsageError
    from protocols.plan.reading import read_plan

    settings = read_site(site)
    bids = out or (Path(settings.output_folder) if settings.output_folder else None)
    if bids is None:
        raise UsageError(
            Fault("--out", "is missing: nobody said where the data go", accepted="--out BIDS",
                  way_out="or name output_folder in the site file")
        )  # fmt: skip
    if mode != "sim":
        from bazin.extras import LAB, require

        require("lab", LAB, "sessions")
    request = Request(
        read_plan(plan), participant, session, bids, mode, settings, language=language, **wanted
    )
    prepared = prepare(request)
    for line in _told(prepared):
        typer.echo(line)
    if check:
        faults, notes = readiness(prepared)
        for note in notes:
            typer.echo(f"  {note}")
        for fault in faults:
            typer.echo(str(fault), err=True)
        if faults:
            raise typer.Exit(1)
        typer.echo("Ready.")
        return
    panel = _panel(prepared, settings)
    try:
        outcome = play(prepared, tell=panel.tell if panel else None, say=lambda line: typer.echo(f"  {line}"))
    finally:
        if panel is not None:
            panel.close()
    _finish(prepared, outcome.status)


def _told(prepared: Prepared) -> list[str]:
    """What will be shown, before anything is."""
    script, done = prepared.script, prepared.done
    runs = sum(len(part.runs) for part in script.parts)
    tasks = ", then ".join(part.task.replace("_", " ") for part in script.parts)
    trials = sum(len(run.trials) for part in script.parts for run in part.runs)
    shown = f"{trials} trials in {runs} {'run' if runs == 1 else 'runs'}, {len(prepared.clips)} clips"
    attempts = [len(attempt) for part in script.parts for attempt in part.training]
    if attempts:
        tries = "once" if len(attempts) == 1 else f"at most {len(attempts)} times"
        shown += f"; before that {max(attempts)} trials of training, {tries}"
    lines = [f"{script.participant} ({script.group}), session '{script.session}': {tasks}; {shown}."]
    if done.rows or done.runs:
        what = f"{len(done.runs)} of {runs} runs" if done.runs else f"{len(done.rows)} trials"
        lines.append(f"Goes on: {what} done before.")
    return lines


def _panel(prepared: Prepared, site: Site) -> Any:
    """The operator's panel, if anybody wants one; a simulation is over before it could be read."""
    if prepared.request.mode == "sim" or not site.operator_panel:
        return None
    from experiments.session.panel import Panel

    keys = site.operator.model_dump(by_alias=True)
    return Panel(prepared.script, keys, sys.stdout, live=sys.stdout.isatty())


def _finish(prepared: Prepared, status: str) -> None:
    """Export, and say how it went and what comes next."""
    from experiments.data.export import export_session
    from experiments.data.page import session_page

    bids, code, session = prepared.request.bids, prepared.script.participant, prepared.session.name
    exported = export_session(bids, code, session)
    for line in exported.lines():
        typer.echo(line)
    typer.echo(f"page: {session_page(bids, code, session)}")
    typer.echo(
        {
            "complete": "The session is complete.",
            "stopped": "The session was stopped; the same command goes on from here.",
            "dissent": "The participant did not want to go on. What was recorded is kept; the session can be "
            "offered again another time with the same command.",
            "limit": "A limit of the plan was reached: no more runs today. The same command goes on another day.",
        }[status]
    )
