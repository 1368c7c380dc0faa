"""A session that is killed in a real window, and goes on."""

import signal
import subprocess
import time

import pytest

from experiments.session.journal import FOLDER, journals_of
from experiments.session.lock import LOCKS
from tests.bids_validator import errors_of
from tests.experiments.windowed.conftest import command, journals


def numbers(told):
    return [record["number"] for record in told.of("row")]


def kill_in_trial(args, bids, n):
    """Run a session and kill it in the middle of its nth trial."""
    with subprocess.Popen(
        args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    ) as process:
        ends = time.monotonic() + 90
        while time.monotonic() < ends and process.poll() is None:
            written = b"".join(path.read_bytes() for path in journals_of(bids, "sub-01", "rate"))
            if written.count(b'"kind": "trial"') >= n:
                break
            time.sleep(0.02)
        else:
            process.kill()
            pytest.fail(f"no trial {n}: {process.stdout.read()}")
        time.sleep(0.5)
        process.send_signal(signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.usefixtures("typing")
def test_a_childs_session_killed_in_the_middle_of_a_trial_goes_on_with_that_trial(study, tmp_path, run_bazin):
    bids = tmp_path / "bids"
    args = command(study, "rate", bids, "--language", "zh", group="child")
    kill_in_trial(args, bids, 3)
    (before,) = journals(bids, "sub-01", "rate")
    assert before.status == "crashed"
    assert len(numbers(before)) == 2
    locks = bids / FOLDER / LOCKS
    assert len(list(locks.iterdir())) == 2  # the dead cannot give them back

    again = run_bazin(args[1:])
    assert again.returncode == 0, again.stderr
    assert "Goes on: 2 trials done before." in again.stdout
    assert not list(locks.iterdir())
    before, after = journals(bids, "sub-01", "rate")
    assert after.status == "complete"
    assert len(numbers(after)) == 2
    assert len({*numbers(before), *numbers(after)}) == 4
    assert errors_of(bids) == []
