"""From a request to a played session: checks, devices, journal, runner."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from experiments.devices.interfaces import Audio
from experiments.lab import Lab
from experiments.paradigms.base import Paradigm
from experiments.paradigms.choosing import paradigms_of
from experiments.people.catalog import Catalog, load_catalog, spoken_keys
from experiments.people.profiles import Profile, profile_of
from experiments.session.done import wall_now
from experiments.session.journal import (
    FileJournal,
    Header,
    Journal,
    MemoryJournal,
    Record,
    next_path,
    write_header,
)
from experiments.session.lock import alone, computer
from experiments.session.opening import Opened, open_real, open_virtual
from experiments.session.request import Prepared
from experiments.session.runner import Rules, Runner
from experiments.session.safety import clip_faults
from experiments.site.readiness import disk_faults, power_faults, refresh_faults
from experiments.stage import Tell
from experiments.virtual.people import Person, Simulated
from protocols.base.errors import Fault, InputError, NotAvailable, listed
from protocols.base.seeds import generator
from stimuli.registry.manifest import manifest_sha256


@dataclass(frozen=True)
class Outcome:
    """How a session ended.

    Attributes
    ----------
    status
        ``complete``, ``stopped``, ``dissent`` or ``limit``.
    journal
        Its file; None if it was kept in memory.
    records
        What was kept in memory.
    """

    status: str
    journal: Path | None
    records: tuple[Record, ...] = ()


def readiness(prepared: Prepared) -> tuple[list[Fault], list[str]]:
    """What forbids a start, and what the operator should know; no device is opened."""
    request = prepared.request
    faults: list[Fault] = []
    notes = list(prepared.notes)
    if request.mode == "sim":
        return faults, notes
    assert prepared.stimuli is not None
    faults += disk_faults(request.site, request.bids)
    faults += power_faults(request.site)
    faults += clip_faults(prepared.stimuli, request.promise, prepared.clips)
    faults += _unmarked(prepared)
    if (prepared.has_sound or request.spoken is not None) and not request.no_sound:
        from experiments.sound.levels import check_level

        limit = prepared.plan.limits.sound_level_max_db
        catalog = load_catalog(request.language, request.spoken)
        too_loud, unsure = check_level(
            prepared.clips, limit, request.site.sound.db_at_full_scale, spoken=catalog.recordings()
        )
        faults += too_loud
        notes += [unsure] if unsure is not None else []
    notes += _unspoken(prepared)
    return faults, notes


def _unmarked(prepared: Prepared) -> list[Fault]:
    """An EEG session whose recording would get no markers."""
    request = prepared.request
    if prepared.session.modality != "eeg" or request.site.triggers or request.mode in ("qa", "sim"):
        return []
    return [Fault("triggers", "have no port, and without markers an EEG recording cannot be read",
                  way_out="name the port in the site file (triggers: [{kind: serial, device: …}]), "
                  "and start with --site FILE")]  # fmt: skip


def _profile(prepared: Prepared) -> Profile:
    return profile_of(prepared.plan.groups[prepared.person.group].profile)


def _unspoken(prepared: Prepared) -> list[str]:
    """Spoken instructions nobody supplied, told before the child arrives."""
    profile = _profile(prepared)
    if not profile.speaks:
        return []
    catalog = load_catalog(prepared.request.language, prepared.request.spoken)
    keys = spoken_keys([part.task for part in prepared.script.parts], prepared.session.scales or ())
    missing = catalog.missing_spoken(keys, profile.name)
    if not missing:
        return []
    if len(missing) == len(keys):
        return [
            "No spoken instructions were supplied (--spoken FOLDER): read the screens aloud to the child."
        ]
    return [f"Spoken instructions are missing, read these aloud: {listed(missing)}"]


def _quiet(line: str) -> None:
    """Tell nobody."""


def play(
    prepared: Prepared,
    *,
    person: Person | None = None,
    tell: Tell | None = None,
    say: Callable[[str], None] = _quiet,
    keep: bool = True,
) -> Outcome:
    """Play a session.

    Parameters
    ----------
    person
        Who answers in a simulation or a scripted session; somebody who can tell cartoons and guesses else, if None.
    tell
        Told of every record, for the operator's panel.
    say
        Told in a line what the operator should know before it begins.
    keep
        Whether the journal is a file in the data set; only a simulation can do without.

    Raises
    ------
    InputError
        If clips, disk, power, or sound forbid a start.
    NotAvailable
        If a device, a font or a package is missing.
    UsageError
        If another session is running.
    """
    request = prepared.request
    faults, notes = readiness(prepared)
    if faults:
        raise InputError(faults)
    for note in notes:
        say(note)
    code = prepared.script.participant
    guard: AbstractContextManager[None] = (
        alone(request.bids, code, screen=request.mode != "sim") if keep else nullcontext()
    )
    with guard:
        catalog = load_catalog(request.language, request.spoken)
        random = generator(prepared.plan.decision.seed, request.mode, code, prepared.session.name)
        someone = person or Simulated(random)
        if request.mode == "sim":
            opened = open_virtual(prepared, someone)
        else:
            opened = open_real(prepared, catalog, someone if request.mode == "qa" else None)
        try:
            if request.mode != "sim":
                _check_devices(prepared, opened, say)
            return _played(prepared, opened, catalog, tell, keep=keep)
        finally:
            opened.devices.close()


def _check_devices(prepared: Prepared, opened: Opened, say: Callable[[str], None]) -> None:
    """Screen and sound card fit what is to be shown."""
    from experiments.presenter.schedule import cadence

    request = prepared.request
    display = opened.devices.display
    faults = refresh_faults(request.site, display.refresh_hz) if request.mode != "qa" else []
    for fps in sorted({clip.fps for clip in prepared.clips}):
        found = cadence(fps, display.refresh_hz)
        if not found.fits:
            say(found.sentence)
        if found.dropped > prepared.plan.exclusions.presentation.dropped_frames:
            faults.append(Fault("screen", "is too slow for the clips", got=found.sentence,
                                way_out="a faster screen, or clips prepared at a lower rate"))  # fmt: skip
    faults += _silent(prepared, opened.devices.audio)
    if faults:
        raise NotAvailable(faults)


def _silent(prepared: Prepared, audio: Audio) -> list[Fault]:
    if prepared.has_sound and audio.is_null and not prepared.request.no_sound:
        return [Fault("sound", "is in the clips, and there is no sound card",
                      way_out="name one in the site file (sound.device), or play without: --no-sound")]  # fmt: skip
    return []


def _played(
    prepared: Prepared, opened: Opened, catalog: Catalog, tell: Tell | None, *, keep: bool
) -> Outcome:
    request, session = prepared.request, prepared.session
    journal: Journal
    if keep:
        path = next_path(request.bids, prepared.script.participant, session.name)
        journal = FileJournal(path)
    else:
        path, journal = None, MemoryJournal()
    devices = opened.devices
    write_header(journal, devices.clock.now(), header(prepared, opened))
    journal.settle()
    lab = Lab(
        devices,
        journal,
        catalog,
        _profile(prepared),
        swapped=prepared.script.swapped,
        codes=dict(session.triggers or {}),
        patch=request.site.screen.photodiode_patch,
        tell=tell,
    )
    rules = Rules(
        prepared.plan.limits,
        session,
        prepared.scanner_minutes_left,
        prepared.visit_minutes_left,
        again=request.again and prepared.done.complete,
    )
    paradigms: Mapping[str, Paradigm] = paradigms_of(prepared.plan, session, prepared.person.group)
    settle = (lambda: None) if request.mode == "sim" else journal.settle  # a simulation can be played again
    runner = Runner(prepared.script, lab, rules, paradigms, prepared.done, settle)
    try:
        status = runner.play()
    finally:
        journal.close()
    records: Sequence[Record] = journal.records if isinstance(journal, MemoryJournal) else ()
    return Outcome(status, path, tuple(records))


def header(prepared: Prepared, opened: Opened) -> Header:
    """The journal's header."""
    request, session, plan = prepared.request, prepared.session, prepared.plan
    site = request.site
    return Header(
        uid=_uid(prepared),
        wall=(request.at or wall_now()).isoformat(timespec="milliseconds"),
        plan=plan.plan,
        plan_sha256=request.promise.sha256,
        manifest_sha256=manifest_sha256(prepared.stimuli) if prepared.stimuli else None,
        seed=plan.decision.seed,
        participant=prepared.script.participant,
        group=prepared.person.group,
        profile=_profile(prepared).name,
        language=request.language,
        session=session.name,
        modality=session.modality,
        mode=request.mode,
        computer=computer(),
        age_months=prepared.person.age_months,
        swapped=prepared.script.swapped,
        screen=opened.screen,
        devices=opened.about,
        triggers=dict(session.triggers or {}),
        versions=opened.versions,
        repetition_time_s=session.repetition_time_s,
        dummy_volumes=session.dummy_volumes,
        no_sound=request.no_sound and prepared.has_sound,
        audio_delay_s=site.sound.audio_delay_s,
        display_delay_s=site.screen.display_delay_s,
        presentation=plan.exclusions.presentation.model_dump(mode="json"),
    )


def _uid(prepared: Prepared) -> str:
    """Drawn anew, but of a simulation: the same seed gives the same files."""
    if prepared.request.mode == "sim":
        seed = prepared.plan.decision.seed
        random = generator(seed, "uid", prepared.script.participant, prepared.session.name)
        return random.bytes(16).hex()
    return uuid.uuid4().hex
