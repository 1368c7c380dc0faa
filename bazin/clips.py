"""``bazin stimuli``: register, measure, match and prepare clips. Heavy packages are imported inside the commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from protocols.plan.reading import Promise

stimuli_app = typer.Typer(
    help="Register, measure, match and prepare pairs of clips.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
SET = typer.Argument(metavar="SET", help="Folder of the stimulus set.")
PLAN = typer.Option("--plan", help="Plan file, or the name of a shipped plan.")
JOBS = typer.Option("--jobs", min=1, help="Clips worked on side by side; all cores if absent.")


def _need_clips() -> None:
    """Say in one line that the packages for clips are not installed."""
    from bazin.extras import CLIPS, require

    require("clips", CLIPS, "clips")


def _promise(plan: Path | None) -> Promise | None:
    from protocols.plan.reading import read_plan

    return read_plan(plan) if plan is not None else None


def _cores(jobs: int | None) -> int:
    import os

    return jobs or os.cpu_count() or 1


@stimuli_app.command("import")
def stimuli_import(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER…", help="Folders with clips, or single files.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder of the set to make or add to.")],
    pairs: Annotated[
        Path | None,
        typer.Option("--pairs", help="Table with the columns file, pair_id, arm (and any other)."),
    ] = None,
) -> None:
    """Register clips as pairs: probe every file, read its provenance, copy it under a plain name.

    The arm is taken from the folder's name (live/, ai/, cartoon/, …) or a word of the file's name.
    """
    _need_clips()
    from stimuli.registry.importing import import_clips
    from stimuli.telling import import_lines

    outcome = import_clips(folders, out, pairs_file=pairs, say=lambda line: typer.echo(line, err=True))
    for line in import_lines(outcome):
        typer.echo(line)
    if outcome.set_aside:
        raise typer.Exit(1)


@stimuli_app.command("check")
def stimuli_check(
    root: Annotated[Path, SET],
    plan: Annotated[Path | None, PLAN] = None,
) -> None:
    """Tell whether a set is whole, what is still to be filled in, and whether it is the plan's set."""
    _need_clips()
    from stimuli.registry.checking import check_set
    from stimuli.sets import existing_set
    from stimuli.telling import check_lines

    checked = check_set(existing_set(root), _promise(plan))
    for line in check_lines(checked):
        typer.echo(line)
    if checked.faults:
        raise typer.Exit(1)


@stimuli_app.command("edit")
def stimuli_edit(
    root: Annotated[Path, SET],
    assign: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="WHOSE.FIELD=VALUE; WHOSE is a clip, an arm or 'all': ai.generator='Sora 2'."
        ),
    ] = None,
    write_sheet: Annotated[
        Path | None, typer.Option("--write-sheet", help="Write a spreadsheet (.xlsx, .csv) to fill in.")
    ] = None,
    read_sheet: Annotated[
        Path | None, typer.Option("--read-sheet", help="Take over a spreadsheet that was filled in.")
    ] = None,
) -> None:
    """Fill in what only people know of a clip: by questions, by --set, or in a spreadsheet."""
    _need_clips()
    from protocols.base.errors import UsageError, fail
    from stimuli.registry import sheets
    from stimuli.registry.editing import interview, set_cells, todo_lines
    from stimuli.registry.manifest import manifest_sha256, read_manifest
    from stimuli.sets import existing_set

    stimuli = existing_set(root)
    asked = sum(option is not None for option in (assign, write_sheet, read_sheet))
    if asked > 1:
        raise fail(
            UsageError, "--set, --write-sheet, --read-sheet", "do not go together", way_out="one at a time"
        )
    if assign:
        for line in set_cells(stimuli, assign):
            typer.echo(line)
    elif write_sheet is not None:
        path = sheets.write_sheet(stimuli, write_sheet)
        typer.echo(
            f"{path}\nFill in the marked cells, save, then: bazin stimuli edit {root} --read-sheet {path}"
        )
        return
    elif read_sheet is not None:
        typer.echo(f"{sheets.read_sheet(stimuli, read_sheet)} cells changed")
    else:
        if not sys.stdin.isatty():
            raise fail(
                UsageError,
                "bazin stimuli edit",
                "asks questions, and nobody is at this terminal",
                way_out="use --set WHOSE.FIELD=VALUE, or --write-sheet and --read-sheet",
            )
        typer.echo(f"{interview(stimuli, input, typer.echo)} cells filled in")
    left = todo_lines(read_manifest(stimuli))
    typer.echo(f"still open: {len(left)}" if left else "Nothing is open any more.")
    for line in left:
        typer.echo(f"  {line}")
    typer.echo(f"manifest SHA-256 {manifest_sha256(stimuli)}")


@stimuli_app.command("measure")
def stimuli_measure(
    root: Annotated[Path, SET],
    jobs: Annotated[int | None, JOBS] = None,
) -> None:
    """Measure every clip: light, color, movement, sound, cuts, flicker, overlays; resumes where it was stopped."""
    _need_clips()
    from stimuli.sets import existing_set
    from stimuli.verbs.measure import measure_set

    measured = measure_set(existing_set(root), jobs=_cores(jobs), say=typer.echo)
    _leave_if(bool(measured.failed))


@stimuli_app.command("pair")
def stimuli_pair(
    root: Annotated[Path, SET],
    on: Annotated[
        list[str] | None,
        typer.Option("--on", help="Feature to pair on; several times. A sensible few if absent."),
    ] = None,
    caliper: Annotated[
        float | None,
        typer.Option("--caliper", min=0.0, help="Largest difference within a pair in any feature, in SD."),
    ] = None,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Write the proposed pairs into the manifest.")
    ] = False,
) -> None:
    """Propose the best partners for clips that came without pairs."""
    _need_clips()
    from stimuli.sets import existing_set
    from stimuli.verbs.pair import pair_set

    pair_set(existing_set(root), features=on or (), caliper=caliper, adopt=adopt, say=typer.echo)


@stimuli_app.command("match")
def stimuli_match(root: Annotated[Path, SET], plan: Annotated[Path, PLAN]) -> None:
    """Hold the arms against the plan's tolerances, pair by pair, and try to tell them apart by machine."""
    _need_clips()
    from stimuli.sets import existing_set
    from stimuli.verbs.match import match_set

    promise = _promise(plan)
    assert promise is not None
    match_set(existing_set(root), promise, say=typer.echo)


@stimuli_app.command("prepare")
def stimuli_prepare(
    root: Annotated[Path, SET],
    recipe: Annotated[
        Path, typer.Option("--recipe", help="Recipe file, or the name of a shipped one.")
    ] = Path("hd25"),
    control: Annotated[
        list[str] | None,
        typer.Option(
            "--control", help="Make a control arm of the live clips as well: codec_control, rotoscoped."
        ),
    ] = None,
    jobs: Annotated[int | None, JOBS] = None,
) -> None:
    """Bring every clip into one form by the same steps, and check each result by decoding it."""
    _need_clips()
    from stimuli.sets import existing_set
    from stimuli.verbs.prepare import prepare_set

    prepared = prepare_set(
        existing_set(root), recipe, controls=control or (), jobs=_cores(jobs), say=typer.echo
    )
    _leave_if(bool(prepared.failed))


@stimuli_app.command("report")
def stimuli_report(root: Annotated[Path, SET]) -> None:
    """Make the page: contact sheet of pairs, matching, leak test, flags, provenance, what was done."""
    _need_clips()
    from stimuli.report import build_report
    from stimuli.sets import existing_set

    typer.echo(f"report: {build_report(existing_set(root))}")


def clips_of_plan(promise: Promise) -> list[str]:
    """What `bazin plan check` says of the clips a plan is about: tolerances, and the set itself where it lies there.

    Raises
    ------
    PlanError
        If a tolerance names no feature, or not its unit; or if the plan is bound to another manifest.
    """
    from bazin.extras import CLIPS, missing
    from protocols.base.errors import PlanError

    promised = promise.plan.stimuli
    if promised is None:
        return []
    if missing(CLIPS):
        return (
            ["Clips: tolerances were not checked (the extra 'clips' is not installed)."]
            if promised.matching
            else []
        )
    from stimuli.registry.checking import against_plan, beside_plan
    from stimuli.registry.manifest import manifest_sha256, read_manifest
    from stimuli.sets import StimulusSet
    from stimuli.tolerances import tolerance_faults

    faults = list(tolerance_faults(promise))
    stimuli = StimulusSet(Path(promise.document.file).parent / promised.set)
    lines: list[str] = []
    if stimuli.manifest.exists():
        faults += against_plan(manifest_sha256(stimuli), promise)
        bound = promised.manifest_sha256 is not None
        lines = [f"Clips: {stimuli.root}, {'bound to this plan' if bound else 'not bound to this plan yet'}"]
        lines += [f"  {text}" for text in beside_plan(read_manifest(stimuli), promise.plan)]
    elif promised.manifest_sha256 is not None:
        lines = [f"Clips: the plan is bound to a set that is not at {stimuli.root}; it could not be checked."]
    if faults:
        raise PlanError(faults)
    return lines


def _leave_if(faulty: bool) -> None:
    if faulty:
        raise typer.Exit(1)
