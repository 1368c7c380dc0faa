"""The laboratory as a trial sees it: play, ask, tell; the same with a child, a script, or without a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from experiments.clips import Clip
from experiments.devices.interfaces import Asked, Press
from experiments.screens import Choice, Choices, Drawing, Element, Fixation, Scale, Screen, Star, Still, Words
from experiments.stage import Stage
from experiments.trials.kinds import Trial
from protocols.base.errors import InputError

PARTICIPANT_KEYS = ("left", "right", "up", "down", "confirm", *"123456789")


@dataclass(frozen=True)
class Answer:
    """An answer: its word or step, and the seconds from the question's flip to the key press."""

    value: str | int
    seconds: float


class Lab(Stage):
    """Everything a trial function may do.

    Attributes
    ----------
    asked_at
        When the last choice was put on the screen.
    """

    asked_at: float = 0.0

    def choose(
        self,
        question: str,
        answers: Sequence[str],
        within: float,
        *,
        above: Sequence[Element] = (),
        pointing: bool = False,
        marked: Trial | None = None,
    ) -> Answer | None:
        """Ask for one of two answers; None if none came in time.

        Parameters
        ----------
        question
            Its key in the catalog, without ``question.``.
        answers
            Two words, which are written down as they are; read as ``answer.<word>`` of the catalog.
        pointing
            The answers are places on the screen: they never change sides.
        marked
            The trial whose marker is sent when the question appears; usually the clip has sent it.
        """
        sides = answers if pointing or not self.swapped else tuple(reversed(answers))
        options = tuple(
            Choice(word, self.words(f"answer.{word}"), key, word if self.profile.pictures else "")
            for word, key in zip(sides, ("left", "right"), strict=True)
        )
        choices = Choices(options, big=self.profile.pictures)
        asked = (*above, Words(self.words(f"question.{question}"), "question"))
        screen = Screen.of(*asked, choices, name=question)
        on_flip = None if marked is None else (lambda at: self._mark(marked, at))
        since = self.asked_at = self.devices.display.show(screen, on_flip)
        self.speak(f"question.{question}")
        keys = {one.answer: one.key for one in options}
        answer = self._answer(screen, Asked("choice", question, keys, since, within, self.trial))
        if answer is not None:
            self.show(*asked, replace(choices, chosen=str(answer.value)), name=question)
            self.pause(self.profile.chosen_s)
        return answer

    def _answer(self, screen: Screen, asked: Asked) -> Answer | None:
        said = {key: word for word, key in asked.answers.items()}
        self.devices.keys.expect(asked)
        try:
            while (now := self.now()) < asked.since + asked.within:
                for press in self.presses(asked.since + asked.within):
                    word = said.get(press.key)
                    if press.key == "touch" and press.position is not None:
                        word = self.devices.display.touched(screen, press.position)
                    # What was pressed before the question was seen is no answer to it.
                    if word is not None and press.at >= asked.since:
                        return Answer(word, press.at - asked.since)
                if self.now() == now:  # an input that returns early must not spin
                    self.devices.clock.sleep_until(now + 0.001)
        finally:
            self.devices.keys.expect(None)
        return None

    def scale(self, question: str, levels: int, within: float, style: str | None = None) -> Answer | None:
        """Ask for a degree, 1 to `levels`; the value is an int.

        A digit answers at once; left and right move a marker that confirm sets.
        """
        chosen = style or ("tokens" if self.profile.pictures else "likert")
        scale = Scale(chosen, levels, self.words(f"low.{question}"), self.words(f"high.{question}"))  # type: ignore[arg-type]
        words = Words(self.words(f"question.{question}"), "question")
        screen = Screen.of(words, scale, name=question)
        since = self.devices.display.show(screen)
        self.speak(f"question.{question}")
        digits = {str(step): str(step) for step in range(1, min(levels, 9) + 1)} if levels <= 9 else {}
        asked = Asked("scale", question, digits or {"levels": str(levels)}, since, within, self.trial)
        self.devices.keys.expect(asked)
        at: int | None = None
        answer: Answer | None = None
        try:
            while answer is None and self.now() < since + within:
                for press in self.presses(since + within):
                    if press.at < since:
                        continue
                    at, final = _moved(press, at, levels, self._touched(screen, press))
                    if final and at is not None:
                        answer = Answer(at, press.at - since)
                        break
                if at != scale.at:
                    scale = replace(scale, at=at)
                    screen = Screen.of(words, scale, name=question)
                    self.devices.display.show(screen)
        finally:
            self.devices.keys.expect(None)
        if answer is not None:
            self.pause(self.profile.chosen_s)
        return answer

    def _touched(self, screen: Screen, press: Press) -> str | None:
        if press.key != "touch" or press.position is None:
            return None
        return self.devices.display.touched(screen, press.position)

    def star(self, trial: Trial, seconds: float) -> tuple[Answer | None, float, float]:
        """Show the attention star; any key is right. Returns the answer, onset and offset."""
        began = self.devices.display.show(Screen.of(Star(), name="star"), lambda at: self._mark(trial, at))
        asked = Asked("star", "star", {"seen": "left"}, began, seconds, trial)
        self.devices.keys.expect(asked)
        answer: Answer | None = None
        try:
            while self.now() < began + seconds:
                for press in self.presses(began + seconds):
                    if answer is None and press.key in (*PARTICIPANT_KEYS, "touch") and press.at >= began:
                        answer = Answer("seen", press.at - began)
                        self.show(Star(found=True), name="star")
        finally:
            self.devices.keys.expect(None)
        ended = self.show(Fixation(self.profile.pictures), name="fixation")
        return answer, began, ended

    def recognize(self, trial: Trial, clip: Clip, seconds: float) -> Answer | None:
        """Ask whether a picture was in the film just seen; `asked_at` is the flip of the question."""
        try:
            return self.choose("was_in_film", ("yes", "no"), seconds, above=[Still(clip)], marked=trial)
        except InputError as error:
            raise self._unplayable(error) from error

    def feedback(self, trial: Trial, answer: Answer | None) -> None:
        """Tell whether the answer was right, and what was true."""
        right = answer is not None and answer.value == trial.expected
        word = "right" if right else "wrong" if answer is not None else "late"
        between = "" if self.catalog.language == "zh" else " "  # Chinese sentences stand without a space
        said = between.join((self.words(f"feedback.{word}"), self.words(f"truth.{trial.expected}")))
        # The way to the right answer is kind also where the answer was wrong.
        drawing = Drawing("face_happy" if right else "face_neutral")
        self.show(Words(said), drawing, name="feedback")
        self.speak(f"feedback.{word}")
        self.pause(self.profile.feedback_s)

    def tell(self, key: str, *, drawing: str = "", hint: str = "hint.continue", name: str = "") -> None:
        """Show a text until somebody presses a key; the operator's 'repeat' says it again."""
        elements: list[Element] = [Words(self.words(key)), Words(self.words(hint), "hint")]
        if drawing:
            elements.insert(0, Drawing(drawing, "top"))
        while True:
            since = self.show(*elements, name=name or key)
            self.speak(key)
            self.devices.keys.expect(Asked("continue", key, {"continue": "confirm"}, since, float("inf")))
            try:
                while not self.asks_for("repeat"):
                    if any(press.key in ("confirm", "touch") for press in self.presses(self.now() + 60)):
                        return
            finally:
                self.devices.keys.expect(None)

    def assent(self, run: int) -> bool:
        """Ask whether the person wants to go on; the answer has no time limit, and no is no."""
        options = tuple(
            Choice(word, self.words(f"answer.go_on.{word}"), key, picture if self.profile.pictures else "")
            for word, key, picture in (("yes", "left", "yes"), ("no", "right", "hand_up"))
        )
        screen = Screen.of(
            Words(self.words("question.go_on"), "question"),
            Choices(options, self.profile.pictures),
            name="assent",
        )
        since = self.devices.display.show(screen)
        self.speak("question.go_on")
        keys = {"yes": "left", "no": "right"}
        answer = self._answer(screen, Asked("assent", "go_on", keys, since, float("inf")))
        given = answer is not None and answer.value == "yes"
        self.write("assent", given=given, run=run)
        return given


def _moved(press: Press, at: int | None, levels: int, touched: str | None) -> tuple[int | None, bool]:
    """Where the marker of a scale goes, and whether that is the answer."""
    step = touched if touched is not None else press.key
    if step.isdecimal() and 1 <= int(step) <= levels and levels <= 9:
        return int(step), True
    if touched is not None and touched.isdecimal():
        return int(touched), False
    if press.key in ("left", "right"):
        stride = max(1, levels // 20)
        middle = (levels + 1) // 2
        moved = middle if at is None else at + (stride if press.key == "right" else -stride)
        return min(levels, max(1, moved)), False
    return at, press.key == "confirm" and at is not None
