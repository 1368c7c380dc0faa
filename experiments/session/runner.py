"""Plays a script from beginning to end: instructions, training, runs, breaks – and every way it can stop early."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from experiments.devices.interfaces import Asked
from experiments.lab import Lab
from experiments.paradigms.base import Paradigm, TrialRow
from experiments.screens import Drawing, Fixation, Screen, Words
from experiments.session.done import Done
from experiments.session.rests import catch_eyes, pause, rest
from experiments.stage import UNPLAYABLE, BrokenOff, Running
from experiments.trials.kinds import Part, Run, Script, Trial
from protocols.plan.sessions import Limits, Session, Training
from protocols.plan.training import criterion

GOODBYE_S = 3.0
WARM_UP_RIGHT, WARM_UP_MOST = 2, 8
REASONS = {"skip": "skipped by the operator", UNPLAYABLE: "the clip could not be played"}
"""Why a trial was left, and the session went on."""
STOPPED, AGAIN = "stopped by the operator", "the session had been completed before"
LATE_VOLUMES = 3
"""How many repetition times a run waits for volumes that do not come."""


@dataclass(frozen=True)
class Rules:
    """What the runner keeps.

    Attributes
    ----------
    limits
        The plan's limits.
    session
        The plan's session.
    scanner_minutes_left, visit_minutes_left
        What is left of them when the session starts.
    again
        Whether the session is played once more although it had been completed: its rows are marked.
    """

    limits: Limits
    session: Session
    scanner_minutes_left: float = math.inf
    visit_minutes_left: float = math.inf
    again: bool = False


class Runner:
    """Plays one session.

    Parameters
    ----------
    script
        What is shown.
    lab
        Where.
    rules
        Limits, and the plan's session.
    paradigms
        The trial function of each task; of ``attention`` too.
    done
        What was done before, when the session goes on.
    settle
        Called after each trial, when no film plays: bring the journal to the disk.
    """

    def __init__(
        self,
        script: Script,
        lab: Lab,
        rules: Rules,
        paradigms: Mapping[str, Paradigm],
        done: Done | None = None,
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        self.script, self.lab, self.rules, self.paradigms = script, lab, rules, paradigms
        self.done = done or Done()
        self._settle = settle
        self._label = self.done.next_label
        self._stars = 0
        self._began = lab.now()
        self._scanned = 0.0

    def play(self) -> str:
        """Play it; returns how it ended: ``complete``, ``stopped``, ``dissent`` or ``limit``.

        Whatever happens, the journal gets its end, and the person a goodbye.
        """
        status = "stopped"
        try:
            for run in self.done.open_runs:
                self.lab.write("run_end", label=run["label"], status="crashed", volumes=None)
            if not self.done.rows and not self.done.runs:
                self.lab.tell("screen.welcome")
            status = next(filter(None, map(self._part, self.script.parts)), "complete")
            self.lab.trial = None
            self._goodbye("screen.thanks" if status == "complete" else "screen.goodbye_early")
        except BrokenOff as broken:
            status = "dissent" if broken.wish == "dissent" else "stopped"
            self._goodbye("screen.goodbye_early")
        finally:
            self.lab.write("end", status=status)
            self._settle()
        return status

    def _goodbye(self, key: str) -> None:
        """Thank the person; nothing they or the operator press can interrupt it."""
        self.lab.wishes.clear()
        self.lab.show(Drawing("finished", "top"), Words(self.lab.words(key)), name=key)
        self.lab.speak(key)
        ends = self.lab.now() + GOODBYE_S
        while self.lab.now() < ends:
            self.lab.devices.keys.wait(ends)

    # -- parts and training

    def _part(self, part: Part) -> str | None:
        """Play one task; None when it is complete."""
        left = [run for run in part.runs if not self._is_done(part, run)]
        if not left:
            return None
        self.lab.write("part", task=part.task)
        self._instruct(part)
        if part.training and not any(self.done.attempts.get(part.task, ())):
            status = self._train(part)
            if status is not None:
                return status
        for run in left:
            status = self._over_limit() or self._run(part, run)
            if status is not None:
                return status
        return None

    @property
    def _recorded(self) -> bool:
        return self.rules.session.modality != "beh"

    def _is_done(self, part: Part, run: Run) -> bool:
        if self.rules.again:
            return False
        if self._recorded:
            return (part.task, run.number) in self.done.runs
        return all((part.task, trial.number) in self.done.rows for trial in run.trials)

    def _instruct(self, part: Part) -> None:
        paradigm = self.paradigms[part.task]
        for page, drawing in enumerate(paradigm.pages, start=1):
            self.lab.tell(
                f"instruction.{part.task}.{page}", drawing=drawing if self.lab.profile.pictures else ""
            )
        kinds = {trial.kind for run in part.runs for trial in run.trials if trial.phase == "attention"}
        for kind in sorted(kinds):
            self.lab.tell(f"instruction.attention.{kind}", drawing="star" if kind == "star" else "")
        if self._recorded and self.lab.profile.pictures:
            self.lab.tell("instruction.still", drawing="lying_still")
        if paradigm.practices and self.lab.profile.pictures:
            self._warm_up(paradigm.practices)

    def _warm_up(self, answers: tuple[str, str]) -> None:
        """Practice of the two answers, with feedback: each is found twice in a row, or after eight tries we go on."""
        self.lab.tell("screen.warm_up")
        right, tries = 0, 0
        while right < 2 * WARM_UP_RIGHT and tries < WARM_UP_MOST:
            word = answers[tries % 2]
            answer = self.lab.choose(f"find.{word}", answers, self.rules.limits.answer_within_s)
            good = answer is not None and answer.value == word
            right, tries = right + 1 if good else 0, tries + 1
            self.lab.write("warm_up", asked=word, right=good)
            self.lab.show(
                Drawing("face_happy" if good else word),
                Words(self.lab.words("feedback.right" if good else f"question.find.{word}")),
                name="feedback",
            )
            self.lab.speak("feedback.right" if good else f"question.find.{word}")
            self.lab.pause(self.lab.profile.feedback_s)

    def _train(self, part: Part) -> str | None:
        training = self._training_of(part)
        self.lab.running = Running(0, self.lab.now(), recording=False)
        for number, trials in enumerate(part.training, start=1):
            if number <= len(self.done.attempts.get(part.task, ())):
                continue
            self.lab.tell("instruction.training" if number == 1 else "screen.training_again")
            right = self.done.right(part.task, number)
            for i, trial in enumerate(trials):
                if (part.task, trial.number) in self.done.rows and not self.rules.again:
                    continue
                row = self._own_pace(trial, trials[i + 1 : i + 2])
                right += bool(row.correct)
                if self.lab.asks_for("stop"):
                    return "stopped"
            needed = criterion(training, number)
            passed = right >= needed
            self.lab.write("training", task=part.task, attempt=number, right=right, of=len(trials),
                           criterion=needed, passed=passed)  # fmt: skip
            if passed:
                break
        else:
            passed = False
        self.lab.tell("screen.training_passed" if passed else "screen.training_enough")
        self.lab.running = None
        return None

    def _training_of(self, part: Part) -> Training:
        session = self.rules.session
        then = session.then
        training = then.training if then and part.task == then.paradigm else session.training
        assert training is not None  # the script has attempts because the plan has training
        return training

    # -- runs

    def _over_limit(self) -> str | None:
        """Whether the person has been here, or in the scanner, too long for another run."""
        limits, session = self.rules.limits, self.rules.session
        so_far = (self.lab.now() - self._began) / 60
        planned = 0.0
        if session.modality == "bold" and session.volumes and session.repetition_time_s:
            planned = (session.volumes + session.dummy_volumes) * session.repetition_time_s / 60
        over = [
            (name, got, most)
            for name, got, left, most in (
                (
                    "scanner_minutes_max",
                    self._scanned + planned,
                    self.rules.scanner_minutes_left,
                    limits.scanner_minutes_max,
                ),
                ("visit_minutes_max", so_far, self.rules.visit_minutes_left, limits.visit_minutes_max),
            )
            if got > left and (name != "scanner_minutes_max" or session.modality == "bold")
        ]
        for name, got, most in over:
            self.lab.write("limit", limit=name, got=round(got, 2), accepted=most)
        return "limit" if over else None

    def _run(self, part: Part, run: Run) -> str | None:
        if self.lab.asks_for("break") or self.lab.asks_for("pause"):  # while a recording could not stop
            pause(self.lab)
        if not self.lab.assent(run.number):
            return "dissent"
        if self._recorded:
            return self._recording(part, run)
        return self._block(part, run)

    def _begin_run(self, part: Part, run: Run, *, recording: bool) -> Running:
        running = Running(self._label, math.nan, recording)
        self._label += 1
        self.lab.running = running
        self.lab.write("run", task=part.task, run=run.number, label=running.label, attempt=None,
                       planned_volumes=run.volumes, planned_seconds=run.seconds)  # fmt: skip
        return running

    def _end_run(self, running: Running, status: str) -> None:
        self.lab.write("run_end", label=running.label, status=status, volumes=running.volumes or None)
        self.lab.running, self.lab.trial = None, None
        self._settle()

    def _recording(self, part: Part, run: Run) -> str | None:
        """A run of a scanner or amplifier: its times are fixed, and nobody can pause it."""
        self.lab.tell("screen.get_ready", hint="hint.operator")
        running = self._begin_run(part, run, recording=True)
        began, status = self.lab.now(), "stopped"
        try:
            self._wait_for_zero(running)
            for i, trial in enumerate(run.trials):
                self._timed(trial, run.trials[i + 1 : i + 3])
                if self.lab.asks_for("stop"):
                    return "stopped"
            self._wait_for_end(run, running)
            status = "complete"
        except BrokenOff as broken:
            status = "dissent" if broken.wish == "dissent" else "stopped"
            return status
        finally:
            self._scanned += (self.lab.now() - began) / 60
            self._end_run(running, status)
        self.lab.tell("screen.run_over", hint="hint.operator", drawing="rest")
        return None

    def _wait_for_zero(self, running: Running) -> None:
        """Wait for the first stored volume, or mark the beginning for the amplifier."""
        lab = self.lab
        if self.rules.session.modality == "bold":
            lab.show(Words(lab.words("screen.waiting_for_scanner")), name="scanner")
            lab.speak("screen.waiting_for_scanner")
            first = self.rules.session.dummy_volumes + 1
            lab.devices.keys.expect(Asked("scanner", "scanner", {}, lab.now(), math.inf))
            while running.volumes < first:
                lab.presses(lab.now() + 60)
            running.zero = running.last_pulse
            lab.mark("run")
        else:
            fixation = Screen.of(Fixation(lab.profile.pictures), name="fixation")
            running.zero = lab.devices.display.show(fixation, lambda at: lab.mark("run", at))
        lab.write("zero", at=running.zero)

    def _wait_for_end(self, run: Run, running: Running) -> None:
        """Fixation until the planned end, and in the scanner until the last volume."""
        lab = self.lab
        lab.trial = None
        lab.show(Fixation(lab.profile.pictures), name="fixation")
        if run.seconds is not None:
            lab.wait_until(running.zero + run.seconds)
        tr = self.rules.session.repetition_time_s
        if run.volumes is not None and tr is not None:
            wanted = run.volumes + self.rules.session.dummy_volumes
            while running.volumes < wanted and lab.now() < running.last_pulse + LATE_VOLUMES * tr:
                lab.presses(running.last_pulse + LATE_VOLUMES * tr)

    def _timed(self, trial: Trial, upcoming: Sequence[Trial]) -> None:
        """A trial of a recording; skipped or stopped, it leaves its row, and the next one comes at its time."""
        lab = self.lab
        self._begin(trial, upcoming)
        try:
            row = self._paradigm(trial).trial(trial, lab)
        except BrokenOff as broken:
            reason = REASONS.get(broken.wish, STOPPED)
            row = TrialRow.of(trial, lab.shown, asked=False, trigger=lab.sent, unusable_reason=reason)
            self._write(trial, row)
            if broken.wish not in REASONS:
                raise
            lab.show(Fixation(lab.profile.pictures), name="fixation")
            return
        self._write(trial, row)

    def _block(self, part: Part, run: Run) -> str | None:
        """Trials at the person's own pace, with breaks."""
        lab, limits = self.lab, self.rules.limits
        trials = [t for t in run.trials if (part.task, t.number) not in self.done.rows or self.rules.again]
        breaks = max(0, math.ceil(len(trials) / limits.trials_between_breaks) - 1)
        running = self._begin_run(part, run, recording=False)
        running.zero = lab.now()
        lab.write("zero", at=running.zero)
        status = "stopped"
        try:
            catch_eyes(lab)
            since, rested = 0, lab.now()
            for i, trial in enumerate(trials):
                wanted = lab.asks_for("break")
                too_long = (lab.now() - rested) / 60 > limits.block_minutes_max
                if i and (wanted or too_long or since >= limits.trials_between_breaks):
                    self._stars += 1
                    rest(lab, self._stars, breaks)
                    since, rested = 0, lab.now()
                if lab.asks_for("repeat"):
                    self._instruct(part)
                self._own_pace(trial, trials[i + 1 : i + 2])
                since += 1
                if lab.asks_for("stop"):
                    return status
            status = "complete"
        except BrokenOff as broken:
            status = "dissent" if broken.wish == "dissent" else "stopped"
            return status
        finally:
            self._end_run(running, status)
        return None

    def _own_pace(self, trial: Trial, upcoming: Sequence[Trial]) -> TrialRow:
        """A trial without a clock: paused, it is broken off and comes again."""
        lab = self.lab
        while True:
            self._begin(trial, upcoming)
            try:
                row = self._paradigm(trial).trial(trial, lab)
            except BrokenOff as broken:
                if broken.wish in REASONS:
                    reason = REASONS[broken.wish]
                    row = TrialRow.of(trial, lab.shown, asked=False, unusable_reason=reason)
                else:
                    lab.write("broken", number=trial.number, why=broken.wish)
                    if lab.shown:  # seeing it again is one exposure more
                        trial = replace(trial, exposure_count=(trial.exposure_count or 0) + 1)
                    if broken.wish != "pause":
                        raise
                    pause(lab)
                    continue
            self._write(trial, row)
            lab.trial = None
            return row

    def _begin(self, trial: Trial, upcoming: Sequence[Trial]) -> None:
        ahead = [placed for one in upcoming for placed in self._paradigm(one).placed(one)]
        self.lab.begin(trial, self._paradigm(trial).placed(trial), ahead)

    def _paradigm(self, trial: Trial) -> Paradigm:
        return self.paradigms["attention" if trial.phase == "attention" else trial.task]

    def _write(self, trial: Trial, row: TrialRow) -> None:
        if self.lab.inattentive:
            row = replace(row, inattentive=True)
        if self.rules.again and not self._recorded:
            row = replace(row, unusable_reason=AGAIN)
        running = self.lab.running
        self.lab.write("row", task=trial.task, phase=trial.phase, run=running.label if running else 0,
                       number=trial.number, columns=row.columns())  # fmt: skip
        self._settle()
