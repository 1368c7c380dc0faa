"""What is said about flips, films, ports and sound: numbers in, verdict and sentences out."""

import json

import numpy as np
import pytest

from experiments.clips import Clip
from experiments.devices.interfaces import Played, SoundLog
from experiments.site.settings import parse_site
from experiments.timing.findings import refused
from experiments.timing.flips import judge_flips
from experiments.timing.playback import judge_clip
from experiments.timing.ports import judge_port
from experiments.timing.sounds import judge_sound
from protocols.base.errors import Fault, NotAvailable

SITE = parse_site("screen: {refresh_hz: 60}")


def flips(hz=60.0, n=600, late=()):
    """Times of flips, those in `late` a refresh later than due."""
    return (np.arange(n) + np.isin(np.arange(n), late).cumsum()) / hz


def text(finding):
    return " ".join(finding.sentences)


def test_an_even_screen_at_the_sites_rate_is_fine():
    found = judge_flips(flips(), SITE, 60.0, waits=True)
    assert found.verdict == "fine"
    assert found.ways_out == ()
    assert found.numbers["median_ms"] == pytest.approx(16.667, abs=0.001)
    assert found.numbers["sd_ms"] == 0
    assert found.numbers["late_flips"] == 0
    assert "none came more than half a refresh late" in text(found)


def test_late_flips_are_counted_and_do_not_change_the_rate():
    found = judge_flips(flips(late=(100, 300)), SITE, 60.0, waits=True)
    assert found.verdict == "look at this"
    assert found.numbers["late_flips"] == 2
    assert found.numbers["max_ms"] == pytest.approx(33.333, abs=0.001)
    assert found.numbers["refresh_hz"] == pytest.approx(60, abs=0.01)
    assert found.ways_out


def test_a_flip_less_than_half_a_refresh_late_is_not_counted():
    times = flips()
    times[100:] += 0.4 / 60
    assert judge_flips(times, SITE, 60.0, waits=True).numbers["late_flips"] == 0


def test_flips_that_come_late_and_catch_up_do_not_change_the_rate():
    times = flips()
    times[50:-1:7] += 0.6 / 60
    found = judge_flips(times, SITE, 60.0, waits=True)
    assert found.numbers["refresh_hz"] == pytest.approx(60, abs=0.02)
    assert found.numbers["late_flips"] == len(times[50:-1:7])


@pytest.mark.parametrize(("hz", "verdict"), [(59.94, "fine"), (59.0, "failed"), (75.0, "failed")])
def test_a_rate_for_which_a_session_would_not_start_fails(hz, verdict):
    found = judge_flips(flips(hz), SITE, hz, waits=True)
    assert found.verdict == verdict
    assert f"{hz:.3f} times a second; the site file says 60 Hz" in text(found)
    assert bool(found.ways_out) == (verdict == "failed")


def test_a_screen_that_does_not_wait_for_its_retrace_is_never_fine():
    found = judge_flips(flips(), SITE, 60.0, waits=False)
    assert found.verdict == "look at this"
    assert "do not wait for the screen’s vertical retrace" in text(found)
    assert any("vsync" in way_out for way_out in found.ways_out)


def played(index=range(150), late_flips=0, onset=10.0, planned=10.0, fps=25.0):
    index = np.array(index)
    clip = Clip("film", "", "", "", "", "film.mp4", 150 / fps, fps)
    return Played(
        clip,
        planned,
        onset,
        onset + 6,
        index,
        index / fps,
        onset + np.round(index / fps * 60) / 60,
        late_flips,
    )


def test_a_film_of_which_every_frame_appeared_in_time_is_fine_and_its_cadence_is_told():
    found = judge_clip(played(), 60.0)
    assert found.verdict == "fine"
    assert "150 of 150 frames" in text(found)
    assert "frames stand 2 or 3 refreshes in turn" in text(found)
    assert found.numbers["flip_ms"][0] == 0
    assert found.numbers["flip_ms"][-1] == pytest.approx(5966.667, abs=0.01)


@pytest.mark.parametrize(
    ("film", "verdict", "said"),
    [
        ({"index": [n for n in range(150) if n != 70]}, "look at this", "149 of 150 frames"),
        ({"index": [n for n in range(150) if not 50 <= n < 60]}, "failed", "such a trial could not be used"),
        ({"index": range(1, 150)}, "failed", "but not the first one"),
        ({"late_flips": 3}, "look at this", "3 flips came more than half a refresh late"),
        ({"late_flips": 1}, "look at this", "One flip came more than half a refresh late"),
        ({"onset": 10.005}, "fine", "5.00 ms after its planned time"),
        ({"onset": 9.98}, "look at this", "20.00 ms before its planned time"),
        ({"onset": 10.06}, "failed", "60.00 ms after its planned time"),
    ],
)
def test_a_film_that_was_not_shown_perfectly_is_told_with_a_way_out(film, verdict, said):
    found = judge_clip(played(**film), 60.0)
    assert found.verdict == verdict
    assert said in text(found)
    assert bool(found.ways_out) == (verdict != "fine")


def test_a_screen_too_slow_for_the_film_is_told_to_be_the_cause():
    found = judge_clip(played(range(0, 150, 2), fps=50.0), 25.0)
    assert found.verdict == "failed"
    assert "a faster screen" in found.ways_out[0]


FAST = [0.05] * 100


def test_a_port_on_which_every_code_came_back_is_fine():
    found = judge_port("serial", "Trigger port X", FAST, [0.1] * 99 + [2.0], 60.0)
    assert found.verdict == "fine"
    assert found.numbers["send"] == {"median_ms": 0.05, "max_ms": 0.05}
    assert found.numbers["round_trip"] == {"median_ms": 0.1, "max_ms": 2.0}
    assert "100 of 100 came back" in text(found)


@pytest.mark.parametrize("kind", ["serial", "parallel", "lsl"])
def test_a_port_on_which_nobody_answered_is_not_checked_and_how_to_check_it_is_told(kind):
    found = judge_port(kind, "Trigger port X", FAST, [], 60.0)
    assert found.verdict == "not checked"
    assert "sent, nobody answered" in text(found)
    assert found.ways_out


@pytest.mark.parametrize(
    ("took", "answers", "verdict", "said"),
    [
        (FAST, FAST[:90], "look at this", "90 of 100 came back"),
        (FAST, [16.0] * 100, "look at this", "after 16.000 ms"),
        ([2.0] * 100, FAST, "look at this", "2.000 ms each"),
        ([0.05] * 99 + [9.0], FAST, "look at this", "at most 9.000 ms"),
        (FAST[:98], FAST, "look at this", "2 of 100 codes could not be sent: unplugged"),
        (FAST[:90], FAST, "failed", "10 of 100 codes could not be sent: unplugged"),
        ([], [], "failed", "100 of 100 codes could not be sent: unplugged"),
    ],
)
def test_a_port_that_is_slow_or_loses_codes_is_told(took, answers, verdict, said):
    found = judge_port("serial", "Trigger port X", took, answers, 60.0, "unplugged")
    assert found.verdict == verdict
    assert said in text(found)
    assert found.ways_out
    assert ("nobody answered" in text(found)) is False


def test_a_port_that_sent_nothing_does_not_say_that_nobody_answered():
    assert "answered" not in text(judge_port("serial", "X", [], [], 60.0))


def sounds(late_ms=0.1, underruns=0, drift_ms=0.5, confirmed=10):
    starts = [
        SoundLog("card", float(n), n + late_ms / 1000 if n < confirmed else None, 0.0) for n in range(10)
    ]
    train = SoundLog("card", 20.0, 20.0, None if drift_ms is None else drift_ms / 1000, underruns)
    return judge_sound("card", starts, train, 10.0)


def test_a_card_that_starts_in_time_and_does_not_drift_is_fine():
    found = sounds(late_ms=-0.1)
    assert found.verdict == "fine"
    assert found.numbers["start_error"]["max_ms"] == pytest.approx(0.1)
    assert found.numbers["drift_ms"] == 0.5
    assert "drifted by +0.50 ms" in text(found)


@pytest.mark.parametrize(
    ("how", "verdict", "said"),
    [
        ({"late_ms": -8.0}, "look at this", "8.00 ms away from their scheduled time"),
        ({"late_ms": 80.0}, "failed", "80.00 ms away"),
        ({"drift_ms": -7.0}, "look at this", "drifted by -7.00 ms"),
        ({"drift_ms": None}, "look at this", "drift could not be measured"),
        ({"underruns": 2}, "look at this", "ran out of samples 2 times"),
        ({"confirmed": 8}, "failed", "did not confirm 2 of 10 starts"),
        ({"confirmed": 0}, "failed", "did not confirm 10 of 10 starts"),
    ],
)
def test_a_card_that_is_late_drifts_or_has_gaps_is_told(how, verdict, said):
    found = sounds(**how)
    assert found.verdict == verdict
    assert said in text(found)
    assert found.ways_out


def test_an_error_is_told_with_everything_it_says():
    error = NotAvailable(Fault("serial port X", "is not there", "nothing", "COM3", "plug it in"))
    found = refused("triggers", "Trigger port X", error)
    assert found.verdict == "failed"
    assert text(found) == "Serial port X is not there (got: nothing). Accepted: COM3."
    assert found.ways_out == ("plug it in",)


def test_all_numbers_are_fit_for_json():
    found = [judge_flips(flips(), SITE, 60.0, waits=True), judge_clip(played(), 60.0), sounds()]
    for one in found:
        json.dumps(one.numbers, allow_nan=False)
