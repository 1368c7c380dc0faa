"""Trials and people as the files of a raw BIDS data set."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.importing.trial_map import TrialMap
from protocols.base.bids import BIDS_VERSION, Name, generated_by, label
from protocols.base.errors import Fault, InputError, listed
from protocols.base.files import read_json
from protocols.base.tables import table_text

Trial = dict[str, Any]
FOLDER = "sourcedata/bazin"
ACCOUNT = f"{FOLDER}/import.json"
"""What an import tells about itself; it makes a data set ours."""
BEGUN = f"{FOLDER}/unfinished.json"
"""Stands there while an import is being written, and after one that was interrupted."""
ALWAYS = ("trial_type", "arm", "response", "unusable_reason")

COLUMNS: dict[str, dict[str, Any]] = {
    "trial": {"LongName": "Trial", "Description": "number or name of the trial within the run"},
    "trial_type": {
        "LongName": "Kind of trial",
        "Description": "kind of trial; where nothing else is known, the arm",
    },
    "item": {"LongName": "Stimulus", "Description": "name of the stimulus in the laboratory's table"},
    "stim_file": {"LongName": "Stimulus file", "Description": "file of the stimulus below stimuli/"},
    "pair_id": {
        "LongName": "Pair",
        "Description": "pair the stimulus belongs to: the same scene in several arms",
    },
    "arm": {"LongName": "Truth", "Description": "what is true of the stimulus"},
    "scene": {
        "LongName": "Scene",
        "Description": "scene the stimulus shows; its own name where no scene was stated",
    },
    "response": {"LongName": "Answer", "Description": "what the person answered"},
    "response_time": {
        "LongName": "Response time",
        "Description": "time from the question to the answer",
        "Units": "s",
    },
    "confidence": {"LongName": "Confidence", "Description": "how sure the person was; more is surer"},
    "correct": {
        "LongName": "Right answer",
        "Description": "whether the answer is true of the stimulus",
        "Levels": {"1": "right", "0": "wrong"},
    },
    "phase": {"LongName": "Phase", "Description": "part of the session the trial belongs to"},
    "exposure_count": {
        "LongName": "Exposures",
        "Description": "how often the person had been shown this stimulus, this time included",
    },
    "twin_seen_before": {
        "LongName": "Twin seen before",
        "Description": "whether the same pair or scene had been shown before in another arm",
        "Levels": {"1": "seen before", "0": "not seen before"},
    },
    "lag": {
        "LongName": "Lag",
        "Description": "number of trials since the twin was last shown",
        "Units": "trials",
    },
    "unusable_reason": {
        "LongName": "Why the trial cannot be used",
        "Description": "reason given by the laboratory or found at the import; n/a where the trial can be used",
    },
}


def beh_files(
    trials: Sequence[Trial], how: TrialMap, labels: Mapping[str, Mapping[str, str]], media: Collection[str]
) -> dict[str, str]:
    """Every ``*_beh.tsv`` with its sidecar, by the path in the data set.

    Parameters
    ----------
    trials
        In the order in which they are to stand.
    how
        The map.
    labels
        What the words in a column mean: by column and word; the rest stands for itself.
    media
        Files that lie below ``stimuli/``. Unless all are there, ``stim_file`` stays out: a data set that names files
        it does not hold is not valid.
    """
    columns = _columns(trials, how, media)
    levels = {
        name: {word: _meaning(name, word, how, labels) for word in _words(trials, name)}
        for name in ("arm", "trial_type", "response", "phase")
    }
    described = {name: _described(name, how, levels.get(name)) for name in columns}
    files: defaultdict[tuple[str, ...], list[Trial]] = defaultdict(list)
    entities = _entities(trials)
    for trial in trials:
        files[trial["participant_id"], *(trial[name] or "" for name in entities)].append(trial)
    texts = {}
    for (code, session, task, run), own in sorted(files.items()):
        named = {"sub": code.removeprefix("sub-"), "task": entities["task"][task]}
        named |= {"ses": entities["session"][session]} if session else {}
        named |= {"run": entities["run"][run]} if run else {}
        folder = f"{code}/ses-{named['ses']}/beh" if session else f"{code}/beh"
        sidecar: dict[str, Any] = {"TaskName": task}
        if "task" in (how.describe or {}):
            sidecar["TaskDescription"] = (how.describe or {})["task"]
        if how.presentation:
            sidecar["StimulusPresentation"] = how.presentation
        rows = [[_cell(trial, name) for name in columns] for trial in own]
        texts[f"{folder}/{Name('beh', '.tsv', named)}"] = table_text(columns, rows)
        texts[f"{folder}/{Name('beh', '.json', named)}"] = document({**sidecar, **described})
    return texts


def _entities(trials: Sequence[Trial]) -> dict[str, dict[str, str]]:
    """Labels of sessions, tasks and runs; two names that would become one label are refused."""
    found: dict[str, dict[str, str]] = {}
    faults = []
    for name in ("session", "task", "run"):
        words = sorted({str(trial[name]) for trial in trials if trial[name] is not None})
        if name == "run" and not all(word.isascii() and word.isdigit() for word in words):
            strange = [word for word in words if not word.isdigit()]
            faults.append(
                Fault(
                    "run", "is a number in BIDS", got=listed(strange), way_out="recode it: {run: {theirs: 1}}"
                )
            )
            continue
        found[name] = {word: label(word) for word in words}
        shared = [word for word in words if list(found[name].values()).count(found[name][word]) > 1]
        if shared:
            way_out = f"recode them: {{{name}: {{theirs: ours}}}}"
            faults.append(Fault(name, "would share a label", got=listed(shared), way_out=way_out))
    if faults:
        raise InputError(faults)
    return found


def _columns(trials: Sequence[Trial], how: TrialMap, media: Collection[str]) -> list[str]:
    known = [name for name in COLUMNS if name in ALWAYS or any(_cell(t, name) is not None for t in trials)]
    shown = {trial["stim_file"] for trial in trials if trial["stim_file"]}
    if "stim_file" in known and not shown <= set(media):
        known.remove("stim_file")
    return [*known[:-1], *(how.scales or {}), known[-1]]


def _described(name: str, how: TrialMap, levels: Mapping[str, str] | None) -> dict[str, Any]:
    entry = dict(COLUMNS.get(name, {"LongName": name.replace("_", " "), "Description": f"rating: {name}"}))
    if name in how.by_trial and name not in COLUMNS:
        entry["Description"] = f"rating, from column '{how.by_trial[name][0]}' of the table"
    if name == "response" and how.slider is not None:
        slider = how.slider
        entry["Description"] += (
            f", from the slider '{slider.column}': above {slider.cut:g} is '{slider.above}'"
        )
    if name in (how.describe or {}):
        entry["Description"] = (how.describe or {})[name]
    if levels:
        entry["Levels"] = dict(levels)
    return entry


def _words(trials: Sequence[Trial], name: str) -> list[str]:
    return sorted({str(trial[name]) for trial in trials if trial[name] is not None})


def _meaning(name: str, word: str, how: TrialMap, labels: Mapping[str, Mapping[str, str]]) -> str:
    """The plan's word for it, else what the table calls it."""
    theirs = [text for text, ours in how.recoded(name).items() if str(ours) == word]
    said = f" ({', '.join(map(repr, theirs))} in the table)" if theirs and theirs != [word] else ""
    return labels.get(name, {}).get(word, word) + said


def _cell(trial: Trial, name: str) -> Any:
    value = trial.get("reason" if name == "unusable_reason" else name)
    return None if isinstance(value, float) and math.isnan(value) else value


def people_files(people: Sequence[Mapping[str, Any]], described: Mapping[str, Any]) -> dict[str, str]:
    """``participants.tsv`` and its sidecar; columns nobody has a value in are left out."""
    columns = [name for name in described if any(person.get(name) is not None for person in people)]
    rows = [[person.get(name) for name in columns] for person in people]
    return {
        "participants.tsv": table_text(columns, rows),
        "participants.json": document(
            {name: described[name] for name in columns if name != "participant_id"}
        ),
    }


def stimuli_table(trials: Sequence[Trial], media: Collection[str]) -> str:
    """What was shown, and whether its file is here: one row per stimulus and arm."""
    columns = ("item", "stim_file", "arm", "scene", "pair_id")
    shown: dict[tuple[Any, ...], set[str]] = {}
    for trial in trials:
        shown.setdefault(tuple(trial[name] for name in columns), set()).add(trial["participant_id"])
    rows = sorted(shown.items(), key=lambda entry: [str(part) for part in entry[0]])
    return table_text(
        [*columns, "file_is_here", "people"],
        [[*what, what[1] in media if what[1] else None, len(people)] for what, people in rows],
    )


def description(how: TrialMap, source: str) -> str:
    """``dataset_description.json``."""
    given = how.dataset
    content: dict[str, Any] = {
        "Name": given.name or source,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "GeneratedBy": generated_by(Step="import_trials"),
    }
    if given.license:
        content["License"] = given.license
    if given.authors:
        content["Authors"] = list(given.authors)
    if given.references:
        content["ReferencesAndLinks"] = list(given.references)
    if how.simulated:
        content["Simulated"] = True
    return document(content)


def readme(how: TrialMap, source: str, people: int, trials: int) -> str:
    """``README``; yours to complete, an import never touches it again."""
    return f"""# {how.dataset.name or source}

Behavioral trials, imported by bazin from the table '{source}': {trials} trials of {people} people.

* participants.tsv: who took part, by pseudonym
* sub-*/beh: one row per trial; trials that cannot be used stay, with their reason in the column unusable_reason
* sourcedata/bazin: what the import did: flags.tsv (what to look at), completeness.tsv, unusable_rows.tsv and
  stimuli.tsv (what was shown; the files themselves are not part of this data set unless they lie in stimuli/)

How the stimuli were presented (screen, software) is {"as the sidecars say" if how.presentation else "not known here"}.
"""


def unfinished(out: Path) -> dict[str, list[str]]:
    """Files an interrupted import had begun to write, by its source; empty where none was interrupted."""
    if not (out / BEGUN).exists():
        return {}
    begun = read_json(out / BEGUN)
    return {begun["source"]: begun["files"]}


def document(content: Any) -> str:
    """A JSON file's text."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
