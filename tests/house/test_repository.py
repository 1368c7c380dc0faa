"""The lock, and what must never be committed."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
ENTRIES = re.findall(
    r"^([a-z0-9][\w.-]*)==\S+[^\n]*\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)*)", LOCK, re.M
)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", name)[0]).lower()


def tracked() -> list[Path]:
    """Files that are committed or would be: tracked, and new ones that are not ignored."""
    listing = [
        "git",
        "-c",
        f"safe.directory={ROOT}",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    try:
        done = subprocess.run(listing, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout: what is committed cannot be listed")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_every_pin_has_hashes():
    assert ENTRIES
    assert [name for name, hashes in ENTRIES if not hashes] == []
    pins = re.findall(r"^[^\s#][^\n]*", LOCK, re.M)
    assert len(pins) == len(ENTRIES), "every line that is neither hash nor comment must be a pin"


def test_the_lock_holds_no_address_and_no_path():
    assert not re.search(r"https?:|file:|://|--(extra-)?index|--find-links", LOCK)
    assert not re.search(r"(?<![\w.])/\w", LOCK)


def test_every_direct_dependency_is_pinned():
    direct = [
        *PROJECT["dependencies"],
        *(one for extra in PROJECT["optional-dependencies"].values() for one in extra),
    ]
    missing = {normal(one) for one in direct} - {name for name, _ in ENTRIES} - {"bazin"}
    assert not missing, f"run `make lock`: {missing}"


def test_only_one_opencv_can_be_installed():
    lines = [
        line
        for line in LOCK.splitlines()
        if line.startswith("opencv") and "sys_platform == 'never'" not in line
    ]
    assert [line.partition("==")[0] for line in lines] == ["opencv-python-headless"]


def test_nothing_local_is_committed():
    names = {path.relative_to(ROOT).as_posix() for path in tracked()}
    assert "uv.lock" not in names
    assert {name for name in names if name.startswith("data/")} <= {"data/README.md"}


def test_no_file_names_a_folder_of_one_machine():
    """Home folders, and the folder this checkout happens to be in."""
    place = re.escape(ROOT.parent.as_posix()) + r"(?![\w-])" if len(ROOT.parent.parts) > 1 else "(?!)"
    machine = re.compile(rf"(?<![\w.~:/])(?:/home/\w|/Users/\w|/root/|{place}/)|\b[A-Z]:\\+Users\b")
    found = []
    for path in tracked():
        try:
            lines = path.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # pictures
        if path != Path(__file__):
            found += [
                f"{path.relative_to(ROOT)}:{n}: {line}"
                for n, line in enumerate(lines, 1)
                if machine.search(line)
            ]
    assert found == []
