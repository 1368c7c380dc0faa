"""What may be imported where, read from the source: every module, also those no test imports."""

import ast
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("protocols", "stimuli", "experiments", "analysis", "bazin")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
# Seconds each, or a display: imported inside the function that needs them.
LATE = {"ants", "numba", "pingouin", "mne", "nilearn", "psychopy", "mne_icalabel"}
# Compiled by numba, whose decorators need it at once: such a module is itself imported late.
KERNELS = "kernels"
# Everything the command needs for --help stays free of these.
NOT_FOR_HELP = {"numpy", "pandas", "scipy", "matplotlib", "pydantic", "rich"}
FRONT_DOOR = {"bazin/__init__.py", "bazin/cli.py"}


def imports(tree: ast.AST, *, late: bool) -> Iterator[str]:
    """Names of the imported modules; with `late`, also of those imported inside functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
            if node.module in {*ROOMS, "protocols.base"} or KERNELS in {alias.name for alias in node.names}:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not late:
            continue
        elif isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            for branch in node.orelse:
                yield from imports(ast.Module([branch], []), late=late)
        else:
            yield from imports(node, late=late)


def roots(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(ast.parse(path.read_text("utf-8")), late=False)}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_slow_or_windowed_libraries_are_imported_late(path):
    forbidden = LATE | (NOT_FOR_HELP if path.relative_to(ROOT).as_posix() in FRONT_DOOR else set())
    if path.stem == KERNELS:
        forbidden -= {"numba"}
    assert not roots(path) & forbidden


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_numba_compiles_is_imported_late(path):
    modules = imports(ast.parse(path.read_text("utf-8")), late=False)
    assert not [name for name in modules if name.rpartition(".")[2] == KERNELS]


def test_the_ground_stands_on_nothing_of_ours():
    for path in (ROOT / "protocols/base").rglob("*.py"):
        for name in imports(ast.parse(path.read_text("utf-8")), late=True):
            ours = name.partition(".")[0] in ROOMS
            assert not ours or f"{name}.".startswith("protocols.base.") or name == "protocols", (
                f"{path}: {name}"
            )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import psychopy.visual", {"psychopy.visual"}),
        ("try:\n    import mne\nexcept ImportError: pass", {"mne"}),
        ("class A:\n    import mne", {"mne"}),
        ("def f():\n    import mne", set()),
        ("if TYPE_CHECKING:\n    import mne\nelse:\n    import ants", {"ants"}),
        ("from numba import njit", {"numba"}),
    ],
)
def test_the_reader_of_imports_itself(source, expected):
    assert set(imports(ast.parse(source), late=False)) == expected


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['bazin', '--help']\n"
        "from bazin.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"print(sorted({NOT_FOR_HELP | LATE!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stderr.strip() == "[]"
    assert "analyse" in done.stdout


def test_help_answers_within_half_a_second(run_bazin):
    def median_of_ten() -> float:
        seconds = []
        for _ in range(10):
            began = time.perf_counter()
            assert run_bazin(["--help"]).returncode == 0
            seconds.append(time.perf_counter() - began)
        return statistics.median(seconds)

    # Other tests running beside this one can only make it slower: three tries.
    medians = []
    while len(medians) < 3 and (not medians or medians[-1] > 0.5):
        medians.append(median_of_ten())
    assert min(medians) <= 0.5, f"medians of 10: {medians}"


@pytest.mark.parametrize("way", ["working folder", "PYTHONPATH"])
def test_an_intruding_room_is_named(tmp_path, way):
    """A lab's own analysis.py would be imported instead of ours."""
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "analysis.py").write_text("raise SystemExit('the intruder ran')\n")
    here = tmp_path / "lab" if way == "working folder" else tmp_path
    env = {**os.environ, **({"PYTHONPATH": str(tmp_path / "lab")} if way == "PYTHONPATH" else {})}
    done = subprocess.run(
        [sys.executable, "-m", "bazin", "--version"],
        cwd=here,
        env=env,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert str(tmp_path / "lab" / "analysis.py") in done.stderr
    assert "Traceback" not in done.stderr
    assert any(word in done.stderr.lower() for word in ("rename", "move", "another folder")), done.stderr


def test_no_intruder_no_complaint(run_bazin):
    from importlib.metadata import version

    done = run_bazin(["--version"])
    assert (done.returncode, done.stderr) == (0, "")
    assert version("bazin") in done.stdout
