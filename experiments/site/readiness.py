"""Whether this computer is ready for a session: disk, power, and the screen's refresh."""

from __future__ import annotations

import shutil
from pathlib import Path

from experiments.site.settings import Site
from protocols.base.errors import Fault

REFRESH_TOLERANCE = 0.01
"""59.94 Hz passes for 60 Hz; 59 Hz does not: it would cost a frame every second."""


def free_disk(folder: Path) -> float:
    """Free disk where `folder` is, or will be made, in MB."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free / 1e6


def on_battery() -> bool | None:
    """Whether the computer runs on its battery; None if that is unknown, as without a battery."""
    try:
        import psutil
    except ImportError:
        return None
    sensors = getattr(psutil, "sensors_battery", None)  # not on every system
    battery = sensors() if sensors else None
    if battery is None or battery.power_plugged is None:
        return None
    return not battery.power_plugged


def disk_faults(site: Site, folder: Path) -> list[Fault]:
    """Too little free disk for a session whose data go to `folder`."""
    try:
        free = free_disk(folder)
    except OSError as error:
        return [Fault(str(folder), f"cannot be looked at: {error.strerror}", way_out="name another folder")]
    if free >= site.free_disk_mb:
        return []
    return [
        Fault(
            "disk", "has too little free space for a session", got=f"{free:.0f} MB free for {folder}",
            accepted=f"at least {site.free_disk_mb:g} MB", way_out="free some, or name a folder on another disk",
        )
    ]  # fmt: skip


def power_faults(site: Site) -> list[Fault]:
    """A battery where mains power is required."""
    if not site.require_power or not on_battery():
        return []
    return [
        Fault(
            "power", "comes from the battery: it may run out, and a saving computer drops frames",
            accepted="mains power",
            way_out="plug it in; require_power: false in the site file takes the risk",
        )
    ]  # fmt: skip


def refresh_faults(site: Site, measured_hz: float) -> list[Fault]:
    """A screen that does not refresh as the site file says.

    Parameters
    ----------
    measured_hz
        As a window measured it.
    """
    expected = site.screen.refresh_hz
    if abs(measured_hz - expected) <= REFRESH_TOLERANCE * expected:
        return []
    return [
        Fault(
            "screen", "does not refresh as it should", got=f"{measured_hz:.2f} Hz measured",
            accepted=f"{expected:g} Hz, within {REFRESH_TOLERANCE:.0%}",
            way_out="set the rate in the system's display settings and take away other screens; or correct "
            "screen.refresh_hz in the site file",
        )
    ]  # fmt: skip
