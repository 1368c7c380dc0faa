"""A sound server of its own for every worker, whose only card plays to nobody and can be recorded."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from experiments.sound.engine import Engine
from tests.experiments.sound.clicks import RATE, Recording, before_others

NEEDED = "install pulseaudio pulseaudio-utils libasound2-plugins libportaudio2 (as root on Debian, `make test` does)"
ASOUNDRC = """
pcm.!default { type pulse }
ctl.!default { type pulse }
"""


@pytest.fixture(scope="session")
def sound_server() -> Iterator[Callable[..., str]]:
    """PulseAudio with the null sink ``nul``, in the environment; a function that runs ``pactl``."""
    if not all(map(shutil.which, ("pulseaudio", "parec", "pactl"))):
        pytest.skip(f"no PulseAudio: {NEEDED}")
    # a socket's path has 107 bytes at most, fewer than pytest's folders have
    folder = Path(tempfile.mkdtemp(prefix="bazin-sound-", dir="/tmp"))
    Path.home().joinpath(".asoundrc").write_text(ASOUNDRC)
    ours = {
        "XDG_RUNTIME_DIR": str(folder),
        "PULSE_RUNTIME_PATH": str(folder),
        "PULSE_SERVER": f"unix:{folder}/native",
    }
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    with (folder / "log").open("w") as log, before_others():
        server = subprocess.Popen(
            [
                "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes", "--use-pid-file=no",
                "-L", f"module-null-sink sink_name=nul rate={RATE}",
                "-L", f"module-native-protocol-unix socket={folder}/native auth-anonymous=1",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip

    def pactl(*args: str) -> str:
        return subprocess.run(
            ["pactl", *args], capture_output=True, encoding="utf-8", timeout=10, check=True
        ).stdout

    give_up = time.perf_counter() + 15
    while subprocess.run(["pactl", "info"], capture_output=True, timeout=10, check=False).returncode:
        if server.poll() is not None or time.perf_counter() > give_up:
            server.kill()
            pytest.skip("PulseAudio does not start: " + (folder / "log").read_text()[-500:])
        time.sleep(0.1)
    _look_again_for_cards()
    yield pactl
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
    server.send_signal(signal.SIGTERM)
    server.wait(10)
    shutil.rmtree(folder, ignore_errors=True)


def _look_again_for_cards() -> None:
    """PortAudio lists cards once in a process, which another test may have made it do already."""
    try:
        import sounddevice

        sounddevice._terminate()
        sounddevice._initialize()
    except (ImportError, OSError):
        pass
    try:
        from psychtoolbox import PsychPortAudio

        PsychPortAudio("Close")
    except ImportError:
        pass


@pytest.fixture(scope="module", params=["psychtoolbox", "sounddevice"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The null sink, opened with each driver."""
    request.getfixturevalue("sound_server")
    from experiments.sound.cards import _ENGINES

    pytest.importorskip(request.param, reason="the extra 'lab' is not installed", exc_type=ImportError)
    with before_others():
        opened = _ENGINES[request.param][0](None, RATE)
    yield opened
    opened.close()


@pytest.fixture
def recording(request: pytest.FixtureRequest) -> Iterator[Recording]:
    """Records while the test runs."""
    request.getfixturevalue("sound_server")
    started = Recording()
    yield started
    started.close()
