"""A computer without a sound card: told plainly, never a traceback."""

import subprocess
import sys

import pytest

SCRIPT = """
from experiments.devices.clock import SessionClock
from experiments.sound.cards import devices, open_sound
from protocols.base.errors import NotAvailable
print(devices())
try:
    open_sound(SessionClock())
except NotAvailable as error:
    print(error)
"""


def test_without_a_card_every_way_out_is_named(tmp_path):
    pytest.importorskip("psychtoolbox", reason="the extra 'lab' is not installed")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={"HOME": str(tmp_path), "PATH": "", "PULSE_SERVER": "unix:/nowhere", "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    if done.stdout.startswith("[]"):  # a developer's computer may have a card that cannot be hidden
        assert "cannot be played" in done.stdout
        assert "--no-sound" in done.stdout
