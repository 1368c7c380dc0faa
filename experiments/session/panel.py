"""What the operator sees while a session runs, in the terminal: where it is, the last marker and answer, faults, keys.

Lines are written by a thread of their own: a terminal that stands still never holds up a film.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from typing import Any, TextIO

from experiments.trials.kinds import Script

REDRAW_S = 0.25
WIDTH = 78
WISHES = ("pause", "repeat", "skip", "inattentive", "break", "dissent", "stop")


class State:
    """What has happened, in words; pure but for the time it is told.

    Parameters
    ----------
    script
        What will be shown.
    keys
        The operator's keys: wish and physical key.
    """

    def __init__(self, script: Script, keys: Mapping[str, str]) -> None:
        self.script, self.keys = script, keys
        self.total = sum(len(run.trials) for part in script.parts for run in part.runs)
        self.finished = 0
        self.doing, self.trial, self.trigger, self.answer = "getting ready", "", "none", "none"
        self.dropped = self.shown = self.lost = self.volumes = 0
        self.planned_volumes: int | None = None
        self.run_ends: float | None = None
        self.faults: list[str] = []
        self.began: float | None = None
        self.now = 0.0

    def take(self, kind: str, content: Mapping[str, Any], now: float) -> None:
        """Take in one record of the journal."""
        self.now = now
        taker = getattr(self, f"_take_{kind}", None)
        if taker is not None:
            taker(content)

    def _take_part(self, content: Mapping[str, Any]) -> None:
        self.doing = f"instructions of {_words(content['task'])}"

    def _take_assent(self, content: Mapping[str, Any]) -> None:
        self.doing = "wants to go on" if content["given"] else "does not want to go on"

    def _take_run(self, content: Mapping[str, Any]) -> None:
        self.doing = f"run {content['label']} of {_words(content['task'])}"
        self.volumes, self.planned_volumes = 0, content["planned_volumes"]
        self._seconds = content["planned_seconds"]

    def _take_zero(self, content: Mapping[str, Any]) -> None:
        self.began = self.began or self.now
        if self._seconds:
            self.run_ends = content["at"] + self._seconds

    def _take_volume(self, content: Mapping[str, Any]) -> None:
        self.volumes = content["n"]

    def _take_trial(self, content: Mapping[str, Any]) -> None:
        phase = "" if content["phase"] == "main" else f" ({content['phase']})"
        self.trial = f"trial {content['number']}{phase}"

    def _take_trigger(self, content: Mapping[str, Any]) -> None:
        sent = content["at"] is not None
        # The code alone: whoever sits beside the person should not know which version runs.
        self.trigger = f"{content['code']}" + ("" if sent else " WAS NOT SENT")
        self.lost += not sent

    def _take_shown(self, content: Mapping[str, Any]) -> None:
        self.shown += content["frames"]
        self.dropped += content["dropped"]

    def _take_row(self, content: Mapping[str, Any]) -> None:
        columns = content["columns"]
        if content["phase"] != "training":
            self.finished += 1
        said, seconds = columns.get("response"), columns.get("response_time")
        if said is not None:
            self.answer = said + (f" after {seconds:.1f} s" if seconds is not None else "")
        elif columns.get("unusable_reason"):
            self.answer = columns["unusable_reason"]

    def _take_break(self, content: Mapping[str, Any]) -> None:
        self.doing = "a break" if content["state"] == "begins" else "going on"

    def _take_limit(self, content: Mapping[str, Any]) -> None:
        self.faults.append(f"{content['limit']}: no more runs today")

    def _take_fault(self, content: Mapping[str, Any]) -> None:
        self.faults.append(f"{content['item']}: {content['problem']}")

    def _take_run_end(self, content: Mapping[str, Any]) -> None:
        self.run_ends = None
        self.doing = f"run {content['label']} {content['status']}"

    def _take_end(self, content: Mapping[str, Any]) -> None:
        self.doing = f"session {content['status']}"

    _seconds: float | None = None

    @property
    def left(self) -> str:
        """Time left: of a recording its rest, else what the trials so far suggest."""
        if self.run_ends is not None:
            return f"{_clock(self.run_ends - self.now)} of this run"
        if self.began is None or self.finished < 3:
            return "not known yet"
        each = (self.now - self.began) / self.finished
        return f"about {_clock(each * (self.total - self.finished))}"

    def lines(self) -> list[str]:
        """The panel."""
        volumes = ""
        if self.volumes:
            volumes = f"   volumes {self.volumes}" + (
                f"/{self.planned_volumes}" if self.planned_volumes else ""
            )
        head = f"{self.script.participant}  {self.script.session}  {_bar(self.finished, self.total)}"
        lines = [
            head,
            f"now      {self.doing}{f', {self.trial}' if self.trial else ''}{volumes}",
            f"answer   {self.answer}",
            f"marker   {self.trigger}{f'   {self.lost} lost' if self.lost else ''}",
            f"frames   {self.dropped} dropped of {self.shown}",
            f"left     {self.left}",
            *(f"!        {fault}" for fault in self.faults[-3:]),
            "  ".join(f"{self.keys[wish]} {wish}" for wish in WISHES if wish in self.keys),
        ]
        return [line[:WIDTH] for line in lines]


def _words(task: str) -> str:
    return task.replace("_", " ")


def _bar(done: int, total: int, width: int = 20) -> str:
    filled = round(width * done / total) if total else 0
    return f"[{'#' * filled}{'.' * (width - filled)}] {done}/{total}"


def _clock(seconds: float) -> str:
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


class Panel:
    """Draws the state of a session into a terminal, or writes a line per run where there is none.

    Parameters
    ----------
    script, keys
        See `State`.
    stream
        The terminal.
    live
        Whether lines can be drawn over; else only what matters is written, once.
    """

    def __init__(self, script: Script, keys: Mapping[str, str], stream: TextIO, *, live: bool) -> None:
        self._state = State(script, keys)
        self._stream, self._live = stream, live
        self._told: queue.SimpleQueue[tuple[str, Mapping[str, Any], float] | None] = queue.SimpleQueue()
        self._drawn = 0
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def tell(self, kind: str, content: Mapping[str, Any], now: float) -> None:
        """Take in one record; returns at once."""
        self._told.put((kind, content, now))

    def close(self) -> None:
        """Draw the last state."""
        self._told.put(None)
        self._thread.join(2)

    def _work(self) -> None:
        drawn_at = 0.0
        while True:
            try:
                told = self._told.get(timeout=REDRAW_S)
            except queue.Empty:
                told = ("", {}, self._state.now)
            if told is not None:
                kind, content, now = told
                self._state.take(kind, content, now)
                if not self._live and kind in ("run", "run_end", "fault", "limit", "break", "end"):
                    self._write(f"{self._state.lines()[1]}\n")
            if self._live and (told is None or time.monotonic() - drawn_at >= REDRAW_S):
                self._draw()
                drawn_at = time.monotonic()
            if told is None:
                return

    def _draw(self) -> None:
        lines = self._state.lines()
        up = f"\x1b[{self._drawn}F" if self._drawn else ""
        self._write(up + "".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[J")
        self._drawn = len(lines)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # the terminal was closed; the session goes on
            self._live = False
