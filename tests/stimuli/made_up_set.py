"""A set of clips that is only its saved files, and its page taken apart: for the tests of the page."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from protocols.base.canonical import sha256_file
from protocols.base.files import read_json, write_json
from protocols.plan.materials import LeakTest, Tolerance
from stimuli.features.catalog import definitions
from stimuli.matching import match, write_matching
from stimuli.measuring.files import document_name, picture_name
from stimuli.measuring.gallery import PLACES, STRIP, jpeg
from stimuli.measuring.many import measured_table
from stimuli.registry.arms import ROLE_OF
from stimuli.registry.manifest import Clip, Manifest, columns, manifest_sha256, read_manifest, write_manifest
from stimuli.sets import StimulusSet
from stimuli.verbs.measure import identities, read_measured

SCENES = ('咖啡馆 & "tea" <b>', "harbour", "kitchen", "stairs", "market", "garden", "tram", "beach", "roof")
PAIRS = ("cafe", "harbour", "kitchen", "stairs", "market", "garden", "tram", "beach", "roof")
TOLERANCES = {
    "luminance": Tolerance(mean=3, worst=10, unit="cd_m2_percent"),
    "loudness": Tolerance(mean=0.5, worst=1.5, unit="LU"),
    "cuts": Tolerance(mean=0, worst=0, unit="count"),
}
CONVERSIONS = {("LUFS", "LU"): 1.0}
UNITS = {name: one.unit for name, one in definitions().items()}
Differences = Mapping[str, Mapping[str, float]]


def make(
    root: Path,
    pairs: int = 4,
    arms: Sequence[str] = ("live", "ai"),
    *,
    differs: Differences | None = None,
    cells: Mapping[str, Mapping[str, str | None]] | None = None,
    flags: Mapping[str, list[dict]] | None = None,
    overlays: Mapping[str, str] | None = None,
    size: tuple[int, int] = (32, 18),
) -> StimulusSet:
    """A registered and measured set, without any film.

    Parameters
    ----------
    root
        Its folder.
    pairs, arms
        How many scenes, and in which versions.
    differs
        By clip, what is added to its features; everything else is the same in all versions of a scene.
    cells
        By clip or arm, cells of the manifest.
    flags, overlays
        By clip, flags, and why overlays could not be looked for.
    size
        Of its pictures.
    """
    stimuli = StimulusSet(root)
    random = np.random.default_rng(1)
    clips = []
    for pair, scene in list(zip(PAIRS, SCENES, strict=True))[:pairs]:
        base = {
            name: float(value) for name, value in zip(UNITS, random.uniform(8, 12, len(UNITS)), strict=True)
        }
        base |= {"cuts": 0.0, "loudness": float(random.uniform(-24, -22)), "flashes": 0.0, "red_flashes": 0.0}
        for arm in arms:
            clips.append(_clip(stimuli, pair, scene, arm, cells or {}))
            name = clips[-1].name
            values = {k: v + (differs or {}).get(name, {}).get(k, 0.0) for k, v in base.items()}
            document = {
                "clip": name,
                "sha256": clips[-1]["sha256"],
                "values": {k: None if np.isnan(v) else v for k, v in values.items()},
                "flags": (flags or {}).get(name, []),
                "cuts_s": [],
                "overlays": {"message": (overlays or {}).get(name, "")},
            }
            write_json(stimuli.measures / document_name(name), document)
            _pictures(stimuli, name, random, size)
    write_manifest(stimuli, Manifest(tuple(clips)))
    measured_table(stimuli.measures, identities(read_manifest(stimuli)))
    return stimuli


def _clip(
    stimuli: StimulusSet, pair: str, scene: str, arm: str, cells: Mapping[str, Mapping[str, str | None]]
) -> Clip:
    name = f"{pair}_{arm}"
    digest = hashlib.sha256(name.encode()).hexdigest()
    file = f"{stimuli.name}/{name}.mp4"
    facts = {
        "clip": name, "pair_id": pair, "arm": arm, "role": ROLE_OF[arm], "scene": scene, "file": file,
        "sha256": digest, "original": file, "original_sha256": digest, "source_name": f"{scene}.mp4",
        "duration": "5.000000", "fps": "25", "frame_rate": "constant", "frames": "125", "size": "1280x720",
        "codec": "h264", "color": "yuv420p, limited range", "audio": "aac, stereo, 48000 Hz", "c2pa": "none",
    }  # fmt: skip
    return Clip({**dict.fromkeys(columns()), **facts, **cells.get(arm, {}), **cells.get(name, {})})


def _pictures(stimuli: StimulusSet, name: str, random: np.random.Generator, size: tuple[int, int]) -> None:
    width, height = size
    color = random.integers(0, 255, 3)

    def frame(k: float) -> np.ndarray:
        return np.full((height, width, 3), (color + 9 * k) % 256, np.uint8)

    strip = np.hstack([frame(k) for k in range(STRIP)])
    files = {f"poster-{place}.jpg": frame(place / 10) for place in PLACES} | {"preview.jpg": strip}
    for file, picture in files.items():
        path = stimuli.measures / picture_name(name, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(picture))


def matched(
    stimuli: StimulusSet,
    tolerances: Mapping[str, Tolerance] | None = None,
    *,
    max_auc: float = 0.65,
    contrasts: Sequence[str] = ("ai",),
    plan: str = "a-plan",
) -> None:
    """Compare the arms and save that, as ``bazin stimuli match`` does."""
    found = match(
        read_measured(stimuli, read_manifest(stimuli)),
        UNITS,
        tolerances=TOLERANCES if tolerances is None else tolerances,
        leak=LeakTest(max_auc=max_auc),
        reference="live",
        contrasts=list(contrasts),
        seed=1,
        conversions=CONVERSIONS,
    )
    write_matching(stimuli.match, found)
    made_from = {
        "plan": plan,
        "plan_sha256": "0" * 64,
        "manifest_sha256": manifest_sha256(stimuli),
        "measures_sha256": sha256_file(stimuli.measures / "clips.tsv"),
        "labelled": [],
    }
    path = stimuli.match / "match.json"
    write_json(path, {**read_json(path), "made_from": made_from})


class Page(HTMLParser):
    """A page as a list of elements, each with its attributes, text and ancestors' ids; bad nesting is refused."""

    VOID = frozenset({"meta", "img", "source", "input", "br"})
    BLOCKS = frozenset({"dt", "dd", "td", "th", "p", "li", "h4", "span", "summary", "caption"})

    def __init__(self, stimuli: StimulusSet) -> None:
        super().__init__()
        self.elements: list[dict] = []
        self._open: list[dict] = []
        self.source = stimuli.report.read_text("utf-8")
        self.feed(self.source)
        assert not self._open, f"never closed: {self._open[0]['tag']}"

    def handle_starttag(self, tag: str, attrs: list) -> None:
        inside = [element["attrs"]["id"] for element in self._open if element["attrs"].get("id")]
        element = {"tag": tag, "attrs": dict(attrs), "text": "", "inside": inside}
        self.elements.append(element)
        if tag not in self.VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.elements.append({"tag": tag, "attrs": dict(attrs), "text": "", "inside": []})

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop()["tag"] == tag, f"</{tag}> out of order"
        if tag in self.BLOCKS:
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element["text"] += data

    def find(self, tag: str, within: str = "", **attrs: str) -> list[dict]:
        """Elements whose attributes hold these words (``class_`` for class), inside the element of an id."""
        wanted = {name.rstrip("_"): value for name, value in attrs.items()}
        return [
            element
            for element in self.elements
            if tag == element["tag"]
            and (not within or within in element["inside"])
            and all(value in (element["attrs"].get(name) or "").split() for name, value in wanted.items())
        ]

    def texts(self, tag: str, within: str = "", **attrs: str) -> list[str]:
        """Their texts, white space folded."""
        return [" ".join(element["text"].split()) for element in self.find(tag, within, **attrs)]

    def section(self, name: str) -> str:
        """Everything a section says."""
        (text,) = self.texts("section", id=name)
        return text

    def card(self, pair: str) -> str:
        """Everything a pair's card says."""
        (text,) = self.texts("article", id=f"pair-{pair}")
        return text

    def cell(self, what: str) -> str:
        """The cell of the verdict strip about something."""
        (text,) = [text for text in self.texts("a", "verdict") if text.startswith(what)]
        return text.removeprefix(what).strip()
