"""A small study with real clips, held in a real window, with somebody who really types."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.devices.interfaces import Asked, Press
from experiments.screens import Screen
from experiments.session import runner
from experiments.session.journal import Told, journals_of, read_journal
from experiments.session.playing import Outcome, play
from experiments.session.request import Request, prepare
from experiments.site.settings import parse_site
from experiments.virtual.people import Simulated
from experiments.window.opening import WindowDisplay
from protocols.base.seeds import generator
from protocols.plan.reading import read_plan
from stimuli.registry.importing import import_clips
from stimuli.sets import StimulusSet
from stimuli.verbs.measure import measure_set
from tests.stimuli.conftest import write

PLAN = """
plan: windowed
schema: 1
title: A small study in a window
question: Can people tell?
groups:
  child: {age_months: [48, 84], n_planned: 2, profile: child}
  adult: {age_months: [216, 492], n_planned: 2, profile: adult}
conditions:
  live: {role: reference}
  ai: {role: contrast}
  cartoon: {role: positive_control}
stimuli: {set: set, pairs: 3, scenes_per_person: 2, seconds: 1}
sessions:
  - name: scan
    modality: bold
    paradigm: passive_viewing
    conditions: [live, ai, cartoon]
    runs: 1
    volumes: 16
    dummy_volumes: 1
    repetition_time_s: 1.0
    design: {kind: event, fixation_s: [0.5, 1]}
    attention: {every: 3, kind: star, seconds: 1}
    triggers: {run: 1, live: 11, ai: 21, cartoon: 41, star: 91}
  - name: caps
    modality: eeg
    paradigm: passive_viewing
    conditions: [live, ai]
    items: {same_as: scan}
    run_seconds: 9
    design: {kind: event, fixation_s: [0.5, 1]}
    triggers: {run: 1, live: 11, ai: 21}
  - name: detect
    modality: beh
    paradigm: same_different
    items: {same_as: scan}
    trials: 2
    catch_trials: {contrast: [live, cartoon], n: 1}
    then:
      paradigm: detection
      training: {items: 4, criterion: 3, attempts: 1, contrast: [live, cartoon]}
  - name: rate
    modality: beh
    paradigm: ratings
    items: {same_as: scan}
    conditions: [live, ai]
    scales: [seen_before]
measures:
  sees:
    level: conscious
    session: detect
    statistic: dprime
    bound: {value: 0.3, unit: dprime, because: a try}
    control: {contrast: [live, cartoon], minimum: 1.0}
hypotheses:
  H1: {measure: sees, effect: condition, contrast: [live, ai], group: [child, adult], asks: difference, family: one}
families:
  one: {claim: each}
"""
SITE = """
screen: {fullscreen: false, size_px: [1280, 720], refresh_hz: 60}
require_power: false
operator_panel: false
"""
COLORS = {"live": (90, 120, 150), "ai": (90, 150, 120), "cartoon": (150, 120, 90)}


class Quick(Simulated):
    """Somebody who answers quickly, and knows.

    Attributes
    ----------
    asked
        Everything they were asked.
    """

    SECONDS = 0.3

    def __init__(self) -> None:
        super().__init__(generator(1, "quick"))
        self.asked: list[Asked] = []

    def reply(self, asked: Asked) -> Sequence[Press]:
        """One press, or none."""
        self.asked.append(asked)
        return super().reply(asked)

    def seconds(self) -> float:
        """The time of an answer."""
        return self.SECONDS


def pictures(color: tuple[int, int, int], start: int) -> list[np.ndarray]:
    """One second of a bright square that wanders over a plain ground."""
    frames = []
    for i in range(25):
        frame = np.full((180, 320, 3), color, np.uint8)
        left = start + 4 * i
        frame[70:110, left : left + 40] = 200
        frames.append(frame)
    return frames


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `plan.yaml`, `site.yaml` and a registered and measured `set`; never changed."""
    folder = tmp_path_factory.mktemp("windowed")
    for k, scene in enumerate(("kitchen", "harbour", "garden")):
        for arm, color in COLORS.items():
            write(folder / "films" / arm / f"{scene}.mp4", pictures(color, 20 + 50 * k))
    import_clips([folder / "films"], folder / "set", say=lambda _: None)
    measure_set(StimulusSet(folder / "set"), say=lambda _: None)
    (folder / "plan.yaml").write_text(PLAN, "utf-8")
    (folder / "site.yaml").write_text(SITE, "utf-8")
    return folder


@pytest.fixture
def own_study(study: Path, tmp_path: Path) -> Path:
    """A copy of the study that a test may damage."""
    return Path(shutil.copytree(study, tmp_path / "study"))


@pytest.fixture
def typing(screen: str) -> None:  # noqa: ARG001  # must be there
    """Real key events."""
    if shutil.which("xdotool") is None:
        pytest.skip("no xdotool: install xdotool (as root on Debian, `make test` does)")


@dataclass
class Visit:
    """A session that was held in a window."""

    outcome: Outcome
    told: Told
    person: Quick

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The trials' columns."""
        return [
            {**record["columns"], "task": record["task"], "number": record["number"]}
            for record in self.told.of("row")
        ]


@pytest.fixture
def visit(
    study: Path,
    tmp_path: Path,
    typing: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Visit]:
    """Hold a session in a window; practice and goodbye are short, all else takes its time."""
    monkeypatch.setattr(runner, "GOODBYE_S", 0.3)
    monkeypatch.setattr(runner, "WARM_UP_RIGHT", 1)

    def hold(session: str, *, participant: str = "01", group: str, site: str = SITE, **wanted: Any) -> Visit:
        tell = wanted.pop("tell", None)
        request = Request(
            read_plan(study / "plan.yaml"),
            participant,
            session,
            tmp_path / "bids",
            "qa",
            parse_site(site),
            group=group,
            **wanted,
        )
        person = Quick()
        outcome = play(prepare(request), person=person, tell=tell)
        assert outcome.journal is not None
        return Visit(outcome, read_journal(outcome.journal), person)

    return hold


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, screen: str, tmp_path: Path) -> dict[str, bool]:
    """Of every screen by name: whether the X server showed exactly what was drawn; pictures are in `screens`."""
    from PIL import ImageGrab

    found: dict[str, bool] = {}
    folder = tmp_path / "screens"
    folder.mkdir()
    show = WindowDisplay.show

    def watched(self: WindowDisplay, shown: Screen, on_flip: Callable[[float], None] | None = None) -> float:
        flip = show(self, shown, on_flip)
        if shown.name and shown.name not in found:
            grabbed = ImageGrab.grab(xdisplay=screen).convert("RGB")
            grabbed.save(folder / f"{len(found):02d}-{shown.name}.png")
            found[shown.name] = bool((np.asarray(grabbed) == self.picture(shown)).all())
        return flip

    monkeypatch.setattr(WindowDisplay, "show", watched)
    return found


class Operator:
    """Taps a key for five milliseconds, in the middle of a clip.

    Parameters
    ----------
    key
        As X calls it.
    clip
        How many clips have begun by then.
    """

    def __init__(self, key: str, clip: int) -> None:
        self._key, self._clip, self._begun = key, clip, 0

    def tell(self, kind: str, content: Mapping[str, Any], now: float) -> None:  # noqa: ARG002
        """Hear of a record."""
        if kind == "trigger" and content["name"] in COLORS:
            self._begun += 1
            if self._begun == self._clip:
                threading.Thread(target=self._tap, daemon=True).start()

    def _tap(self) -> None:
        time.sleep(0.2)
        subprocess.run(["xdotool", "keydown", self._key, "sleep", "0.005", "keyup", self._key], check=True)


def command(study: Path, session: str, bids: Path, *more: str, group: str = "adult") -> list[str]:
    """`bazin run … --qa` of somebody new."""
    bazin = shutil.which("bazin", path=Path(sys.executable).parent)
    assert bazin
    return [
        bazin, "run", str(study / "plan.yaml"), "--participant", "01", "--session", session, "--qa",
        "--site", str(study / "site.yaml"), "--group", group, "--out", str(bids), *more,
    ]  # fmt: skip


def journals(bids: Path, participant: str, session: str) -> list[Told]:
    """What was written of a session, oldest first."""
    return [read_journal(path) for path in journals_of(bids, participant, session)]
