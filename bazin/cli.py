"""The command ``bazin``. Every command imports what it needs when it runs, so that help answers at once."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bazin.clips import clips_of_plan, stimuli_app
from bazin.sessions import pilot_command, run_command, session_app, timing_command

if TYPE_CHECKING:
    from collections.abc import Callable

SETTINGS: dict[str, Any] = {
    "no_args_is_help": True,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "add_completion": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
app = typer.Typer(
    help="Can people, and their brains, still tell live action from AI-generated film - and if not, can we show it?",
    **SETTINGS,
)
plan_app = typer.Typer(help="Write, check and read plans.", **SETTINGS)
import_app = typer.Typer(help="Bring in values measured with other tools.", **SETTINGS)
app.add_typer(plan_app, name="plan")
app.add_typer(import_app, name="import")
app.add_typer(stimuli_app, name="stimuli")
app.add_typer(session_app, name="session")
app.command("run")(run_command)
app.command("pilot")(pilot_command)
app.command("timing-check")(timing_command)


class Engine(StrEnum):
    """What fits the whole brain."""

    bazin = "bazin"
    nilearn = "nilearn"


class Level(StrEnum):
    """Levels of a BIDS App."""

    participant = "participant"
    group = "group"


class Format(StrEnum):
    """Files with a schema."""

    plan = "plan"
    verdict = "verdict"


class Truth(StrEnum):
    """What is planted in the virtual lab."""

    none = "none"
    different = "different"


def _version(asked: bool) -> None:
    if asked:
        from protocols import __version__

        typer.echo(f"bazin {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Take the options that stand before the command."""


@plan_app.command("new")
def plan_new(
    name: Annotated[str, typer.Argument(help="Name of the study; the file is NAME.plan.yaml.")],
    folder: Annotated[Path, typer.Option("--in", help="Folder to write into.")] = Path(),
    template: Annotated[str, typer.Option(help="Shipped plan to start from.")] = "first-study",
) -> None:
    """Start a plan from a shipped one, with comments that explain every part."""
    from protocols.plan.new import new_plan

    path = new_plan(name, folder, template)
    typer.echo(f"{path}\nEdit it, then: bazin plan check {path}")


@plan_app.command("check")
def plan_check(
    file: Annotated[Path, typer.Argument(help="Plan file, or the name of a shipped plan.")],
) -> None:
    """Name every fault with line and column, and say what the plan can decide."""
    from bazin.design_check import scan_designs
    from protocols.base.errors import Fault, PlanError
    from protocols.plan.reading import read_plan
    from protocols.plan.show import check_report

    promise = read_plan(file)
    lines: list[str] = []
    faults: list[Fault] = []
    for look in (scan_designs, clips_of_plan):
        try:
            lines += look(promise)
        except PlanError as error:
            faults += error.faults
    if faults:
        raise PlanError(faults)
    typer.echo(check_report(promise), nl=False)
    for line in lines:
        typer.echo(line)


@plan_app.command("show")
def plan_show(
    file: Annotated[Path, typer.Argument(help="Plan file, or the name of a shipped plan.")],
) -> None:
    """Print the plan as a page a colleague can read."""
    from protocols.plan.reading import read_plan
    from protocols.plan.show import show

    typer.echo(show(read_plan(file)), nl=False)


@import_app.command("measures")
def import_measures_command(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, XLSX or JSON-lines table of values.")],
    map_file: Annotated[
        Path, typer.Option("--map", help="YAML file: which column is what; or a shipped map.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for the measure tables.")],
    plan: Annotated[
        Path | None, typer.Option("--plan", help="Plan to check names, groups and units against.")
    ] = None,
    allow_column: Annotated[
        list[str] | None, typer.Option("--allow-column", help="A column that looks personal and is not.")
    ] = None,
) -> None:
    """Turn a table of values (SPM, FSL, EEGLAB, ...) into measure tables."""
    from analysis.importing.measures import import_measures
    from analysis.importing.shipped import map_file as shipped_or
    from protocols.plan.reading import read_plan

    promise = read_plan(plan) if plan is not None else None
    summary = import_measures(file, shipped_or(map_file), out, plan=promise, allow_columns=allow_column or [])
    for line in summary.lines():
        typer.echo(line)


@import_app.command("trials")
def import_trials_command(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, XLSX or JSON-lines table of single trials.")],
    map_file: Annotated[
        Path, typer.Option("--map", help="YAML file: which column is what; or a shipped map.")
    ],
    out: Annotated[Path, typer.Option("--out", help="BIDS folder to make.")],
    plan: Annotated[
        Path | None, typer.Option("--plan", help="Plan to check names and groups against.")
    ] = None,
    allow_column: Annotated[
        list[str] | None, typer.Option("--allow-column", help="A column that looks personal and is not.")
    ] = None,
) -> None:
    """Turn a table of trials into a BIDS data set."""
    from analysis.importing.shipped import map_file as shipped_or
    from analysis.importing.trials import import_trials
    from protocols.plan.reading import read_plan

    promise = read_plan(plan) if plan is not None else None
    summary = import_trials(file, shipped_or(map_file), out, plan=promise, allow_columns=allow_column or [])
    for line in summary.lines():
        typer.echo(line)


@app.command()
def analyse(
    source: Annotated[
        Path,
        typer.Argument(metavar="BIDS_OR_OUT", help="Data set, or a folder with imported measure tables."),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for results.")],
    level: Annotated[
        Level, typer.Argument(help="participant writes measure tables, group decides from them.")
    ],
    plan: Annotated[Path, typer.Option("--plan", help="Plan file, or the name of a shipped plan.")],
    participant_label: Annotated[
        list[str] | None,
        typer.Option(
            "--participant-label",
            "--participant_label",
            help="Only these people: 01 02 sub-03.",
        ),
    ] = None,
    blind: Annotated[
        bool,
        typer.Option("--blind", help="Shuffle the arms' labels: for freezing exclusions before looking."),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            min=1,
            help="Processes: people at a time (one if absent), bootstraps (all cores). Changes no number.",
        ),
    ] = None,
    derivatives: Annotated[
        str | None,
        typer.Option("--derivatives", help="Preprocessed scans to use: fmriprep=FOLDER."),
    ] = None,
    template: Annotated[
        Path | None,
        typer.Option("--template", help="Folder of the plan's template, where it does not come along."),
    ] = None,
    pages: Annotated[bool, typer.Option(help="Make a page of each scanned person.")] = True,
    engine: Annotated[
        Engine, typer.Option(help="What fits the whole brain; nilearn takes longer, for maps of ar1 or ols.")
    ] = Engine.bazin,
    stimuli: Annotated[
        Path | None,
        typer.Option("--stimuli", help="Stimulus set, where the plan has clip features in the model."),
    ] = None,
) -> None:
    """Analyse people, then the group.

    The participant level writes and checks measure tables, the group level computes verdict and report from them.
    """
    from analysis.running import run_group, run_participant
    from bazin.terminal import problems, strip
    from protocols.base.errors import Fault, UsageError
    from protocols.plan.reading import read_plan

    if not source.is_dir():
        raise UsageError(
            Fault(
                str(source),
                "is not a folder" if source.exists() else "does not exist",
                way_out="check the name",
            )
        )
    if level is Level.group and participant_label:
        raise UsageError(
            Fault(
                "--participant-label",
                "does not go with the group level: it would change the sample",
                way_out="take it away",
            )
        )
    promise = read_plan(plan)
    if level is Level.participant:
        from analysis.fmri.participants import Ways

        ways = Ways(_derivatives(derivatives), template, jobs or 1, pages, stimuli, engine.value)
        outcome = run_participant(source, out, promise, participant_label or [], say=typer.echo, ways=ways)
    else:
        outcome = run_group(
            source, out, promise, blind=blind, command=_command_line(), workers=jobs, say=typer.echo
        )
        assert outcome.verdict is not None
        typer.echo("\n" + strip(outcome.verdict, color=sys.stdout.isatty()))
        typer.echo(f"\nreport: {outcome.report}")
    typer.echo(problems(outcome.warnings, outcome.errors), err=True, nl=False)
    if outcome.errors:
        raise typer.Exit(1)


def _derivatives(given: str | None) -> Path | None:
    """The folder in ``fmriprep=FOLDER``, as BIDS Apps take it."""
    from protocols.base.errors import Fault, UsageError

    if given is None:
        return None
    name, _, folder = given.partition("=")
    if name != "fmriprep" or not folder or not Path(folder).is_dir():
        problem = "is not a folder" if name == "fmriprep" and folder else "does not say what it is"
        raise UsageError(
            Fault("--derivatives", problem, got=given, accepted="fmriprep=FOLDER, with sub-*/ in it")
        )
    return Path(folder)


@app.command()
def report(out: Annotated[Path, typer.Argument(help="Folder with verdict.json and results/.")]) -> None:
    """Make the report again from the saved files."""
    from analysis.report import build_report

    typer.echo(f"report: {build_report(out)}")


@app.command()
def schema(of: Annotated[Format, typer.Argument(help="Which file.")]) -> None:
    """Print a file format as JSON Schema."""
    import json

    from analysis.evidence.verdict import verdict_schema
    from protocols.plan.reading import json_schema

    document = json_schema() if of is Format.plan else verdict_schema()
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


@app.command()
def demo(
    out: Annotated[Path, typer.Argument(help="Folder for the virtual study.")] = Path("bazin-demo"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of the virtual lab.")] = 1,
    truth: Annotated[
        Truth, typer.Option(help="What is planted: no difference anywhere, or differences.")
    ] = Truth.none,
    clips: Annotated[
        bool, typer.Option(help="Draw the lab's films and make a matched set of them first.")
    ] = True,
    scans: Annotated[
        bool, typer.Option(help="Scan the virtual people; without, the lab brings a table of values.")
    ] = True,
) -> None:
    """Decide a whole virtual study.

    A lab's films and tables, their import, the analysis, the verdict and its report.
    """
    from bazin.demo import run_demo

    run_demo(
        out, seed=seed, truth=truth.value, clips=clips, scans=scans, say=typer.echo, color=sys.stdout.isatty()
    )


@app.command()
def doctor() -> None:
    """Check this installation.

    Python, bazin's own parts, packages, fonts, disk.
    """
    from bazin.doctor import examine

    text, healthy = examine()
    typer.echo(text, nl=False)
    if not healthy:
        raise typer.Exit(1)


def _command_line() -> str:
    """The command as typed, without the folders above the files' own names: reports travel, folder names tell."""
    words = [Path(word).name if "/" in word or "\\" in word else word for word in sys.argv[1:]]
    return " ".join(["bazin", *words])


def main() -> None:
    """Run the command; errors meant for the user are printed without a traceback."""
    from bazin.rooms import check_one_root

    intruder = check_one_root()
    if intruder is not None:
        print(intruder, file=sys.stderr)
        raise SystemExit(2)
    words = repeat_option(sys.argv[1:], ("--participant-label", "--participant_label"))
    raise SystemExit(_guarded(lambda: app(words, standalone_mode=False)))


def repeat_option(words: list[str], options: tuple[str, ...]) -> list[str]:
    """``--participant-label 01 02`` as BIDS Apps take it, written ``--participant-label 01 --participant-label 02``."""
    written: list[str] = []
    current = ""
    for word in words:
        if word.startswith("-"):
            current = word if word in options else ""
        elif current and written[-1] != current:
            written.append(current)
        written.append(word)
    return written


INTERRUPTED = 130


def _interrupted() -> int:
    print("\nInterrupted. What was finished is kept; the same command goes on from there.", file=sys.stderr)
    return INTERRUPTED


def _guarded(run: Callable[[], object]) -> int:
    from protocols.base.errors import BazinError

    try:
        code = run()
    except BazinError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:  # the reader of a pipe (head, less) has gone
        sys.stderr.close()
        return 0
    except Exception as error:  # click's own usage errors know how to show themselves
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()
        return int(getattr(error, "exit_code", 1))
    # Outside its standalone mode typer hands back the code of every exit, Ctrl-C among them.
    return _interrupted() if code == INTERRUPTED else code if isinstance(code, int) else 0
