"""The trial list of one person and session. Pure: the same plan, clips and participant give the same list.

First *what* is shown, for every session up to this one (`material`, `content`, `extra`); then, for this one, in which
order (`sequence`, `interleaving`) and when (`timing`). What is shown never depends on the order, so that the exposures
of earlier sessions are known without putting those in order.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from experiments.clips import Clip
from experiments.trials.chance import Chance
from experiments.trials.content import arms_to_compare, followed_up, pair_chunks, single_chunks
from experiments.trials.drafts import Draft, Unit
from experiments.trials.exposure import Exposure
from experiments.trials.extra import Asked, catch_drafts, training_drafts
from experiments.trials.interleaving import with_attention_trials, with_catch_trials
from experiments.trials.kinds import Part, Run, Script, Trial
from experiments.trials.latin import williams
from experiments.trials.material import Chosen, Selection, main_conditions, number_of, select
from experiments.trials.sequence import TRIES, arrange
from experiments.trials.stock import Stock
from experiments.trials.timing import Times, run_seconds, times
from protocols.base.bids import participant_id
from protocols.base.errors import InputError, did_you_mean, fail, listed
from protocols.plan.expanding import scenes_per_person
from protocols.plan.promises import Plan
from protocols.plan.session_time import DEFAULT_GAP_S
from protocols.plan.sessions import CLIPS_PER_TRIAL, Paradigm, Session, Training


@dataclass(frozen=True)
class Content:
    """What one task of a session shows, in no order yet."""

    task: Paradigm
    families: list[list[list[Unit]]]
    catch: list[Draft]
    training: list[list[Draft]]

    @property
    def certain(self) -> Iterator[Draft]:
        """What the person will certainly see: of training only the first attempt."""
        for attempt in self.training[:1]:
            yield from attempt
        for chunks in self.families:
            for chunk in chunks:
                for unit in chunk:
                    yield from unit.drafts
        yield from self.catch


def build_script(
    plan: Plan, session_name: str, participant: str, group: str, clips: Sequence[Clip]
) -> Script:
    """Everything a person is shown in one session.

    Parameters
    ----------
    plan
        A checked plan; its ``decision.seed`` seeds everything.
    session_name
        One of its sessions.
    participant
        ``sub-07`` or ``07``. The digits it ends with turn the Latin squares: number people in the order they come, each
        group from 1 or from any other number.
    group
        Changes nothing but how a pair comparison looks for children.
    clips
        All clips of the set, in any order.

    Raises
    ------
    InputError
        If session or group are not the plan's, pairs are too few or lack versions, or a run's time is too short.
    """
    session = _session(plan, session_name)
    child = _is_child(plan, group)
    code = participant_id(participant)
    number = number_of(code)
    stock = Stock(plan, clips)
    selections = select(plan, stock, number)
    seen = frozenset(pair for selection in selections.values() for pair in selection.pairs)
    person = _Person(plan, stock, code, child, selections, seen)
    exposure = Exposure()
    for earlier in plan.sessions[: plan.sessions.index(session)]:
        for content in person.contents(earlier)[0]:
            exposure.earlier(content.certain)
    contents, notes = person.contents(session)
    order = _Order(session, exposure, Chance(plan.decision.seed, code, session.name, "order"))
    return Script(
        code,
        group,
        session.name,
        tuple(order.parts(contents)),
        is_swapped(plan, number, selections),
        tuple(dict.fromkeys((*selections[session.name].notes, *notes))),
    )


def is_swapped(plan: Plan, number: int, selections: Mapping[str, Selection]) -> bool:
    """Whether the two answers change sides, as for every other person.

    People with the same scenes alternate from one turn of the Latin squares to the next, and with each new round of the
    squares the sides change: after two rounds, sides are crossed with scenes and rows.
    """
    assert plan.stimuli is not None
    pairs, scenes = plan.stimuli.pairs, scenes_per_person(plan) or 1
    turn, which = divmod(number, pairs // math.gcd(pairs, scenes))
    rows = 1
    for session in plan.sessions:
        for family in selections[session.name].families:
            n = len(family.arms)
            if session.paradigm in CLIPS_PER_TRIAL:
                n = len(arms_to_compare(plan, session, family.arms)[1])
            rows = math.lcm(rows, 4 * n if session.paradigm in CLIPS_PER_TRIAL else len(williams(n)))
    return (which + turn % rows + turn // rows) % 2 == 1


def _session(plan: Plan, name: str) -> Session:
    for session in plan.sessions:
        if session.name == name:
            return session
    names = [session.name for session in plan.sessions]
    raise fail(
        InputError, f"session '{name}'", "is not one of the plan's", accepted=listed(names),
        way_out=did_you_mean(name, names),
    )  # fmt: skip


def _is_child(plan: Plan, group: str) -> bool:
    if group not in plan.groups:
        raise fail(
            InputError, f"group '{group}'", "is not one of the plan's", accepted=listed(plan.groups),
            way_out=did_you_mean(group, plan.groups),
        )  # fmt: skip
    return plan.groups[group].profile == "child"


@dataclass(frozen=True)
class _Person:
    """For whom contents are made."""

    plan: Plan
    stock: Stock
    code: str
    child: bool
    selections: Mapping[str, Selection]
    seen: frozenset[str]

    def contents(self, session: Session) -> tuple[list[Content], list[str]]:
        """What a session's tasks show, and what the operator should know."""
        chance = Chance(self.plan.decision.seed, self.code, session.name, "content")
        first, notes = self._task(session, session.paradigm, session.training, chance, then=False)
        contents = [first]
        if session.then:
            then, said = self._task(session, session.then.paradigm, session.then.training, chance, then=True)
            contents.append(then)
            notes += said
        return contents, notes

    def _task(
        self, session: Session, task: Paradigm, training: Training | None, chance: Chance, *, then: bool
    ) -> tuple[Content, list[str]]:
        selection = self.selections[session.name]
        asked = Asked(session.name, task, selection.pairs, selection.families[0].turn, self.child)
        families = [self._chunks(session, task, chosen, chance, then=then) for chosen in selection.families]
        catch: list[Draft] = []
        if session.catch_trials and not then:
            shown = main_conditions(self.plan, session)
            catch = catch_drafts(
                asked, session.catch_trials.contrast, session.catch_trials.n, shown, self.stock
            )
        attempts: list[list[Draft]] = []
        notes: list[str] = []
        if training:
            attempts, notes = training_drafts(asked, training, self.seen, self.stock, chance)
        return Content(task, [chunks for chunks in families if chunks], catch, attempts), notes

    def _chunks(
        self, session: Session, task: Paradigm, chosen: Chosen, chance: Chance, *, then: bool
    ) -> list[list[Unit]]:
        arms: Sequence[str] = chosen.arms
        if not chosen.trials:
            return []
        if then:
            chosen, arms = followed_up(self.plan, session, chosen)
        if task in CLIPS_PER_TRIAL:
            reference, compared = arms_to_compare(self.plan, session, arms)
            return pair_chunks(task, chosen, reference, compared, self.stock, chance, child=self.child)
        if not arms:
            return []
        in_blocks = session.design and session.design.kind == "block" and not then
        block = session.design.clips_per_block if session.design and in_blocks else 1
        return single_chunks(task, chosen, arms, self.stock, chance, block=block)


class _Order:
    """Puts the tasks of a session in order; trials of a task are counted over the whole session."""

    def __init__(self, session: Session, exposure: Exposure, chance: Chance) -> None:
        self.session, self.exposure, self.chance = session, exposure, chance
        self.numbers: Counter[Paradigm] = Counter()
        self.last: frozenset[str] = frozenset()

    def parts(self, contents: Sequence[Content]) -> Iterator[Part]:
        """The tasks one after the other; at their borders too scenes do not follow themselves, if there are enough."""
        before: frozenset[str] = frozenset()
        for i, content in enumerate(contents):
            following = contents[i + 1].training if i + 1 < len(contents) else []
            after = following[0][0].pairs if following else frozenset()
            if content.training:  # after the first attempt, or the second
                before = frozenset().union(*(attempt[-1].pairs for attempt in content.training))
            yield self._part(content, before, after, then=i > 0)
            before = self.last

    def _part(self, content: Content, before: frozenset[str], after: frozenset[str], *, then: bool) -> Part:
        """One task. A second task is asked after the recording, at people's own pace, in one run."""
        session = self.session
        runs = self._in_order(content, 1 if then else session.runs, before, after)
        self.last = runs[-1][-1].pairs
        if session.attention and not then:
            runs = with_attention_trials(runs, content.task, session.attention, self.chance)
        training = []
        for i, attempt in enumerate(content.training):
            exposure = self.exposure if i == 0 else self.exposure.copy()
            training.append(
                tuple(self._trial(content.task, draft, exposure, attempt=i + 1) for draft in attempt)
            )
        found = []
        for number, drafts in enumerate(runs, start=1):
            pace: Times = [(DEFAULT_GAP_S, None)] * len(drafts)
            timed = pace if then else times(session, number, drafts, self.chance)
            trials = tuple(
                self._trial(content.task, draft, self.exposure, run=number, fixation=fixation, onset=onset)
                for draft, (fixation, onset) in zip(drafts, timed, strict=True)
            )
            recorded = (None, None) if then else (session.volumes, run_seconds(session))
            found.append(Run(number, trials, *recorded))
        return Part(content.task, tuple(found), tuple(training))

    def _in_order(
        self, content: Content, runs: int, before: frozenset[str], after: frozenset[str]
    ) -> list[list[Draft]]:
        units = [unit for chunks in content.families for chunk in chunks for unit in chunk]
        if len(units) < runs:
            raise fail(
                InputError, f"session '{self.session.name}'", "has more runs than trials (or blocks)",
                got=f"{len(units)}", accepted=f"at least {runs}",
                way_out="fewer runs, more trials, or more scenes_per_person",
            )  # fmt: skip
        for attempt in range(2 * TRIES):
            if attempt == TRIES:  # too few scenes; at these borders instructions come between
                before = after = frozenset()
            ordered = arrange(content.families, runs, self.chance, before)
            mixed = ordered and with_catch_trials(ordered, content.catch, self.chance)
            if mixed and not mixed[-1][-1].pairs & after:
                return [[draft for unit in run for draft in unit.drafts] for run in mixed]
        scenes = frozenset().union(*(unit.pairs for unit in units))
        raise fail(
            InputError, f"session '{self.session.name}'", "cannot avoid two versions of a scene back to back",
            got=f"{len(scenes)} scenes", accepted="more",
            way_out="more scenes_per_person or trials, fewer catch trials, or smaller blocks",
        )  # fmt: skip

    def _trial(
        self,
        task: Paradigm,
        draft: Draft,
        exposure: Exposure,
        *,
        run: int = 0,
        fixation: float = DEFAULT_GAP_S,
        onset: float | None = None,
        attempt: int | None = None,
    ) -> Trial:
        self.numbers[task] += 1
        return Trial(
            task, draft.phase, self.numbers[task], run, draft.kind, draft.clips, draft.about, draft.expected,
            fixation, onset, attempt, *exposure.show(draft),
        )  # fmt: skip
