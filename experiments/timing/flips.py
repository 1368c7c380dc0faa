"""Empty flips of the session's window."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.devices.interfaces import Clock
from experiments.presenter.refresh import measure_refresh
from experiments.screens import BLANK
from experiments.site.readiness import refresh_faults
from experiments.site.settings import Site
from experiments.timing.findings import CLOSE_OTHERS, Finding, Judgement
from experiments.window.opening import WindowDisplay

LATE = 1.5
"""A flip is late that comes so many refreshes, or more, after the one before, as the presenter counts it."""


def check_flips(display: WindowDisplay, site: Site, clock: Clock, seconds: float) -> Finding:
    """Flip an empty screen for so many seconds, and judge the intervals."""
    display.show(BLANK)
    end = clock.now() + seconds
    times = [display.show(BLANK)]
    while times[-1] < end:
        times.append(display.show(BLANK))
    waits = measure_refresh(display.window, clock).synced
    return judge_flips(np.array(times), site, display.refresh_hz, waits=waits)


def judge_flips(times: np.ndarray, site: Site, refresh_hz: float, *, waits: bool) -> Finding:
    """What flips tell of a screen.

    Parameters
    ----------
    times
        Of at least four flips, (n,), in seconds.
    refresh_hz
        What the presenter takes for the screen's rate, from a second of flips.
    waits
        Whether flips wait for the screen's vertical retrace.
    """
    numbers = numbers_of(times, site, refresh_hz, waits=waits)
    hz, late = numbers["refresh_hz"], numbers["late_flips"]
    judged = Judgement()
    faults = refresh_faults(site, hz)
    rate = f"The window flipped {hz:.3f} times a second; the site file says {site.screen.refresh_hz:g} Hz"
    if faults:
        judged.object(
            f"{rate}: a session would not start.", "; ".join(one.way_out for one in faults), fails=True
        )
    else:
        judged.say(f"{rate}.")
    if waits:
        judged.say("Flips wait for the screen’s vertical retrace.")
    else:
        judged.object(
            "Flips do not wait for the screen’s vertical retrace: they were timed in software, pictures may tear, and "
            "the screen’s own rate could not be measured.",
            "switch on vertical synchronization (vsync) in the graphics driver’s settings and a full-screen window in "
            "the site file; a virtual screen has no retrace",
        )
    spread = (
        f"Of {numbers['flips']} flips in {numbers['seconds']:.1f} s the intervals had a median of "
        f"{numbers['median_ms']:.3f} ms, a standard deviation of {numbers['sd_ms']:.3f} ms and a maximum of "
        f"{numbers['max_ms']:.2f} ms"
    )
    if late:
        judged.object(
            f"{spread}; {late} came more than half a refresh late although nothing was drawn.", CLOSE_OTHERS
        )
    else:
        judged.say(f"{spread}; none came more than half a refresh late.")
    return judged.finding("flips", "Flips", numbers)


def numbers_of(times: np.ndarray, site: Site, refresh_hz: float, *, waits: bool) -> dict[str, Any]:
    """Rate, spread and late flips; the rate by regression of time on refreshes, so that late flips do not change it."""
    intervals = np.diff(times)
    refreshes = np.rint(intervals * refresh_hz).cumsum()  # a late flip makes the next interval short
    hz = 1.0 / float(np.polyfit(refreshes, times[1:], 1)[0])
    return {
        "flips": len(intervals),
        "seconds": round(float(times[-1] - times[0]), 4),
        "refresh_hz": round(hz, 4),
        "site_refresh_hz": site.screen.refresh_hz,
        "waits_for_retrace": waits,
        "median_ms": round(1000 * float(np.median(intervals)), 4),
        "sd_ms": round(1000 * float(np.std(intervals, ddof=1)), 4),
        "max_ms": round(1000 * float(intervals.max()), 4),
        "late_flips": int(np.sum(intervals > LATE / hz)),
        "intervals_ms": [round(1000 * float(one), 4) for one in intervals],
    }
