"""The environment's own gates: a tampered file is refused, an unlisted skip fails."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def write_wheel(folder: Path, name: str, requires: str = "") -> str:
    """Write a package with one empty module; return its hash."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


@pytest.mark.parametrize("tampered", ["nothing", "twig", "leaf"])
def test_what_is_installed_matches_the_lock(tmp_path, tampered):
    """`twig` is asked for, `leaf` only comes with it: both must be what the lock says."""
    wheels, project = tmp_path / "wheels", tmp_path / "project"
    wheels.mkdir()
    (project / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "tools/environment.py", project / "tools")
    hashes = {
        "twig": write_wheel(wheels, "twig", "Requires-Dist: leaf\n"),
        "leaf": write_wheel(wheels, "leaf"),
    }
    if tampered in hashes:
        write_wheel(
            wheels, tampered, "Requires-Dist: leaf\nSummary: tampered with\n" if tampered == "twig" else "\n"
        )
    lock = "".join(f"{name}==1.0 \\\n    --hash=sha256:{sha}\n" for name, sha in hashes.items())
    (project / "requirements.lock").write_text(lock)
    (project / "pyproject.toml").write_text(
        '[project]\nname = "tree"\nversion = "1"\n'
        'dependencies = ["twig"]\noptional-dependencies = { build = [] }\n'
    )
    offline = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "UV_OFFLINE": "1",
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": str(wheels),
        "UV_CACHE_DIR": str(tmp_path / "cache"),
    }
    # Without a build backend the tree itself is never built: what matters comes before.
    done = subprocess.run(
        [sys.executable, "tools/environment.py"],
        cwd=project,
        env={**os.environ, **offline},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    installed = {path.stem for path in (project / ".venv").rglob("site-packages/*.py")} & set(hashes)
    if tampered == "nothing":
        assert installed == {"twig", "leaf"}, done.stderr
    else:
        assert installed == set()
        assert done.returncode == 1
        assert f"Hash mismatch for `{tampered}==1.0`" in done.stderr


@pytest.mark.parametrize(
    ("reason", "ci", "passes"),
    [
        ("no example data: not here", "1", True),
        ("no reason worth listing", "1", False),
        ("no reason worth listing", "0", True),
    ],
)
@pytest.mark.parametrize("place", ["test", "file"])
def test_an_unlisted_skip_fails_the_run(tmp_path, reason, ci, passes, place):
    for name in ("conftest.py", "allowed_skips.txt"):
        shutil.copy(ROOT / "tests" / name, tmp_path)
    skip = f"pytest.skip({reason!r}, allow_module_level=True)\n"
    inside = f"    {skip}" if place == "test" else "    pass\n"
    (tmp_path / "test_it.py").write_text(
        f"import pytest\n{skip if place == 'file' else ''}def test_it():\n{inside}"
    )
    (tmp_path / "test_another.py").write_text("def test_it():\n    pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
        cwd=tmp_path,
        env={**os.environ, "BAZIN_CI": ci},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode == 0) == passes, done.stdout
    assert passes or "not allowed to be" in done.stdout
