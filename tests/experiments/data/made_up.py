"""Small sessions written as a runner writes them: a scan, an EEG run, a behavioral session."""

import random
from dataclasses import replace
from pathlib import Path

from experiments.session.journal import FileJournal, Header, Journal, next_path, write_header

ARMS = ("live", "ai", "cartoon")
CODES = {"live": 11, "ai": 21, "cartoon": 31, "star": 90, "run": 99}
HEADER = Header(
    uid="u1", wall="2026-03-02T09:00:00+00:00", plan="small", plan_sha256="a" * 64, manifest_sha256="b" * 64, seed=7,
    participant="sub-01", group="child", profile="child", language="en", session="scan", modality="bold", mode="run",
    computer="c1", age_months=62,
    screen={"width_px": 1920, "height_px": 1080, "refresh_hz": 60.0, "width_cm": 52.0, "distance_cm": 70.0},
    devices={"display": "psychopy 1920x1080", "input": "keyboard", "triggers": "serial", "audio": "psychtoolbox"},
    triggers=CODES, versions={"bazin": "0.1.0", "psychopy": "2026.2.5", "python": "3.11.9", "os": "Linux 6.1"},
    repetition_time_s=2.0, dummy_volumes=2,
    presentation={"dropped_frames": 0.05, "onset_error_s": 0.05, "triggers_lost": 0.05},
)  # fmt: skip
FPS, SECONDS = 25.0, 2.0
FRAMES = int(FPS * SECONDS)
REFRESH = 1 / 60


class Played:
    """A session being written; `t` is its clock."""

    def __init__(self, journal: Journal, header: Header) -> None:
        self.journal, self.t = journal, 0.0
        self.chance = random.Random(header.uid)
        write_header(journal, 0.0, header)
        self.task, self.label = "", 0

    def write(self, kind: str, **content) -> None:
        self.journal.write(self.t, kind, **content)

    def run(self, task, planned, label, *, volumes=None, seconds=None, first_pulse=True) -> None:
        """Begin a run; with volumes, two dummies and the first stored one come in."""
        self.task, self.label, self.attempt, self.n = task, label, None, 0
        self.write("assent", given=True, run=planned)
        self.write("run", task=task, run=planned, label=label, attempt=None, planned_volumes=volumes,
                   planned_seconds=seconds)  # fmt: skip
        self.t += 3.2
        if volumes:
            for _ in range(3):
                self.volume()
                self.t += 2.0
            self.t -= 2.0
            self.first = self.t
        if first_pulse:
            self.zero = self.t
            self.write("zero", at=self.zero)

    def volume(self) -> None:
        self.n += 1
        self.write("volume", at=self.t, n=self.n)

    def pulses(self, until: float) -> None:
        """Volumes up to a time."""
        while self.first + 2.0 * (self.n - 2) < until:
            self.t = self.first + 2.0 * (self.n - 2)
            self.volume()
        self.t = until

    def begin(self, number, phase) -> None:
        self.number, self.phase = number, phase
        self.write("trial", number=number, task=self.task, phase=phase, run=self.label, attempt=self.attempt)

    def show(
        self, clip, *, drop=0, late=0.0, stop_after=None, where="center", sound=None
    ) -> tuple[float, float]:
        """A clip of 50 frames at a screen of 60 Hz; the dropped frames are in its middle."""
        planned = self.t
        onset = round(planned + 0.002 + late, 6)
        due = range(stop_after or FRAMES)
        index = [i for i in due if not 20 <= i < 20 + drop]
        flip = [round(round(i / FPS / REFRESH + 0.499) * REFRESH * 1000, 2) for i in index]
        offset = round(onset + len(due) / FPS, 6)
        self.t = offset
        self.write(
            "shown", clip=clip, stim_file=f"small/{clip}.mp4", where=where, planned=planned, onset=onset,
            offset=offset, frames=FRAMES, shown=len(index), dropped=drop, late_flips=min(drop, 1),
            complete=stop_after is None, sound=sound, index=index, pts=[round(i / FPS, 6) for i in index], flip=flip,
        )  # fmt: skip
        return onset, offset

    def mark(self, name, *, lost=False) -> int | None:
        self.write("trigger", at=None if lost else self.t, flip=self.t, code=CODES[name], name=name)
        return None if lost else CODES[name]

    def row(self, **columns) -> None:
        """The row of the trial that was begun."""
        common = {
            "onset": None, "duration": None, "trial": self.number, "trial_type": "", "clip": None, "stim_file": None,
            "pair_id": None, "arm": None, "scene": None, "response": None, "response_time": None, "confidence": None,
            "correct": None, "phase": self.phase, "attempt": self.attempt, "exposure_count": None,
            "twin_seen_before": None, "lag": None, "dropped_frames": None, "onset_error": None, "trigger": None,
            "inattentive": None, "unusable_reason": None,
        }  # fmt: skip
        self.write("row", task=self.task, phase=self.phase, run=self.label, number=self.number,
                   columns={**common, **columns})  # fmt: skip

    def end_run(self, status="complete") -> None:
        self.write("run_end", label=self.label, status=status, volumes=self.n or None)
        self.t += 5.0


def about(scene: int, arm: str) -> dict:
    """What a row says of a clip."""
    clip = f"s{scene}_{arm}"
    return {"clip": clip, "stim_file": f"small/{clip}.mp4", "pair_id": f"p{scene:02d}", "arm": arm,
            "scene": f"scene{scene}", "exposure_count": 1, "twin_seen_before": False}  # fmt: skip


def view(played: Played, number: int, scene: int, arm: str, *, lost=False, drop=0, late=0.0) -> None:
    """A trial of passive viewing."""
    played.begin(number, "main")
    code = played.mark(arm, lost=lost)
    onset, offset = played.show(f"s{scene}_{arm}", drop=drop, late=late)
    played.row(
        **about(scene, arm), onset=onset, duration=offset - onset, trial_type=arm, dropped_frames=drop,
        onset_error=0.002 + late, trigger=code,
    )  # fmt: skip


def star(played: Played, number: int, *, seen=True) -> None:
    """The attention star."""
    played.begin(number, "attention")
    played.mark("star")
    onset = played.t
    played.t += 1.5
    if seen:
        played.write("press", key="left", at=played.t - 0.8, device="box")
    played.row(onset=onset, duration=1.5, trial_type="star", response="seen" if seen else None,
               response_time=0.7 if seen else None, correct=seen, trigger=CODES["star"])  # fmt: skip


def answer(
    played: Played, number: int, scene: int, arm: str, said: str | None, right: bool | None, **more
) -> None:
    """A trial of detection."""
    played.begin(number, more.pop("phase", "main"))
    onset, offset = played.show(f"s{scene}_{arm}", drop=more.pop("drop", 0))
    seconds = round(0.6 + played.chance.random(), 4)
    played.t += 2.0
    played.row(
        **about(scene, arm), onset=onset, duration=offset - onset, trial_type=arm, response=said, correct=right,
        response_time=seconds if said else None, dropped_frames=0, onset_error=0.002,
        unusable_reason=None if said else "no answer", **more,
    )  # fmt: skip


def journal(bids: Path, header: Header) -> FileJournal:
    """The next journal of a person and session."""
    return FileJournal(next_path(bids, header.participant, header.session))


def scan(bids: Path, *, header: Header = HEADER, crash: bool = False, runs: int = 2, first: int = 1) -> Path:
    """Passive viewing in runs of 30 volumes: the second clip of run 1 loses 8 frames, the last of run 2 begins late.

    With `crash` the program dies in run 2 after two clips, in the middle of the third.
    """
    file = journal(bids, header)
    played = Played(file, header)
    played.write("part", task="passive_viewing")
    number = 6 * (first - 1)
    for run in range(first, first + runs):
        played.run("passive_viewing", run, run, volumes=30)
        for place in range(6):
            number += 1
            played.pulses(played.zero + 4.0 + 8.0 * place)
            if crash and run == first + 1 and place == 2:
                played.begin(number, "main")
                played.show("s3_cartoon", stop_after=11)
                file.close()
                return file.path
            if place == 5:
                star(played, number, seen=run == 1)
            else:
                drop = 8 if (run, place) == (1, 1) else 1 if (run, place) == (1, 3) else 0
                late = 0.21 if (run, place) == (2, 4) else 0.0
                view(played, number, place + 1, ARMS[(place + run) % 3], drop=drop, late=late)
        played.pulses(played.zero + 60.0)
        played.end_run()
        if run < first + runs - 1:
            played.write("break", state="begins", stars=1)
            played.t += 20.0
            played.write("break", state="ends", stars=1)
    played.write("end", status="complete")
    file.close()
    return file.path


def eeg(bids: Path, *, lost: int = 1, header: Header | None = None) -> Path:
    """One EEG run of 40 clips of which some markers could not be sent."""
    header = header or replace(HEADER, session="eeg", modality="eeg", repetition_time_s=None, dummy_volumes=0)
    file = journal(bids, header)
    played = Played(file, header)
    played.write("part", task="passive_viewing")
    played.run("passive_viewing", 1, 1, seconds=200.0)
    for i in range(40):
        played.t = played.zero + 5.0 * (i + 1)
        view(played, i + 1, i % 8 + 1, ARMS[i % 3], lost=i < lost)
        if i == 0 and lost:
            played.write("fault", item="serial", problem="could not be written to", way_out="see the port")
    played.end_run()
    played.write("end", status="complete")
    file.close()
    return file.path


def behavior(
    bids: Path, *, header: Header | None = None, stop_after: int | None = None, parts=(1, 2)
) -> Path:
    """Same-different with catch trials, then detection with training (passed at the second attempt).

    With `stop_after` the program dies after that many main trials of detection, in the middle of the next.
    """
    header = header or replace(
        HEADER, session="answers", modality="beh", repetition_time_s=None, dummy_volumes=0
    )
    file = journal(bids, header)
    played = Played(file, header)
    if 1 in parts:
        compare(played)
    if 2 in parts:
        played.write("part", task="detection")
        train(played)
        played.run("detection", 1, 2)
        if not judge(played, 21, 1, stop_after):
            file.close()
            return file.path
    played.write("end", status="complete")
    file.close()
    return file.path


def resume(bids: Path, at: int, *, header: Header | None = None) -> Path:
    """Detection goes on at its `at`-th main trial, after the program died."""
    header = header or replace(
        HEADER, session="answers", modality="beh", repetition_time_s=None, dummy_volumes=0, uid="u2",
        wall="2026-03-02T10:00:00+00:00",
    )  # fmt: skip
    file = journal(bids, header)
    played = Played(file, header)
    played.write("run_end", label=2, status="crashed", volumes=None)
    played.write("part", task="detection")
    played.run("detection", 1, 3)
    judge(played, 20 + at, at)
    played.write("end", status="complete")
    file.close()
    return file.path


def compare(played: Played) -> None:
    """Ten trials of same-different, two of them catch trials; one wish, one trial that comes again."""
    played.write("part", task="same_different")
    played.run("same_different", 1, 1)
    for i in range(10):
        phase, arm = ("catch", "cartoon") if i in (3, 7) else ("main", "ai")
        kind = "different" if i % 2 else "same"
        pair = (f"s{i + 1}_live", f"s{i + 1}_{arm}" if kind == "different" else f"s{i + 1}_live")
        if i == 4:
            played.begin(i + 1, phase)
            played.show(pair[0], stop_after=15)
            played.write("wish", wish="pause")
            played.write("broken", number=i + 1, why="pause")
            played.write("break", state="begins", stars=2)
            played.t += 30.0
            played.write("break", state="ends", stars=2)
        played.begin(i + 1, phase)
        first, _ = played.show(pair[0])
        played.t += 0.5
        _, offset = played.show(pair[1])
        played.t += 2.0
        said = kind if i != 6 else "same"
        played.row(
            **about(i + 1, arm), onset=first, duration=offset - first, trial_type=kind, response=said,
            response_time=1.1, correct=said == kind, dropped_frames=0, onset_error=0.002,
        )  # fmt: skip
    played.end_run()


def train(played: Played) -> None:
    """Two attempts of ten on live and cartoon; the second passes."""
    for attempt, right in ((1, 6), (2, 10)):
        played.task, played.label, played.attempt = "detection", 0, attempt
        for i in range(10):
            arm = ("live", "cartoon")[i % 2]
            truth = ("camera", "computer")[i % 2]
            wrong = ("computer", "camera")[i % 2]
            good = i < right
            answer(
                played,
                (attempt - 1) * 10 + i + 1,
                i + 1,
                arm,
                truth if good else wrong,
                good,
                phase="training",
            )
        played.write(
            "training", task="detection", attempt=attempt, right=right, of=10, criterion=9, passed=right > 8
        )


def judge(played: Played, number: int, first: int = 1, stop_after: int | None = None) -> bool:
    """Main trials of detection up to the 24th; false where the program died."""
    for i in range(first, 25):
        arm = ("live", "ai")[i % 2]
        if stop_after is not None and i > stop_after:
            played.begin(number, "main")
            played.show(f"s{i}_{arm}", stop_after=20)
            return False
        said = (
            None
            if i == 8
            else ("computer" if played.chance.random() < (0.6 if arm == "ai" else 0.4) else "camera")
        )
        truth = ("camera", "computer")[i % 2]
        answer(
            played, number, i, arm, said, None if said is None else said == truth, drop=9 if i == 12 else 0
        )
        number += 1
    played.end_run()
    return True
