"""The stage of a trial: time, keys, screens, clips, markers – written down as they happen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from experiments.clips import Clip
from experiments.devices.interfaces import (
    Audio,
    Clock,
    Display,
    Input,
    Placed,
    Played,
    Press,
    TriggerPort,
)
from experiments.people.catalog import Catalog
from experiments.people.profiles import Profile
from experiments.screens import BLANK, Element, Fixation, Screen
from experiments.session.journal import Journal
from experiments.trials.kinds import Trial
from protocols.base.errors import InputError

Tell = Callable[[str, Mapping[str, Any], float], None]
"""Told of every record: its kind, its content, its time."""
OPERATOR = "operator."
UNPLAYABLE = "unplayable"
GAP_S = 0.5
"""Between two clips that are compared one after the other."""
LEAD_S = 0.3
"""How long before its planned onset a clip is handed to the display, which brings its frames to the graphics card."""
SPARE_S = 0.05


class BrokenOff(Exception):
    """The operator, or the person, ended what was going on.

    Attributes
    ----------
    wish
        ``pause``, ``skip``, ``stop`` or ``dissent``; ``unplayable`` if it was a film that could not be shown.
    """

    def __init__(self, wish: str) -> None:
        self.wish = wish
        super().__init__(wish)


@dataclass
class Running:
    """What a recording or block counts its times from.

    Attributes
    ----------
    zero
        Time of its first stored volume, first trigger, or beginning.
    recording
        Whether a scanner or amplifier runs on: then nobody can pause.
    volumes, last_pulse
        Scanner pulses so far, dummies included, and the time of the last one.
    sent, lost
        Markers, and those of them that could not be sent.
    """

    label: int
    zero: float
    recording: bool
    volumes: int = 0
    last_pulse: float = 0.0
    sent: int = 0
    lost: int = 0


@dataclass
class Devices:
    """The five devices."""

    clock: Clock
    display: Display
    keys: Input
    triggers: TriggerPort
    audio: Audio

    def close(self) -> None:
        """Give them all back, whatever happens with each."""
        for device in (self.audio, self.triggers, self.keys, self.display):
            try:
                device.close()
            except Exception:  # a device that is gone cannot be given back; the data are safe
                continue


class Stage:
    """Shows, plays, marks and listens; see `experiments.lab.Lab` for what asks.

    Parameters
    ----------
    devices
        The five devices, real or virtual.
    journal
        Where everything is written at once.
    catalog, profile
        Words and manners.
    swapped
        Whether the two answers of a choice change sides.
    codes
        Marker per condition, and of ``star``, ``question``, ``fixation``, ``run``.
    patch
        Whether the photodiode's patch is on the screen while a clip is shown.
    tell
        Told of every record, for the operator's panel.
    """

    def __init__(
        self,
        devices: Devices,
        journal: Journal,
        catalog: Catalog,
        profile: Profile,
        *,
        swapped: bool = False,
        codes: dict[str, int] | None = None,
        patch: bool = False,
        tell: Tell | None = None,
    ) -> None:
        self.devices, self.journal = devices, journal
        self.catalog, self.profile = catalog, profile
        self.swapped, self.codes = swapped, codes or {}
        self._beside = Screen(name="film", patch=False) if patch else BLANK
        self._tell = tell
        self.running: Running | None = None
        self.trial: Trial | None = None
        self.coming: tuple[Placed, ...] = ()
        self.shown: list[Played] = []
        self.sent: int | None = None
        self.inattentive = False
        self.wishes: list[str] = []
        self._planned = 0.0
        self._reported: str | None = None
        self._box_problem: str | None = None

    # -- time, journal, keys

    def now(self) -> float:
        """The session's clock."""
        return self.devices.clock.now()

    def write(self, kind: str, **content: object) -> None:
        """Write into the journal and tell the operator."""
        now = self.now()
        self.journal.write(now, kind, **content)
        if self._tell is not None:
            self._tell(kind, content, now)

    def begin(self, trial: Trial, placed: Sequence[Placed], upcoming: Sequence[Placed]) -> None:
        """Begin a trial with its clips in their places; `upcoming` may be decoded ahead."""
        self.trial, self.shown, self.sent, self.inattentive = trial, [], None, False
        self.coming = tuple(dict.fromkeys((*placed, *upcoming)))
        self._tell_box()
        label = self.running.label if self.running else 0
        self.write("trial", number=trial.number, task=trial.task, phase=trial.phase, run=label,
                   attempt=trial.attempt)  # fmt: skip

    def _tell_box(self) -> None:
        """A button or pulse box that was unplugged is told once; the session goes on with what is left."""
        problem = getattr(self.devices.keys, "problem", None)
        if problem is not None and problem != self._box_problem:
            self._box_problem = problem
            self.write("fault", item="button box", problem=problem, way_out="plug it in again after the run")

    def presses(self, until: float | None = None) -> list[Press]:
        """What the person pressed, heeding the operator and the scanner; waits for it at most until `until`.

        Raises
        ------
        BrokenOff
            If the operator wants something that cannot wait.
        """
        new = self.devices.keys.presses() if until is None else self.devices.keys.wait(until)
        own = [press for press in new if not self._heed(press)]
        self._break_off()
        return own

    def _heed(self, press: Press) -> bool:
        """Write a press down; whether it was the scanner's or the operator's."""
        if press.key == "scanner":
            if self.running is not None:
                self.running.volumes += 1
                self.running.last_pulse = press.at
                self.write("volume", at=press.at, n=self.running.volumes)
            return True
        self.write("press", key=press.key, at=press.at, device=press.device)
        if not press.key.startswith(OPERATOR):
            return False
        wish = press.key.removeprefix(OPERATOR)
        self.write("wish", wish=wish)
        if wish == "inattentive":
            self.inattentive = True
        elif wish not in self.wishes:
            self.wishes.append(wish)
        return True

    @property
    def _urgent(self) -> str | None:
        """The wish that cannot wait for the end of the trial."""
        at_once = ["dissent", "skip"]
        if self.trial is None:
            at_once += ["stop"]
        elif self.running is None or not self.running.recording:
            at_once += ["pause"]
        return next((wish for wish in at_once if wish in self.wishes), None)

    def _break_off(self) -> None:
        wish = self._urgent
        if wish == "skip" and self.trial is None:
            self.wishes.remove(wish)  # nothing to skip between trials: instructions have keys of their own
            return
        if wish is not None:
            self.wishes.remove(wish)
            raise BrokenOff(wish)

    def asks_for(self, wish: str) -> bool:
        """Whether the operator wants this now that it can be done; the wish is then granted."""
        if wish in self.wishes:
            self.wishes.remove(wish)
            return True
        return False

    def pause(self, seconds: float) -> None:
        """Wait, heeding the operator."""
        self.wait_until(self.now() + seconds)

    def wait_until(self, when: float) -> None:
        """Wait for a time, heeding the operator."""
        while self.now() < when:
            self.presses(when)

    # -- showing

    def show(self, *elements: Element, name: str = "") -> float:
        """Show elements; returns the flip's time."""
        return self.devices.display.show(Screen.of(*elements, name=name))

    def fixation(self, trial: Trial) -> None:
        """Fixation before a trial, while its clips are decoded; in a recording until the planned onset."""
        began = self.show(Fixation(self.profile.pictures), name="fixation")
        try:
            for clip in trial.clips:
                self.devices.audio.prepare(clip)
            self.devices.display.prepare(self.coming)
        except InputError as error:
            raise self._unplayable(error) from error
        if self.running is not None and trial.onset_s is not None:
            self._planned = self.running.zero + trial.onset_s
        else:
            self._planned = began + trial.fixation_s
        self.wait_until(self._planned - self._lead(trial.clips))

    def _lead(self, clips: Sequence[Clip]) -> float:
        """How long before its onset a clip is handed to display and sound card."""
        sounds = any(clip.sound for clip in clips)
        return max(LEAD_S, self.devices.audio.lead_s + SPARE_S if sounds else 0.0)

    def play(self, trial: Trial, clip: Clip) -> Played:
        """Play one clip in the middle, its marker sent at the flip of its first frame."""
        return self.play_together(trial, [Placed(clip)])[0]

    def play_in_turn(self, trial: Trial, clips: Sequence[Clip]) -> list[Played]:
        """Play clips one after the other; the marker belongs to the first."""
        shown = []
        for i, clip in enumerate(clips):
            if i:
                self._planned = self.now() + max(GAP_S, self._lead([clip]))
                self.wait_until(self._planned - self._lead([clip]))
            shown += self.play_together(trial, [Placed(clip)], mark=i == 0)
        return shown

    def play_together(self, trial: Trial, clips: Sequence[Placed], *, mark: bool = True) -> list[Played]:
        """Play clips at the same time.

        Raises
        ------
        BrokenOff
            If the operator broke it off; what was shown so far is in `shown`.
        """
        planned = self.devices.display.predicted(max(self._planned, self.now()))
        sounding = next((one.clip for one in clips if one.clip.sound), None)
        if sounding is not None:
            self.devices.audio.start(sounding, planned)
        try:
            played = self.devices.display.play(
                clips,
                planned,
                beside=self._beside,
                on_start=lambda at: self._mark(trial, at) if mark else None,
                watch=self._watch,
            )
        except InputError as error:
            raise self._unplayable(error) from error
        finally:
            heard = self.devices.audio.stop() if sounding is not None else None
        for placed, one in zip(clips, played, strict=True):
            told = replace(one, planned=self._planned if mark else planned)
            if heard is not None and placed.clip is sounding:
                told = replace(told, sound=heard)
            self.shown.append(told)
            self._tell_shown(placed, told)
        self._break_off()
        return self.shown[-len(clips) :]

    def _unplayable(self, error: InputError) -> BrokenOff:
        """One broken film must not end the only visit: its trial is left, and the session goes on."""
        fault = error.faults[0]
        self.write("fault", item=fault.item, problem=fault.problem, way_out=fault.way_out)
        return BrokenOff(UNPLAYABLE)

    def _watch(self, _: float) -> bool:
        for press in self.devices.keys.presses():
            self._heed(press)
        return self._urgent is not None

    def _mark(self, trial: Trial, at: float) -> None:
        self.mark(trial.about.arm if trial.about is not None else trial.kind, at)

    def mark(self, name: str, at: float | None = None) -> None:
        """Send the marker of a condition or event, if the plan gives it one."""
        code = self.codes.get(name)
        if code is None:
            return
        went = self.devices.triggers.send(code)
        if self.running is not None:
            self.running.sent += 1
            self.running.lost += went is None
        self.sent = code if went is not None else self.sent
        self.write("trigger", at=went, flip=at, code=code, name=name)
        problem = self.devices.triggers.problem
        if problem is not None and problem != self._reported:  # once per problem, and the run goes on
            self._reported = problem
            self.write("fault", item=self.devices.triggers.name, problem=problem, way_out="see the port")

    def _tell_shown(self, placed: Placed, one: Played) -> None:
        sound = one.sound
        self.write(
            "shown",
            clip=one.clip.name,
            stim_file=one.clip.stim_file,
            where=placed.where,
            planned=_s(one.planned),
            onset=_s(one.onset),
            offset=_s(one.offset),
            frames=one.clip.frames,
            shown=one.shown,
            dropped=one.dropped,
            late_flips=one.late_flips,
            complete=one.complete,
            sound=None
            if sound is None
            else {
                "device": sound.device,
                "scheduled": _s(sound.scheduled),
                "started": None if sound.started is None else _s(sound.started),
                "drift_s": None if sound.drift_s is None else _s(sound.drift_s),
                "underruns": sound.underruns,
            },
            index=one.index.tolist(),
            pts=[_s(value) for value in one.pts.tolist()],
            flip=[round((value - one.onset) * 1000, 2) for value in one.flip.tolist()],
        )

    def words(self, key: str) -> str:
        """A text of the catalog in this profile's words."""
        return self.catalog.text(key, self.profile.name)

    def speak(self, key: str) -> float:
        """Say a text, where a sound file is supplied; returns its seconds."""
        path = self.catalog.spoken(key, self.profile.name) if self.profile.speaks else None
        return self.devices.audio.say(path) if path is not None else 0.0


def _s(seconds: float) -> float:
    return round(float(seconds), 6)
