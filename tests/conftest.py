"""What every test stands on: a private home, one thread, no silent skips, the command, a browser, data."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
ALLOWED_SKIPS = Path(__file__).with_name("allowed_skips.txt")

settings.register_profile("house", derandomize=True, deadline=None, database=None)
settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    """Give the run a home of its own before anything is imported that reads or writes there."""
    home = tempfile.TemporaryDirectory(prefix="bazin-home-", ignore_cleanup_errors=True)
    config.add_cleanup(home.cleanup)
    for inherited in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "MPLCONFIGDIR", "PYTHONPATH"):
        os.environ.pop(inherited, None)
    os.environ.update(HOME=home.name, USERPROFILE=home.name, MPLBACKEND="Agg")
    for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    if (
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    ):  # begun in a shell's background, as whatever we start
        signal.signal(signal.SIGINT, signal.default_int_handler)


def allowed_skips() -> tuple[str, ...]:
    """Beginnings of the reasons for which a test may be skipped in continuous integration."""
    lines = ALLOWED_SKIPS.read_text("utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def fail_unlisted_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Under BAZIN_CI=1, turn a skip whose reason is not listed into a failure that says so."""
    if os.environ.get("BAZIN_CI") != "1" or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if not reason.startswith(allowed_skips()):
        report.outcome = "failed"
        report.longrepr = f"Skipped, but not allowed to be (see {ALLOWED_SKIPS.name}): {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Look at every test's skip."""
    report = yield
    fail_unlisted_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Look at every skip of a whole file."""
    report = yield
    fail_unlisted_skip(report)
    return report


class Finished(NamedTuple):
    """A finished command."""

    returncode: int
    stdout: str
    stderr: str


RunBazin = Callable[..., Finished]


@pytest.fixture(scope="session")
def run_bazin(tmp_path_factory: pytest.TempPathFactory) -> RunBazin:
    """Run the installed `bazin` command as a user would; in an empty folder unless told otherwise."""
    command = shutil.which("bazin", path=Path(sys.executable).parent)
    assert command, "the project is not installed beside this Python: run `make env`"

    def run(
        args: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 600,
    ) -> Finished:
        done = subprocess.run(
            [command, *map(str, args)],
            cwd=cwd or tmp_path_factory.mktemp("run"),
            env={**os.environ, **(env or {})},
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Path of a Chromium or Chrome."""
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if found := shutil.which(name):
            return Path(found)
    pytest.skip("no browser: install chromium (as root on Debian, `make test` does)")


@pytest.fixture
def browse(chromium, tmp_path):
    """Run the browser on a file; returns what it prints."""

    def run(path, *options):
        done = subprocess.run(
            [
                chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                f"--user-data-dir={tmp_path / 'profile'}", *options, path.as_uri(),
            ],
            capture_output=True, encoding="utf-8", timeout=120, check=True,
        )  # fmt: skip
        return done.stdout

    return run


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of example data sets: `data` in the folder BAZIN_SHARED, or in `shared` beside the checkout."""
    folder = Path(os.environ.get("BAZIN_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(
            f"no example data: {folder} is not there (BAZIN_SHARED names the folder that holds data/)"
        )
    return folder
