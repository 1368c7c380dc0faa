"""The ``stimuli/`` folder of a BIDS data set: a table of the clips beside the clips themselves."""

from __future__ import annotations

from protocols.base.files import write_atomically, write_json
from protocols.base.tables import table_text
from stimuli.registry.manifest import Manifest
from stimuli.sets import StimulusSet

COLUMNS = {
    "stimulus_id": "name of the clip",
    "stim_file": "the clip, below stimuli/; events.tsv names it so",
    "type": "video, or audiovideo where it has sound",
    "pair_id": "pair the clip belongs to: the same scene in several arms",
    "arm": "condition",
    "scene": "what the clip shows",
    "license": "under which terms the clip may be used",
    "present": "whether the file lies in this folder",
    "sha256": "SHA-256 of the file",
}
"""The draft of Stim-BIDS (BEP 44) and what pairs need besides."""

README = """Clips of the stimulus set '{name}', as they are shown.

stimuli.tsv lists them; {name}/ holds the files: as they were imported, and below it, in a folder for each recipe, as
they were prepared. Whether a clip may be passed on stands in the column 'license'. Where it may not, keep its row and
its hash and leave the file out.
"""


def write_bids_stimuli(stimuli: StimulusSet, manifest: Manifest) -> None:
    """Write ``stimuli.tsv``, its sidecar and the README into the set's ``stimuli/``."""
    rows = [
        [
            clip.name,
            clip.file,
            "video" if clip["audio"] in (None, "none") else "audiovideo",
            clip.pair_id,
            clip.arm,
            clip.scene,
            clip["licence"],
            "1" if stimuli.file(clip.file).exists() else "0",
            clip["sha256"],
        ]
        for clip in manifest.clips
    ]
    write_atomically(stimuli.bids / "stimuli.tsv", table_text(list(COLUMNS), rows))
    sidecar = {name: {"Description": text} for name, text in COLUMNS.items()}
    write_json(stimuli.bids / "stimuli.json", sidecar)
    write_atomically(stimuli.bids / "README.md", README.format(name=stimuli.name))
