"""Build `.venv` from `requirements.lock`, every hash verified: `python tools/environment.py [extra ...]`.

Runs on any Python 3.8+ that has pip, on Linux, macOS and Windows, and needs nothing else: `uv` is taken
from the PATH or fetched, at the lock's version, into `.uv/`. Only the base and the extras asked for are
installed (and those asked for before, which are remembered). Does nothing when nothing changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
PROJECT = ROOT / "pyproject.toml"
BIN, EXE = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
VENV_PYTHON = ROOT / ".venv" / BIN / f"python{EXE}"
STAMP = ROOT / ".venv" / "bazin-environment.json"
PYTHONS = ">=3.11,<3.13"


class Stopped(Exception):
    """What is missing and how to get it."""


def run(*command: str | Path) -> None:
    """Run one command in the checkout; stop, naming it, if it fails."""
    words = [str(word) for word in command]
    if subprocess.run(words, cwd=ROOT, check=False).returncode:
        raise Stopped(f"This command failed (its message is above):\n  {' '.join(words)}")


def find_uv() -> Path:
    """Return uv from the PATH, else from `.uv/`, fetching it there at the lock's version and hash."""
    on_path = shutil.which("uv")  # a version manager's shim can be on the PATH and still not work
    if on_path and subprocess.run([on_path, "--version"], capture_output=True, check=False).returncode == 0:
        return Path(on_path)
    private = ROOT / ".uv" / BIN / f"uv{EXE}"
    if not private.exists():
        print("uv is not on the PATH: fetching it into .uv/", flush=True)
        try:
            import ensurepip  # noqa: F401  # left out of Debian's python3 package
            import venv
        except ImportError as missing:
            raise Stopped(
                f"This Python ({sys.executable}) cannot make virtual environments: no '{missing.name}'.\n"
                "Install it (Debian, Ubuntu: apt-get install python3-venv) or uv, and run this again."
            ) from None
        venv.create(ROOT / ".uv", with_pip=True, clear=True)
        entry = re.search(r"^uv==(\S+)[^\n]*\n((?: +--hash=\S+(?: \\)?\n)+)", LOCK.read_text("utf-8"), re.M)
        assert entry, f"{LOCK} pins no uv"
        wanted = ROOT / ".uv" / "uv.txt"
        wanted.write_text(f"uv=={entry[1]} \\\n{entry[2]}", "utf-8")
        python = private.with_name(f"python{EXE}")
        run(
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
            "--no-deps",
            "-r",
            wanted,
        )
    return private


def suitable(python: Path) -> bool:
    """Tell whether this interpreter runs and is one the project supports."""
    check = "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))"
    try:
        return subprocess.run([str(python), "-c", check], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def make_venv(uv: Path) -> None:
    """Make `.venv` with this Python if it is 3.11 or 3.12, else with one that uv finds on the machine."""
    chosen = sys.executable if suitable(Path(sys.executable)) else PYTHONS
    command = [str(uv), "venv", "--quiet", "--clear", "--no-python-downloads", "--python", chosen, ".venv"]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise Stopped(
            f"No Python 3.11 or 3.12 was found (this one is {sys.version.split()[0]}).\n"
            f"Install one and run this again; without administrator rights: {uv} python install 3.12"
        )


def main(extras: list[str]) -> None:
    """Bring `.venv` to the lock's versions of the base and of `extras`."""
    began = time.monotonic()
    inputs = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (LOCK, PROJECT)}
    stamp = json.loads(STAMP.read_text("utf-8")) if STAMP.exists() else {"extras": []}
    wanted = sorted({*extras, *stamp["extras"]})
    if suitable(VENV_PYTHON):
        if stamp == {"extras": wanted, "inputs": inputs}:
            return
        STAMP.unlink(missing_ok=True)
    print(f"Installing into .venv: base{''.join(f', {extra}' for extra in wanted)}", flush=True)
    uv = find_uv()
    if not suitable(VENV_PYTHON):
        make_venv(uv)
    install = [uv, "pip", "install", "--quiet", "--python", VENV_PYTHON]
    chosen = [word for extra in ("build", *wanted) for word in ("--extra", extra)]
    # Compiled once, here: where Python may not write beside its packages, every start would compile them anew.
    install_all = [*install, "--compile-bytecode", "--require-hashes"]
    run(*install_all, "--constraints", LOCK.name, "--requirements", PROJECT.name, *chosen)
    run(*install, "--no-deps", "--no-build-isolation", "--editable", ".")
    STAMP.write_text(json.dumps({"extras": wanted, "inputs": inputs}), "utf-8")
    print(f"Done in {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    try:
        main([extra for argument in sys.argv[1:] for extra in re.split(r"[ ,]+", argument) if extra])
    except Stopped as stopped:
        sys.exit(str(stopped))
